package bridge_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	front = bridge.LockID("00:0d:6f:00:0a:90:69:e7")
	back  = bridge.LockID("00:0d:6f:00:0a:90:69:e8")
)

// house is a running bridge over fakes.
type house struct {
	*bridge.Bridge
	t     *testing.T
	d     *bridgetest.Driver
	store *bridgetest.Store
	stop  func()
}

// run starts a bridge in the bubble of the test and ends it with it.
func run(t *testing.T, cfg bridge.Config, d *bridgetest.Driver, s *bridgetest.Store) *house {
	t.Helper()
	b, err := bridge.New(cfg, d, s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	<-b.Ready()
	h := &house{Bridge: b, t: t, d: d, store: s}
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(h.stop)
	return h
}

// restart ends the bridge and starts another one on the same store and locks.
func (h *house) restart(cfg bridge.Config) *house {
	h.stop()
	return run(h.t, cfg, h.d, h.store)
}

func (h *house) lock(id bridge.LockID) bridge.LockView {
	h.t.Helper()
	v, err := h.Find(string(id))
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// events are all bodies of one kind in the journal.
func events[T bridge.Body](h *house) []T {
	h.t.Helper()
	evs, err := h.History(0, 1<<20)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []T
	for _, ev := range evs {
		if b, ok := ev.Body.(T); ok {
			out = append(out, b)
		}
	}
	return out
}

// settle lets everything happen that happens by itself within d.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// bubble runs one case of a property in a bubble of its own; what stops the case is handed to rapid, which shrinks it.
func bubble(t *testing.T, f func()) {
	var failure any
	synctest.Test(t, func(*testing.T) {
		defer func() { failure = recover() }()
		f()
	})
	if failure != nil {
		panic(failure)
	}
}

func ctxFor(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func api(actor string) bridge.Cause { return bridge.Cause{Source: bridge.SourceAPI, Actor: actor} }

func TestStateIsWhatTheLockReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(time.Minute)
		if v := h.lock(front); v.Bolt != bridge.BoltUnknown || v.Reachable {
			t.Errorf("before a word: %v %v", v.Bolt, v.Reachable)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		l.Say(bridge.Heard{LQI: 120})
		settle(time.Minute)
		if v := h.lock(front); v.Bolt != bridge.Locked || !v.Reachable || v.LQI != 120 || v.Target != bridge.Locked {
			t.Errorf("after a word: %+v", v)
		}
		l.Turn(bridge.Unlocked)
		settle(0)
		v := h.lock(front)
		if v.Bolt != bridge.Unlocked || v.LastAction.Source != bridge.SourceManual || v.LastTo != bridge.Unlocked {
			t.Errorf("turned by hand: %+v", v)
		}
		// After a restart the stored position is not shown as if it were reported.
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
		h = h.restart(bridge.Config{})
		settle(time.Minute)
		if v := h.lock(front); v.Bolt != bridge.BoltUnknown {
			t.Errorf("after a restart: %v", v.Bolt)
		}
		h.stop()
	})
}

func TestReachability(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(4 * time.Minute)
		if !h.lock(front).Reachable {
			t.Fatal("not reachable")
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
		settle(2*time.Hour + 5*time.Minute)
		if !h.lock(front).Reachable {
			t.Error("given up too early")
		}
		settle(6 * time.Minute)
		if h.lock(front).Reachable {
			t.Error("silent for longer than two check-ins, and still reachable")
		}
		l.Turn(bridge.Unlocked)
		settle(0)
		if !h.lock(front).Reachable {
			t.Error("heard, and not reachable")
		}
		h.d.Emit(bridge.Event{Body: bridge.DongleMoved{Fault: "unplugged"}})
		settle(0)
		if h.lock(front).Reachable {
			t.Error("reachable without a dongle")
		}
		var got []bool
		for _, r := range events[bridge.Reached](h) {
			got = append(got, r.Reachable)
		}
		if !slices.Equal(got, []bool{true, false, true, false}) {
			t.Error(got)
		}
	})
}

