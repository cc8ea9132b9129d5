package znp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

var ping = &mt.Empty{Cmd: mt.SysPing}

// echo answers pings, and NV lengths with the item's number.
func echo(d *fakeDongle, f mt.Frame) {
	switch f.Command {
	case mt.SysPing:
		d.send(&mt.PingRsp{Capabilities: 1})
	case mt.SysNVLength:
		d.send(&mt.NVLengthRsp{Length: binary.LittleEndian.Uint16(f.Payload)})
	}
}

func length(ctx context.Context, l *link, id uint16) (uint16, error) {
	var rsp mt.NVLengthRsp
	err := l.call(ctx, &mt.NVLength{ID: id}, &rsp)
	return rsp.Length, err
}

func TestCalls(t *testing.T) {
	onLink(t, echo, func(t *testing.T, l *link, d *fakeDongle) {
		var wg sync.WaitGroup
		for i := range uint16(100) {
			wg.Go(func() {
				if n, err := length(t.Context(), l, i); err != nil || n != i {
					t.Errorf("%d answered with %d, %v", i, n, err)
				}
			})
		}
		wg.Wait()
		if s := l.stats.snapshot(); s.Sent.SREQ != 100 || s.Received.SRSP != 100 || s.Errors != (ErrorCounts{}) {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestLateReply: a reply that comes after its request was given up is not taken for the reply to a later one.
func TestLateReply(t *testing.T) {
	asked := 0
	onLink(t, func(d *fakeDongle, f mt.Frame) {
		if f.Command == mt.SysNVLength {
			if asked++; asked == 1 {
				time.Sleep(replyTimeout + time.Second)
			}
		}
		echo(d, f)
	}, func(t *testing.T, l *link, d *fakeDongle) {
		at := time.Now()
		if _, err := length(t.Context(), l, 1); !errors.Is(err, errNoReply) || time.Since(at) != replyTimeout {
			t.Fatalf("%v after %v", err, time.Since(at))
		}
		for i := uint16(2); i < 5; i++ {
			if n, err := length(t.Context(), l, i); err != nil || n != i {
				t.Errorf("%d answered with %d, %v", i, n, err)
			}
		}
		if d.count(mt.SysPing) != 1 {
			t.Errorf("%d pings", d.count(mt.SysPing))
		}
		if s := l.stats.snapshot(); s.Errors.Timeout != 1 || s.Errors.Unexpected != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestLostReply: after a reply that never comes, the line is used again as soon as a ping got through; if that does not either, the link closes.
func TestLostReply(t *testing.T) {
	dead := false
	onLink(t, func(d *fakeDongle, f mt.Frame) {
		if f.Command == mt.SysNVLength && f.Payload[0] == 1 || dead {
			return
		}
		echo(d, f)
	}, func(t *testing.T, l *link, d *fakeDongle) {
		if _, err := length(t.Context(), l, 1); !errors.Is(err, errNoReply) {
			t.Fatal(err)
		}
		at := time.Now()
		if n, err := length(t.Context(), l, 2); err != nil || n != 2 || time.Since(at) > 0 {
			t.Fatalf("%d, %v after %v", n, err, time.Since(at))
		}
		dead = true
		_, _ = length(t.Context(), l, 3)
		at = time.Now()
		if _, err := length(t.Context(), l, 4); err == nil || time.Since(at) != barrierTimeout {
			t.Fatalf("%v after %v", err, time.Since(at))
		}
		synctest.Wait()
		if _, err := length(t.Context(), l, 5); !errors.Is(err, zigbee.ErrDown) {
			t.Errorf("a dead dongle: %v", err)
		}
	})
}

// TestCallerLeaves: a caller whose time is over goes at once; the next request waits for the line, and gets its own reply.
func TestCallerLeaves(t *testing.T) {
	onLink(t, func(d *fakeDongle, f mt.Frame) {
		time.Sleep(time.Second)
		echo(d, f)
	}, func(t *testing.T, l *link, d *fakeDongle) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		at := time.Now()
		if _, err := length(ctx, l, 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(at) != 100*time.Millisecond {
			t.Fatalf("%v after %v", err, time.Since(at))
		}
		if _, err := length(ctx, l, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if n, err := length(t.Context(), l, 3); err != nil || n != 3 {
			t.Fatalf("%d, %v", n, err)
		}
		if n := d.count(mt.SysNVLength); n != 2 {
			t.Errorf("%d requests written, one of them after its time", n)
		}
		if d.count(mt.SysPing) != 0 {
			t.Error("a barrier without a lost reply")
		}
	})
}

func TestRefusedRequest(t *testing.T) {
	onLink(t, func(d *fakeDongle, f mt.Frame) {
		switch f.Command {
		case mt.SysRandom:
			d.send(&mt.RPCErrorRsp{Code: mt.RPCBadCommand, Request: mt.SysVersion}) // of another request
			d.send(&mt.StatusRsp{Cmd: mt.SysVersion.Reply()})                       // likewise
			b, _ := mt.AppendFrame(nil, mt.RPCError, nil)
			_, _ = d.conn.Write(b)
			d.send(&mt.RPCErrorRsp{Code: mt.RPCBadCommand, Request: mt.SysRandom})
		case mt.SysVersion:
			b, _ := mt.AppendFrame(nil, mt.SysVersion.Reply(), []byte{2, 1})
			_, _ = d.conn.Write(b)
		}
	}, func(t *testing.T, l *link, d *fakeDongle) {
		if err := l.call(t.Context(), &mt.Empty{Cmd: mt.SysRandom}, &mt.RandomRsp{}); !errors.Is(err, errRefused) {
			t.Errorf("refused: %v", err)
		}
		if err := l.call(t.Context(), &mt.Empty{Cmd: mt.SysVersion}, &mt.VersionRsp{}); !errors.Is(err, mt.ErrShort) {
			t.Errorf("cut short: %v", err)
		}
		if s := l.stats.snapshot(); s.Errors.Unexpected != 4 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestNoise: garbage and mangled frames around a reply do not hide it.
func TestNoise(t *testing.T) {
	onLink(t, func(d *fakeDongle, f mt.Frame) {
		bad, _ := mt.Append(nil, &mt.PingRsp{Capabilities: 9})
		bad[4] ^= 1
		_, _ = d.conn.Write(append(append([]byte{0xFE, 0xFE, 0xFE, 0, 1, 2}, bad...), 0xFE, 100, 0x61))
		echo(d, f)
	}, func(t *testing.T, l *link, d *fakeDongle) {
		// The frame that noise began swallows the reply until its bytes stay away.
		if err := l.call(t.Context(), ping, &mt.PingRsp{}); err != nil {
			t.Error(err)
		}
		if s := l.stats.snapshot(); s.Errors.FCS == 0 || s.Errors.Length == 0 || s.Errors.Timeout == 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestUnplug: whatever waits on the line ends at once when it closes.
func TestUnplug(t *testing.T) {
	onLink(t, func(d *fakeDongle, f mt.Frame) { _ = d.conn.Close() }, func(t *testing.T, l *link, d *fakeDongle) {
		at := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := l.call(t.Context(), ping, nil); !errors.Is(err, zigbee.ErrDown) {
					t.Errorf("at the unplug: %v", err)
				}
			})
		}
		wg.Wait()
		if time.Since(at) != 0 {
			t.Errorf("noticed after %v", time.Since(at))
		}
		if err := l.call(t.Context(), ping, nil); !errors.Is(err, zigbee.ErrDown) {
			t.Errorf("after the unplug: %v", err)
		}
	})
}

// TestStuckLine: a port that takes no bytes does not hold its callers for ever.
func TestStuckLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		l := newLink(near, new(counters), func(mt.Frame) {})
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.run() })
		at := time.Now()
		if err := l.call(t.Context(), ping, nil); !errors.Is(err, zigbee.ErrDown) || time.Since(at) != writeTimeout {
			t.Errorf("%v after %v", err, time.Since(at))
		}
		wg.Wait()
	})
}

// TestSlowReader: a thousand indications reach a slow reader, all of them, in order, and it is told that they pile up.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		alarms := 0
		q := newQueue[int](queueAlarm, func(int) { alarms++ })
		l := newLink(near, new(counters), nil)
		l.onAREQ = func(f mt.Frame) { q.push(int(binary.LittleEndian.Uint16(f.Payload)), l.done) }
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.run() })
		wg.Go(func() {
			for i := range uint16(1000) {
				b, _ := mt.Append(nil, &mt.MsgCBIncoming{Src: zigbee.NWK(i)})
				_, _ = far.Write(b)
			}
			_ = far.Close()
		})
		for i := range 1000 {
			v, err := q.pop(t.Context())
			if err != nil || v != i {
				t.Fatalf("%d came as %d, %v", i, v, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n, high := q.level(); n != 0 || high < 500 || alarms != 1 {
			t.Errorf("%d waiting, %d at most, %d alarms", n, high, alarms)
		}
		wg.Wait()
	})
}

// TestQueueBounded: a full queue holds the line instead of growing, and loses nothing.
func TestQueueBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue[int](5, nil)
		q.limit = 10
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 100 {
				q.push(i, done)
			}
		})
		synctest.Wait()
		if n, _ := q.level(); n != 10 {
			t.Errorf("%d waiting", n)
		}
		for i := range 100 {
			if v, _ := q.pop(t.Context()); v != i {
				t.Fatalf("%d came as %d", i, v)
			}
		}
		wg.Wait()
		for i := range 10 {
			q.push(i, done)
		}
		wg.Go(func() {
			if q.push(11, done) {
				t.Error("pushed into a full queue")
			}
		})
		synctest.Wait()
		close(done)
		wg.Wait()
	})
}

func TestOnWrite(t *testing.T) {
	onLink(t, echo, func(t *testing.T, l *link, d *fakeDongle) {
		var seen []string
		l.onWrite = func(cmd mt.Command, at time.Time) { seen = append(seen, fmt.Sprint(cmd, at.IsZero())) }
		if err := l.call(t.Context(), ping, nil); err != nil || len(seen) != 1 || seen[0] != "SYS_PING false" {
			t.Errorf("%v, %v", seen, err)
		}
	})
}
