package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/web"
)

func (a *app) cmdReset() *cobra.Command {
	var method string
	var plan, cancel, status bool
	var confirm, ack string
	c := command("reset NAME", "Factory-reset a lock, step by step, and bring its codes back",
		"  latchkey reset \"Front door\" --plan       # what it would need, cost and bring back; changes nothing\n  latchkey reset \"Front door\"\n  latchkey reset \"Front door\" --method clear-codes\n  latchkey reset \"Front door\" --json --confirm \"Front door\"   # stages as lines, for scripts",
		1, 1, func(ctx context.Context, args []string) error {
			var l web.Lock
			if err := a.call(ctx, "GET", "/locks/"+esc(args[0]), nil, &l); err != nil {
				return err
			}
			r := &resetScreen{app: a, lock: l, path: "/locks/" + esc(string(l.ID)) + "/reset"}
			switch {
			case plan:
				p, err := r.plan(ctx, method)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(p)
				}
				r.showPlan(p)
				return nil
			case ack != "":
				step, text, _ := strings.Cut(ack, "=")
				var st bridge.ResetStatus
				if err := a.call(ctx, "POST", r.path+"/ack", map[string]any{"step": step, "answer": map[string]string{"answer": orText(text, "done")}}, &st); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(st)
				}
				r.show(st)
				return nil
			case status:
				st, err := r.status(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(st)
				}
				r.show(st)
				return nil
			case cancel:
				var st bridge.ResetStatus
				if err := a.call(ctx, "POST", r.path+"/cancel", nil, &st); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(st)
				}
				a.say("The reset of %s is cancelled. %s", l.Name, orText(strings.TrimSpace(st.Why+" "+st.Next), "Nothing was erased."))
				return nil
			}
			return r.run(ctx, method, confirm)
		})
	f := c.Flags()
	f.StringVar(&method, "method", "", "clear-codes, basic, leave or hands; left out: the best that this lock has")
	f.BoolVar(&plan, "plan", false, "show the plan and change nothing")
	f.BoolVar(&status, "status", false, "show where a reset stands")
	f.BoolVar(&cancel, "cancel", false, "give a reset up, before anything is erased")
	f.StringVar(&ack, "ack", "", "answer a step and leave: STEP or STEP=ANSWER, as --status --json names them; for scripts")
	f.StringVar(&confirm, "confirm", "", "the lock's name, in place of typing it")
	return c
}

// resetScreen leads a person through a reset: one screen a step.
type resetScreen struct {
	*app
	lock  web.Lock
	path  string
	last  string // what the screen shows, so that it is drawn anew only when that changes
	seen  int    // signs told so far
	asked string // which question was asked last
}

func (r *resetScreen) plan(ctx context.Context, method string) (bridge.ResetPlan, error) {
	var p bridge.ResetPlan
	return p, r.call(ctx, "POST", r.path, map[string]string{"method": method}, &p)
}

func (r *resetScreen) status(ctx context.Context) (bridge.ResetStatus, error) {
	var st bridge.ResetStatus
	return st, r.call(ctx, "GET", r.path, nil, &st)
}

func under(st bridge.ResetStatus) bool {
	switch st.Stage {
	case bridge.ResetNotStarted, bridge.ResetPlanned, bridge.ResetDone, bridge.ResetCancelled:
		return false
	}
	return true
}

// run plans, has the plan confirmed and stays until the reset is done. One that is under way already is gone on with.
func (r *resetScreen) run(ctx context.Context, method, confirm string) error {
	st, err := r.status(ctx)
	if err != nil {
		return err
	}
	if !under(st) {
		p, err := r.plan(ctx, method)
		if err != nil {
			return err
		}
		if r.json {
			if err := r.printJSON(map[string]any{"stage": "plan", "plan": p}); err != nil {
				return err
			}
		} else {
			r.showPlan(p)
		}
		if confirm == "" {
			if r.json {
				return usage("--json needs --confirm with the lock's name: a script says which door it resets")
			}
			if confirm, err = r.ask(fmt.Sprintf("\nType the lock's name (%s) to start, anything else to stop:", p.Name)); err != nil {
				return err
			}
		}
		if strings.TrimSpace(confirm) != p.Name {
			return &coded{exitFailed, errors.New("nothing was reset: the name typed is not the lock's")}
		}
		if err := r.call(ctx, "POST", r.path+"/confirm", map[string]string{"plan": p.Hash, "name": p.Name}, &st); err != nil {
			return err
		}
	} else if !r.json {
		r.say("A reset of %s is under way. Going on with it.", r.lock.Name)
	}
	return r.follow(ctx)
}

