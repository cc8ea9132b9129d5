package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	erasePatience = 2 * time.Minute  // for the lock to take the request: a sleepy lock that a person stands before
	eraseEcho     = 15 * time.Second // a request that was sent before a crash may still lie with the lock's parent, which keeps it for 7.7 s
)

// erase has the lock erase itself, by radio or by guided hands. That it was asked is durable before it is asked, and the answer after: with no answer in
// the record the lock is looked at, never asked again.
func (w *resetFlow) erase(ctx context.Context) (resetMove, error) {
	if w.rec.Way == ResetHands {
		return w.guide(ctx)
	}
	if !w.rec.Asked.IsZero() {
		if w.rec.Answered.IsZero() {
			w.edit(func(rec *resetRecord) { rec.Answered, rec.Answer = time.Now(), "unknown" })
		}
		return resetMove{to: ResetWaiting}, nil
	}
	l, err := w.lock(ctx)
	if err != nil {
		return resetMove{}, err
	}
	if l == nil {
		w.edit(func(rec *resetRecord) { rec.Untouch = true })
		return unreached(ErrDown), nil
	}
	w.display(func(s *resetShow) {
		s.awaiting, s.next = []string{"the lock's answer"}, "Wake the lock: touch its keypad. Keep away from its buttons."
		s.deadline = time.Now().Add(w.r.wait(erasePatience))
	})
	if up, err := w.awaitDongle(ctx); err != nil {
		return resetMove{}, err
	} else if !up {
		w.edit(func(rec *resetRecord) { rec.Untouch = true })
		return unreached(ErrDown), nil
	}
	w.edit(func(rec *resetRecord) { rec.Asked = time.Now() })
	if err := w.save(ctx); err != nil {
		return resetMove{}, err
	}
	// Once only: what became of a request that was under way when the dongle went is not known.
	one, cancel := context.WithTimeout(ctx, w.r.wait(erasePatience))
	err = l.Reset(one, w.rec.Way)
	cancel()
	if ctx.Err() != nil {
		return resetMove{}, ctx.Err()
	}
	w.edit(func(rec *resetRecord) {
		rec.Answered = time.Now()
		switch {
		case err == nil:
			rec.Answer = "ok"
		case errors.Is(err, ErrUnreachable) || errors.Is(err, ErrDown) || errors.Is(err, context.DeadlineExceeded):
			rec.Answer = "unknown"
		default:
			rec.Answer, rec.Untouch = err.Error(), true
		}
	})
	if err == nil || !w.rec.Untouch {
		return resetMove{to: ResetWaiting}, nil
	}
	next := "Wake the lock by touching its keypad, then try again."
	if errors.Is(err, ErrUnsupported) || errors.Is(err, ErrNeedsHands) || errors.Is(err, ErrRejected) {
		next = "This way does not work here. Cancel, and plan the reset by hands or another way."
	}
	return resetMove{to: ResetStuck, why: "Nothing was erased: " + err.Error() + ".", next: next}, nil
}

// awaitDongle waits a while for a dongle that is just being opened after a start, or that somebody plugs in again.
func (w *resetFlow) awaitDongle(ctx context.Context) (up bool, err error) {
	for until := time.Now().Add(downPatience); !w.r.host.hasDongle(); {
		if time.Now().After(until) {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(w.r.wait(time.Second)):
		}
	}
	return true, nil
}

// guide leads a person through the steps. Each answered step is durable. Signs that a reset shows end the guide early.
func (w *resetFlow) guide(ctx context.Context) (resetMove, error) {
	steps := w.proc.handSteps()
	if w.rec.Asked.IsZero() {
		w.edit(func(rec *resetRecord) { rec.Asked = time.Now() })
		if err := w.save(ctx); err != nil {
			return resetMove{}, err
		}
	}
	done, err := w.doneMeanwhile(ctx)
	if err != nil {
		return resetMove{}, err
	}
	for !done && w.rec.Step < len(steps) {
		s := steps[w.rec.Step]
		if w.resumed {
			s.Text = "Latchkey was restarted meanwhile. If you have done this step already, do not do it again, just say done. The step: " + s.Text
			w.resumed = false
		}
		w.askHands(s, w.rec.Step+1, len(steps), false)
		for answered := false; !answered; {
			in, _, err := w.next(ctx, time.Time{})
			if err != nil {
				return resetMove{}, err
			}
			switch {
			case in.answer == "start":
				w.askHands(s, w.rec.Step+1, len(steps), true)
			case in.answer == "done":
				answered = true
			case in.ev != nil && w.takeSign(*in.ev):
				if err := w.save(ctx); err != nil {
					return resetMove{}, err
				}
				answered = w.rec.tellsOfReset()
			}
		}
		if w.rec.tellsOfReset() {
			break
		}
		w.edit(func(rec *resetRecord) { rec.Step++ })
		if err := w.save(ctx); err != nil {
			return resetMove{}, err
		}
	}
	w.edit(func(rec *resetRecord) { rec.Answered, rec.Answer = time.Now(), "hands" })
	return resetMove{to: ResetWaiting}, nil
}

