package znp_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/zigbee/znp"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// TestRestore moves a network with a lock on it to another dongle.
func TestRestore(t *testing.T) {
	inHome(t, 7, func(t *testing.T, home *lockfw.Home) {
		v := &vault{}
		h := enter(t, home, znp.Config{}, v)
		h.wantUp()
		l := h.join("YRD226/246 TSDB")
		time.Sleep(10 * time.Second)
		h.leave()
		before := v.get()
		if len(before.Devices) != 1 || before.Devices[0].Link == nil {
			t.Fatalf("saved %+v", before.Devices)
		}

		second := newHome(8)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = second.Run(ctx) })
		defer wg.Wait()
		defer cancel()
		h = enter(t, second, znp.Config{Form: znp.FormRestore}, v)
		h.wantUp()
		n, up := second.Dongle().Network()
		if !up || n != before.Network {
			t.Errorf("restored %+v up %v, want %+v", n, up, before.Network)
		}
		h.leave()
		after := v.get()
		if after.Key != before.Key || after.TCLKSeed != before.TCLKSeed || after.FrameCounter < before.FrameCounter+2500 {
			t.Errorf("counter %d after %d", after.FrameCounter, before.FrameCounter)
		}
		if len(after.Devices) != 1 || after.Devices[0].ID != l.ID() || after.Devices[0].Link.Key != before.Devices[0].Link.Key {
			t.Errorf("devices after the move %+v", after.Devices)
		}
	})
}

// TestInterrupted pulls the plug at many moments of forming and of restoring a network: afterwards the network is there, and it is the one that was saved,
// with a frame counter that was never used.
func TestInterrupted(t *testing.T) {
	var formed znp.Saved
	inHome(t, 30, func(t *testing.T, home *lockfw.Home) {
		v := &vault{}
		h := enter(t, home, znp.Config{}, v)
		h.wantUp()
		h.join("YRD226/246 TSDB")
		time.Sleep(10 * time.Second)
		h.leave()
		formed = v.get()
	})
	for _, tc := range []struct {
		name  string
		cfg   znp.Config
		saved znp.Saved
	}{
		{"forming", znp.Config{}, znp.Saved{}},
		{"restoring", znp.Config{Form: znp.FormRestore}, formed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after := map[bool]int{}
			for n := range 80 {
				inHome(t, 31, func(t *testing.T, home *lockfw.Home) {
					v := &vault{saved: tc.saved}
					cfg := tc.cfg
					var writes atomic.Int64
					cfg.OnWrite = func(mt.Command, time.Time) {
						if writes.Add(1) == int64(4*n+1) {
							go home.Dongle().Unplug()
						}
					}
					h := enter(t, home, cfg, v)
					defer h.leave()
					time.Sleep(10 * time.Second)
					home.Dongle().Replug()
					h.wantUp()
					after[writes.Load() > int64(4*n+1)]++
					d, s := h.c.Dongle(), v.get()
					if d.Network != s.Network || s.Empty() {
						t.Errorf("unplugged at write %d: up on %+v, saved %+v", 4*n+1, d.Network, s.Network)
					}
					if !tc.saved.Empty() && (s.Network != tc.saved.Network || s.Key != tc.saved.Key || s.FrameCounter < tc.saved.FrameCounter+2500 || len(s.Devices) != 1) {
						t.Errorf("unplugged at write %d: restored %+v, counter %d after %d, %d devices", 4*n+1, s.Network, s.FrameCounter, tc.saved.FrameCounter, len(s.Devices))
					}
				})
			}
			if after[true] < 20 {
				t.Errorf("the plug was pulled only %d times", after[true])
			}
		})
	}
}
