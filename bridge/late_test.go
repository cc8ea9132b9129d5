package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// TestCauseThatComesLate: some locks tell who opened only seconds after they have reported that they are open.
func TestCauseThatComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		ann := h.add("Ann", "4711")
		twice := h.add("Twice", "4712", func(u *bridge.User) { u.Schedule.Uses = 2 })
		settle(time.Minute)

		used := func(id bridge.UserID) int {
			t.Helper()
			u, err := h.User(id)
			if err != nil {
				t.Fatal(err)
			}
			return u.Used
		}
		if !l.EnterLate("4711", 8*time.Second) {
			t.Fatal("refused")
		}
		settle(time.Second)
		v := h.lock(front)
		if v.LastAction.Source != bridge.SourceKeypad || v.LastAction.User != ann || v.LastAction.Name != "Ann" || v.LastTo != bridge.Unlocked || used(ann) != 1 {
			t.Errorf("%+v %v, used %d", v.LastAction, v.LastTo, used(ann))
		}
		var told int
		for _, e := range must(h.History(0, 1<<20)) {
			if _, ok := e.Body.(bridge.BoltRead); ok && e.Cause.Name == "Ann" && e.Cause.User == ann {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times in the journal", told)
		}
		// The same cause once more is the same entry.
		slot := bridge.Slot(1)
		h.d.Emit(bridge.Event{Lock: front, Cause: bridge.Cause{Source: bridge.SourceKeypad, Slot: &slot}, Body: bridge.BoltRead{Bolt: bridge.Unlocked}})
		settle(time.Second)
		if used(ann) != 1 {
			t.Errorf("counted %d times", used(ann))
		}

		// A code of two uses is gone after two late ones.
		for i := range 2 {
			l.Turn(bridge.Locked)
			settle(time.Second)
			if !l.EnterLate("4712", 2*time.Second) {
				t.Fatalf("use %d refused", i+1)
			}
			settle(time.Second)
			if used(twice) != i+1 {
				t.Errorf("use %d: counted %d", i+1, used(twice))
			}
		}
		settle(time.Minute)
		if l.Holds(2) != "" || l.EnterLate("4712", time.Second) {
			t.Error("a third use")
		}

		// What the lock says of itself does not take the place of a person.
		h.d.Emit(bridge.Event{Lock: front, Cause: bridge.Cause{Source: bridge.SourceRemote}, Body: bridge.BoltRead{Bolt: bridge.Unlocked}})
		settle(time.Second)
		if v := h.lock(front); v.LastAction.User != twice {
			t.Errorf("%+v", v.LastAction)
		}
		// Nor does a cause of a position that is past.
		l.Turn(bridge.Locked)
		settle(time.Second)
		h.d.Emit(bridge.Event{Lock: front, Cause: bridge.Cause{Source: bridge.SourceManual}, Body: bridge.BoltRead{Bolt: bridge.Unlocked}})
		settle(time.Second)
		if v := h.lock(front); v.LastTo != bridge.Locked {
			t.Errorf("%+v %v", v.LastAction, v.LastTo)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
