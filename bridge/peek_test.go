package bridge_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// TestCodeMadeAtTheKeypadAfterTheScan: the lock says nothing of a code that hands made after all slots were read. It is not written over, whether the person
// who gets the slot is new or comes back to it.
func TestCodeMadeAtTheKeypadAfterTheScan(t *testing.T) {
	for _, hides := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := bridgetest.NewLock(front).Behave(func(b *bridgetest.Behaviour) { b.Hides = hides })
			h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
			settle(5 * time.Minute) // all slots are read
			l.Program(1, "0815", false)
			ada := h.add("Ada", "4711")
			settle(time.Minute)
			c := h.code(front, ada)
			if l.Holds(1) != "0815" || c.Slot == 1 || l.Holds(c.Slot) != "4711" {
				t.Fatalf("slot 1 holds %q, Ada has slot %d", l.Holds(1), c.Slot)
			}
			codes, err := h.Codes(front)
			if err != nil || codes[0].Slot != 1 || codes[0].State != bridge.CodeNotOurs {
				t.Errorf("%+v %v", codes, err)
			}

			// A code for each morning: between them its slot is free for whoever stands at the keypad.
			at := time.Now().UTC()
			minute := at.Hour()*60 + at.Minute()
			bob := h.add("Bob", "4712", func(u *bridge.User) {
				u.Schedule.Weekly = []bridge.Window{{Days: 127, Start: (minute + 5) % 1440, End: (minute + 65) % 1440}}
			})
			settle(30 * time.Minute)
			was := h.code(front, bob).Slot
			if l.Holds(was) != "4712" {
				t.Fatalf("%+v", h.code(front, bob))
			}
			settle(2 * time.Hour)
			if l.Holds(was) != "" {
				t.Fatal("still there")
			}
			l.Program(was, "0816", false)
			settle(22*time.Hour + 10*time.Minute)
			c = h.code(front, bob)
			if l.Holds(was) != "0816" || c.Slot == was || l.Holds(c.Slot) != "4712" {
				t.Errorf("slot %d holds %q, Bob has slot %d", was, l.Holds(was), c.Slot)
			}
		})
	}
}

// TestReadRightBeforeTheFirstWrite: a lock that falls asleep between the reading and the writing is read again.
func TestReadRightBeforeTheFirstWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		l.Asked()
		l.Behave(func(b *bridgetest.Behaviour) { b.Delay = time.Second })
		ada := h.add("Ada", "4711")
		settle(1500 * time.Millisecond) // it has been read, and is being written
		l.Behave(func(b *bridgetest.Behaviour) { b.Delay, b.Asleep = 0, true })
		settle(10 * time.Minute)
		if a := l.Asked(); !slices.Equal(a, []string{"read 1", "write 1"}) {
			t.Fatal(a)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		settle(time.Hour)
		if c := h.code(front, ada); c.State != bridge.CodeInSync || c.Slot != 1 {
			t.Errorf("%+v", c)
		}

		bob := h.add("Bob", "4712")
		l.Behave(func(b *bridgetest.Behaviour) { b.SleepAfter = 1 })
		settle(10 * time.Minute)
		l.Program(2, "0815", false)
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		settle(time.Hour)
		if c := h.code(front, bob); l.Holds(2) != "0815" || c.State != bridge.CodeInSync || l.Holds(c.Slot) != "4712" {
			t.Errorf("slot 2 holds %q; %+v", l.Holds(2), c)
		}
		if err := h.RemoveUser(t.Context(), api("t"), bob); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if l.Holds(2) != "0815" || l.Codes() != 2 {
			t.Errorf("slot 2 holds %q, %d codes", l.Holds(2), l.Codes())
		}
	})
}

// TestWrittenAndNotReadBack: a code that was written and not read back is ours, so that it goes when it is not wanted any more.
func TestWrittenAndNotReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		l.Behave(func(b *bridgetest.Behaviour) { b.SleepAfter = 2 }) // the reading and the writing
		ada := h.add("Ada", "4711")
		settle(10 * time.Minute)
		if l.Codes() != 1 {
			t.Fatal("not written")
		}
		if err := h.RemoveUser(t.Context(), api("t"), ada); err != nil {
			t.Fatal(err)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		settle(time.Hour)
		if l.Codes() != 0 {
			t.Error("the removed code still stands on the lock")
		}
	})
}
