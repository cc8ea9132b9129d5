package homekit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

func TestUnlockAndLock(t *testing.T) {
	r := start(t, newFake(1), nil)
	p := r.pair("Lock 0")
	one, two := connect(t, p, 1), connect(t, p, 1)
	two.subscribe(iidCurrentState, iidTargetState)
	one.subscribe(iidCurrentState, iidTargetState)
	if got := one.get(iidCurrentState); got.Value != 1.0 {
		t.Fatalf("current state %v before", got)
	}
	if s := one.put(iidTargetState, 0); s != 0 {
		t.Fatalf("unlock: status %d\n%s", s, r.log)
	}
	if got := one.get(iidCurrentState); got.Value != 0.0 {
		t.Errorf("current state %v after the answer", got)
	}
	// The second controller sees target and current in one event, the first one only what it did not write.
	if ev := two.event(); ev[iidTargetState] != 0.0 || ev[iidCurrentState] != 0.0 {
		t.Errorf("second controller was told %v", ev)
	}
	ev := one.event()
	if _, told := ev[iidTargetState]; told || ev[iidCurrentState] != 0.0 {
		t.Errorf("the controller that asked was told %v", ev)
	}
	if s := two.put(iidTargetState, 1); s != 0 {
		t.Fatalf("lock: status %d", s)
	}
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if len(r.f.actions) != 2 || r.f.actions[0].Kind != bridge.ActUnlock || r.f.actions[1].Kind != bridge.ActLock {
		t.Fatalf("actions %v", r.f.actions)
	}
	want := bridge.Cause{Source: bridge.SourceHomeKit, Actor: p.Controller.ID}
	if got := r.f.actions[0].Cause; got != want {
		t.Errorf("cause %+v, want %+v", got, want)
	}
}

func TestPlainWriteRefusedUnlessAccepted(t *testing.T) {
	for _, accept := range []bool{false, true} {
		r := start(t, newFake(1), func(c *Config) { c.AcceptPlainWrites = accept })
		c := connect(t, r.pair("Lock 0"), 1)
		rs, err := c.Put(ctxFor(t), write(c, iidTargetState, 0))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Put(ctxFor(t), write(c, iidTargetState, 0)); err != nil {
			t.Fatal(err)
		}
		told := 1 // to a connection once, with what to do
		if accept {
			told = 0
		}
		if n := strings.Count(r.log.String(), "set timed_writes to accept"); n != told {
			t.Errorf("accept %v: told %d times", accept, n)
		}
		refused := len(rs) == 1 && rs[0].Status == int(hap.StatusInvalidValue)
		if refused == accept {
			t.Errorf("accept %v: answered %v", accept, rs)
		}
		if moved := r.f.noted("bolt_moved") > 0; moved != accept {
			t.Errorf("accept %v: moved %v", accept, moved)
		}
	}
}

// A command that fails is told to who asked, and the target goes back so that Home does not show "Unlocking…" for ever.
func TestFailuresRevert(t *testing.T) {
	tests := []struct {
		name    string
		manner  manner
		status  hap.Status
		current float64
		target  float64
	}{
		{"asleep", asleep, hap.StatusUnreachable, currentSecured, targetSecured},
		{"rejected", refuses, hap.StatusUnreachable, currentSecured, targetSecured},
		{"unsupported", cannot, hap.StatusReadOnly, currentSecured, targetSecured},
		{"superseded", superior, hap.StatusBusy, currentSecured, targetSecured},
		{"jammed", jams, hap.StatusUnreachable, currentJammed, targetSecured},
		{"accepted, not seen moving", silent, hap.StatusOK, currentSecured, targetSecured},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(1)
			f.manners[lockID(0)] = tt.manner
			r := start(t, f, nil)
			c := connect(t, r.pair("Lock 0"), 1)
			if s := c.put(iidTargetState, 0); s != int(tt.status) {
				t.Errorf("status %d, want %d", s, tt.status)
			}
			r.eventually("the target back", func() bool { return c.get(iidTargetState).Value == tt.target })
			if got := c.get(iidCurrentState).Value; got != tt.current {
				t.Errorf("current state %v, want %v", got, tt.current)
			}
			l := r.lock(lockID(0))
			r.eventually("the stored target back", func() bool { return l.server.Get(l.m.target) == int(tt.target) })
		})
	}
}

