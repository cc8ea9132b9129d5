package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// TestRemovalOnALockThatMayHaveBeenReset: while a person has not said whether the lock was reset nothing is written into it, but a code that should be gone goes.
func TestRemovalOnALockThatMayHaveBeenReset(t *testing.T) {
	for _, answer := range []string{"ignore", "restore"} {
		t.Run(answer, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := bridgetest.NewLock(front)
				h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
				settle(5 * time.Minute)
				ann, bob := h.add("Ann", "4711"), h.add("Bob", "4712")
				eve := h.add("Eve", "4713", func(u *bridge.User) { u.Schedule.Until = time.Now().Add(time.Hour) })
				settle(time.Minute)
				if l.Codes() != 3 {
					t.Fatal("not written")
				}
				l.Say(bridge.Alarmed{Alarm: bridge.AlarmFactoryReset, Code: 1}) // it says so, and erased nothing
				settle(time.Minute)
				if s, err := h.ResetStatus(front); err != nil || s.Stage != bridge.ResetSecuring || !s.Unasked {
					t.Fatalf("%+v %v", s, err)
				}
				if err := h.RemoveUser(t.Context(), api("t"), bob); err != nil {
					t.Fatal(err)
				}
				h.add("New", "4714")
				settle(2 * time.Minute)
				if l.Holds(2) != "" {
					t.Error("the removed code still opens the door")
				}
				settle(2 * time.Hour) // Eve's time ends meanwhile
				if l.Holds(3) != "" {
					t.Error("the code that has ended still opens the door")
				}
				if l.Codes() != 1 || l.Holds(1) != "4711" {
					t.Errorf("%d codes: something was written into a lock that may have been reset", l.Codes())
				}

				h.answer(front, "unasked", answer)
				settle(time.Hour)
				for slot := bridge.Slot(0); slot <= 30; slot++ {
					if d := l.Holds(slot); d == "4712" || d == "4713" {
						t.Errorf("a code that should be gone was written into slot %d", slot)
					}
				}
				if answer == "ignore" && l.Codes() != 2 {
					t.Errorf("%d codes", l.Codes())
				}
				if c := h.code(front, ann); answer == "ignore" && c.State != bridge.CodeInSync {
					t.Errorf("%+v", c)
				}
				if u, err := h.User(eve); err != nil || !u.Ended {
					t.Errorf("%+v %v", u, err)
				}
			})
		})
	}
}

// answer gives a person's answer to a step of a reset.
func (h *house) answer(lock bridge.LockID, step, answer string) {
	h.t.Helper()
	if err := h.AckReset(ctxFor(h.t, time.Minute), lock, step, map[string]string{"answer": answer}); err != nil {
		h.t.Fatal(err)
	}
}
