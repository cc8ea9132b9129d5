package bridge

import (
	"context"
	"time"
)

const (
	joinWindow    = 60 * time.Second // for that lock alone where the dongle allows it; strangers are refused and reported by the driver
	interviewTime = 2 * time.Minute
)

// rejoin brings the lock back into the network, if it left.
func (w *resetFlow) rejoin(ctx context.Context) (resetMove, error) {
	if w.rec.Joined.IsZero() {
		m, err := w.comeBack(ctx)
		if err != nil || m.to != "" {
			return m, err
		}
	}
	if !w.rec.Joined.IsZero() {
		if m, err := w.interview(ctx); err != nil || m.to != "" {
			return m, err
		}
	}
	if w.rec.Joined.IsZero() && w.rec.Way != ResetClearCodes { // a join brings an interview, which does this
		if m, err := w.reconfigure(ctx); err != nil || m.to != "" {
			return m, err
		}
	}
	if w.rec.Erased != "" {
		return resetMove{to: ResetSecuring}, nil
	}
	s, err := w.look(ctx)
	if err != nil {
		return resetMove{}, err
	}
	switch s {
	case sightEmpty:
		w.edit(func(rec *resetRecord) { rec.Erased = "the slots were read and what stood there is gone" })
	case sightKept, sightPartly:
		if w.rec.Way != ResetLeave {
			w.edit(func(rec *resetRecord) { rec.Untouch = s == sightKept })
			return resetMove{to: ResetStuck, stuckAt: ResetErasing, why: "The lock left the network and came back, but its codes are still there: it was not reset.",
				next: w.proc.likely(w.rec.Way)}, nil
		}
		w.note("verified", "The codes stayed on the lock: leaving the network does not erase them.")
	case sightSilent:
		return resetMove{to: ResetStuck, why: "The lock came back, but does not answer.", next: "Wake it by touching its keypad, then try again."}, nil
	case sightNothing:
		if w.rec.Way != ResetLeave {
			w.edit(func(rec *resetRecord) { rec.Erased = "it left the network and came back, as a reset lock does" })
			w.note("unverifiable", "That the codes were erased: the lock behaved as a reset one does, but cannot show it.")
		}
	}
	return resetMove{to: ResetSecuring}, nil
}

// reconfigure has a lock that stayed in the network told anew what to report.
func (w *resetFlow) reconfigure(ctx context.Context) (resetMove, error) {
	l, err := w.lock(ctx)
	if err != nil {
		return resetMove{}, err
	}
	rc, ok := l.(Reconfigurer)
	if !ok {
		return resetMove{}, nil
	}
	err = w.try(ctx, interviewTime, rc.Reconfigure)
	switch {
	case ctx.Err() != nil:
		return resetMove{}, ctx.Err()
	case err != nil && outOfReach(err):
		return unreached(err), nil
	case err != nil:
		w.note("unverifiable", "Reports of the bolt: the lock did not let itself be told anew ("+err.Error()+").")
	}
	return resetMove{}, nil
}

// comeBack opens the network for the lock unless it is still there.
func (w *resetFlow) comeBack(ctx context.Context) (resetMove, error) {
	l, err := w.lock(ctx)
	if err != nil {
		return resetMove{}, err
	}
	if !w.rec.Lost {
		if l == nil {
			w.edit(func(rec *resetRecord) { rec.Lost = true })
		} else {
			s, err := w.answers(ctx, l)
			if err != nil {
				return resetMove{}, err
			}
			if s != sightSilent {
				return resetMove{}, nil // it never left
			}
		}
	}
	until := time.Now().Add(joinWindow)
	err = w.try(ctx, joinWindow, func(c context.Context) error { return w.r.host.driver().Admit(c, Join{Window: joinWindow, Only: w.id}) })
	switch {
	case ctx.Err() != nil:
		return resetMove{}, ctx.Err()
	case err != nil:
		return resetMove{to: ResetStuck, why: "The network could not be opened: " + err.Error() + ".", next: "Look at the Zigbee dongle, then try again."}, nil
	}
	w.display(func(s *resetShow) {
		*s = resetShow{deadline: until, countdown: until, awaiting: []string{"the lock's join"}, next: w.proc.joinText()}
	})
	if w.resumed { // its join may have come while nobody listened
		w.resumed = false
		brief, cancel := context.WithTimeout(ctx, w.r.patience())
		back, err := w.backAlready(brief)
		cancel()
		if ctx.Err() != nil {
			return resetMove{}, ctx.Err()
		}
		if err == nil && back {
			return resetMove{}, w.closeNetwork(ctx)
		}
	}
	m, err := w.awaitJoin(ctx, until)
	if err == nil && m.to == "" {
		err = w.closeNetwork(ctx)
	}
	return m, err
}