// doneMeanwhile looks at the lock after a restart, before a person is asked for something that may be done already.
func (w *resetFlow) doneMeanwhile(ctx context.Context) (bool, error) {
	if !w.resumed {
		return false, nil
	}
	if w.rec.tellsOfReset() {
		return true, nil
	}
	brief, cancel := context.WithTimeout(ctx, min(w.r.patience(), 10*time.Second)) // the batteries may well be out
	defer cancel()
	s, err := w.look(brief)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return err == nil && s == sightEmpty, nil
}

func (w *resetFlow) askHands(s ResetStep, no, of int, started bool) {
	if s.Seconds > 0 && !started {
		s.Answers = []string{"start", "done"}
	}
	w.ask(s)
	w.display(func(sh *resetShow) {
		sh.no, sh.of, sh.next = no, of, s.Text
		sh.awaiting = []string{"your word, or a sign of the reset by radio"}
		if started {
			sh.countdown = time.Now().Add(time.Duration(s.Seconds) * time.Second)
		}
	})
}

// watch waits for signs that the lock was erased, and looks at it where signs do not say.
func (w *resetFlow) watch(ctx context.Context) (resetMove, error) {
	within := w.r.wait(w.proc.within(w.rec.Way))
	deadline := w.rec.Answered.Add(within)
	if min := time.Now().Add(w.r.wait(10 * time.Second)); deadline.Before(min) {
		deadline = min // resumed: give signs of now a chance
	}
	looked := time.Time{}
	w.display(func(s *resetShow) {
		s.deadline, s.awaiting, s.next = deadline, w.proc.awaited(w.rec.Way), "Wait. "+w.proc.expected()
	})
	for {
		rec := &w.rec
		switch {
		case rec.has(signAlarm) && rec.Erased == "":
			w.edit(func(rec *resetRecord) { rec.Erased = "the lock's own alarm said so" })
			if err := w.save(ctx); err != nil {
				return resetMove{}, err
			}
			continue
		case rec.has(signDeleted) && rec.Way == ResetClearCodes && rec.Erased == "":
			w.edit(func(rec *resetRecord) { rec.Erased = "the lock's own programming event said so" })
			continue
		case rec.has(signJoined), rec.Lost:
			return resetMove{to: ResetRejoining}, nil
		}
		at := w.lookTime(deadline, looked)
		in, timeout, err := w.next(ctx, at)
		if err != nil {
			return resetMove{}, err
		}
		if in.ev != nil && w.takeSign(*in.ev) {
			if err := w.save(ctx); err != nil {
				return resetMove{}, err
			}
		}
		if in.step == "saw" {
			return w.saw(in.answer == "yes"), nil
		}
		if !timeout {
			continue
		}
		looked = time.Now()
		m, err := w.judge(ctx, !looked.Before(deadline))
		if err != nil || m.to != "" {
			return m, err
		}
		if !looked.Before(deadline) {
			deadline = time.Time{} // a person's word is awaited now
		}
	}
}

// lookTime is when to look at the lock next, if no sign comes: a moment after something stirred, and at the deadline.
func (w *resetFlow) lookTime(deadline, looked time.Time) time.Time {
	if deadline.IsZero() {
		return time.Time{}
	}
	at := deadline
	sooner := func(t time.Time) {
		if t.After(looked) && t.Before(at) {
			at = t
		}
	}
	if a := w.rec.when(signAlarm); !a.IsZero() {
		sooner(a.Add(w.r.wait(10 * time.Second))) // time for the leave that often follows
	}
	if a := w.rec.when(signDeleted); !a.IsZero() {
		sooner(a.Add(w.r.wait(5 * time.Second)))
	}
	if a := w.rec.when(signAnnounced); !a.IsZero() {
		sooner(a.Add(w.r.wait(8 * time.Second)))
	}
	switch {
	case w.rec.Answer == "unknown":
		sooner(w.rec.Answered.Add(w.r.wait(eraseEcho)))
	case w.rec.Way == ResetClearCodes:
		sooner(w.rec.Answered.Add(w.r.wait(3 * time.Second)))
		sooner(w.rec.Answered.Add(w.r.wait(20 * time.Second)))
	}
	return at
}

