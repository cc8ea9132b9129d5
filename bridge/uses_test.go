package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// until lets time pass until a wall-clock time.
func until(at time.Time) { settle(time.Until(at)) }

func (h *house) changes() (out []string) {
	for _, u := range events[bridge.UserChanged](h) {
		out = append(out, u.Change)
	}
	return out
}

// Bubbles begin on 2000-01-01, a Saturday, at midnight UTC.
func date(loc *time.Location, month time.Month, day, hour, minute int) time.Time {
	return time.Date(2000, month, day, hour, minute, 0, 0, loc)
}

func TestCodeIsThereInItsHoursOnly(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{Location: berlin}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		id := h.add("Cleaner", "4711", func(u *bridge.User) {
			u.Schedule = bridge.Schedule{Weekly: []bridge.Window{{Days: mon | sun, Start: 8*60 + 30, End: 10 * 60}}}
		})
		settle(time.Minute)
		if c := h.code(front, id); c.State != bridge.CodeScheduled || l.Codes() != 0 || h.lock(front).CodesUnsync != 0 {
			t.Errorf("%+v", c)
		}
		for _, step := range []struct {
			at   time.Time
			open bool
		}{
			{date(berlin, 1, 2, 8, 29), false}, {date(berlin, 1, 2, 8, 31), true}, {date(berlin, 1, 2, 9, 59), true}, {date(berlin, 1, 2, 10, 1), false},
			{date(berlin, 1, 3, 8, 31), true}, {date(berlin, 1, 3, 10, 1), false}, {date(berlin, 1, 4, 9, 0), false},
			// The clocks go forward on 26 March, and back on 29 October: both Sundays.
			{date(berlin, 3, 26, 8, 29), false}, {date(berlin, 3, 26, 8, 31), true}, {date(berlin, 3, 26, 10, 1), false},
			{date(berlin, 10, 29, 8, 29), false}, {date(berlin, 10, 29, 8, 31), true}, {date(berlin, 10, 29, 10, 1), false},
		} {
			until(step.at)
			if got := l.Holds(1) == "4711"; got != step.open {
				t.Errorf("%v: on the lock: %v", step.at, got)
			}
			want := bridge.CodeScheduled
			if step.open {
				want = bridge.CodeInSync
			}
			if c := h.code(front, id); c.State != want {
				t.Errorf("%v: %+v", step.at, c)
			}
		}
	})
}

func TestCodeThatEndsWhileNobodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		cfg := bridge.Config{Location: time.UTC}
		h := run(t, cfg, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		end := time.Now().Add(time.Hour)
		guest := h.add("Guest", "4711", func(u *bridge.User) { u.Schedule.Until = end })
		settle(time.Minute)
		if l.Holds(1) != "4711" {
			t.Fatal("not written")
		}
		h.stop()
		settle(24 * time.Hour)
		l.Asked()
		h = run(t, cfg, h.d, h.store)
		h.add("New", "4712")
		settle(time.Minute)
		a := slices.DeleteFunc(l.Asked(), func(s string) bool { return strings.HasPrefix(s, "re") })
		if len(a) != 2 || a[0] != "clear 1" || l.Holds(1) != "" {
			t.Error(a)
		}
		settle(time.Hour)
		if u, err := h.User(guest); err != nil || !u.Ended || !slices.Contains(h.changes(), "expired") {
			t.Errorf("%+v %v", u, h.changes())
		}
		// Whatever the clock says from now on.
		h.MoveClock(-10 * 365 * 24 * time.Hour)
		settle(time.Hour)
		if l.Holds(1) != "" {
			t.Error("it came back")
		}
		h.MoveClock(10 * 365 * 24 * time.Hour)
		// Until somebody says otherwise.
		if err := h.ChangeUser(t.Context(), api("t"), guest, func(u *bridge.User) error {
			u.Schedule.Until = time.Now().Add(time.Hour)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if c := h.code(front, guest); c.State != bridge.CodeInSync {
			t.Errorf("%+v", c)
		}
	})
}

func TestClockJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": 10 * 365 * 24 * time.Hour, "back": -10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := bridgetest.NewLock(front)
				h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
				settle(5 * time.Minute)
				now := time.Now()
				guest := h.add("Guest", "4711", func(u *bridge.User) { u.Schedule.From, u.Schedule.Until = now, now.Add(48*time.Hour) })
				h.add("Always", "4712")
				settle(time.Minute)
				if l.Codes() != 2 {
					t.Fatal("not written")
				}
				h.MoveClock(jump)
				settle(2 * time.Minute)
				if l.Holds(1) != "" || l.Holds(2) != "4712" {
					t.Errorf("after the jump: %q %q", l.Holds(1), l.Holds(2))
				}
				// Put right within minutes, as a time server does, everything is as it was.
				h.MoveClock(-jump)
				settle(2 * time.Minute)
				if l.Holds(1) != "4711" {
					t.Error("lost by a jump that was put right")
				}
				// A jump that stays: what is over is over for good.
				h.MoveClock(jump)
				settle(time.Hour)
				h.MoveClock(-jump)
				settle(time.Hour)
				u, err := h.User(guest)
				if err != nil || u.Ended != (jump > 0) || (l.Holds(1) == "") != (jump > 0) {
					t.Errorf("%+v %v %q", u, err, l.Holds(1))
				}
				if _, err := h.Actuate(ctxFor(t, 10*time.Second), front, bridge.Action{Kind: bridge.ActUnlock}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestUsesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		once := h.add("Once", "4711", func(u *bridge.User) { u.Schedule.Uses = 1 })
		thrice := h.add("Thrice", "4712", func(u *bridge.User) { u.Schedule.Uses = 3 })
		settle(time.Minute)
		if !l.Enter("4711") {
			t.Fatal("does not open")
		}
		settle(time.Second)
		if l.Enter("4711") {
			t.Error("opens twice")
		}
		if u, err := h.User(once); err != nil || !u.Ended {
			t.Errorf("used up, and shown as %+v, %v", u, err)
		}
		if c := h.code(front, once); c.State != bridge.CodeScheduled || !slices.Contains(h.changes(), "used up") {
			t.Errorf("%+v %v", c, h.changes())
		}
		slot := h.code(front, thrice).Slot
		enter := func() {
			l.Turn(bridge.Locked)
			settle(time.Second)
			if !l.Enter("4712") {
				t.Error("does not open")
			}
			// Locks repeat themselves.
			for range 3 {
				h.d.Emit(bridge.Event{Lock: front, Cause: bridge.Cause{Source: bridge.SourceKeypad, Slot: &slot}, Body: bridge.BoltMoved{To: bridge.Unlocked}})
			}
			settle(time.Second)
		}
		enter()
		h = h.restart(bridge.Config{})
		h.d.Emit(bridge.Event{Lock: front, Cause: bridge.Cause{Source: bridge.SourceKeypad, Slot: &slot}, Body: bridge.BoltMoved{To: bridge.Unlocked}})
		settle(time.Second)
		if u, _ := h.User(thrice); u.Used != 1 {
			t.Errorf("used %d times", u.Used)
		}
		enter()
		enter()
		settle(time.Minute)
		if u, _ := h.User(thrice); u.Used != 3 || l.Codes() != 0 {
			t.Errorf("used %d times, %d codes on the lock", u.Used, l.Codes())
		}
		// Locking by keypad, or somebody else's entry, counts nothing.
		h.d.Emit(bridge.Event{Lock: front, Cause: bridge.Cause{Source: bridge.SourceKeypad, Slot: &slot}, Body: bridge.BoltMoved{To: bridge.Locked}})
		settle(time.Second)
		if u, _ := h.User(thrice); u.Used != 3 {
			t.Error(u.Used)
		}
		if err := h.ChangeUser(t.Context(), api("t"), thrice, func(u *bridge.User) error { u.Schedule.Uses = 2; return nil }); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if u, _ := h.User(thrice); u.Used != 0 || h.code(front, thrice).State != bridge.CodeInSync {
			t.Error("a new schedule does not count anew")
		}
	})
}

func TestUnknownCodeThatOpensIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		l.Program(8, "8888", false)
		l.Enter("8888")
		settle(time.Minute)
		if codes, _ := h.Codes(front); len(codes) != 1 || codes[0].Slot != 8 || codes[0].State != bridge.CodeNotOurs {
			t.Errorf("%+v", codes)
		}
	})
}
