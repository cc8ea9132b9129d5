package bridge

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// killer ends the process, as far as a test in the process can: whoever comes to a chosen point goes no further, and nobody comes further after that. What
// the bridge had made durable and what the lock had taken in stays.
type killer struct {
	mu    sync.Mutex
	at    string
	skip  int
	dead  bool
	seen  map[string]int
	death chan struct{}
}

func (x *killer) point(name string) {
	x.mu.Lock()
	x.seen[name]++
	if !x.dead && x.at == name {
		if x.skip == 0 {
			x.dead = true
			close(x.death)
		}
		x.skip--
	}
	dead := x.dead
	x.mu.Unlock()
	if dead {
		runtime.Goexit()
	}
}

// alive tells whether the bridge of this killer still runs.
func (x *killer) alive() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.dead
}

// withKiller lets the next boot's bridge die at a point, the skip+1st time it is reached. An empty point only counts.
func (k *resetBench) withKiller(at string, skip int) *killer {
	x := &killer{at: at, skip: skip, seen: map[string]int{}, death: make(chan struct{})}
	k.door.point, k.disk.point = x.point, x.point
	return x
}

// crashes boots, runs f with the person's hands until the workflow is over, and boots again after each death.
func (k *resetBench) carryOn(x *killer) (deaths int) {
	k.t.Helper()
	for range 6000 {
		if !x.alive() {
			deaths++
			k.stop()
			x = k.withKiller("", 0)
			k.boot()
		}
		s := k.status()
		if s.Stage.over() && s.Stage != ResetNotStarted {
			return deaths
		}
		k.hands(s)
		k.nap(500 * time.Millisecond)
	}
	s := k.status()
	k.t.Fatalf("the workflow does not come to its end: %q (%s), step %+v, seen %+v", s.Stage, s.Why, s.Step, s.Seen)
	return 0
}

// crashPoints finds all the points that a reset of this way passes, and how often.
func crashPoints(t *testing.T, family string, way ResetWay) map[string]int {
	t.Helper()
	var seen map[string]int
	inBubble(t, family, func(k *resetBench) {
		k.home()
		x := k.withKiller("", 0)
		k.begin(way)
		k.carryOn(x)
		seen = x.seen
	})
	return seen
}

// TestResetKilledAtEachBoundary kills the bridge before and after each record and each side effect of a whole reset, and carries on after a restart.
func TestResetKilledAtEachBoundary(t *testing.T) {
	for _, c := range []struct {
		family string
		way    ResetWay
	}{{"kwikset", ResetHands}, {"yale_assure", ResetClearCodes}, {"yale_assure", ResetBasic}} {
		t.Run(c.family+" "+string(c.way), func(t *testing.T) {
			points := crashPoints(t, c.family, c.way)
			for _, must := range []string{"before record erasing", "after record erasing", "before record waiting for signs", "after record restoring", "before write"} {
				if points[must] == 0 {
					t.Fatalf("the points do not include %q: %v", must, points)
				}
			}
			for name, times := range points {
				for skip := range min(times, 4) {
					killOnce(t, c.family, c.way, name, skip)
				}
			}
		})
	}
}

func killOnce(t *testing.T, family string, way ResetWay, at string, skip int) {
	inBubble(t, family, func(k *resetBench) {
		k.home()
		x := k.withKiller(at, skip)
		k.person.retries = 3
		if !k.tryBegin(x, way) { // killed while it was confirmed: whoever confirmed looks, and does it again
			k.stop()
			x = k.withKiller("", 0)
			k.boot()
			if k.status().Stage == ResetNotStarted {
				k.begin(way)
			}
		}
		k.carryOn(x)
		s := k.status()
		asked := 1 + k.person.attempts
		if s.Stage != ResetDone || k.door.erasures() != 1 || k.door.asked > asked {
			k.t.Errorf("killed at %q (%d): stage %q, erased %d times, asked by radio %d times, by the person %d times", at, skip, s.Stage, k.door.erasures(), k.door.asked, asked)
		}
		if k.door.asked == 2 && k.person.attempts == 0 {
			k.t.Errorf("killed at %q (%d): erased again unasked", at, skip)
		}
		k.restored()
		if codes := k.disk.reset().Codes; len(codes) != 0 {
			k.t.Errorf("killed at %q (%d): captured codes outlived the workflow", at, skip)
		}
	})
}

