package crash

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// count is how often each boundary is killed: LATCHKEY_CRASH, else few.
func count(least int) int {
	if n, err := strconv.Atoi(os.Getenv("LATCHKEY_CRASH")); err == nil && n > 0 {
		return n
	}
	return least
}

// reaper decides at which points a child dies.
type reaper struct {
	mu     sync.Mutex
	kills  map[string]int  // so far, by point
	seen   map[string]bool // points that were passed
	always map[string]bool // points that a reset passes that nobody disturbs
	now    map[string]int  // of this round: after how many passes more to kill
	erases int             // of this round: requests that went out by radio
}

// passes tells whether the child may go on.
func (x *reaper) passes(point string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen[point] = true
	if n, ok := x.now[point]; ok {
		if n == 0 {
			delete(x.now, point)
			x.kills[point]++
			return false
		}
		x.now[point] = n - 1
	}
	if point == "before the erase" {
		x.erases++
	}
	return true
}

// choose sets the deaths of a round: at every boundary that has not had its share, or at one of them.
func (x *reaper) choose(share, round int) (left []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now, x.erases = map[string]int{}, 0
	if x.always == nil {
		x.always = maps.Clone(x.seen)
		maps.DeleteFunc(x.always, func(p string, _ bool) bool { return strings.HasSuffix(p, "the record user") }) // a use is counted, and not at every entry
	}
	for p := range x.seen {
		if x.kills[p] >= share {
			continue
		}
		if x.always[p] {
			left = append(left, p)
		} else {
			x.now[p] = 0 // only some deaths lead there
		}
	}
	slices.Sort(left)
	if round%2 == 1 && len(left) > 0 { // alone: the others change what comes after them
		x.now[left[rand.IntN(len(left))]] = rand.IntN(2)
		return left
	}
	for _, p := range left {
		x.now[p] = 0
	}
	return left
}

// watch kills the child where the reaper says, and lets it go on elsewhere.
func (x *reaper) watch(k *kid) {
	for {
		select {
		case <-k.dead:
			return
		case p := <-k.points:
			if !x.passes(p) {
				k.kill()
				return
			}
			k.let()
		}
	}
}

// visitor is the person at the door, who remembers what they have done.
type visitor struct {
	h       *house
	done    map[string]bool
	pressed time.Time // the join button
	retries int       // erasures asked for again
	people  map[string]string
}

// reset takes one whole workflow to its end, over any number of deaths.
func (v *visitor) reset(x *reaper, way bridge.ResetWay) bridge.ResetStatus {
	h := v.h
	h.t.Helper()
	began := time.Now()
	v.done, v.retries = map[string]bool{}, 0
	born := func() {
		h.boots++
		k := h.start(true)
		go x.watch(k)
	}
	born()
	defer func() { h.kid.kill() }()
	for until := time.Now().Add(3 * time.Minute); time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		r, err := h.kid.ask(order{Do: "status"})
		if errors.Is(err, errKilled) {
			h.kills++
			h.kid.bury()
			born()
			continue
		}
		if err != nil {
			continue // not up yet
		}
		s := *r.Status
		if s.Started.Before(began) { // the one before, or none
			if p, err := h.kid.ask(order{Do: "plan", Way: way}); err == nil {
				_, _ = h.kid.ask(order{Do: "confirm", Hash: p.Hash})
			}
			continue
		}
		if s.Stage == bridge.ResetDone {
			return s
		}
		if s.Stage == bridge.ResetCancelled {
			h.t.Fatalf("cancelled: %+v", s)
		}
		v.act(s)
	}
	r, err := h.kid.ask(order{Do: "status"})
	h.t.Fatalf("the workflow does not come to its end: %+v, %v", r.Status, err)
	return bridge.ResetStatus{}
}