// closeNetwork: nobody else has any business there.
func (w *resetFlow) closeNetwork(ctx context.Context) error {
	if err := w.r.host.driver().Admit(ctx, Join{}); err != nil && ctx.Err() == nil {
		w.r.log.Warn("the network could not be closed early; it closes by itself", "within", joinWindow, "err", err)
	}
	return ctx.Err()
}

// awaitJoin waits until the lock is back in the open network.
func (w *resetFlow) awaitJoin(ctx context.Context, until time.Time) (resetMove, error) {
	for {
		in, timeout, err := w.next(ctx, until)
		if err != nil {
			return resetMove{}, err
		}
		if timeout {
			if back, err := w.backAlready(ctx); err != nil || back {
				return resetMove{}, err
			}
			return resetMove{to: ResetStuck, why: "The lock did not come back to the network within " + joinWindow.String() + "." + w.neverSeen(), next: w.proc.joinText()}, nil
		}
		if in.ev == nil || !w.takeSign(*in.ev) {
			continue
		}
		if r, ok := in.ev.Body.(Reached); ok && r.Reachable {
			if back, err := w.backAlready(ctx); err != nil || back {
				return resetMove{}, err
			}
		}
		if err := w.save(ctx); err != nil {
			return resetMove{}, err
		}
		if !w.rec.Joined.IsZero() {
			return resetMove{}, nil
		}
	}
}

// backAlready finds a lock in the network whose join was not heard: it answers, which one that has left cannot.
func (w *resetFlow) backAlready(ctx context.Context) (bool, error) {
	l, err := w.lock(ctx)
	if err != nil || l == nil {
		return false, err
	}
	s, err := w.answers(ctx, l)
	if err != nil || s == sightSilent {
		return false, err
	}
	w.edit(func(rec *resetRecord) {
		if rec.has(signLeft) {
			rec.Joined = time.Now()
		}
		rec.Lost = false
	})
	return true, nil
}

// neverSeen adds to a join that did not come that silence was the only sign.
func (w *resetFlow) neverSeen() string {
	if w.rec.tellsOfReset() || w.rec.Erased != "" {
		return ""
	}
	return " No reset was seen either: " + w.proc.likely(w.rec.Way)
}

// interview waits until the driver knows the lock again.
func (w *resetFlow) interview(ctx context.Context) (resetMove, error) {
	until := time.Now().Add(interviewTime)
	pause := time.Now().Add(w.r.wait(10 * time.Second)) // after a restart the interview may be long over: then an answer is as good
	w.display(func(s *resetShow) {
		*s = resetShow{deadline: until, awaiting: []string{"the lock's answers about itself"}, next: "Wait. Keep the lock awake by touching its keypad now and then."}
	})
	for {
		in, timeout, err := w.next(ctx, pause)
		if err != nil {
			return resetMove{}, err
		}
		if in.ev != nil {
			w.takeSign(*in.ev)
			switch b := in.ev.Body.(type) {
			case LockReady:
				if b.Info.Ready {
					return resetMove{}, nil
				}
			case InterviewFailed:
				return resetMove{to: ResetStuck, why: "The lock is back, but did not say what it is: " + b.Why + ".", next: "Wake it by touching its keypad, then try again."}, nil
			}
		}
		if !timeout {
			continue
		}
		l, err := w.lock(ctx)
		if err != nil {
			return resetMove{}, err
		}
		if l != nil && l.Info().Ready {
			s, err := w.answers(ctx, l)
			if err != nil {
				return resetMove{}, err
			}
			if s != sightSilent {
				return resetMove{}, nil
			}
		}
		if !time.Now().Before(until) {
			return resetMove{to: ResetStuck, why: "The lock is back, but did not answer the questions about itself.", next: "Wake it by touching its keypad, then try again."}, nil
		}
		pause = time.Now().Add(w.r.wait(20 * time.Second))
	}
}
