package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// model is what a home should come to, whatever happens on the way.
type model struct {
	b      *bridge.Bridge
	d      *bridgetest.Driver
	l      *bridgetest.Lock
	s      *bridgetest.Store
	end    func()
	people map[bridge.UserID]string // their digits on the lock; empty: no access
	spent  map[string]bool          // digits that no longer open
	keypad map[string]bool          // digits set by hand
	ends   map[bridge.UserID]time.Time
	next   int
}

func (m *model) start() {
	b, err := bridge.New(bridge.Config{}, m.d, m.s)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	<-b.Ready()
	m.b = b
	m.end = func() {
		cancel()
		if err := <-done; err != nil {
			panic(err)
		}
	}
}

// fresh gives digits that were never used: four digits are enough for a test.
func (m *model) fresh() (string, bridge.PIN) {
	m.next++
	s := fmt.Sprintf("%04d", 1000+m.next)
	p, err := bridge.NewPIN([]byte(s))
	if err != nil {
		panic(err)
	}
	return s, p
}

// pick chooses somebody.
func (m *model) pick(n int) bridge.UserID {
	us := m.b.Users()
	if len(us) == 0 {
		return 0
	}
	return us[n%len(us)].ID
}

func (m *model) expect(err error, allowed ...error) bool {
	if err == nil {
		return true
	}
	for _, a := range append(allowed, bridge.ErrStore) {
		if errors.Is(err, a) {
			return false
		}
	}
	panic(err)
}

type op struct{ Kind, N int }

func (m *model) do(o op) {
	ctx := context.Background()
	switch o.Kind {
	case 0, 1, 2: // somebody new
		digits, p := m.fresh()
		id, err := m.b.AddUser(ctx, api("p"), bridge.User{Name: "u" + digits, AllLocks: true, PIN: p})
		if m.expect(err) {
			m.people[id] = digits
		} else {
			m.spent[digits] = true
		}
	case 3: // other digits
		if id := m.pick(o.N); id != 0 {
			digits, p := m.fresh()
			var err error
			if o.N%2 == 0 {
				err = m.b.SetCode(ctx, api("p"), front, id, p)
			} else {
				err = m.b.ChangeUser(ctx, api("p"), id, func(u *bridge.User) error { u.PIN, u.AllLocks, u.PINs = p, true, nil; return nil })
			}
			if m.expect(err, bridge.ErrMemoryFull) {
				m.spent[m.people[id]] = true
				m.people[id] = digits
			} else {
				m.spent[digits] = true
			}
		}
	case 4: // away
		if id := m.pick(o.N); id != 0 && m.expect(m.b.RemoveUser(ctx, api("p"), id)) {
			m.spent[m.people[id]] = true
			delete(m.people, id)
		}
	case 5: // not on this lock any more
		if id := m.pick(o.N); id != 0 && m.expect(m.b.ClearCode(ctx, api("p"), front, id)) {
			m.spent[m.people[id]] = true
			m.people[id] = ""
		}
	case 6: // at the keypad
		slot := bridge.Slot(o.N%12 + 1)
		if o.N%3 == 0 {
			m.l.Program(slot, "", true)
		} else {
			digits, _ := m.fresh()
			m.keypad[digits] = true
			m.l.Program(slot, digits, true)
		}
	case 7:
		m.l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = !b.Asleep })
		m.l.Say(bridge.Heard{})
	case 8:
		m.l.Behave(func(b *bridgetest.Behaviour) { b.LoseAnswer, b.LoseRequest = o.N%3, o.N%4 })
	case 9:
		m.l.Behave(func(b *bridgetest.Behaviour) { b.Delay = time.Duration(o.N%3) * time.Second })
	case 10: // an orderly restart
		m.end()
		m.start()
	case 11: // a crash: from some moment on nothing more is written, whatever the lock was told
		settle(time.Second)
		m.s.Fail(errors.New("crash"))
		settle(time.Duration(o.N%5) * 700 * time.Millisecond)
		m.end()
		m.s.Fail(nil)
		m.start()
	case 12: // the dongle goes and comes
		m.d.Emit(bridge.Event{Body: bridge.DongleMoved{Up: o.N%2 == 0}})
	case 13:
		m.l.Behave(func(b *bridgetest.Behaviour) {
			if b.Refuse = nil; o.N%3 == 0 {
				b.Refuse = bridge.ErrRejected
			}
		})
	case 14: // a time that ends, or none
		if id := m.pick(o.N); id != 0 {
			var end time.Time
			if o.N%4 != 0 {
				end = time.Now().Add(time.Duration(o.N*o.N*o.N) * time.Second)
			}
			if m.expect(m.b.ChangeUser(ctx, api("p"), id, func(u *bridge.User) error { u.Schedule.Until = end; return nil })) {
				m.ends[id] = end
			}
		}
	case 15: // the lock loses its clock, or asks for the time
		if t := m.l.Info().Traits; t.YearDays > 0 {
			m.l.SetInfo(func(i *bridge.Info) { i.Traits.Clock.Set = o.N%2 == 0 })
			m.l.Say(bridge.LockReady{Info: m.l.Info()})
		}
	default:
		settle(time.Duration(o.N*o.N*o.N) * 20 * time.Millisecond)
	}
}