func TestBatteryAndTamper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		for _, step := range []struct {
			percent float64
			low     bool
		}{{80, false}, {20, true}, {22, true}, {26, false}, {300, false}, {-3, true}} {
			l.Say(bridge.BatteryRead{Percent: step.percent})
			settle(time.Millisecond)
			v := h.lock(front)
			if v.BatteryLow != step.low || v.Battery == nil || *v.Battery < 0 || *v.Battery > 100 {
				t.Errorf("%v %%: low %v, %v", step.percent, v.BatteryLow, *v.Battery)
			}
		}
		l.Say(bridge.Alarmed{Alarm: bridge.AlarmForced, Code: 6})
		settle(time.Second)
		h = h.restart(bridge.Config{})
		if !h.lock(front).Tampered {
			t.Error("a restart made it forget")
		}
		if err := h.AckTamper(t.Context(), front); err != nil || h.lock(front).Tampered {
			t.Error(err)
		}
		h = h.restart(bridge.Config{})
		if h.lock(front).Tampered || *h.lock(front).Battery != 0 {
			t.Error("a restart brought it back")
		}
	})
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := bridgetest.NewDriver(bridgetest.NewLock(front), bridgetest.NewLock(back))
		h := run(t, bridge.Config{}, d, bridgetest.NewStore())
		a, b := h.lock(front), h.lock(back)
		if a.Name == b.Name || a.Slug == b.Slug {
			t.Errorf("%q %q %q %q", a.Name, b.Name, a.Slug, b.Slug)
		}
		if err := h.Rename(t.Context(), front, "  Haustür  "); err != nil {
			t.Fatal(err)
		}
		if err := h.Rename(t.Context(), back, "haustür"); !errors.Is(err, bridge.ErrConflict) {
			t.Error("a name twice:", err)
		}
		for _, bad := range []string{"", " ", "a\nb", string(make([]byte, 65)), "\xff"} {
			if err := h.Rename(t.Context(), front, bad); !errors.Is(err, bridge.ErrConflict) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		for _, what := range []string{"HAUSTÜR", string(front), "00:0D:6F:00:0A:90:69:E7", a.Slug} {
			if v, err := h.Find(what); err != nil || v.ID != front || v.Slug != a.Slug || v.Name != "Haustür" {
				t.Errorf("%q: %v %v", what, v, err)
			}
		}
		if _, err := h.Find("nobody"); !errors.Is(err, bridge.ErrNoSuchLock) {
			t.Error(err)
		}
		if err := h.Forget(t.Context(), front, false); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Find(string(front)); !errors.Is(err, bridge.ErrNoSuchLock) {
			t.Error(err)
		}
		h = h.restart(bridge.Config{Locks: map[bridge.LockID]bridge.LockSettings{back: {Name: "Shed"}}})
		if v := h.lock(back); v.Name != "Shed" || v.Slug != b.Slug {
			t.Errorf("%q %q", v.Name, v.Slug)
		}
		if err := h.Rename(t.Context(), back, "Other"); !errors.Is(err, bridge.ErrConflict) {
			t.Error("the configuration's name was changed:", err)
		}
		// It comes back with its old label, and as a stranger otherwise.
		d.Join(bridgetest.NewLock(front))
		settle(time.Second)
		if v := h.lock(front); v.Slug != a.Slug || v.Name == "Haustür" {
			t.Errorf("%q %q", v.Name, v.Slug)
		}
		j := events[bridge.LockJoined](h)
		if len(j) != 1 || j[0].Known {
			t.Error(j)
		}
	})
}

func TestJoinCountsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := run(t, bridge.Config{}, bridgetest.NewDriver(), bridgetest.NewStore())
		if err := h.Join(t.Context(), bridge.Join{Window: 255 * time.Second}); !errors.Is(err, bridge.ErrUnsupported) {
			t.Error("open for ever:", err)
		}
		if err := h.Join(t.Context(), bridge.Join{Window: time.Minute}); err != nil {
			t.Fatal(err)
		}
		if s := h.Snapshot(); time.Until(s.PermitJoin) != time.Minute {
			t.Error(s.PermitJoin)
		}
		settle(61 * time.Second)
		if s := h.Snapshot(); !s.PermitJoin.IsZero() {
			t.Error("still open")
		}
		if err := h.Join(t.Context(), bridge.Join{Window: time.Minute}); err != nil {
			t.Fatal(err)
		}
		if err := h.Join(t.Context(), bridge.Join{}); err != nil {
			t.Fatal(err)
		}
		settle(2 * time.Minute)
		var got []time.Duration
		for _, p := range events[bridge.PermitJoinMoved](h) {
			got = append(got, p.Remaining)
		}
		if !slices.Equal(got, []time.Duration{time.Minute, 0, time.Minute, 0}) {
			t.Error(got)
		}
		h.d.Fail(bridge.ErrDown)
		if err := h.Join(t.Context(), bridge.Join{Window: time.Minute}); !errors.Is(err, bridge.ErrDown) || !h.Snapshot().PermitJoin.IsZero() {
			t.Error(err)
		}
	})
}

func TestRunReportsItsDriver(t *testing.T) {
	broken := errors.New("broken")
	b, err := bridge.New(bridge.Config{}, failing{bridgetest.NewDriver(), broken}, bridgetest.NewStore())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(t.Context()); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := b.Run(t.Context()); err == nil {
		t.Error("ran twice")
	}
}

type failing struct {
	*bridgetest.Driver
	err error
}

func (f failing) Run(context.Context, func(bridge.Event)) error { return f.err }
