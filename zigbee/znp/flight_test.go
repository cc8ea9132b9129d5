package znp_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// tap counts on a line how many data requests are with the dongle: written, and not confirmed.
type tap struct {
	net.Conn
	in, out mt.Parser

	mu        sync.Mutex
	now, most int
	sent      int
}

func (p *tap) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	p.in.Feed(time.Time{}, b[:n], func(f mt.Frame) {
		if f.Command == mt.AFDataConfirm {
			p.mu.Lock()
			p.now--
			p.mu.Unlock()
		}
	})
	return n, err
}

func (p *tap) Write(b []byte) (int, error) {
	p.out.Feed(time.Time{}, b, func(f mt.Frame) {
		if f.Command == mt.AFDataRequest {
			p.mu.Lock()
			p.sent++
			p.now++
			p.most = max(p.most, p.now)
			p.mu.Unlock()
		}
	})
	return p.Conn.Write(b)
}

// TestDataRequestsAtOnce: a dongle of Z-Stack 3.0.x takes two data requests at a time, one of 3.x.0 sixteen. More wait here, and none is lost.
func TestDataRequestsAtOnce(t *testing.T) {
	for _, fw := range []struct {
		product  uint8
		revision uint32
		limit    int
	}{{2, 20211222, 2}, {1, 20240710, 16}} {
		inHome(t, 41, func(t *testing.T, home *lockfw.Home) {
			home.Dongle().Pretend(fw.product, fw.revision)
			var line *tap
			h := &house{t: t, home: home, l: &listener{}, v: &vault{}, err: make(chan error, 1)}
			h.ctx, h.stop = context.WithCancel(context.Background())
			h.c = znp.New(znp.Config{Port: "emulated", Vault: h.v, Dial: func(context.Context) (znp.Port, error) {
				near, far := net.Pipe()
				h.wg.Go(func() { _ = home.Dongle().Serve(h.ctx, far) })
				line = &tap{Conn: near}
				return line, nil
			}})
			h.wg.Go(func() { h.err <- h.c.Run(h.ctx, h.l) })
			defer h.leave()
			h.wantUp()
			l := h.join("YRD226/246 TSDB")
			time.Sleep(time.Minute) // it sleeps, so that what is sent to it stays with the dongle until it polls
			line.mu.Lock()
			line.most, line.sent = 0, 0
			line.mu.Unlock()

			const frames = 40
			var senders sync.WaitGroup
			for i := range frames {
				senders.Go(func() {
					ctx, cancel := context.WithTimeout(h.ctx, 10*time.Minute)
					defer cancel()
					read := []byte{0x00, uint8(i), 0x00, 0x04, 0x00} // Basic, ManufacturerName (ZCL 2.5.1)
					if err := h.c.Send(ctx, zigbee.Frame{Device: l.ID(), DstEndpoint: 1, Cluster: 0x0000, Payload: read}); err != nil {
						t.Errorf("frame %d: %v", i, err)
					}
				})
			}
			senders.Wait()
			line.mu.Lock()
			defer line.mu.Unlock()
			if line.most != fw.limit || line.now != 0 || line.sent < frames {
				t.Errorf("product %d: %d requests at once, want %d; %d sent, %d not confirmed", fw.product, line.most, fw.limit, line.sent, line.now)
			}
		})
	}
}