func (v *visitor) act(s bridge.ResetStatus) {
	l := v.h.lock
	if s.Stage == bridge.ResetRejoining && !l.Joined() && time.Since(v.pressed) > time.Second {
		v.pressed = time.Now()
		l.PressJoin()
	}
	if s.Step == nil {
		return
	}
	answer := "done"
	switch id := s.Step.ID; {
	case strings.HasPrefix(id, "hand-"):
		if s.StepNo == s.Steps && !v.done["reset"] {
			v.done["reset"] = true
			<-l.ResetByHand()
		}
	case id == "master":
		old := ""
		if !l.NeedsMaster() {
			old = l.Family().Defaults.Master
			if v.done["master"] {
				old = "998877"
			}
		}
		if l.SetMaster(old, "998877") == nil {
			v.done["master"] = true
			time.Sleep(50 * time.Millisecond)
		}
	case id == "default-tried":
		answer = "refused"
	case id == "others":
		answer = "leave out"
	case id == "test-motor":
		answer = "go"
	case id == "test-keypad":
		for name, pin := range v.people {
			if strings.Contains(s.Step.Text, name) && l.Keypad(pin) != nil {
				v.h.t.Errorf("the code of %s does not open", name)
			}
		}
		time.Sleep(100 * time.Millisecond)
		answer = "worked"
	case id == "retry":
		answer = "retry"
		if s.StuckAt == bridge.ResetErasing {
			v.retries++
			v.done = map[string]bool{}
		}
	}
	_, _ = v.h.kid.ask(order{Do: "ack", Step: s.Step.ID, Answer: answer})
}

// resets counts how often the lock reset itself since a time.
func (h *house) resets(since time.Time) int {
	n := 0
	for _, i := range h.lock.Indicators() {
		if i.Sign == "triple beep" && i.At.After(since) {
			n++
		}
	}
	return n
}

// TestCrashAtEachBoundaryOfAReset kills at each point between side effect and record, and at each stage boundary.
func TestCrashAtEachBoundaryOfAReset(t *testing.T) {
	for _, c := range []struct {
		model string
		way   bridge.ResetWay
	}{{"SMARTCODE_DEADBOLT_10", bridge.ResetHands}, {"YRD256 TSDB", bridge.ResetBasic}, {"YRD256 TSDB", bridge.ResetClearCodes}} {
		t.Run(string(c.way), func(t *testing.T) {
			share := count(1)
			if os.Getenv("LATCHKEY_CRASH") == "" && c.way != bridge.ResetClearCodes {
				share = 0 // once through, undisturbed: all of it takes a minute, which CI spends in its own step
			}
			t.Parallel()
			began := time.Now()
			people := map[string]string{"Ann": "2846", "Bob": "9175"}
			h := newHouse(t, c.model)
			h.furnish(people)
			x := &reaper{kills: map[string]int{}, seen: map[string]bool{}}
			v := &visitor{h: h, people: people}
			rounds := 0
			for ; ; rounds++ {
				if rounds > 0 { // the first one is left alone, to see what there is
					left := x.choose(share, rounds)
					if len(left) == 0 {
						break
					}
					if rounds > 40*share+40 {
						t.Fatalf("these points were not passed often enough: %q", left)
					}
				}
				start := time.Now()
				v.reset(x, c.way)
				x.mu.Lock()
				erases := x.erases
				x.mu.Unlock()
				if n := h.resets(start); c.way == bridge.ResetHands && n != 1+v.retries {
					t.Fatalf("round %d: the lock was reset %d times, a person asked for %d", rounds, n, 1+v.retries)
				}
				if c.way != bridge.ResetHands && erases > 1+v.retries {
					t.Fatalf("round %d: the lock was asked %d times to erase itself, a person asked for %d", rounds, erases, 1+v.retries)
				}
				h.start(false) // undisturbed: all is in its place
				h.wait("the users", order{Do: "users"}, func(r reply) bool {
					return len(r.Users) == 2 && r.Users["Ann"].PIN == people["Ann"] && r.Users["Bob"].PIN == people["Bob"]
				})
				h.agree()
				h.kid.kill()
			}
			points := slices.Sorted(maps.Keys(x.seen))
			t.Logf("%s: %d resets came to their end over %d kills in %v; killed at least %d times at each of the %d points that every reset passes; never erased unasked, every code restored",
				c.way, rounds, h.kills, time.Since(began).Round(time.Second), share, len(x.always))
			for _, p := range points {
				t.Logf("  %4d  %s", x.kills[p], p)
			}
			if len(points) < 20 || h.kills < share*len(points)/2 {
				t.Errorf("only %d points were seen, and %d kills made", len(points), h.kills)
			}
		})
	}
}
