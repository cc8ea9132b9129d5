package znp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// TestAdopt: when what was saved is lost, the dongle's network goes on as it is, and none is formed.
func TestAdopt(t *testing.T) {
	inHome(t, 9, func(t *testing.T, home *lockfw.Home) {
		v := &vault{}
		h := enter(t, home, znp.Config{}, v)
		h.wantUp()
		l := h.join("YRD226/246 TSDB")
		time.Sleep(10 * time.Second)
		h.leave()
		before := v.get()
		lost := &vault{}
		h = enter(t, home, znp.Config{Form: znp.FormAdopt, Locks: func() int { return 1 }}, lost)
		h.wantUp()
		time.Sleep(10 * time.Second)
		h.leave()
		after := lost.get()
		if after.Network != before.Network || after.Key != before.Key || after.FrameCounter < before.FrameCounter || len(after.Devices) != 1 || after.Devices[0].ID != l.ID() {
			t.Errorf("adopted %+v, want %+v", after.Network, before.Network)
		}
	})
	inHome(t, 10, func(t *testing.T, home *lockfw.Home) {
		v := &vault{}
		h := enter(t, home, znp.Config{Form: znp.FormAdopt}, v)
		time.Sleep(10 * time.Second)
		if d := h.c.Dongle(); d.Up || !strings.Contains(d.Fault, "cannot be read") || !v.get().Empty() {
			t.Errorf("a blank dongle: %+v", d)
		}
		h.leave()
	})
}

// TestFullDisk: a known network works although it cannot be saved; a new one is not formed.
func TestFullDisk(t *testing.T) {
	inHome(t, 11, func(t *testing.T, home *lockfw.Home) {
		v := &vault{full: errors.New("no space left on device")}
		h := enter(t, home, znp.Config{}, v)
		time.Sleep(10 * time.Second)
		if d := h.c.Dongle(); d.Up || !strings.Contains(d.Fault, "no space left") {
			t.Errorf("formed without a record of it: %+v", d)
		}
		h.leave()
		v.full = nil
		h = enter(t, home, znp.Config{}, v)
		h.wantUp()
		h.leave()
		v.full = errors.New("no space left on device")
		h = enter(t, home, znp.Config{}, v)
		h.wantUp()
		h.join("YRD226/246 TSDB")
		h.leave()
	})
}