// TestLockComesToWhatIsWanted: any sequence of edits, wake-ups, losses, keypad changes, restarts and crashes ends with the lock as wanted, or with a failure
// that has a name; and no code that was withdrawn opens once the lock was reached.
func TestLockComesToWhatIsWanted(t *testing.T) {
	ops := rapid.Custom(func(t *rapid.T) op {
		return op{rapid.IntRange(0, 18).Draw(t, "kind"), rapid.IntRange(0, 40).Draw(t, "n")}
	})
	for name, how := range map[string]func(*bridgetest.Behaviour, *bridge.Traits){
		"reads":            func(*bridgetest.Behaviour, *bridge.Traits) {},
		"hides":            func(b *bridgetest.Behaviour, t *bridge.Traits) { b.Hides, t.ReadBack = true, bridge.ReadBackStatus },
		"cannot read":      func(b *bridgetest.Behaviour, t *bridge.Traits) { b.NoRead, t.ReadBack = true, bridge.ReadBackNone },
		"minds duplicates": func(b *bridgetest.Behaviour, _ *bridge.Traits) { b.Duplicates, b.Rewrite = true, true },
		"small":            func(_ *bridgetest.Behaviour, t *bridge.Traits) { t.Slots, t.LastSlot = 4, 4 },
		"keeps schedules": func(_ *bridgetest.Behaviour, t *bridge.Traits) {
			t.WeekDays, t.YearDays, t.Clock = 7, 1, bridge.LockClock{Set: true, Follows: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				n := rapid.IntRange(3, 40).Draw(rt, "steps")
				steps := rapid.SliceOfN(ops, n, n).Draw(rt, "step")
				bubble(t, func() { play(steps, how) })
			})
		})
	}
}

func newModel(how func(*bridgetest.Behaviour, *bridge.Traits)) *model {
	l := bridgetest.NewLock(front)
	l.Behave(func(b *bridgetest.Behaviour) { l.SetInfoLocked(func(i *bridge.Info) { how(b, &i.Traits) }) })
	return &model{
		d: bridgetest.NewDriver(l), l: l, s: bridgetest.NewStore(), people: map[bridge.UserID]string{}, spent: map[string]bool{}, keypad: map[string]bool{},
		ends: map[bridge.UserID]time.Time{},
	}
}

func play(steps []op, how func(*bridgetest.Behaviour, *bridge.Traits)) {
	m := newModel(how)
	l := m.l
	m.start()
	defer func() { m.end() }()
	for _, o := range steps {
		m.do(o)
		synctest.Wait()
	}
	// Peace: whatever was wrong is put right.
	l.Behave(func(b *bridgetest.Behaviour) {
		b.Asleep, b.LoseAnswer, b.LoseRequest, b.Delay, b.Refuse = false, 0, 0, 0, nil
	})
	m.d.Emit(bridge.Event{Body: bridge.DongleMoved{Up: true}})
	l.Say(bridge.Heard{})
	settle(3 * time.Hour)
	m.answer()
	m.check()
	// And stays so over a restart.
	m.end()
	m.start()
	settle(time.Hour)
	m.answer()
	m.check()
	if n := l.AtOnce(); n > 2 { // a removal that waits for a sleeping lock, and a look whether the lock was reset; the driver's mailbox puts them in order
		panic(fmt.Sprintf("%d requests at once", n))
	}
}

// answer tells the bridge that the lock was not reset: the only code of a lock that vanished without a word looks like that, and holds the others back until a
// person has spoken.
func (m *model) answer() {
	for range 3 {
		st, err := m.b.ResetStatus(front)
		if err != nil || st.Step == nil || st.Step.ID != "unasked" {
			return
		}
		if err := m.b.AckReset(context.Background(), front, "unasked", map[string]string{"answer": "ignore"}); err != nil {
			panic(err)
		}
		settle(3 * time.Hour)
	}
}

func (m *model) check() {
	codes, err := m.b.Codes(front)
	if err != nil {
		panic(err)
	}
	have := map[bridge.UserID]bridge.Code{}
	for _, c := range codes {
		if c.User != 0 {
			have[c.User] = c
		}
	}
	for id, digits := range m.people {
		c := have[id]
		if end := m.ends[id]; digits != "" && !end.IsZero() && time.Since(end) > 10*time.Minute {
			if c.State != bridge.CodeScheduled {
				panic(fmt.Sprintf("user %d ended at %v: %+v", id, end, c))
			}
			m.spent[digits] = true
			delete(have, id)
			continue
		} else if c.State == bridge.CodeScheduled && time.Since(end) >= 0 {
			delete(have, id)
			continue
		}
		switch {
		case digits == "" && c.User == 0:
		case digits == "":
			panic(fmt.Sprintf("user %d has no access, but %+v", id, c))
		case c.State == bridge.CodeInSync || c.State == bridge.CodeUnverifiable:
			if got := m.l.Holds(c.Slot); got != digits {
				panic(fmt.Sprintf("user %d: shown as %q, wanted %s, holds %q", id, c.State, digits, got))
			}
		case c.State == bridge.CodeFailed && c.Reason != "":
		default:
			panic(fmt.Sprintf("user %d, wanted %s: %+v", id, digits, c))
		}
		delete(have, id)
	}
	for id, c := range have {
		panic(fmt.Sprintf("nobody has id %d: %+v", id, c))
	}
	for s := range bridge.Slot(31) {
		if d := m.l.Holds(s); d != "" && m.spent[d] && !m.keypad[d] {
			panic(fmt.Sprintf("slot %d: the withdrawn code %s still opens", s, d))
		}
	}
	evs, err := m.b.History(0, 1<<20)
	if err != nil {
		panic(err)
	}
	for _, ev := range evs {
		j, err := ev.MarshalJSON()
		if err != nil {
			panic(err)
		}
		for digits := range m.spent {
			if digits != "" && strings.Contains(string(j), `"`+digits) {
				panic("digits in the journal: " + string(j))
			}
		}
	}
}
