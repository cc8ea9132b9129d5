package crash

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestKillWhileCodesAreWritten kills the daemon's inner part at any moment while people's codes are added, changed and removed. What was acknowledged before
// the kill must be there after it; what was under way must be there whole or not at all; and lock and store must agree within 30 s.
func TestKillWhileCodesAreWritten(t *testing.T) {
	kills := 100 * count(1)
	if os.Getenv("LATCHKEY_CRASH") == "" {
		kills = 25
	}
	if n, err := strconv.Atoi(os.Getenv("LATCHKEY_KILLS")); err == nil && n > 0 {
		kills = n
	}
	h := newHouse(t, "YRD256 TSDB")
	h.furnish(map[string]string{"Ann": "28460001"})
	began := time.Now()
	know := map[string]string{"Ann": "28460001"} // acknowledged: name → PIN
	var edits, unanswered, carriedOut, agreed int
	var slowest time.Duration
	next := 1
	for n := range kills {
		h.start(false)
		var users map[string]person
		h.wait("the users", order{Do: "users"}, func(r reply) bool { users = r.Users; return r.Users != nil })
		for name, pin := range know {
			if got := users[name].PIN; got != pin {
				t.Fatalf("kill %d: an acknowledged code is lost: %s has a code of %d digits, right %v", n, name, len(got), got == pin)
			}
		}
		if len(users) != len(know) {
			t.Fatalf("kill %d: %d people, %d were acknowledged", n, len(users), len(know))
		}
		if n%10 == 9 || n == kills-1 {
			slowest = max(slowest, h.agree())
			agreed++
		}
		// Edits until the kill, which comes at any moment.
		span := 60_000 // within a commit or two; and now and then long enough for the radio
		if n%4 == 0 {
			span = 300_000
		}
		deadline := time.After(time.Duration(rand.IntN(span)) * time.Microsecond)
		k := h.kid
		go func() {
			<-deadline
			_ = k.cmd.Process.Kill()
		}()
		for {
			o, apply := edit(users, know, &next)
			edits++
			r, err := k.ask(o)
			if err == nil {
				apply(know)
				if o.Do == "add" {
					users[o.Name] = person{ID: r.User, PIN: o.PIN}
				}
				continue
			}
			if !errors.Is(err, errKilled) {
				t.Fatalf("kill %d: %s: %v", n, o.Do, err)
			}
			// Not answered: it happened whole, or not at all.
			k.kill()
			unanswered++
			h.start(false)
			var now map[string]person
			h.wait("the users", order{Do: "users"}, func(r reply) bool { now = r.Users; return r.Users != nil })
			after := maps.Clone(know)
			apply(after)
			have := map[string]string{}
			for name, p := range now {
				have[name] = p.PIN
			}
			switch {
			case maps.Equal(have, after):
				carriedOut++
				know = after
			case maps.Equal(have, know):
			default:
				t.Fatalf("kill %d: half of %s %s is there", n, o.Do, o.Name)
			}
			h.kid.kill()
			break
		}
		h.kills++
	}
	h.start(false)
	slowest = max(slowest, h.agree())
	h.kid.kill()
	t.Logf("%d kills in %v during %d edits: no acknowledged code lost, none half-written; of %d edits under way at the kill %d had been carried out; lock and store agreed %d times, at the latest after %v",
		h.kills, time.Since(began).Round(time.Second), edits, unanswered, carriedOut, agreed+1, slowest.Round(time.Millisecond))
}

// edit draws a change of the people, at most twelve of them.
func edit(users map[string]person, know map[string]string, next *int) (order, func(map[string]string)) {
	names := slices.Sorted(maps.Keys(know))
	*next++
	pin := fmt.Sprintf("%08d", 10_000_000+*next)
	if len(names) < 3 || len(names) < 12 && rand.IntN(3) == 0 {
		name := fmt.Sprintf("Person %d", *next)
		return order{Do: "add", Name: name, PIN: pin}, func(m map[string]string) { m[name] = pin }
	}
	name := names[rand.IntN(len(names))]
	if rand.IntN(3) == 0 {
		return order{Do: "remove", Name: name, User: users[name].ID}, func(m map[string]string) { delete(m, name) }
	}
	return order{Do: "change", Name: name, User: users[name].ID, PIN: pin}, func(m map[string]string) { m[name] = pin }
}
