package homekit

import (
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

func TestAutoSecurityTimeout(t *testing.T) {
	f := newFake(1)
	f.locks[lockID(0)].Info.Traits.AutoRelock = true
	r := start(t, f, nil)
	p := r.pair("Lock 0")
	c := connect(t, p, 1)
	if got := c.get(iidAutoSecurity); got.Status != int(hap.StatusUnreachable) {
		t.Errorf("not known yet: %+v", got)
	}
	c.subscribe(iidAutoSecurity)
	f.edit(lockID(0), bridge.SettingsMoved{}, func(v *bridge.LockView) { v.AutoRelock = new(30 * time.Second) })
	if ev := c.event(); ev[iidAutoSecurity] != 30.0 {
		t.Errorf("told %v", ev)
	}
	if got := c.get(iidAutoSecurity); got.Value != 30.0 {
		t.Errorf("%+v", got)
	}
	if s := c.put(iidAutoSecurity, 90); s != 0 {
		t.Errorf("status %d", s)
	}
	if v, err := f.Find(string(lockID(0))); err != nil || v.AutoRelock == nil || *v.AutoRelock != 90*time.Second {
		t.Errorf("%v %v", v.AutoRelock, err)
	}
	for manner, want := range map[manner]hap.Status{asleep: hap.StatusUnreachable, refuses: hap.StatusInvalidValue} {
		f.mu.Lock()
		f.manners[lockID(0)] = manner
		f.mu.Unlock()
		if s := c.put(iidAutoSecurity, 5); s != int(want) {
			t.Errorf("manner %d: status %d, want %d", manner, s, want)
		}
	}
	if s := c.put(iidAutoSecurity, -1); s != int(hap.StatusInvalidValue) {
		t.Errorf("a negative time: status %d", s)
	}
	guest := *p
	guest.Controller = controller.NewIdentity()
	if err := c.AddPairing(ctxFor(t), guest.Controller.ID, guest.Controller.LTPK(), false); err != nil {
		t.Fatal(err)
	}
	if s := connect(t, &guest, 1).put(iidAutoSecurity, 60); s != int(hap.StatusInsufficientPrivileges) {
		t.Errorf("a guest: status %d", s)
	}
}