// follow draws each change of the workflow, and asks at the steps that hands do. It looks again at every event of the lock, and each second for countdowns.
func (r *resetScreen) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bell := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// If the stream breaks, the tick below still looks once a second.
		_ = r.stream(ctx, url.Values{"lock": {string(r.lock.ID)}}, func(event) bool {
			select {
			case bell <- struct{}{}:
			default:
			}
			return false
		})
	}()
	defer func() { cancel(); <-ended }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	answers := make(chan answer, 1)
	defer r.clearLine()
	for {
		st, err := r.status(ctx)
		if err != nil {
			return err
		}
		r.show(st)
		if !under(st) {
			return r.end(st)
		}
		r.prompt(ctx, st, answers)
		select {
		case <-ctx.Done():
			r.clearLine()
			return &coded{exitFailed, fmt.Errorf("stopped watching; the reset goes on. Come back with: latchkey reset %q", r.lock.Name)}
		case <-bell:
		case <-tick.C:
		case got := <-answers:
			if got.err != nil {
				return got.err
			}
			if err := r.acknowledge(ctx, got); err != nil {
				return err
			}
		}
	}
}

type answer struct {
	step bridge.ResetStep
	text string
	err  error
}

// prompt asks for the present step's answer, once, while the screen goes on watching.
func (r *resetScreen) prompt(ctx context.Context, st bridge.ResetStatus, answers chan<- answer) {
	if st.Step == nil || r.json || r.asked == askedOf(st) {
		return
	}
	r.asked = askedOf(st)
	step := *st.Step
	question := "Press Enter when that is done"
	if len(step.Answers) > 0 {
		question = "Type " + strings.Join(step.Answers, " or ")
	}
	go func() { // ends with the line typed, or with the process
		text, err := r.ask(question + " >")
		select {
		case answers <- answer{step, text, err}:
		case <-ctx.Done():
		}
	}()
}

// askedOf names a question.
func askedOf(st bridge.ResetStatus) string { return fmt.Sprint(st.Step.ID, st.Stage, st.Since) }

// acknowledge sends the answer. What is no answer is asked again; what the workflow does not wait for any more is nobody's fault.
func (r *resetScreen) acknowledge(ctx context.Context, got answer) error {
	text := got.text
	switch known := got.step.Answers; {
	case len(known) == 0:
		text = orText(text, "done")
	case text == "" && len(known) == 1:
		text = known[0]
	case !slices.Contains(known, text):
		r.say("! %s is no answer here.", bridge.Quote(text)) // a code, maybe, that belongs into the lock's keypad
		r.asked = ""
		return nil
	}
	err := r.call(ctx, "POST", r.path+"/ack", map[string]any{"step": got.step.ID, "answer": map[string]string{"answer": text}}, nil)
	if p, ok := errors.AsType[*web.Problem](err); ok {
		if p.Status != http.StatusConflict {
			r.say("! %v", p)
			r.asked = ""
		}
		return nil
	}
	return err
}

func (r *resetScreen) end(st bridge.ResetStatus) error {
	r.clearLine()
	if st.Stage != bridge.ResetDone {
		return &coded{exitFailed, fmt.Errorf("the reset ended: %s. %s", st.Stage, st.Why)}
	}
	if st.Report != nil && len(st.Report.Failed) > 0 {
		return &coded{exitFailed, fmt.Errorf("the reset is done, but not everything came back: %s", strings.Join(st.Report.Failed, "; "))}
	}
	return nil
}
