package bridge_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// asleep puts the lock out of reach, or back.
func asleep(l *bridgetest.Lock, yes bool) {
	l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = yes })
	if !yes {
		l.Say(bridge.Heard{})
	}
}

func same(x, y bridge.Schedule) bool {
	return slices.Equal(x.Weekly, y.Weekly) && x.From.Equal(y.From) && x.Until.Equal(y.Until) && x.Uses == y.Uses
}

func count(asked []string, what string) (n int) {
	for _, a := range asked {
		if strings.HasPrefix(a, what) {
			n++
		}
	}
	return n
}

// A lock that keeps schedules stops taking a code at its end although nobody reaches it.
func TestCodeEndsOnALockThatIsOutOfReach(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	start, end := date(berlin, 1, 3, 8, 0), date(berlin, 1, 3, 10, 0) // a Monday
	week := []bridge.Window{{Days: mon | fri, Start: 8 * 60, End: 10 * 60}}
	for _, c := range []struct {
		name        string
		weeks, year int
		s           bridge.Schedule
		follows     bridge.Schedule
		again       time.Time // it opens again, still out of reach
	}{
		{"until", 7, 1, bridge.Schedule{Until: end}, bridge.Schedule{Until: end}, time.Time{}},
		{"from, until", 7, 1, bridge.Schedule{From: start, Until: end}, bridge.Schedule{From: start, Until: end}, time.Time{}},
		{"weekly", 7, 1, bridge.Schedule{Weekly: week}, bridge.Schedule{Weekly: week}, date(berlin, 1, 7, 9, 0)},
		{"weekly, and no room for it", 0, 1, bridge.Schedule{Weekly: week}, bridge.Schedule{Until: end}, time.Time{}},
		{"weekly, more than there is room for", 1, 1, bridge.Schedule{Weekly: append(week, bridge.Window{Days: sat, Start: 0, End: 60})}, bridge.Schedule{Until: end}, time.Time{}},
		{"weekly, until", 7, 1, bridge.Schedule{Weekly: week, Until: date(berlin, 6, 1, 0, 0)}, bridge.Schedule{Until: end}, time.Time{}},
		{"weekly, ended early", 7, 1, bridge.Schedule{Weekly: []bridge.Window{{Days: everyDay, Start: 0, End: 1440}}, Until: end}, bridge.Schedule{Until: end}, time.Time{}},
		{"until, some uses", 7, 1, bridge.Schedule{Until: end, Uses: 9}, bridge.Schedule{Until: end}, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := bridgetest.NewLock(front).KeepsSchedules(berlin)
				l.SetInfo(func(i *bridge.Info) { i.Traits.WeekDays, i.Traits.YearDays = c.weeks, c.year })
				h := run(t, bridge.Config{Location: berlin}, bridgetest.NewDriver(l), bridgetest.NewStore())
				until(start.Add(time.Second))
				id := h.add("Cleaner", "4711", func(u *bridge.User) { u.Schedule = c.s })
				settle(2 * time.Minute)
				if got := h.code(front, id); got.State != bridge.CodeInSync || got.Reason != "" || !same(l.Follows(1), c.follows) {
					t.Fatalf("%+v, the lock follows %+v", got, l.Follows(1))
				}
				asleep(l, true)
				until(end.Add(-time.Second))
				if !l.Enter("4711") {
					t.Error("refused in its time")
				}
				until(end.Add(time.Minute))
				if l.Holds(1) != "4711" || l.Enter("4711") {
					t.Error("it opens after its end")
				}
				if got := h.code(front, id); got.State != bridge.CodePending {
					t.Errorf("%+v", got) // the withdrawal is not forgotten
				}
				if !c.again.IsZero() {
					until(c.again)
					if !l.Enter("4711") {
						t.Error("refused in its next hours")
					}
					until(c.again.Add(2 * time.Hour))
				}
				asleep(l, false)
				settle(5 * time.Minute)
				if l.Holds(1) != "" || h.code(front, id).State != bridge.CodeScheduled {
					t.Errorf("not removed: %+v", h.code(front, id))
				}
			})
		})
	}
}

