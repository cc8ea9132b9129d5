package znp

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// benchSession is a session on a TCP connection to a dongle that answers at once.
func benchSession(b *testing.B) (*Coordinator, func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var p mt.Parser
		buf, out := make([]byte, 4096), make([]byte, 0, 256)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			out = out[:0]
			p.Feed(time.Time{}, buf[:n], func(f mt.Frame) {
				switch f.Command {
				case mt.SysPing:
					out, _ = mt.Append(out, &mt.PingRsp{})
				case mt.AFDataRequest:
					out, _ = mt.Append(out, &mt.StatusRsp{Cmd: f.Command.Reply()})
					out, _ = mt.Append(out, &mt.DataConfirm{Endpoint: 1, Transaction: f.Payload[6]})
				}
			})
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
	})
	port, err := Open(b.Context(), "tcp://"+l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	c := New(Config{})
	var s *session
	lk := newLink(port, &c.stats, func(f mt.Frame) { s.indication(f) })
	s = newSession(c, lk)
	s.slots = make(chan struct{}, 16)
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	c.up(s, zigbee.Dongle{Up: true})
	c.nodes.set(lockID, 0x3F1A)
	wg.Go(func() { s.end(lk.run()) })
	return c, func() {
		lk.close(context.Canceled)
		l.Close()
		wg.Wait()
	}
}

func BenchmarkPing(b *testing.B) {
	c, stop := benchSession(b)
	defer stop()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.cur.link.call(b.Context(), &mt.Empty{Cmd: mt.SysPing}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSend is a whole data request: reply, confirm and what the kernel takes for the line.
func BenchmarkSend(b *testing.B) {
	c, stop := benchSession(b)
	defer stop()
	f := zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101, Payload: []byte{0x11, 1, 0}}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSendToWrite is the time from the call of Send to the write on the port.
func BenchmarkSendToWrite(b *testing.B) {
	c, stop := benchSession(b)
	defer stop()
	var began time.Time
	var total time.Duration
	c.cur.link.onWrite = func(_ mt.Command, at time.Time) { total += at.Sub(began) }
	f := zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101, Payload: []byte{0x11, 1, 0}}
	for b.Loop() {
		began = time.Now()
		if err := c.Send(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(total.Nanoseconds())/float64(b.N), "ns-to-write/op")
}
