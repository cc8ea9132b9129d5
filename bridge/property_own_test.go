package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// TestWhatIsShownEndsByItself: whatever happened before, a lock that is cut off for ever at any moment refuses each code after its end, if until then the code
// was shown as it should be and nothing was said of a lock that does not follow schedules. Until its end it opens.
func TestWhatIsShownEndsByItself(t *testing.T) {
	ops := rapid.Custom(func(t *rapid.T) op {
		kinds := []int{0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 14, 15, 16, 17, 18}
		return op{rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.IntRange(0, 40).Draw(t, "n")}
	})
	for name, how := range map[string]func(*bridgetest.Behaviour, *bridge.Traits){
		"reads":       func(*bridgetest.Behaviour, *bridge.Traits) {},
		"cannot read": func(b *bridgetest.Behaviour, t *bridge.Traits) { b.NoRead, t.ReadBack = true, bridge.ReadBackNone },
		"refuses":     func(b *bridgetest.Behaviour, _ *bridge.Traits) { b.NoSchedules = bridge.ErrUnsupported },
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				n := rapid.IntRange(3, 40).Draw(rt, "steps")
				steps := rapid.SliceOfN(ops, n, n).Draw(rt, "step")
				pause := time.Duration(rapid.IntRange(0, 7200).Draw(rt, "pause")) * time.Second
				bubble(t, func() { cutOff(steps, pause, how) })
			})
		})
	}
}

func cutOff(steps []op, pause time.Duration, how func(*bridgetest.Behaviour, *bridge.Traits)) {
	m := newModel(func(b *bridgetest.Behaviour, t *bridge.Traits) {
		t.WeekDays, t.YearDays, t.Clock = 7, 1, bridge.LockClock{Set: true, Follows: true}
		how(b, t)
	})
	m.l.KeepsSchedules(time.UTC)
	m.start()
	defer func() { m.end() }()
	for _, o := range steps {
		m.do(o)
		synctest.Wait()
	}
	if len(steps)%2 == 0 {
		m.l.Behave(func(b *bridgetest.Behaviour) {
			b.Asleep, b.LoseAnswer, b.LoseRequest, b.Delay, b.Refuse = false, 0, 0, 0, nil
		})
		m.l.Say(bridge.Heard{})
	}
	settle(pause)
	clock := m.l.Info().Traits.Clock.Set
	codes, err := m.b.Codes(front)
	if err != nil {
		panic(err)
	}
	m.l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
	type ending struct {
		c   bridge.Code
		end time.Time
	}
	var held []ending
	for _, c := range codes {
		end := m.ends[c.User]
		follows := !m.l.Follows(c.Slot).Always()
		switch {
		case c.User == 0 || end.IsZero() || !end.After(time.Now().Add(time.Second)):
		case c.State != bridge.CodeInSync && c.State != bridge.CodeUnverifiable:
		case strings.Contains(c.Reason, "does not follow"), !clock:
			if follows && clock {
				panic(fmt.Sprintf("%+v follows %+v", c, m.l.Follows(c.Slot)))
			}
		case m.l.Holds(c.Slot) == m.people[c.User]:
			held = append(held, ending{c, end})
		}
	}
	for len(held) > 0 {
		i := 0
		for j := range held {
			if held[j].end.Before(held[i].end) {
				i = j
			}
		}
		h := held[i]
		held = append(held[:i], held[i+1:]...)
		digits := m.people[h.c.User]
		if d := time.Until(h.end.Add(-time.Second)); d > 0 {
			settle(d)
			if !m.l.Enter(digits) {
				panic(fmt.Sprintf("%+v ends at %v, and is refused before", h.c, h.end))
			}
		}
		if d := time.Until(h.end); d > 0 {
			settle(d)
		}
		if m.l.Enter(digits) {
			panic(fmt.Sprintf("%+v ended at %v, and opens at %v", h.c, h.end, time.Now()))
		}
	}
}