// The answer does not wait for a bolt that takes its time, and what happened afterwards is told by an event.
func TestAnswersEarly(t *testing.T) {
	f := newFake(1)
	f.travel = 300 * time.Millisecond
	r := start(t, f, nil)
	p := r.pair("Lock 0")
	c := connect(t, p, 1)
	c.subscribe(iidCurrentState)
	if s := c.put(iidTargetState, 0); s != 0 {
		t.Fatalf("status %d", s)
	}
	if n := f.noted("bolt_moved"); n != 0 {
		t.Errorf("the answer waited for the bolt")
	}
	if got := c.get(iidCurrentState).Value; got != float64(currentSecured) {
		t.Errorf("current state %v before the lock reported", got)
	}
	if got := c.get(iidTargetState).Value; got != float64(targetUnsecured) {
		t.Errorf("target state %v while under way", got)
	}
	if ev := c.event(); ev[iidCurrentState] != float64(currentUnsecured) {
		t.Errorf("told %v", ev)
	}
}

// A phone that goes away after pressing does not take the command back; the adapter's end does.
func TestShutdownEndsCommands(t *testing.T) {
	f := newFake(1)
	f.manners[lockID(0)] = asleep
	r := start(t, f, nil)
	r.times.answer = time.Minute
	c := connect(t, r.pair("Lock 0"), 1)
	if err := c.Prepare(ctxFor(t), time.Second, 7); err != nil {
		t.Fatal(err)
	}
	go c.PutPID(ctxFor(t), 7, write(c, iidTargetState, 0))
	r.eventually("the command", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.actions) == 1 })
	r.stop()
	if n := f.noted("bolt_moved"); n != 0 {
		t.Error("the bolt moved")
	}
}

func TestManualTurn(t *testing.T) {
	r := start(t, newFake(1), nil)
	c := connect(t, r.pair("Lock 0"), 1)
	c.subscribe(iidCurrentState, iidTargetState, iidLastAction, iidLogs)
	r.f.move(lockID(0), bridge.Unlocked, bridge.Cause{Source: bridge.SourceManual})
	if ev := c.event(); ev[iidCurrentState] != 0.0 || ev[iidTargetState] != 0.0 || ev[iidLastAction] != 1.0 {
		t.Errorf("told %v", ev)
	}
	r.f.move(lockID(0), bridge.Locked, keypad(3, "Anna"))
	ev := c.event()
	for ev[iidCurrentState] == nil { // the log's entry may come first
		ev = c.event()
	}
	if ev[iidCurrentState] != 1.0 || ev[iidTargetState] != 1.0 || ev[iidLastAction] != 4.0 {
		t.Errorf("told %v", ev)
	}
}

// TestCauseThatComesLate: the bridge learns who unlocked after the movement was told.
func TestCauseThatComesLate(t *testing.T) {
	r := start(t, newFake(1), nil)
	c := connect(t, r.pair("Lock 0"), 1)
	c.subscribe(iidLastAction)
	r.f.move(lockID(0), bridge.Unlocked, bridge.Cause{})
	if ev := c.event(); ev[iidLastAction] != 10.0 {
		t.Errorf("told %v", ev)
	}
	r.f.edit(lockID(0), bridge.BoltRead{Bolt: bridge.Unlocked}, func(v *bridge.LockView) { v.LastAction = keypad(3, "Anna") })
	if ev := c.event(); ev[iidLastAction] != 5.0 {
		t.Errorf("told %v", ev)
	}
}

