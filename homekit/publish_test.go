package homekit

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

var update = flag.Bool("update", false, "write the golden files of the attribute database")

// golden compares an attribute database with a committed one. Instance ids must never move: a difference here breaks the scenes of every home.
func golden(t *testing.T, name string, d database) {
	t.Helper()
	path := filepath.Join("testdata", name)
	got := d.text()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

func TestAttributeDatabase(t *testing.T) {
	f := newFake(2)
	plain := f.locks[lockID(1)]
	plain.Info.Traits, plain.Battery, plain.Info.Firmware = bridge.Traits{}, nil, ""
	r := start(t, f, func(c *Config) { c.ResetSwitches = true })
	golden(t, "full.txt", connect(t, r.pair("Lock 0"), 1).database())
	r = start(t, f, nil)
	golden(t, "plain.txt", connect(t, r.pair("Lock 1"), 1).database())
	r = start(t, f, func(c *Config) { c.Mode = BridgeMode })
	golden(t, "bridge.txt", connect(t, r.pair("Latchkey"), 1).database())
}

func TestIdentitiesSurviveARestart(t *testing.T) {
	f, kv := newFake(3), hap.Memory()
	config := func(c *Config) { c.KV = kv }
	first, last := freePorts(t)
	ports := func(c *Config) { config(c); c.FirstPort, c.LastPort = first, last }
	r := start(t, f, ports)
	p := r.pair("Lock 1")
	before := r.Show()
	r.stop()
	r = start(t, f, ports)
	after := r.Show()
	if len(before) != 3 || len(after) != 3 {
		t.Fatalf("%d accessories, then %d", len(before), len(after))
	}
	for i, a := range after {
		b := before[i]
		if b.Lock == "Lock 1" {
			b.Paired = true
		}
		if a != b {
			t.Errorf("was %+v, is %+v", b, a)
		}
	}
	if got := connect(t, p, 1).get(iidCurrentState); got.Status != 0 {
		t.Errorf("the pairing is gone: %+v", got)
	}
	for i, a := range after {
		for _, b := range after[i+1:] {
			if a.ID == b.ID || a.SetupCode == b.SetupCode || a.Port == b.Port {
				t.Errorf("%s and %s share what is each one's own", a.Lock, b.Lock)
			}
		}
	}
}

func TestLocksComeAndGo(t *testing.T) {
	f := newFake(1)
	r := start(t, f, nil)
	stays := connect(t, r.pair("Lock 0"), 1)

	// Not before its interview.
	f.mu.Lock()
	young := fakeLock(1)
	young.Info.Ready = false
	f.locks[lockID(1)] = young
	f.append(bridge.Event{Lock: lockID(1), Body: bridge.LockJoined{}})
	f.mu.Unlock()
	f.edit(lockID(0), bridge.BatteryRead{}, func(v *bridge.LockView) { v.Battery = percent(41) })
	r.eventually("a later event", func() bool { return stays.get(iidBatteryLevel).Value == 41.0 })
	if n := len(r.Show()); n != 1 {
		t.Fatalf("%d accessories before the interview", n)
	}
	f.edit(lockID(1), bridge.LockReady{}, func(v *bridge.LockView) { v.Info.Ready = true })
	first := r.accessory("Lock 1")
	goes := connect(t, r.pair("Lock 1"), 1)

	f.mu.Lock()
	gone := f.locks[lockID(1)]
	delete(f.locks, lockID(1))
	f.append(bridge.Event{Lock: lockID(1), Body: bridge.LockForgotten{}})
	f.mu.Unlock()
	<-goes.Done()
	r.eventually("the lock gone", func() bool { return len(r.Show()) == 1 })
	if err := r.Unpair(lockID(1)); err == nil {
		t.Error("a forgotten lock can be unpaired")
	}

	// What comes back is a new accessory.
	f.mu.Lock()
	f.locks[lockID(1)] = gone
	f.append(bridge.Event{Lock: lockID(1), Body: bridge.LockReady{}})
	f.mu.Unlock()
	again := r.accessory("Lock 1")
	if again.ID == first.ID || again.SetupCode == first.SetupCode || again.Paired {
		t.Errorf("the lock came back as the same accessory: %+v, was %+v", again, first)
	}
	if closed(stays.Conn) {
		t.Error("the other lock's connection was dropped")
	}
	if got := stays.get(iidCurrentState); got.Status != 0 {
		t.Errorf("the other lock: %+v", got)
	}
}

func TestForgottenWhileDown(t *testing.T) {
	f, kv := newFake(2), hap.Memory()
	r := start(t, f, func(c *Config) { c.KV = kv })
	was := r.accessory("Lock 1")
	r.stop()
	f.mu.Lock()
	gone := f.locks[lockID(1)]
	delete(f.locks, lockID(1))
	f.mu.Unlock()
	r = start(t, f, func(c *Config) { c.KV = kv })
	r.stop()
	f.mu.Lock()
	f.locks[lockID(1)] = gone
	f.mu.Unlock()
	r = start(t, f, func(c *Config) { c.KV = kv })
	if is := r.accessory("Lock 1"); is.ID == was.ID {
		t.Error("an identity came back")
	}
}

func TestServicesFollowTheLock(t *testing.T) {
	f := newFake(2)
	v := f.locks[lockID(0)]
	v.Battery, v.Info.Traits = nil, bridge.Traits{}
	r := start(t, f, nil)
	was := r.accessory("Lock 0")
	p := r.pair("Lock 0")
	other := connect(t, r.pair("Lock 1"), 1)
	f.edit(lockID(0), bridge.LockReady{}, func(v *bridge.LockView) {
		b := 66.0
		v.Battery, v.Info.Traits = &b, bridge.Traits{Slots: 10, DoorSensor: true}
	})
	r.eventually("more services", func() bool {
		l := r.lock(lockID(0))
		return l != nil && l.m.shape == shape{door: true, codes: true, battery: true}
	})
	c := connect(t, p, 1)
	if got := c.get(iidBatteryLevel); got.Value != 66.0 {
		t.Errorf("battery %+v", got)
	}
	if is := r.accessory("Lock 0"); is.ID != was.ID || is.Port != was.Port || !is.Paired {
		t.Errorf("was %+v, is %+v", was, is)
	}
	if closed(other.Conn) {
		t.Error("the other lock's connection was dropped")
	}
}

func TestRename(t *testing.T) {
	f := newFake(1)
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	f.edit(lockID(0), bridge.LockRenamed{Name: "Back door"}, func(v *bridge.LockView) { v.Name = "Back door" })
	r.accessory("Back door")
	if got := c.get(iidName).Value; got != "Back door" {
		t.Errorf("name %v", got)
	}
}

func TestBridgeMode(t *testing.T) {
	f, kv := newFake(2), hap.Memory()
	first, last := freePorts(t)
	config := func(c *Config) { c.Mode, c.KV, c.FirstPort, c.LastPort = BridgeMode, kv, first, last }
	r := start(t, f, config)
	if list := r.Show(); len(list) != 1 || list[0].Port != first || list[0].Lock != "Latchkey" {
		t.Fatalf("accessories %+v", list)
	}
	p := r.pair("Latchkey")
	c := connect(t, p, 2)
	c.subscribe(iidCurrentState)
	if s := c.put(iidTargetState, 0); s != 0 {
		t.Fatalf("unlock: %d", s)
	}
	if ev := c.event(); ev[iidCurrentState] != 0.0 {
		t.Errorf("told %v", ev)
	}
	aids := func() string {
		var s []string
		for _, a := range c.database().Accessories {
			s = append(s, fmt.Sprint(a.AID))
		}
		return strings.Join(s, " ")
	}
	if got := aids(); got != "1 2 3" {
		t.Errorf("aids %s", got)
	}
	// An aid is never given again, and the connection stays.
	f.mu.Lock()
	delete(f.locks, lockID(0))
	f.append(bridge.Event{Lock: lockID(0), Body: bridge.LockForgotten{}})
	f.locks[lockID(5)] = fakeLock(5)
	f.append(bridge.Event{Lock: lockID(5), Body: bridge.LockReady{}})
	f.mu.Unlock()
	r.eventually("the new lock", func() bool { return aids() == "1 3 4" })
	f.mu.Lock()
	f.locks[lockID(0)] = fakeLock(0)
	f.append(bridge.Event{Lock: lockID(0), Body: bridge.LockReady{}})
	f.mu.Unlock()
	r.eventually("the old lock, anew", func() bool { return strings.Contains(aids(), "5") })
	if closed(c.Conn) {
		t.Fatal("the connection was dropped")
	}
	r.stop()
	r = start(t, f, config)
	c = connect(t, p, 3)
	r.eventually("the same aids", func() bool { got := aids(); return len(got) == len("1 3 4 5") && strings.HasPrefix(got, "1 ") })
	for _, a := range c.database().Accessories {
		if a.AID != 1 && a.AID != 3 && a.AID != 4 && a.AID != 5 {
			t.Errorf("aid %d", a.AID)
		}
	}
	if err := r.Unpair(""); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
}

func TestPortTaken(t *testing.T) {
	f := newFake(2)
	first, _ := freePorts(t)
	occupy(t, first)
	r := start(t, f, func(c *Config) { c.FirstPort, c.LastPort = first, first+1 })
	if n := len(r.Show()); n != 1 {
		t.Fatalf("%d accessories on one free port", n)
	}
	if !strings.Contains(r.log.String(), "a lock is not in HomeKit") {
		t.Error("nobody was told")
	}
	if m := r.Missing(); len(m) != 1 || !strings.Contains(m[0], "is not in HomeKit: no port from") || !strings.Contains(m[0], "Give homekit.ports one port for each lock") {
		t.Errorf("what is missing: %q", m)
	}
	// The lock that has its port works, and the other one comes when there is room.
	shown := r.Show()[0]
	f.mu.Lock()
	delete(f.locks, shown.LockID)
	f.append(bridge.Event{Lock: shown.LockID, Body: bridge.LockForgotten{}})
	f.mu.Unlock()
	r.eventually("the other lock", func() bool { l := r.Show(); return len(l) == 1 && l[0].LockID != shown.LockID })
	if m := r.Missing(); len(m) != 0 {
		t.Errorf("what is missing now: %q", m)
	}
}

func TestHundredLocks(t *testing.T) {
	f := newFake(100)
	r := start(t, f, nil)
	list := r.Show()
	if len(list) != 100 {
		t.Fatalf("%d accessories", len(list))
	}
	var wg sync.WaitGroup
	for i := 0; i < 100; i += 20 {
		wg.Go(func() {
			a := list[i]
			p, err := controller.Pair(ctxFor(t), fmt.Sprintf("127.0.0.1:%d", a.Port), a.SetupCode)
			if err != nil {
				t.Errorf("%s: %v", a.Lock, err)
				return
			}
			c, err := p.Connect(ctxFor(t))
			if err != nil {
				t.Errorf("%s: %v", a.Lock, err)
				return
			}
			defer c.Close()
			rs, err := c.PutTimed(ctxFor(t), 5e9, controller.Write{ID: controller.ID{AID: 1, IID: iidTargetState}, Value: 0})
			if err != nil || len(rs) != 0 {
				t.Errorf("%s: %v, %v", a.Lock, rs, err)
			}
		})
	}
	wg.Wait()
	if n := f.noted("bolt_moved"); n != 5 {
		t.Errorf("%d bolts moved", n)
	}
	if st := r.Stats(); st.Servers != 100 || st.Pairings != 5 {
		t.Errorf("stats %+v", st)
	}
}

func TestRegistryFaults(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	kv := hap.Memory()
	if err := kv.Put(registryKey, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := openRegistry(kv, quiet); err == nil {
		t.Error("a damaged registry was taken")
	}
	if err := kv.Put(registryKey, []byte(`{"version":2}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := openRegistry(kv, quiet); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("a registry of the future: %v", err)
	}
	sick := &sickKV{KV: hap.Memory()}
	reg, err := openRegistry(sick, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if aid, err := reg.admit(lockID(0), true); err != nil || aid != 2 {
		t.Fatalf("aid %d, %v", aid, err)
	}
	sick.sick = true
	if _, err := reg.admit(lockID(1), true); err == nil {
		t.Error("an aid was given without a record of it")
	}
	if err := reg.retire(lockID(0)); err == nil || !reg.known(lockID(0)) {
		t.Errorf("retired without a record: %v", err)
	}
	if err := reg.edit(lockID(0), func(r *lockRecord) bool { r.Codes.give(7); return true }); err == nil {
		t.Error("a code's number was given without a record of it")
	}
	sick.sick = false
	if aid, err := reg.admit(lockID(1), true); err != nil || aid != 3 {
		t.Errorf("aid %d, %v", aid, err)
	}
}

// sickKV fails on demand.
type sickKV struct {
	hap.KV
	sick bool
}

func (k *sickKV) Put(key string, v []byte) error {
	if k.sick {
		return os.ErrInvalid
	}
	return k.KV.Put(key, v)
}

// TestNarrowedRange: where there are fewer ports than locks, nobody takes the port at which a controller knows another one.
func TestNarrowedRange(t *testing.T) {
	f, kv := newFake(3), hap.Memory()
	first, last := freePorts(t)
	r := start(t, f, func(c *Config) { c.KV, c.FirstPort, c.LastPort = kv, first, last })
	before := r.Show()
	r.stop()
	for _, was := range before {
		r = start(t, f, func(c *Config) { c.KV, c.FirstPort, c.LastPort = kv, was.Port, was.Port })
		if now := r.Show(); len(now) != 1 || now[0] != was {
			t.Errorf("was %+v, is %+v", was, now)
		}
		if m := r.Missing(); len(m) != 2 {
			t.Errorf("missing: %q", m)
		}
		r.stop()
	}
}
