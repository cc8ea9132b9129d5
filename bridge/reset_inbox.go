package bridge

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// inboxLimit bounds what a workflow has not yet looked at. A workflow looks within microseconds unless its store is stuck; then signs of life go first.
const inboxLimit = 512

// ask shows a step; its answers are taken from then on.
func (w *resetFlow) ask(s ResetStep) {
	if len(s.Answers) == 0 {
		s.Answers = []string{"done"}
	}
	w.display(func(sh *resetShow) { sh.step, sh.countdown = &s, time.Time{} })
}

// next gives the next event or answer. timeout tells that until has passed (zero: never). What was answered before counts as taken.
func (w *resetFlow) next(ctx context.Context, until time.Time) (in resetInput, timeout bool, err error) {
	w.confirm()
	var timer <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timer = t.C
	}
	for {
		w.mu.Lock()
		if len(w.in) > 0 {
			in = w.in[0]
			w.in = w.in[1:]
			if in.reply != nil && !(in.cancel && !w.rec.canCancel()) {
				w.replies = append(w.replies, in.reply)
			}
			if in.answer != "" {
				w.show.step = nil
			}
			w.mu.Unlock()
			if in.cancel {
				if w.cancellable() {
					return in, false, errCancelled
				}
				w.deny(in.reply)
				continue
			}
			return in, false, nil
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return in, false, ctx.Err()
		case <-timer:
			return in, true, nil
		case <-w.bell:
		}
	}
}

// cancelWanted takes a cancellation out of the inbox, for the moment before a step that cannot be undone.
func (w *resetFlow) cancelWanted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.in, func(in resetInput) bool { return in.cancel })
	if i < 0 {
		return false
	}
	w.replies = append(w.replies, w.in[i].reply)
	w.in = slices.Delete(w.in, i, i+1)
	return true
}

func (w *resetFlow) cancellable() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rec.canCancel()
}

func (w *resetFlow) deny(reply chan error) {
	reply <- fmt.Errorf("bridge: it was too late to cancel: the lock may be erased, and is not left half way: %w", ErrConflict)
}

func (w *resetFlow) push(in resetInput) {
	w.mu.Lock()
	if len(w.in) >= inboxLimit && in.ev != nil {
		w.mu.Unlock()
		return
	}
	w.in = append(w.in, in)
	w.mu.Unlock()
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

// event takes what the journal says of the lock. It does not block.
func (w *resetFlow) event(ev Event) {
	switch ev.Body.(type) {
	case Heard:
		w.mu.Lock()
		n := len(w.in)
		idle := w.rec.Stage.over() || n > 0
		w.mu.Unlock()
		if idle {
			return
		}
	case ResetMoved, ResetNoticed, CommandFinished, UserChanged, LockRenamed:
		return
	}
	w.push(resetInput{ev: &ev})
}

// offer checks an answer against the step that is shown.
func (w *resetFlow) offer(step, answer string, reply chan error) error {
	w.mu.Lock()
	s := w.show.step
	if s == nil || s.ID != step {
		w.mu.Unlock()
		if s == nil {
			return fmt.Errorf("bridge: the reset waits for no answer now: %w", ErrConflict)
		}
		return fmt.Errorf("bridge: the reset waits for an answer to step %q: %w", s.ID, ErrConflict)
	}
	if !slices.Contains(s.Answers, answer) {
		w.mu.Unlock()
		return fmt.Errorf("bridge: step %q takes one of %q: %w", step, s.Answers, ErrConflict)
	}
	for _, in := range w.in {
		if in.reply != nil {
			w.mu.Unlock()
			return fmt.Errorf("bridge: another answer is being taken: %w", ErrConflict)
		}
	}
	w.in = append(w.in, resetInput{step: step, answer: answer, reply: reply})
	w.mu.Unlock()
	select {
	case w.bell <- struct{}{}:
	default:
	}
	return nil
}

func (w *resetFlow) offerCancel(reply chan error) error {
	w.mu.Lock()
	can, stage := w.rec.canCancel(), w.rec.Stage
	w.mu.Unlock()
	if !can {
		return fmt.Errorf("bridge: at %q it is too late to cancel: the lock may be erased, and is not left half way: %w", stage, ErrConflict)
	}
	w.push(resetInput{cancel: true, reply: reply})
	return nil
}

// canCancel: only before erasing, or when the lock was seen not to have been erased, or when nobody can tell; its codes then say so.
func (rec *resetRecord) canCancel() bool {
	switch rec.Stage {
	case ResetConfirmed, ResetGuarded:
		return true
	case ResetStuck:
		return rec.StuckAt == ResetConfirmed || rec.StuckAt == ResetGuarded || rec.StuckAt == ResetErasing && (rec.Untouch || rec.Doubt)
	}
	return false
}

// refuseAll answers everybody who still waits, when the workflow stops.
func (w *resetFlow) refuseAll() {
	w.confirm()
	w.mu.Lock()
	in := w.in
	w.in = nil
	w.mu.Unlock()
	for _, i := range in {
		if i.reply != nil {
			i.reply <- fmt.Errorf("bridge: the reset has stopped; the answer was not taken: %w", ErrConflict)
		}
	}
}

// abandon ends the workflow without another record: its lock was forgotten.
func (w *resetFlow) abandon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.ended = true
		close(w.gone)
	}
}

func (w *resetFlow) stage() ResetStage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rec.Stage
}

// holds tells whether the reconciler must leave the lock alone.
func (w *resetFlow) holds() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.rec.Stage
	if s == ResetStuck {
		s = w.rec.StuckAt
	}
	switch s {
	case ResetGuarded, ResetErasing, ResetWaiting, ResetRejoining, ResetSecuring:
		return true
	case ResetRestoring:
		return !w.rec.Released
	}
	return false
}

func (w *resetFlow) tampered() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rec.Unasked && !w.rec.Seen
}

func (w *resetFlow) ackTamper() error {
	return w.write(func(rec *resetRecord) { rec.Seen = true })
}

// dangerous: the door may open to a default code, or to nobody.
func (rec *resetRecord) dangerous() bool {
	s := rec.Stage
	if s == ResetStuck {
		s = rec.StuckAt
	}
	switch s {
	case ResetWaiting, ResetRejoining, ResetSecuring:
		return true
	case ResetRestoring, ResetTesting:
		return rec.Defaults == ""
	}
	return false
}

func (w *resetFlow) status() ResetStatus {
	name := string(w.id)
	if v, err := w.r.host.Find(string(w.id)); err == nil {
		name = v.Name
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	rec, sh := &w.rec, &w.show
	s := ResetStatus{
		Lock: w.id, Name: name, Stage: rec.Stage, StuckAt: rec.StuckAt, Since: rec.Since, Started: rec.Started, Way: rec.Way, Plan: rec.Plan,
		StepNo: sh.no, Steps: sh.of, Countdown: sh.countdown, Awaiting: slices.Clone(sh.awaiting), Deadline: sh.deadline,
		Seen: slices.Clone(rec.Signs), Why: orElse(sh.why, rec.Why), Next: orElse(sh.next, rec.Next), Dangerous: rec.dangerous(), Unasked: rec.Unasked,
		Pending: sh.pending, Restored: sh.restored, CanCancel: rec.canCancel(), Report: rec.Report,
	}
	if sh.step != nil {
		step := *sh.step
		s.Step = &step
	}
	return s
}
