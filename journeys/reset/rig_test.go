// Package reset takes the factory-reset workflow through the real driver to an emulated lock: one test a line of the advice that the workflow follows.
package reset

import (
	"context"
	"errors"
	"flag"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/journeys/stack"
	"github.com/latchkeyd/latchkey/lockfw"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "16") // these tests wait for emulated locks more than they work
	goleak.VerifyTestMain(m)
}

const (
	speed   = 50
	annCode = "2846"
	bobCode = "9175"
)

// rig is a home with one emulated lock and the daemon's inner part.
type rig struct {
	t    *testing.T
	lock *lockfw.Lock
	id   bridge.LockID
	b    *bridge.Bridge

	hold     time.Duration // how long the button is held; zero: the family's whole procedure
	keeps    bool          // does not touch the button
	retries  int
	tried    int
	done     map[string]bool
	answered map[string]string // other answers than the ordinary ones
}

// newRig lets a lock of the model join, and two people have codes on it.
func newRig(t *testing.T, model string, adjust func(*lockfw.Behaviour), locks bridge.LockSettings) *rig {
	t.Helper()
	if strings.Contains(t.Name(), "/") { // the others have said so
		t.Parallel()
	}
	home := lockfw.New(lockfw.Config{Seed: 7, Speed: speed, Delay: time.Millisecond})
	l, err := home.AddLock(lockfw.LockConfig{Model: model, Adjust: adjust})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, lock: l, id: bridge.LockID(l.ID().String()), answered: map[string]string{}}
	s, err := stack.New(stack.Config{
		Dir: filepath.Join(t.TempDir(), "state"), Dongle: "tcp://" + ln.Addr().String(), Speed: speed, Locks: map[bridge.LockID]bridge.LockSettings{r.id: locks},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.b = s.Bridge
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	go func() { ended <- home.Run(ctx) }()
	go func() { ended <- home.Dongle().ServeListener(ctx, ln) }()
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		for range 3 {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed) {
				t.Errorf("at the end: %v", err)
			}
		}
	})
	r.wait("the dongle", func() bool { return s.Up() })
	if err := r.b.Join(t.Context(), bridge.Join{Window: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if l.NeedsMaster() {
		if err := l.SetMaster("", "11112222"); err != nil {
			t.Fatal(err)
		}
	}
	l.PressJoin()
	r.wait("the interview", func() bool {
		v, err := r.b.Find(string(r.id))
		return err == nil && v.Info.Ready && v.Battery != nil
	})
	if v := r.view(); v.Info.Traits.Slots > 0 {
		for _, u := range []struct{ name, code string }{{"Ann", annCode}, {"Bob", bobCode}} {
			id, err := r.b.AddUser(t.Context(), bridge.Cause{Source: bridge.SourceAPI}, bridge.User{Name: u.name, PIN: pin(t, u.code), AllLocks: true})
			if err != nil {
				t.Fatal(err)
			}
			if v.Info.Traits.Slots == 1 || v.Info.Traits.FirstSlot == v.Info.Traits.LastSlot {
				break
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			c, err := r.b.WaitSync(ctx, r.id, id)
			cancel()
			if err != nil || c.State != bridge.CodeInSync && c.State != bridge.CodeUnverifiable {
				t.Fatalf("%s's code: %+v, %v", u.name, c, err)
			}
		}
	}
	return r
}

func pin(t *testing.T, s string) bridge.PIN {
	t.Helper()
	p, err := bridge.NewPIN([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (r *rig) wait(what string, ok func() bool) {
	r.t.Helper()
	for until := time.Now().Add(40 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	r.t.Fatalf("waited in vain for %s", what)
}

func (r *rig) view() bridge.LockView {
	r.t.Helper()
	v, err := r.b.Find(string(r.id))
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func (r *rig) status() bridge.ResetStatus {
	r.t.Helper()
	s, err := r.b.ResetStatus(r.id)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) plan(way bridge.ResetWay) bridge.ResetPlan {
	r.t.Helper()
	p, err := r.b.PlanReset(r.t.Context(), r.id, way)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) begin(way bridge.ResetWay) {
	r.t.Helper()
	p := r.plan(way)
	if err := r.b.ConfirmReset(r.t.Context(), r.id, p.Hash, bridge.Cause{Source: bridge.SourceAPI}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) ack(step, answer string) error {
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	return r.b.AckReset(ctx, r.id, step, map[string]string{"answer": answer})
}

func over(s bridge.ResetStage) bool { return s == bridge.ResetDone || s == bridge.ResetCancelled }

// until has the person at the door do what is asked until ok.
func (r *rig) until(what string, ok func(bridge.ResetStatus) bool) bridge.ResetStatus {
	r.t.Helper()
	var s bridge.ResetStatus
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if s = r.status(); ok(s) {
			return s
		}
		if over(s.Stage) || s.Stage == bridge.ResetStuck && r.tried >= r.retries {
			break
		}
		r.hands(s)
	}
	r.t.Fatalf("the workflow did not come to %s: it is at %q (%s; next: %s), step %+v, seen %+v", what, s.Stage, s.Why, s.Next, s.Step, s.Seen)
	return s
}

func (r *rig) reaches(stage bridge.ResetStage) bridge.ResetStatus {
	r.t.Helper()
	return r.until(string(stage), func(s bridge.ResetStatus) bool { return s.Stage == stage })
}

func (r *rig) asks(step string) bridge.ResetStatus {
	r.t.Helper()
	return r.until("the step "+step, func(s bridge.ResetStatus) bool { return s.Step != nil && s.Step.ID == step })
}

// hands does what the step asks.
func (r *rig) hands(s bridge.ResetStatus) {
	if s.Stage == bridge.ResetRejoining && !r.lock.Joined() && !r.done["join"] {
		r.did("join")
		r.lock.PressJoin()
	}
	if s.Step == nil || r.done[s.Step.ID+s.Since.String()] {
		return
	}
	answer, last := "done", s.StepNo == s.Steps
	switch id := s.Step.ID; {
	case strings.HasPrefix(id, "hand-"):
		if last && !r.keeps { // whoever guides reads all steps first; the whole gesture is made at the last one
			if r.hold > 0 {
				<-r.lock.HoldReset(r.hold)
			} else {
				<-r.lock.ResetByHand()
			}
		}
	case id == "master":
		r.did(id + s.Since.String())
		old := ""
		if !r.lock.NeedsMaster() {
			old = r.lock.Family().Defaults.Master
			if m, _ := r.lock.Sticker(); m != nil {
				old = string(m)
			}
		}
		if r.lock.SetMaster(old, "998877") == nil {
			r.grace(id)
		}
	case id == "default-tried":
		answer = "refused"
		for _, c := range r.defaults() {
			if r.lock.Keypad(c) == nil {
				answer = "opened"
			}
		}
	case id == "others":
		answer = "leave out"
	case id == "unasked":
		answer = "restore"
	case id == "saw":
		answer = "no"
		for _, i := range r.lock.Indicators() {
			if i.Sign == "triple beep" {
				answer = "yes"
			}
		}
	case id == "batteries":
		r.lock.FitBatteries(100)
		answer = s.Step.Answers[0]
	case id == "test-motor":
		answer = "go"
	case id == "test-keypad":
		code := annCode
		if !strings.Contains(s.Step.Text, "Ann") {
			code = bobCode
		}
		answer = "refused"
		if r.lock.Keypad(code) == nil {
			answer = "worked"
			r.grace(id) // the lock's own word comes first, where it has one
		}
	case id == "retry":
		r.tried++
		r.done = nil
		answer = "retry"
	}
	if a, ok := r.answered[s.Step.ID]; ok {
		answer = a
	}
	if err := r.ack(s.Step.ID, answer); err != nil && !errors.Is(err, bridge.ErrConflict) && !errors.Is(err, context.DeadlineExceeded) {
		r.t.Errorf("answer %q to %q: %v", answer, s.Step.ID, err)
	}
}

// grace lets the lock speak before the person does.
func (r *rig) grace(step string) {
	for range 200 {
		if s := r.status(); s.Step == nil || s.Step.ID != step {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *rig) did(what string) {
	if r.done == nil {
		r.done = map[string]bool{}
	}
	r.done[what] = true
}

func (r *rig) defaults() []string {
	var out []string
	for _, c := range r.lock.Family().Defaults.Codes {
		out = append(out, c)
	}
	_, users := r.lock.Sticker()
	for _, u := range users {
		out = append(out, string(u))
	}
	return out
}

// restored checks that Ann's and Bob's codes open, and no default code does.
func (r *rig) restored() {
	r.t.Helper()
	have := map[string]bool{}
	for _, c := range r.lock.Codes() {
		if c.Slot >= 0 && len(c.PIN) > 0 {
			have[string(c.PIN)] = true
		}
	}
	if !have[annCode] || !have[bobCode] {
		r.t.Errorf("on the lock: Ann's code %v, Bob's code %v", have[annCode], have[bobCode])
	}
	for _, c := range r.defaults() {
		if have[c] {
			r.t.Error("a default code still stands in the lock")
		}
	}
}

// resets counts how often the lock was reset: it beeps three times each time.
func (r *rig) resets() int {
	n := 0
	for _, i := range r.lock.Indicators() {
		if i.Sign == "triple beep" {
			n++
		}
	}
	return n
}

func contains(list []string, part string) bool {
	for _, s := range list {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

func saw(s bridge.ResetStatus, sign string) bool {
	for _, x := range s.Seen {
		if x.Sign == sign {
			return true
		}
	}
	return false
}
