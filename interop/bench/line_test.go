package bench

import (
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// MT commands that the measurements look at (TI MT API, sections 3.2.1 and 3.2.2), as cmd0<<8 | cmd1.
const (
	cmdDataRequest = 0x2401
	cmdDataReply   = 0x6401
	cmdIncoming    = 0x4481
)

// line is the dongle's end of its serial line: what passes is seen, and takes its time if the line is paced.
type line struct {
	inner io.ReadWriteCloser
	baud  *atomic.Int64 // 10 bits a byte; zero: no pace
	seen  *sightings

	in      []byte // read and not yet given to the dongle
	freeIn  time.Time
	freeOut time.Time
}

// sightings are called for each frame: from the daemon when its last byte is there, to the daemon when its last byte is out. first is when its first was.
type sightings struct {
	mu   sync.Mutex
	each func(cmd int, payload []byte, toDongle bool, first, last time.Time)

	requests, replies, toDaemon atomic.Int64 // bytes
}

func (s *sightings) watch(f func(cmd int, payload []byte, toDongle bool, first, last time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each = f
}

func (s *sightings) note(frame []byte, toDongle bool, first, last time.Time) {
	cmd := int(frame[2])<<8 | int(frame[3])
	switch {
	case toDongle:
		s.requests.Add(int64(len(frame)))
	default:
		s.toDaemon.Add(int64(len(frame)))
		if cmd>>13 == 3 {
			s.replies.Add(int64(len(frame)))
		}
	}
	s.mu.Lock()
	f := s.each
	s.mu.Unlock()
	if f != nil {
		f(cmd, frame[4:len(frame)-1], toDongle, first, last)
	}
}

// cut gives the length of the frame that b begins with, zero if it is not whole. Both ends of this line speak MT without faults.
func cut(b []byte) int {
	if len(b) < 5 || len(b) < int(b[1])+5 {
		return 0
	}
	return int(b[1]) + 5
}

func (l *line) Read(b []byte) (int, error) {
	for {
		for len(l.in) > 0 && l.in[0] != 0xFE {
			l.in = l.in[1:] // the bytes that wake a boot loader
		}
		if n := cut(l.in); n > 0 {
			first := time.Now()
			l.freeIn = l.pass(first, l.freeIn, n)
			l.seen.note(l.in[:n], true, first, time.Now())
			n = copy(b, l.in[:n])
			l.in = l.in[n:]
			return n, nil
		}
		buf := make([]byte, 4096)
		n, err := l.inner.Read(buf)
		if n == 0 && err != nil {
			return 0, err
		}
		l.in = append(l.in, buf[:n]...)
	}
}

func (l *line) Write(b []byte) (int, error) {
	total := len(b)
	for len(b) > 0 {
		n := cut(b)
		if n == 0 {
			n = len(b)
		}
		first := time.Now()
		l.freeOut = l.pass(first, l.freeOut, n)
		if n >= 5 {
			l.seen.note(b[:n], false, first, time.Now()) // before the write: the receiver may be faster than we
		}
		if _, err := l.inner.Write(b[:n]); err != nil {
			return 0, err
		}
		b = b[n:]
	}
	return total, nil
}

func (l *line) Close() error { return l.inner.Close() }

// pass takes the line's time for n bytes, exactly: the runtime's timers are up to a millisecond late.
func (l *line) pass(now, free time.Time, n int) time.Time {
	baud := l.baud.Load()
	if baud == 0 {
		return now
	}
	if free.Before(now) {
		free = now
	}
	free = free.Add(time.Duration(n) * 10 * time.Second / time.Duration(baud))
	for {
		left := time.Until(free)
		if left <= 0 {
			return free
		}
		if left > 120*time.Microsecond {
			ts := syscall.NsecToTimespec(int64(left - 100*time.Microsecond))
			_ = syscall.Nanosleep(&ts, nil)
		}
	}
}

// dataRequest takes an AF_DATA_REQUEST apart: to whom, which cluster, the ZCL frame.
func dataRequest(p []byte) (nwk, cluster uint16, zcl []byte) {
	if len(p) < 13 {
		return 0, 0, nil
	}
	return binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint16(p[4:]), p[10:]
}

// incoming likewise an AF_INCOMING_MSG.
func incoming(p []byte) (nwk, cluster uint16, zcl []byte) {
	if len(p) < 20 {
		return 0, 0, nil
	}
	n := int(p[16])
	if len(p) < 17+n {
		return 0, 0, nil
	}
	return binary.LittleEndian.Uint16(p[4:]), binary.LittleEndian.Uint16(p[2:]), p[17 : 17+n]
}