func TestTransitIsNoJam(t *testing.T) {
	r := start(t, newFake(1), nil)
	c := connect(t, r.pair("Lock 0"), 1)
	r.f.move(lockID(0), bridge.Partial, bridge.Cause{})
	r.f.edit(lockID(0), bridge.BatteryRead{Percent: 50}, func(v *bridge.LockView) { v.Battery = percent(50) })
	r.eventually("the later event", func() bool { return c.get(iidBatteryLevel).Value == 50.0 })
	if got := c.get(iidCurrentState).Value; got != 1.0 {
		t.Errorf("in transit: %v", got)
	}
	r.f.move(lockID(0), bridge.Jammed, bridge.Cause{})
	r.eventually("jammed", func() bool { return c.get(iidCurrentState).Value == float64(currentJammed) })
}

func TestUnreachable(t *testing.T) {
	f := newFake(2)
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	reads := func(want hap.Status) func() bool {
		return func() bool {
			return c.get(iidCurrentState).Status == int(want) && c.get(iidTargetState).Status == int(want)
		}
	}
	f.edit(lockID(0), bridge.Reached{}, func(v *bridge.LockView) { v.Reachable = false })
	r.eventually("no response", reads(hap.StatusUnreachable))
	if got := c.get(iidBatteryLevel); got.Status != 0 || got.Value != 87.0 {
		t.Errorf("battery %+v", got)
	}
	f.edit(lockID(0), bridge.Reached{Reachable: true}, func(v *bridge.LockView) { v.Reachable = true })
	r.eventually("a response", reads(hap.StatusOK))
	f.Note(bridge.Event{Body: bridge.DongleMoved{Up: false}})
	r.eventually("no response without the dongle", reads(hap.StatusUnreachable))
	f.Note(bridge.Event{Body: bridge.DongleMoved{Up: true}})
	r.eventually("a response with it", reads(hap.StatusOK))
}

func TestUnknownUntilHeard(t *testing.T) {
	f := newFake(1)
	f.locks[lockID(0)].Bolt, f.locks[lockID(0)].Target = bridge.BoltUnknown, bridge.BoltUnknown
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	if got := c.get(iidCurrentState).Value; got != float64(currentUnknown) {
		t.Errorf("current state %v", got)
	}
	f.mu.Lock()
	if n := len(f.actions); n != 0 {
		t.Errorf("%d commands", n)
	}
	f.mu.Unlock()
	f.move(lockID(0), bridge.Unlocked, bridge.Cause{})
	r.eventually("unlocked", func() bool { return c.get(iidCurrentState).Value == 0.0 && c.get(iidTargetState).Value == 0.0 })
}

func TestDoorAndTamper(t *testing.T) {
	f := newFake(1)
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	c.subscribe(iidContactState, iidDoorState, iidTampered)
	f.edit(lockID(0), bridge.DoorMoved{To: bridge.DoorOpen}, func(v *bridge.LockView) { v.Door = bridge.DoorOpen })
	if ev := c.event(); ev[iidContactState] != 1.0 || ev[iidDoorState] != 0.0 {
		t.Errorf("open: told %v", ev)
	}
	f.edit(lockID(0), bridge.ResetNoticed{}, func(v *bridge.LockView) { v.Tampered = true })
	if ev := c.event(); ev[iidTampered] != 1.0 {
		t.Errorf("tamper: told %v", ev)
	}
	f.edit(lockID(0), bridge.DoorMoved{}, func(v *bridge.LockView) { v.Door = bridge.DoorUnknown })
	r.eventually("an unknown door", func() bool { return c.get(iidContactState).Status == int(hap.StatusUnreachable) })
}

func TestBattery(t *testing.T) {
	f := newFake(1)
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	c.subscribe(iidBatteryLevel, iidBatteryLow)
	f.edit(lockID(0), bridge.BatteryRead{}, func(v *bridge.LockView) { low := 12.5; v.Battery, v.BatteryLow = &low, true })
	if ev := c.event(); ev[iidBatteryLevel] != 13.0 || ev[iidBatteryLow] != 1.0 {
		t.Errorf("told %v", ev)
	}
}

func TestIdentifyMovesNothing(t *testing.T) {
	r := start(t, newFake(1), nil)
	c := connect(t, r.pair("Lock 0"), 1)
	if _, err := c.Put(ctxFor(t), write(c, iidIdentify, true)); err != nil {
		t.Fatal(err)
	}
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if len(r.f.actions) != 0 {
		t.Errorf("identify moved the bolt: %v", r.f.actions)
	}
}