// judge looks at the lock and decides, or leaves it open until the deadline.
func (w *resetFlow) judge(ctx context.Context, last bool) (resetMove, error) {
	rec := &w.rec
	s, err := w.look(ctx)
	if err != nil {
		return resetMove{}, err
	}
	if rec.has(signJoined) || rec.Lost {
		return resetMove{to: ResetRejoining}, nil
	}
	switch s {
	case sightEmpty:
		w.edit(func(rec *resetRecord) { rec.Erased = "the slots were read and what stood there is gone" })
		return resetMove{to: ResetRejoining}, nil
	case sightKept, sightPartly:
		if rec.Way == ResetLeave || !last && rec.Way != ResetHands && rec.Answer == "ok" {
			break
		}
		return w.notErased(s), nil
	case sightSilent:
		if rec.Erased != "" || last && rec.Way != ResetClearCodes {
			w.addSign(signSilent, "The lock does not answer. A reset lock that has lost the network does not; neither does one without power.")
			w.edit(func(rec *resetRecord) { rec.Lost = true })
			return resetMove{to: ResetRejoining}, nil
		}
	case sightNothing:
		if rec.Erased != "" {
			return resetMove{to: ResetRejoining}, nil
		}
	}
	if !last {
		return resetMove{}, nil
	}
	switch {
	case rec.Way == ResetLeave:
		return resetMove{to: ResetStuck, stuckAt: ResetErasing, why: "The lock was told to leave, but is still here.",
			next: "Try again, or remove it from the network at the lock itself."}, nil
	case s == sightSilent:
		return resetMove{to: ResetStuck, why: "The lock does not answer.", next: "Wake it by touching its keypad, then try again: it is looked at, not erased again."}, nil
	case rec.Answer == "ok" && rec.Way == ResetClearCodes:
		w.edit(func(rec *resetRecord) { rec.Erased = "the lock said so; this model cannot show it" })
		w.note("unverifiable", "That the codes were erased: the lock said yes, and cannot show it.")
		return resetMove{to: ResetRejoining}, nil
	}
	// It answers, shows no codes, and gave no sign: only eyes and ears at the door are left.
	w.ask(ResetStep{ID: "saw", Text: "No sign of a reset came by radio, and this lock does not show its codes. Did you see or hear the end of the reset? " + w.proc.expected(),
		Answers: []string{"yes", "no"}})
	w.display(func(s *resetShow) {
		s.why, s.next, s.deadline = "No reset was seen by radio.", "Say whether the lock showed that it was reset.", time.Time{}
	})
	return resetMove{}, nil
}

func (w *resetFlow) saw(yes bool) resetMove {
	if !yes {
		w.edit(func(rec *resetRecord) { rec.Doubt = true })
		next := w.proc.likely(w.rec.Way)
		if w.rec.Way != ResetHands {
			next += " Or cancel, and plan the reset by hands."
		}
		return resetMove{to: ResetStuck, stuckAt: ResetErasing, why: "No reset was seen. This lock does not show its codes: they may stand on it, or be gone.", next: next}
	}
	w.addSign(signWord, "A person saw the lock reset itself.")
	w.edit(func(rec *resetRecord) { rec.Erased = "on a person's word" })
	w.note("unverifiable", "That the codes were erased: on a person's word, this model gave no sign of it.")
	return resetMove{to: ResetRejoining}
}

// doubtCodes has the lock's codes say that they may be gone. It does not give up while the store refuses.
func (w *resetFlow) doubtCodes(ctx context.Context) error {
	for {
		err := w.r.host.doubtCodes(w.id)
		if err == nil || errors.Is(err, ErrNoSuchLock) {
			return nil
		}
		w.r.log.Error("that the codes of a lock may be gone cannot be saved", "lock", w.id, "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Second):
		}
	}
}

// notErased: the codes that stood there are still there.
func (w *resetFlow) notErased(s sight) resetMove {
	if s == sightPartly {
		return resetMove{to: ResetStuck, stuckAt: ResetErasing, why: "The reset stopped half way: some codes are gone, others are still on the lock.",
			next: "Try again from the beginning."}
	}
	w.edit(func(rec *resetRecord) { rec.Untouch = true })
	m := resetMove{to: ResetStuck, stuckAt: ResetErasing, next: w.proc.likely(w.rec.Way)}
	switch {
	case w.rec.Way == ResetHands && w.rec.has(signAnnounced):
		m.why = "No reset was seen: the lock's power came back, but nothing was erased; its codes are still there. The button was probably released too early."
	case w.rec.Way == ResetHands:
		m.why = "No reset was seen: nothing was erased; its codes are still there."
	case w.rec.Answer == "ok":
		m.why = "The lock said yes and erased nothing: its codes are still there."
		m.next = "Cancel, and plan the reset by hands or another way; or ask the lock once more."
	default:
		m.why = fmt.Sprintf("The lock was asked at %s to erase itself, and what came of it was not heard; its codes are still there.", w.rec.Asked.Format(time.TimeOnly))
		m.next = "Ask it once more, or cancel."
	}
	return m
}