// The lock is told after the digits, and the code is as it should be only then.
func TestScheduleIsToldAfterTheDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).KeepsSchedules(time.UTC)
		h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		l.Asked()
		end := time.Now().Add(48 * time.Hour)
		l.Behave(func(b *bridgetest.Behaviour) { b.Delay = time.Second })
		id := h.add("Guest", "4711", func(u *bridge.User) { u.Schedule.Until = end })
		if c, err := h.WaitSync(ctxFor(t, time.Minute), front, id); err != nil || c.State != bridge.CodeInSync || !l.Follows(1).Until.Equal(end) {
			t.Errorf("%+v, %v, follows %+v", c, err, l.Follows(1))
		}
		if a := l.Asked(); !slices.Equal(a, []string{"read 1", "write 1", "read 1", "schedule 1"}) {
			t.Error(a)
		}
		var states []string
		for _, e := range events[bridge.CodeMoved](h) {
			states = append(states, string(e.State)+": "+e.Reason)
		}
		if want := []string{"pending: ", "pending: on the lock; the lock is still to be told its schedule", "in sync: "}; !slices.Equal(states, want) {
			t.Errorf("%q", states)
		}
		// Other digits make an unrestricted user of it, on the lock: the schedule is told again.
		if err := h.SetCode(t.Context(), api("t"), front, id, pin(t, "4712")); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if a := l.Asked(); l.Holds(1) != "4712" || !l.Follows(1).Until.Equal(end) || a[len(a)-1] != "schedule 1" {
			t.Errorf("follows %+v: %q", l.Follows(1), a)
		}
		// So does a hand at the keypad that sets the same code.
		l.Program(1, "4712", true)
		settle(time.Minute)
		if !l.Follows(1).Until.Equal(end) {
			t.Error("the schedule is gone")
		}
		// A restart tells nothing again.
		l.Asked()
		h = h.restart(bridge.Config{Location: time.UTC})
		settle(time.Hour)
		if a := l.Asked(); count(a, "schedule") != 0 || count(a, "write") != 0 {
			t.Error(a)
		}
		// Another end, and none.
		change := func(s bridge.Schedule) {
			t.Helper()
			if err := h.ChangeUser(t.Context(), api("t"), id, func(u *bridge.User) error { u.Schedule = s; return nil }); err != nil {
				t.Fatal(err)
			}
			settle(time.Minute)
			if c := h.code(front, id); c.State != bridge.CodeInSync || c.Reason != "" {
				t.Errorf("%+v", c)
			}
		}
		change(bridge.Schedule{Until: end.Add(time.Hour)})
		if !l.Follows(1).Until.Equal(end.Add(time.Hour)) {
			t.Errorf("%+v", l.Follows(1))
		}
		l.Asked()
		change(bridge.Schedule{})
		if a := l.Asked(); !l.Follows(1).Always() || !slices.Equal(a, []string{"unschedule 1"}) {
			t.Errorf("%+v %q", l.Follows(1), a)
		}
		change(bridge.Schedule{Uses: 3})
		if a := l.Asked(); len(a) != 0 {
			t.Errorf("uses are counted here: %q", a)
		}
	})
}