// A slow lock holds up neither its connection's other requests nor other locks.
func TestSlowLockBlocksNobody(t *testing.T) {
	f := newFake(2)
	f.manners[lockID(0)] = asleep
	r := start(t, f, nil)
	r.times.answer = 2 * time.Second
	p := r.pair("Lock 0")
	slow, same, other := connect(t, p, 1), connect(t, p, 1), connect(t, r.pair("Lock 1"), 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		slow.put(iidTargetState, 0)
	}()
	r.eventually("the command", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.actions) == 1 })
	if s := other.put(iidTargetState, 0); s != 0 {
		t.Errorf("the other lock: status %d", s)
	}
	if got := same.get(iidBatteryLevel); got.Status != 0 {
		t.Errorf("the same lock: %+v", got)
	}
	select {
	case <-done:
		t.Error("the slow command was answered before the others")
	default:
	}
	<-done
}

func TestLastAction(t *testing.T) {
	tests := []struct {
		source bridge.Source
		to     bridge.Bolt
		want   int
	}{
		{bridge.SourceManual, bridge.Locked, 0}, {bridge.SourceManual, bridge.Unlocked, 1},
		{bridge.SourceKey, bridge.Locked, 2}, {bridge.SourceKey, bridge.Unlocked, 3},
		{bridge.SourceOneTouch, bridge.Locked, 2}, {bridge.SourceRFID, bridge.Unlocked, 3}, {bridge.SourceFingerprint, bridge.Unlocked, 3},
		{bridge.SourceKeypad, bridge.Locked, 4}, {bridge.SourceKeypad, bridge.Unlocked, 5},
		{bridge.SourceHomeKit, bridge.Locked, 6}, {bridge.SourceMatter, bridge.Unlocked, 7}, {bridge.SourceRemote, bridge.Unlocked, 7},
		{bridge.SourceAPI, bridge.Unlocked, 7}, {bridge.SourceAuto, bridge.Locked, 8}, {bridge.SourceSchedule, bridge.Locked, 8},
		{bridge.SourceAuto, bridge.Unlocked, 7}, {bridge.SourceUnknown, bridge.Locked, 9}, {bridge.SourceUnknown, bridge.Unlocked, 10},
	}
	for _, tt := range tests {
		if got := lastAction(bridge.Cause{Source: tt.source}, tt.to); got != tt.want {
			t.Errorf("%s, %v: %d, want %d", tt.source, tt.to, got, tt.want)
		}
	}
}

func TestTexts(t *testing.T) {
	for in, want := range map[string]string{
		"": "Lock", "  Front door ": "Front door", "a\x00b\nc": "abc", "\xff\xfe": "Lock",
		"äääääääääääääääääääääääääääääääääääää": "äääääääääääääääääääääääääääääää",
	} {
		if got := displayName(in); got != want {
			t.Errorf("name %q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "0.0.1", "104.8": "104.8.0", "20190223": "20190223.0.0", "v1.02.3-beta4": "1.2.3", "0x00": "0.0.0", "rev": "0.0.1"} {
		if got := firmwareRevision(in); got != want {
			t.Errorf("firmware %q: %q, want %q", in, got, want)
		}
	}
}

func TestStatsAndNotes(t *testing.T) {
	r := start(t, newFake(2), nil)
	c := connect(t, r.pair("Lock 0"), 1)
	st := r.Stats()
	if st.Servers != 2 || st.Pairings != 1 || st.Sessions != 1 {
		t.Errorf("stats %+v", st)
	}
	if err := r.Unpair(lockID(0)); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	var got []bridge.PairingChanged
	for _, ev := range r.f.events {
		if p, ok := ev.Body.(bridge.PairingChanged); ok && ev.Lock == lockID(0) {
			got = append(got, p)
		}
	}
	want := []bridge.PairingChanged{{Face: "homekit", Change: "added", Count: 1}, {Face: "homekit", Change: "removed", Count: 0}}
	if !slices.Equal(got, want) {
		t.Errorf("journal %+v, want %+v", got, want)
	}
}
