package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// TestVanishedCodes: a code that hands removed without a word of the lock is no factory reset, as long as another one shows that there was none.
func TestVanishedCodes(t *testing.T) {
	for _, c := range []struct {
		name   string
		people int
		gone   int  // so many, from slot 1
		sleeps bool // right after the first of them was found gone
		reset  bool // looks like one
		says   string
	}{
		{"one of three", 3, 1, false, false, ""},
		{"one of two", 2, 1, false, false, ""},
		{"one of three, and the lock sleeps", 3, 1, true, false, ""},
		{"most of ten", 10, 8, false, false, ""},
		{"all of three", 3, 3, false, true, "somebody who should not have"},
		{"all of three, and the lock sleeps", 3, 3, true, true, "somebody who should not have"},
		{"all of ten", 10, 10, false, true, "somebody who should not have"},
		{"the only one", 1, 1, false, true, "Either hands removed it at the lock, or somebody reset the lock."},
		{"the only one, and the lock sleeps", 1, 1, true, true, "Either hands removed it at the lock, or somebody reset the lock."},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, " ", restart), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := bridgetest.NewLock(front)
					h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
					settle(5 * time.Minute)
					for i := range c.people {
						h.add(fmt.Sprint("user ", i), fmt.Sprint(4711+i))
					}
					settle(5 * time.Minute)
					for s := range c.gone {
						l.Program(bridge.Slot(s+1), "", false)
					}
					if c.sleeps {
						l.Behave(func(b *bridgetest.Behaviour) { b.SleepAfter = 1 })
					}
					if err := h.Reconcile(t.Context(), front); err != nil {
						t.Fatal(err)
					}
					settle(20 * time.Second)
					if c.sleeps {
						if restart {
							h = h.restart(bridge.Config{Location: time.UTC})
						}
						settle(3 * time.Hour)
						if v := h.lock(front); v.Tampered || v.ResetStage != "" {
							t.Fatalf("its sleep is taken for a reset: %+v", v)
						}
						if l.Codes() != c.people-c.gone {
							t.Fatal("written into a lock that may have been reset")
						}
						l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
						l.Say(bridge.Heard{})
					} else if restart {
						h = h.restart(bridge.Config{Location: time.UTC})
						settle(5 * time.Minute)
						if err := h.Reconcile(t.Context(), front); err != nil { // the rest of the slots is read again
							t.Fatal(err)
						}
					}
					settle(20 * time.Minute)
					v := h.lock(front)
					s, err := h.ResetStatus(front)
					if err != nil || v.Tampered != c.reset || s.Unasked != c.reset || c.reset && !strings.Contains(s.Why, c.says) {
						t.Fatalf("taken for a reset: %v; %+v %v", v.Tampered, s, err)
					}
					if want := map[bool]int{false: c.people, true: c.people - c.gone}[c.reset]; l.Codes() != want {
						t.Errorf("%d codes on the lock, want %d", l.Codes(), want)
					}
				})
			})
		}
	}
}

// TestRemovalWhileALockIsWaitedFor: whoever is removed while a lock that sleeps is suspected loses the code as soon as it wakes, and that is no evidence.
func TestRemovalWhileALockIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		h.add("Ann", "4711")
		bob := h.add("Bob", "4712")
		h.add("Cleo", "4713")
		settle(5 * time.Minute)
		l.Program(1, "", false)
		l.Behave(func(b *bridgetest.Behaviour) { b.SleepAfter = 1 })
		if err := h.Reconcile(t.Context(), front); err != nil {
			t.Fatal(err)
		}
		settle(time.Hour)
		if err := h.RemoveUser(t.Context(), api("t"), bob); err != nil {
			t.Fatal(err)
		}
		settle(time.Hour)
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		l.Say(bridge.Heard{})
		settle(time.Hour)
		if v := h.lock(front); v.Tampered || l.Holds(2) != "" || l.Holds(1) != "4711" || l.Codes() != 2 {
			t.Errorf("%d codes, slot 1 %q, slot 2 %q, %+v", l.Codes(), l.Holds(1), l.Holds(2), v)
		}
	})
}
