package znp

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// fakeDongle answers requests as a script says. The whole dongle is lockfw's; this one is for what a dongle should not do.
type fakeDongle struct {
	conn net.Conn

	mu  sync.Mutex
	got []mt.Frame
}

// plug returns the near end of a line to a fake dongle that runs until the line closes. answer is called for each frame, in order, from one goroutine.
func plug(wg *sync.WaitGroup, answer func(d *fakeDongle, f mt.Frame)) (net.Conn, *fakeDongle) {
	near, far := net.Pipe()
	d := &fakeDongle{conn: far}
	frames := make(chan mt.Frame, 4096)
	wg.Go(func() {
		defer close(frames)
		var p mt.Parser
		buf := make([]byte, 512)
		for {
			n, err := far.Read(buf)
			p.Feed(time.Time{}, buf[:n], func(f mt.Frame) {
				f.Payload = append([]byte(nil), f.Payload...)
				d.mu.Lock()
				d.got = append(d.got, f)
				d.mu.Unlock()
				frames <- f
			})
			if err != nil {
				return
			}
		}
	})
	wg.Go(func() {
		for f := range frames {
			answer(d, f)
		}
	})
	return near, d
}

func (d *fakeDongle) send(m mt.Message) {
	b, err := mt.Append(nil, m)
	if err != nil {
		panic(err)
	}
	_, _ = d.conn.Write(b)
}

// count returns how often a command was received.
func (d *fakeDongle) count(c mt.Command) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.got {
		if f.Command == c {
			n++
		}
	}
	return n
}

// onLink runs a test on a link to a fake dongle, in a bubble.
func onLink(t *testing.T, answer func(d *fakeDongle, f mt.Frame), test func(t *testing.T, l *link, d *fakeDongle)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		port, d := plug(&wg, answer)
		l := newLink(port, new(counters), func(mt.Frame) {})
		wg.Go(func() { _ = l.run() })
		test(t, l, d)
		l.close(context.Canceled)
		_ = d.conn.Close()
		wg.Wait()
	})
}

// atWork runs a test on a session with a fake dongle that is a coordinator already.
func atWork(t *testing.T, answer func(d *fakeDongle, f mt.Frame), test func(t *testing.T, s *session, d *fakeDongle)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		port, d := plug(&wg, answer)
		c := New(Config{})
		var s *session
		l := newLink(port, &c.stats, func(f mt.Frame) { s.indication(f) })
		s = newSession(c, l)
		s.version = mt.VersionRsp{Product: productZStack3x, Revision: 20240710}
		s.slots = make(chan struct{}, 16)
		for range cap(s.slots) {
			s.slots <- struct{}{}
		}
		c.up(s, zigbee.Dongle{Up: true})
		wg.Go(func() { s.end(l.run()) })
		test(t, s, d)
		l.close(context.Canceled)
		_ = d.conn.Close()
		wg.Wait()
	})
}
