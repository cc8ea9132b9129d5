package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// TestRemovalWhileAResetIsStuck: a lock that said yes and erased nothing, or fell silent, leaves the workflow stuck. Whoever is removed then loses the code at once, and
// that the slot is empty is not taken for a reset: neither of the others nor of whoever gets the same slot next.
func TestRemovalWhileAResetIsStuck(t *testing.T) {
	for _, silent := range []bool{false, true} {
		name := map[bool]string{false: "erased nothing", true: "fell silent"}[silent]
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := bridgetest.NewLock(front).Behave(func(b *bridgetest.Behaviour) { b.Keeps = true })
				l.SetInfo(func(i *bridge.Info) { i.Traits.RemoteResets = []bridge.ResetWay{bridge.ResetClearCodes} })
				h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
				settle(5 * time.Minute)
				full := 90.0
				l.Say(bridge.BatteryRead{Percent: full})
				h.add("Ann", "4711")
				bob := h.add("Bob", "4712")
				settle(time.Minute)
				p, err := h.PlanReset(t.Context(), front, bridge.ResetClearCodes)
				if err != nil {
					t.Fatal(err)
				}
				if err := h.ConfirmReset(t.Context(), front, p.Hash, api("t")); err != nil {
					t.Fatal(err)
				}
				for range 600 {
					if s, err := h.ResetStatus(front); err != nil || s.Stage == bridge.ResetWaiting {
						break
					}
					settle(100 * time.Millisecond)
				}
				l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = silent })
				settle(20 * time.Minute)
				want := map[bool]bridge.ResetStage{false: bridge.ResetErasing, true: bridge.ResetWaiting}[silent]
				if s, err := h.ResetStatus(front); err != nil || s.Stage != bridge.ResetStuck || s.StuckAt != want {
					t.Fatalf("%+v %v", s, err)
				}
				l.Behave(func(b *bridgetest.Behaviour) { b.Asleep, b.Keeps = false, false })
				if err := h.RemoveUser(t.Context(), api("t"), bob); err != nil {
					t.Fatal(err)
				}
				settle(time.Hour)
				if l.Holds(2) != "" || l.Holds(1) != "4711" {
					t.Fatalf("the removed code is gone: %v, the other stands: %v", l.Holds(2) == "", l.Holds(1) == "4711")
				}
				h.add("New", "4714") // in the slot that is free now
				settle(time.Minute)
				if l.Codes() != 1 {
					t.Error("a code was written while the reset is not settled")
				}
				l.Behave(func(b *bridgetest.Behaviour) { b.Keeps = true })
				h.answer(front, "retry", "retry")
				settle(20 * time.Minute)
				s, err := h.ResetStatus(front)
				if err != nil || s.Stage != bridge.ResetStuck || s.StuckAt != bridge.ResetErasing || l.Holds(1) != "4711" {
					t.Errorf("our own removal was taken for a reset: %+v %v", s, err)
				}
				if err := h.CancelReset(t.Context(), front); err != nil {
					t.Fatal(err)
				}
				settle(time.Hour)
				if l.Codes() != 2 || l.Holds(2) != "4714" {
					t.Errorf("%d codes after the reset was given up", l.Codes())
				}
			})
		})
	}
}