// Of a lock that refuses it is said, and it is not asked without end. Latchkey's own removal stays.
func TestLockThatRefusesSchedules(t *testing.T) {
	for _, c := range []struct {
		err   error
		asked int
	}{{bridge.ErrUnsupported, 1}, {bridge.ErrNeedsPIN, 1}, {bridge.ErrRejected, 5}, {bridge.ErrNotStored, 5}} {
		t.Run(c.err.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := bridgetest.NewLock(front).KeepsSchedules(time.UTC).Behave(func(b *bridgetest.Behaviour) { b.NoSchedules = c.err })
				cfg := bridge.Config{Location: time.UTC}
				h := run(t, cfg, bridgetest.NewDriver(l), bridgetest.NewStore())
				settle(5 * time.Minute)
				end := time.Now().Add(7 * 24 * time.Hour)
				id := h.add("Guest", "4711", func(u *bridge.User) { u.Schedule.Until = end })
				settle(24 * time.Hour)
				h = h.restart(cfg)
				settle(48 * time.Hour)
				if n := count(l.Asked(), "schedule"); n != c.asked {
					t.Errorf("asked %d times", n)
				}
				if got := h.code(front, id); got.State != bridge.CodeInSync || !strings.Contains(got.Reason, "the code goes when Latchkey removes it") || h.lock(front).CodesUnsync != 0 {
					t.Errorf("%+v", got)
				}
				// Once a person asks, it is tried again.
				l.Behave(func(b *bridgetest.Behaviour) { b.NoSchedules = nil })
				if err := h.Reconcile(t.Context(), front); err != nil {
					t.Fatal(err)
				}
				settle(time.Hour)
				if got := h.code(front, id); got.State != bridge.CodeInSync || got.Reason != "" || !l.Follows(1).Until.Equal(end) {
					t.Errorf("%+v, follows %+v", got, l.Follows(1))
				}
				// It keeps the schedule that the code no longer has: said, and put right with other digits.
				l.Behave(func(b *bridgetest.Behaviour) { b.NoSchedules = c.err })
				if err := h.ChangeUser(t.Context(), api("t"), id, func(u *bridge.User) error { u.Schedule = bridge.Schedule{}; return nil }); err != nil {
					t.Fatal(err)
				}
				settle(3 * time.Hour)
				if got := h.code(front, id); got.State != bridge.CodeFailed || !strings.Contains(got.Reason, "may go on following") {
					t.Errorf("%+v", got)
				}
				l.Behave(func(b *bridgetest.Behaviour) { b.NoSchedules = nil })
				if err := h.SetCode(t.Context(), api("t"), front, id, pin(t, "4712")); err != nil {
					t.Fatal(err)
				}
				settle(time.Minute)
				if got := h.code(front, id); got.State != bridge.CodeInSync || !l.Follows(1).Always() {
					t.Errorf("%+v, follows %+v", got, l.Follows(1))
				}
				until(end.Add(time.Hour))
				if !l.Enter("4712") {
					t.Error("it ended")
				}
			})
		})
	}
}

// A lock that hears and does not answer is not asked for its schedule without end, and its codes go on.
func TestLockThatIsSilentOnSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).KeepsSchedules(time.UTC).Behave(func(b *bridgetest.Behaviour) { b.NoSchedules = bridge.ErrUnreachable })
		h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		end := time.Now().Add(24 * time.Hour)
		id := h.add("Guest", "4711", func(u *bridge.User) { u.Schedule.Until = end })
		for range 3 * 60 { // it is heard all the time
			settle(time.Minute)
			l.Behave(func(b *bridgetest.Behaviour) { b.Delay = 2 * time.Second })
			settle(time.Second)
			l.Say(bridge.Heard{})
		}
		ada := h.add("Ada", "4712")
		for range 10 {
			settle(time.Minute)
			l.Say(bridge.Heard{})
		}
		if c := h.code(front, id); c.State != bridge.CodeInSync || !strings.Contains(c.Reason, "does not answer") {
			t.Errorf("%+v", c)
		}
		if n := count(l.Asked(), "schedule"); n != 5 {
			t.Errorf("asked %d times", n)
		}
		if c := h.code(front, ada); c.State != bridge.CodeInSync {
			t.Errorf("%+v", c)
		}
		until(end.Add(time.Hour))
		l.Say(bridge.Heard{})
		settle(time.Hour)
		if l.Holds(1) != "" {
			t.Errorf("not removed: %+v", h.code(front, id))
		}
	})
}

