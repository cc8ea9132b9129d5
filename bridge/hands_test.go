package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

func TestCodesOfOtherHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		l.Program(1, "0815", false)
		l.Program(5, "555555", false)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		ada := h.add("Ada", "4711") // before the lock was read: its codes are not overwritten
		settle(5 * time.Minute)
		if l.Holds(1) != "0815" || h.code(front, ada).State != bridge.CodeInSync || h.code(front, ada).Slot == 1 {
			t.Errorf("%q %+v", l.Holds(1), h.code(front, ada))
		}
		codes, err := h.Codes(front)
		if err != nil || len(codes) != 3 || codes[0].State != bridge.CodeNotOurs || codes[0].User != 0 || codes[0].Length != 4 {
			t.Fatalf("%+v %v", codes, err)
		}
		if _, err := h.AddUser(t.Context(), api("t"), bridge.User{Name: "Bob", AllLocks: true, PIN: pin(t, "0815")}); !errors.Is(err, bridge.ErrDuplicate) {
			t.Error(err)
		}
		bob, err := h.Adopt(t.Context(), api("t"), front, 1, "Bob")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Adopt(t.Context(), api("t"), front, 1, "Eve"); !errors.Is(err, bridge.ErrConflict) {
			t.Error(err)
		}
		if _, err := h.Adopt(t.Context(), api("t"), front, 0, "Eve"); !errors.Is(err, bridge.ErrMasterSlot) {
			t.Error(err)
		}
		for slot, says := range map[bridge.Slot]string{9: "nothing is known", 31: "its slots are 1 to 30", bridge.NoSlot: "no slot at all"} {
			if _, err := h.Adopt(t.Context(), api("t"), front, slot, "Eve"); !errors.Is(err, bridge.ErrNoSuchSlot) || !strings.Contains(err.Error(), says) {
				t.Errorf("slot %d: %v", slot, err)
			}
		}
		if _, err := h.Adopt(t.Context(), api("t"), front, 5, "Ada"); !errors.Is(err, bridge.ErrConflict) {
			t.Error(err)
		}
		if !l.Enter("0815") {
			t.Fatal("does not open")
		}
		settle(time.Second)
		if v := h.lock(front); v.LastAction.Name != "Bob" {
			t.Errorf("%+v", v.LastAction)
		}
		if p, err := h.Reveal(front, bob); err != nil || !p.Equal(pin(t, "0815")) {
			t.Error(err)
		}
		if err := h.RemoveUser(t.Context(), api("t"), bob); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if l.Holds(1) != "" || l.Holds(5) != "555555" {
			t.Error("removed too little or too much")
		}
		// At the keypad: a new one, and one that goes.
		n := h.CodeCounter(front)
		l.Program(6, "666666", true)
		l.Program(5, "", true)
		settle(time.Minute)
		if codes, _ := h.Codes(front); len(codes) != 2 || codes[1].Slot != 6 || codes[1].State != bridge.CodeNotOurs {
			t.Errorf("%+v", codes)
		}
		if h.CodeCounter(front) < n+2 {
			t.Error("the counter stands still")
		}
		l.Program(0, "31415", true) // the master's slot is nobody's business
		l.Asked()
		settle(time.Minute)
		if a := l.Asked(); slices.Contains(a, "read 0") {
			t.Error(a)
		}
	})
}

func TestCodeAdoptedWithItsDigitsHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).Behave(func(b *bridgetest.Behaviour) { b.Hides = true })
		l.Program(4, "0815", false)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		bob, err := h.Adopt(t.Context(), api("t"), front, 4, "Bob")
		if err != nil {
			t.Fatal(err)
		}
		h = h.restart(bridge.Config{})
		settle(time.Hour)
		if c := h.code(front, bob); c.State != bridge.CodeUnverifiable || l.Holds(4) != "0815" {
			t.Errorf("%+v", c)
		}
		if _, err := h.Reveal(front, bob); !errors.Is(err, bridge.ErrUnsupported) {
			t.Error(err)
		}
		if err := h.SetCode(t.Context(), api("t"), front, bob, pin(t, "7777")); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if c := h.code(front, bob); c.State != bridge.CodeUnverifiable || l.Holds(4) != "7777" {
			t.Errorf("%+v %q", c, l.Holds(4))
		}
	})
}

func TestCodeChangedAtTheKeypad(t *testing.T) {
	for _, digits := range []string{"", "9999"} {
		t.Run(fmt.Sprintf("to %q", digits), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := bridgetest.NewLock(front)
				h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
				settle(5 * time.Minute)
				ada := h.add("Ada", "4711")
				settle(time.Minute)
				l.Program(1, digits, true)
				settle(24 * time.Hour)
				if c := h.code(front, ada); c.State != bridge.CodeFailed || !strings.Contains(c.Reason, "at the lock") || l.Holds(1) != digits {
					t.Errorf("%+v %q", c, l.Holds(1))
				}
				// Asked for again, it is written again.
				if err := h.SetCode(t.Context(), api("t"), front, ada, pin(t, "4711")); err != nil {
					t.Fatal(err)
				}
				settle(time.Minute)
				if c := h.code(front, ada); c.State != bridge.CodeInSync || l.Holds(1) != "4711" {
					t.Errorf("%+v %q", c, l.Holds(1))
				}
				// And what was changed by hand goes with the person.
				l.Program(1, "8888", true)
				settle(time.Minute)
				if err := h.RemoveUser(t.Context(), api("t"), ada); err != nil {
					t.Fatal(err)
				}
				settle(time.Minute)
				if l.Codes() != 0 {
					t.Error("still opens")
				}
			})
		})
	}
}
