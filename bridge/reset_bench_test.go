package bridge

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// resetBench is a home with one door, on which a bridge can be started again and again.
type resetBench struct {
	t    *testing.T
	door *fakeDoor
	disk *fakeDisk
	cfg  Config

	b    *Bridge
	stop func()

	person resetPerson
}

// resetPerson is who stands at the door.
type resetPerson struct {
	holds    time.Duration // how long the button is held; zero: as long as it takes
	keeps    bool          // does not touch the reset button at all
	retries  int           // how often to try again when stuck
	skips    bool          // skips tests
	foreign  string        // answer to "others"
	unasked  string        // answer to "unasked"
	attempts int
	done     map[string]bool // hand steps of this attempt: a person does not do twice what is asked once
}

func (p *resetPerson) did(step string) {
	if p.done == nil {
		p.done = map[string]bool{}
	}
	p.done[step] = true
}

const (
	annCode = "24681357"
	bobCode = "97531864"
)

func newResetBench(t *testing.T, family string) *resetBench {
	return &resetBench{t: t, door: newFakeDoor(family), disk: newFakeDisk(), cfg: Config{Location: time.UTC}}
}

func pin(t *testing.T, s string) PIN {
	t.Helper()
	p, err := NewPIN([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// boot starts a bridge on what the disk holds.
func (k *resetBench) boot() {
	k.t.Helper()
	b, err := New(k.cfg, fakeDriver{k.door}, k.disk)
	if err != nil {
		k.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.Run(ctx); err != nil && ctx.Err() == nil {
			k.t.Errorf("Run: %v", err)
		}
	}()
	<-b.Ready()
	k.b = b
	k.stop = func() {
		cancel()
		<-done
	}
}

// home starts a bridge and lets two people have codes.
func (k *resetBench) home() {
	k.t.Helper()
	k.boot()
	ctx := k.t.Context()
	for _, u := range []User{{Name: "Ann", PIN: pin(k.t, annCode), AllLocks: true}, {Name: "Bob", PIN: pin(k.t, bobCode), AllLocks: true}} {
		id, err := k.b.AddUser(ctx, Cause{Source: SourceAPI}, u)
		if err != nil {
			k.t.Fatal(err)
		}
		if k.door.info.Traits.Slots == 0 {
			continue
		}
		c, err := k.b.WaitSync(ctx, doorID, id)
		if err != nil || c.State != CodeInSync && c.State != CodeUnverifiable {
			k.t.Fatalf("WaitSync: %+v, %v", c, err)
		}
	}
	k.nap(30 * time.Second)
}

func (k *resetBench) nap(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (k *resetBench) status() ResetStatus {
	k.t.Helper()
	s, err := k.b.ResetStatus(doorID)
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

func (k *resetBench) plan(way ResetWay) ResetPlan {
	k.t.Helper()
	p, err := k.b.PlanReset(k.t.Context(), doorID, way)
	if err != nil {
		k.t.Fatal(err)
	}
	return p
}

func (k *resetBench) begin(way ResetWay) {
	k.t.Helper()
	p := k.plan(way)
	if err := k.b.ConfirmReset(k.t.Context(), doorID, p.Hash, Cause{Source: SourceAPI}); err != nil {
		k.t.Fatal(err)
	}
}

func (k *resetBench) ack(step, answer string) error {
	ctx, cancel := context.WithTimeout(k.t.Context(), time.Minute)
	defer cancel()
	return k.b.AckReset(ctx, doorID, step, map[string]string{"answer": answer})
}

func (k *resetBench) mustAck(step, answer string) {
	k.t.Helper()
	if err := k.ack(step, answer); err != nil {
		k.t.Fatalf("answer %q to %q: %v", answer, step, err)
	}
}

// reaches waits until the workflow stands at a stage, with the person's hands at work if hands is true.
func (k *resetBench) reaches(stage ResetStage, hands bool) ResetStatus {
	k.t.Helper()
	for range 4000 {
		s := k.status()
		if s.Stage == stage {
			return s
		}
		if s.Stage == ResetDone || s.Stage == ResetCancelled {
			break
		}
		if s.Stage == ResetStuck && (!hands || k.person.attempts >= k.person.retries) {
			break
		}
		if hands {
			k.hands(s)
		}
		k.nap(500 * time.Millisecond)
	}
	s := k.status()
	k.t.Fatalf("the workflow did not reach %q: it is at %q (%s; next: %s), step %+v, seen %+v", stage, s.Stage, s.Why, s.Next, s.Step, s.Seen)
	return s
}

// asks waits for a step.
func (k *resetBench) asks(step string, hands bool) ResetStatus {
	k.t.Helper()
	for range 4000 {
		s := k.status()
		if s.Step != nil && s.Step.ID == step {
			return s
		}
		if s.Stage.over() || s.Stage == ResetStuck && k.person.attempts >= k.person.retries {
			break
		}
		if hands {
			k.hands(s)
		}
		k.nap(500 * time.Millisecond)
	}
	s := k.status()
	k.t.Fatalf("the workflow did not ask %q: it is at %q (%s), step %+v, seen %+v", step, s.Stage, s.Why, s.Step, s.Seen)
	return s
}

// hands does what the step asks of a person. An answer that is no longer wanted is a person's ordinary mistake.
func (k *resetBench) hands(s ResetStatus) {
	k.t.Helper()
	d, p := k.door, &k.person
	if s.Stage == ResetRejoining {
		d.press()
	}
	if s.Step == nil {
		return
	}
	answer := "done"
	switch id := s.Step.ID; {
	case strings.HasPrefix(id, "hand-"):
		if s.Step.Seconds > 0 || s.StepNo == s.Steps && !anySeconds(s.Plan) {
			if again := p.done[id]; !p.keeps && !again {
				p.did(id)
				hold := p.holds
				if hold == 0 {
					hold = d.need
				}
				time.Sleep(hold)
				d.hold(hold)
			}
		}
	case id == "batteries":
		answer = s.Step.Answers[0]
		d.setBattery(100)
	case id == "master":
		d.makeMaster("55443322")
		if !d.mute {
			return
		}
	case id == "default-tried":
		opened := d.enter(d.defaultCode())
		if !d.mute {
			return
		}
		answer = "refused"
		if opened {
			answer = "opened"
		}
	case id == "others":
		answer = orElse(p.foreign, "leave out")
	case id == "unasked":
		answer = orElse(p.unasked, "restore")
	case id == "saw":
		answer = "no"
		if d.erasures() > 0 {
			answer = "yes"
		}
	case id == "test-motor":
		answer = "go"
		if p.skips {
			answer = "skip"
		}
	case id == "test-keypad":
		if p.skips {
			answer = "skip"
			break
		}
		code := annCode
		if !strings.Contains(s.Step.Text, "Ann") {
			code = bobCode
		}
		ok := d.enter(code)
		if !d.mute {
			return
		}
		answer = "refused"
		if ok {
			answer = "worked"
		}
	case id == "retry":
		p.attempts++
		p.done = nil
		answer = "retry"
	}
	if err := k.ack(s.Step.ID, answer); err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, context.DeadlineExceeded) {
		k.t.Errorf("answer %q to %q: %v", answer, s.Step.ID, err)
	}
}

func anySeconds(p *ResetPlan) bool {
	if p == nil {
		return false
	}
	for _, s := range p.Steps {
		if s.Seconds > 0 {
			return true
		}
	}
	return false
}

func (d *fakeDoor) defaultCode() string {
	for _, c := range d.defaults {
		return c
	}
	return "00000000"
}

// restored checks that the lock holds exactly the codes of Ann and Bob.
func (k *resetBench) restored() {
	k.t.Helper()
	have := map[string]bool{}
	for _, c := range k.door.codes() {
		have[c] = true
	}
	if !have[annCode] || !have[bobCode] || len(have) != 2 {
		k.t.Errorf("codes on the lock after the restore: %d, Ann %v, Bob %v", len(have), have[annCode], have[bobCode])
	}
}

func (k *resetBench) sawSign(s ResetStatus, sign string) bool {
	for _, x := range s.Seen {
		if x.Sign == sign {
			return true
		}
	}
	return false
}

// inBubble runs a test in a synctest bubble, and stops the bridge at its end.
func inBubble(t *testing.T, family string, f func(k *resetBench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := newResetBench(t, family)
		defer func() {
			if k.stop != nil {
				k.stop()
			}
		}()
		f(k)
	})
}