// Schedules on a lock are in the time that it shows. One that shows another is not told any, and what it was told is taken back when that comes to be so.
func TestScheduleWantsTheRightClock(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).KeepsSchedules(berlin)
		l.SetInfo(func(i *bridge.Info) { i.Traits.Clock = bridge.LockClock{} })
		h := run(t, bridge.Config{Location: berlin}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		end := date(berlin, 6, 1, 12, 0)
		id := h.add("Guest", "4711", func(u *bridge.User) { u.Schedule.Until = end })
		asks := func(c bridge.LockClock) {
			l.SetInfo(func(i *bridge.Info) { i.Traits.Clock = c })
			l.Say(bridge.LockReady{Info: l.Info()})
			settle(time.Minute)
		}
		follows := func(want bool) {
			t.Helper()
			if got := !l.Follows(1).Always(); got != want {
				t.Errorf("%v: the lock follows a schedule: %v", time.Now(), got)
			}
			if c := h.code(front, id); c.State != bridge.CodeInSync || c.Reason != "" {
				t.Errorf("%+v", c)
			}
			if !l.Enter("4711") {
				t.Errorf("%v: refused", time.Now())
			}
		}
		settle(time.Hour)
		follows(false) // it never asked for the time
		asks(bridge.LockClock{Set: true})
		follows(false) // it shows UTC
		asks(bridge.LockClock{Set: true, Offset: 3600})
		follows(true)
		until(date(berlin, 3, 26, 0, 59))
		follows(true)
		until(date(berlin, 3, 26, 3, 5)) // the clocks went forward, and the lock's did not
		follows(false)
		asks(bridge.LockClock{Set: true, Offset: 7200})
		follows(true)
		until(end.Add(-time.Minute))
		follows(true)
		settle(3 * time.Minute)
		if l.Enter("4711") {
			t.Error("opens after its end")
		}
	})
}

// A lock that puts its clock forward by itself keeps its windows on both sides.
func TestWindowsOnALockThatFollowsSummerTime(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).KeepsSchedules(berlin)
		l.SetInfo(func(i *bridge.Info) { i.Traits.Clock = bridge.LockClock{Set: true, Follows: true} })
		h := run(t, bridge.Config{Location: berlin}, bridgetest.NewDriver(l), bridgetest.NewStore())
		until(date(berlin, 3, 24, 9, 0))
		h.add("Cleaner", "4711", func(u *bridge.User) {
			u.Schedule = bridge.Schedule{Weekly: []bridge.Window{{Days: everyDay, Start: 8 * 60, End: 10 * 60}}}
		})
		settle(time.Minute)
		asleep(l, true)
		for day := 24; day <= 28; day++ {
			for _, at := range []struct {
				h, m int
				open bool
			}{{9, 59, true}, {10, 1, false}, {7, 59, false}, {8, 1, true}} {
				d := day
				if at.h < 9 {
					d++
				}
				until(date(berlin, 3, d, at.h, at.m))
				if l.Enter("4711") != at.open {
					t.Errorf("%v: opens: %v", time.Now().In(berlin), !at.open)
				}
			}
		}
	})
}

func TestScheduleOfACodeWithHiddenDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).KeepsSchedules(time.UTC).Behave(func(b *bridgetest.Behaviour) { b.Hides = true })
		l.SetInfo(func(i *bridge.Info) { i.Traits.ReadBack = bridge.ReadBackStatus })
		l.Program(1, "4711", false)
		h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		id, err := h.Adopt(t.Context(), api("t"), front, 1, "Bob")
		if err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(time.Hour)
		err = h.ChangeUser(t.Context(), api("t"), id, func(u *bridge.User) error { u.Schedule.Until = end; return nil })
		if errors.Is(err, bridge.ErrUnsupported) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if c := h.code(front, id); c.State != bridge.CodeUnverifiable || !l.Follows(1).Until.Equal(end) {
			t.Errorf("%+v, follows %+v", c, l.Follows(1))
		}
		asleep(l, true)
		until(end.Add(time.Minute))
		if l.Enter("4711") {
			t.Error("opens after its end")
		}
	})
}

// A removal that the lock refused, and that hands then made at the lock, is done.
func TestRefusedRemovalThatHandsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{Location: time.UTC}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		end := time.Now().Add(time.Minute)
		id := h.add("Guest", "4711", func(u *bridge.User) { u.Schedule.Until = end })
		h.add("Ada", "4712")
		until(end.Add(-time.Second))
		l.Behave(func(b *bridgetest.Behaviour) { b.Refuse = bridge.ErrRejected })
		until(end.Add(time.Second))
		if c := h.code(front, id); c.State != bridge.CodeFailed || l.Holds(1) == "" {
			t.Fatalf("%+v", c)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Refuse = nil })
		l.Program(1, "", true)
		settle(time.Hour)
		if c := h.code(front, id); c.State != bridge.CodeScheduled || c.Reason != "" {
			t.Errorf("%+v", c)
		}
	})
}
