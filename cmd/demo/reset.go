package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// person is the one at the door during a guided reset: it does what each step says, as its maker's guide has it.
type person struct {
	lock  *lockfw.Lock
	acted map[string]bool
}

// reset takes the guided way from plan to report.
func (s *scene) reset(ctx context.Context, out io.Writer, l *lockfw.Lock) (string, error) {
	b, id := s.home.Bridge(), house.ID(l)
	plan, err := b.PlanReset(ctx, id, bridge.ResetHands)
	if err != nil {
		return "", err
	}
	if err := b.ConfirmReset(ctx, id, plan.Hash, bridge.Cause{Source: bridge.SourceAPI, Actor: "demo"}); err != nil {
		return "", err
	}
	fmt.Fprintln(out)
	p := &person{lock: l, acted: map[string]bool{}}
	var stage bridge.ResetStage
	for {
		st, err := b.ResetStatus(id)
		if err != nil {
			return "", err
		}
		if st.Stage != stage {
			stage = st.Stage
			fmt.Fprintf(out, "      %s\n", stage)
		}
		switch st.Stage {
		case bridge.ResetDone:
			if st.Report == nil || len(st.Report.Failed) > 0 || len(st.Report.Restored) == 0 {
				return "", fmt.Errorf("report %+v", st.Report)
			}
			return fmt.Sprintf("    restored: %s; verified: %s", strings.Join(st.Report.Restored, ", "), strings.Join(st.Report.Verified, ", ")), nil
		case bridge.ResetStuck, bridge.ResetCancelled:
			return "", fmt.Errorf("%s: %s; next: %s", st.Stage, st.Why, st.Next)
		}
		if answer, ok := p.act(st); ok {
			fmt.Fprintf(out, "        %s\n", st.Step.Text)
			if err := b.AckReset(ctx, id, st.Step.ID, map[string]string{"answer": answer}); err != nil && !errors.Is(err, bridge.ErrConflict) {
				return "", err
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the reset stands at %q (%s), step %+v: %w", st.Stage, st.Next, st.Step, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// once tells whether what has not been done yet.
func (p *person) once(what string) bool {
	if p.acted[what] {
		return false
	}
	p.acted[what] = true
	return true
}

// act does what the step asks, and gives the answer to it, if it is time for one.
func (p *person) act(st bridge.ResetStatus) (answer string, ok bool) {
	if st.Stage == bridge.ResetRejoining && !p.lock.Joined() && p.once("join") {
		p.lock.PressJoin()
	}
	if st.Step == nil || !p.once(st.Step.ID+st.Since.String()) {
		return "", false
	}
	switch id := st.Step.ID; {
	case strings.HasPrefix(id, "hand-"):
		if st.StepNo == st.Steps { // a person reads all steps first, then makes the whole gesture
			<-p.lock.ResetByHand()
		}
	case id == "master":
		old := ""
		if !p.lock.NeedsMaster() {
			old = p.lock.Family().Defaults.Master
		}
		if p.lock.SetMaster(old, masterCode) != nil {
			return "", false
		}
		time.Sleep(200 * time.Millisecond) // the lock speaks before the person does
	case id == "default-tried":
		return p.tries(), true
	case id == "test-motor":
		return "go", true
	case id == "test-keypad":
		if p.lock.Keypad(homeCode) != nil {
			return "refused", true
		}
		return "worked", true
	}
	return "done", true
}

// tries types the default codes.
func (p *person) tries() string {
	for _, c := range p.lock.Family().Defaults.Codes {
		if p.lock.Keypad(c) == nil {
			return "opened"
		}
	}
	return "refused"
}

func (s *scene) reopened(ctx context.Context, l *lockfw.Lock) (string, error) {
	p := &person{lock: l}
	if p.tries() != "refused" {
		return "", errors.New("a default code opens the door")
	}
	l.TurnThumb(true)
	after := s.home.Bridge().Snapshot().Seq
	if err := l.Keypad(homeCode); err != nil {
		return "", err
	}
	ev, err := s.home.Await(ctx, after, func(e bridge.Event) bool {
		m, ok := e.Body.(bridge.BoltMoved)
		return ok && e.Lock == house.ID(l) && m.To == bridge.Unlocked
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("unlocked by “%s” at the %s", ev.Cause.Name, ev.Cause.Source), nil
}