// tryBegin plans and confirms in a goroutine that the killer may end.
func (k *resetBench) tryBegin(x *killer, way ResetWay) bool {
	k.t.Helper()
	done := make(chan error, 1)
	go func() {
		p, err := k.b.PlanReset(k.t.Context(), doorID, way)
		if err == nil {
			err = k.b.ConfirmReset(k.t.Context(), doorID, p.Hash, Cause{Source: SourceAPI})
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			k.t.Fatal(err)
		}
		return true
	case <-x.death:
		return false
	}
}

// TestResetNeverErasesTwice lets anything happen in any order: deaths at any point, impatient and clumsy people, signs by radio. Erasures are counted
// against what a person asked for.
func TestResetNeverErasesTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		family := rapid.SampledFrom([]string{"kwikset", "yale_assure", "onesti", "schlage"}).Draw(rt, "family")
		way := rapid.SampledFrom([]ResetWay{ResetHands, ResetClearCodes, ResetBasic}).Draw(rt, "way")
		readBack := rapid.SampledFrom([]ReadBack{ReadBackFull, ReadBackStatus, ReadBackNone}).Draw(rt, "read back")
		alarm, leave, stay := rapid.Bool().Draw(rt, "alarm"), rapid.Bool().Draw(rt, "leave"), rapid.Bool().Draw(rt, "stay")
		deaths := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) int { return rapid.IntRange(0, 60).Draw(rt, "point") }), 0, 5).Draw(rt, "deaths")
		keeps := rapid.Bool().Draw(rt, "keeps away first")
		var failure string
		synctest.Test(t, func(t *testing.T) {
			k := newResetBench(t, family)
			defer func() { k.stop() }()
			k.door.info.Traits.ReadBack, k.door.alarm, k.door.leave, k.door.stay = readBack, alarm, leave, stay
			k.home()
			k.person.retries, k.person.keeps = 50, keeps
			x := k.withNth(deaths)
			wanted := 1
			for !k.tryBegin(x, way) {
				k.stop()
				deaths = deaths[1:]
				x = k.withNth(deaths)
				k.boot()
				if k.status().Stage != ResetNotStarted {
					break
				}
			}
			for range 3000 {
				if !x.alive() {
					k.stop()
					if len(deaths) > 0 {
						deaths = deaths[1:]
					}
					x = k.withNth(deaths)
					k.boot()
				}
				s := k.status()
				if s.Stage.over() {
					break
				}
				if s.Stage == ResetStuck && s.StuckAt == ResetErasing {
					wanted++ // the person will ask again
					k.person.keeps = false
				}
				k.hands(s)
				k.nap(time.Second)
			}
			s := k.status()
			switch {
			case s.Stage != ResetDone:
				failure = fmt.Sprintf("ended at %q (%s), step %+v", s.Stage, s.Why, s.Step)
			case k.door.asked > wanted:
				failure = fmt.Sprintf("asked the lock %d times, the person asked %d times", k.door.asked, wanted)
			case way == ResetHands && k.door.erasures() > wanted:
				failure = fmt.Sprintf("erased %d times, the person was asked %d times", k.door.erasures(), wanted)
			}
			if failure == "" {
				k.restored()
			}
		})
		if failure != "" {
			rt.Fatal(failure)
		}
	})
}

// withNth lets the bridge die at the nth point of any kind.
func (k *resetBench) withNth(deaths []int) *killer {
	x := &killer{seen: map[string]int{}, death: make(chan struct{})}
	n := -1
	if len(deaths) > 0 {
		n = deaths[0]
	}
	p := func(name string) {
		if strings.Contains(name, "record other") {
			return
		}
		x.mu.Lock()
		if n == 0 && !x.dead {
			x.dead = true
			close(x.death)
		}
		n--
		dead := x.dead
		x.mu.Unlock()
		if dead {
			runtime.Goexit()
		}
	}
	k.door.point, k.disk.point = p, p
	return x
}
