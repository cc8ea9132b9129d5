package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	motorTime  = 30 * time.Second // for one movement in the test, a sleepy lock's delay included
	motorLeast = 10 * time.Second // for one that may be none, however fast the locks' time runs
	keypadTime = 2 * time.Minute  // for a person to type a code
)

// test has the lock moved by radio and one restored code typed, each only after a person at the door said so.
func (w *resetFlow) test(ctx context.Context) (resetMove, error) {
	if w.rec.Motor == "" {
		if m, err := w.testMotor(ctx); err != nil || m.to != "" {
			return m, err
		}
	}
	if w.rec.Keypad == "" {
		if m, err := w.testKeypad(ctx); err != nil || m.to != "" {
			return m, err
		}
	}
	report := w.report(&w.rec) // asks the bridge, so w.mu is not held
	w.edit(func(rec *resetRecord) { rec.Report = report })
	return resetMove{to: ResetDone}, nil
}

func (w *resetFlow) settle(ctx context.Context, f func(*resetRecord), list, text string) (resetMove, error) {
	w.edit(f)
	w.note(list, text)
	return resetMove{}, w.save(ctx)
}

func (w *resetFlow) testMotor(ctx context.Context) (resetMove, error) {
	v, err := w.r.host.Find(string(w.id))
	if err != nil {
		return resetMove{to: ResetStuck, why: err.Error(), next: "Look at the list of locks."}, nil
	}
	moves := []ActionKind{ActUnlock, ActLock} // so that the bolt is out for the keypad's turn
	if v.Bolt != Locked {
		moves = []ActionKind{ActLock, ActUnlock, ActLock}
	}
	switch v.Info.Traits.Remote {
	case RemoteNone:
		return w.settle(ctx, func(rec *resetRecord) { rec.Motor = "none" }, "unverifiable", "Movement by radio: this lock has none.")
	case RemoteUnlockOnly:
		moves = []ActionKind{ActUnlock}
	}
	w.ask(ResetStep{
		ID: "test-motor", Text: "Keep the door open. With “go” Latchkey moves the bolt in and out, by radio, and leaves it out.", Answers: []string{"go", "skip"},
	})
	for {
		in, _, err := w.next(ctx, time.Time{})
		if err != nil {
			return resetMove{}, err
		}
		if m, ok := w.again(in.ev); ok {
			return m, nil
		}
		switch in.answer {
		case "skip":
			return w.settle(ctx, func(rec *resetRecord) { rec.Motor = "skipped" }, "unverifiable", "Movement by radio: the test was skipped.")
		case "go":
			w.confirm() // what comes takes longer than a person should wait for an answer
			return w.moveBolts(ctx, moves)
		}
	}
}

// moveBolts makes the movements that a person agreed to. Some locks tell of their bolt only when it moves: where nothing was known of it, the first request may
// have asked for the place where it was already, so that no report of it is no failure. The next one then has to move it, and tells.
func (w *resetFlow) moveBolts(ctx context.Context, moves []ActionKind) (resetMove, error) {
	silent := false
	for i, k := range moves {
		v, err := w.r.host.Find(string(w.id))
		if err != nil {
			return resetMove{to: ResetStuck, why: err.Error(), next: "Look at the list of locks."}, nil
		}
		perhaps := i == 0 && v.Bolt == BoltUnknown
		w.display(func(s *resetShow) {
			s.awaiting = []string{"the bolt's own report after “" + k.String() + "”"}
			switch {
			case perhaps:
				s.why = "Nothing is known of this bolt so far. If it is there already, the lock may report nothing; then it is moved the other way."
			case silent:
				s.why = "The lock said yes to “" + moves[0].String() + "” and reported nothing: the bolt was probably there already."
			default:
				s.why = ""
			}
		})
		patience := motorTime
		if perhaps {
			patience = max(w.r.wait(motorTime), motorLeast)
		}
		err = w.moveBolt(ctx, k, patience)
		switch {
		case ctx.Err() != nil:
			return resetMove{}, ctx.Err()
		case err == nil:
		case perhaps && errors.Is(err, ErrNotSeen):
			silent = true
		default:
			return resetMove{to: ResetStuck, why: fmt.Sprintf("The bolt did not follow “%v”: %v.", k, err),
				next: "Look whether the bolt runs freely with the door open and whether the lock has learnt its handing; then try again."}, nil
		}
	}
	switch {
	case silent && len(moves) == 1:
		return w.settle(ctx, func(rec *resetRecord) { rec.Motor = "silent" }, "unverifiable",
			"Movement by radio: the lock said yes to “"+moves[0].String()+"” and reported nothing; where its bolt was before is not known.")
	case silent:
		return w.settle(ctx, func(rec *resetRecord) { rec.Motor = "ok" }, "verified",
			"Movement by radio: the bolt reported each position, but nothing at the first “"+moves[0].String()+"”: it was probably there already.")
	}
	return w.settle(ctx, func(rec *resetRecord) { rec.Motor = "ok" }, "verified", "Movement by radio: the bolt reported each position.")
}

func (w *resetFlow) moveBolt(ctx context.Context, k ActionKind, patience time.Duration) error {
	c, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := w.r.host.Actuate(c, w.id, Action{Kind: k, Cause: w.rec.Cause})
	if err == nil && out.Stage < StageMoved && out.Bolt != k.Wants() {
		err = ErrNotSeen
	}
	return err
}

// tester picks a restored code whose owner may open now.
func (w *resetFlow) tester() (Code, bool) {
	codes, err := w.r.host.Codes(w.id)
	if err != nil {
		return Code{}, false
	}
	i := slices.IndexFunc(codes, func(c Code) bool {
		return c.User != 0 && (c.State == CodeInSync || c.State == CodeUnverifiable) && w.r.host.userAllowedNow(c.User)
	})
	if i < 0 {
		return Code{}, false
	}
	return codes[i], true
}

func (w *resetFlow) testKeypad(ctx context.Context) (resetMove, error) {
	c, ok := w.tester()
	if !ok {
		return w.settle(ctx, func(rec *resetRecord) { rec.Keypad = "none" }, "unverifiable", "Entry by keypad: there is no restored code that opens now.")
	}
	w.ask(ResetStep{ID: "test-keypad", Text: "Keep the door open, the bolt out, and have the code of " + c.Name + " typed at the keypad.", Answers: []string{"worked", "refused", "skip"}})
	until := time.Now().Add(keypadTime)
	w.display(func(s *resetShow) { s.awaiting, s.deadline = []string{"an entry by keypad of " + c.Name}, until })
	for {
		in, timeout, err := w.next(ctx, until)
		if err != nil {
			return resetMove{}, err
		}
		if timeout { // nobody is hurried: the offer stands
			until = time.Time{}
			w.display(func(s *resetShow) {
				s.deadline = until
				s.why, s.next = "No entry was seen so far.", "Type the code, or say what the lock did: “worked” if it opened but reported nothing."
			})
		}
		if m, ok := w.again(in.ev); ok {
			return m, nil
		}
		refused := in.answer == "refused"
		if in.ev != nil {
			switch b := in.ev.Body.(type) {
			case BoltMoved:
				cause := in.ev.Cause
				if cause.Source == SourceKeypad && b.To == Unlocked && (cause.User == c.User || cause.Slot != nil && *cause.Slot == c.Slot) {
					return w.settle(ctx, func(rec *resetRecord) { rec.Keypad = "ok" }, "verified", "Entry by keypad: the code of "+c.Name+" opened, and the lock reported it.")
				}
			case EntryRefused:
				refused = in.ev.Cause.Source == SourceKeypad || in.ev.Cause.Source == SourceUnknown
			}
		}
		switch {
		case refused:
			w.edit(func(rec *resetRecord) { rec.Released = false })
			w.note("failed", "The code of "+c.Name+" was refused at the keypad once; the codes were written anew.")
			return resetMove{to: ResetRestoring, why: "The lock refused the code of " + c.Name + ".", next: "The codes are written anew; then type it once more."}, nil
		case in.answer == "worked":
			return w.settle(ctx, func(rec *resetRecord) { rec.Keypad = "word" }, "unverifiable", "Entry by keypad: the code of "+c.Name+" opened, on a person's word; the lock reported nothing.")
		case in.answer == "skip":
			return w.settle(ctx, func(rec *resetRecord) { rec.Keypad = "skipped" }, "unverifiable", "Entry by keypad: the test was skipped.")
		}
	}
}

// report is the last page.
func (w *resetFlow) report(rec *resetRecord) *ResetReport {
	r := &ResetReport{Took: time.Since(rec.Started), Erased: []string{}, Restored: []string{}, Verified: []string{}, Unverifiable: []string{}, Offers: []string{
		"Make an encrypted backup now: latchkey backup create.",
		"Print a card with the names of the people and the lock's settings, without codes.",
	}}
	if rec.Erased != "" {
		r.Erased = append(r.Erased, "The codes on the lock: "+rec.Erased+".")
	}
	for _, e := range w.proc.erases(rec.Way) {
		if rec.Doubt {
			break
		}
		r.Erased = append(r.Erased, e.Text)
	}
	if codes, err := w.r.host.Codes(w.id); err == nil {
		for _, c := range codes {
			switch c.State {
			case CodeInSync:
				r.Restored = append(r.Restored, "The code of "+c.Name+" (slot "+fmt.Sprint(c.Slot)+").")
				r.Verified = append(r.Verified, "The code of "+c.Name+": read back.")
			case CodeUnverifiable:
				r.Restored = append(r.Restored, "The code of "+c.Name+" (slot "+fmt.Sprint(c.Slot)+").")
				r.Unverifiable = append(r.Unverifiable, "The code of "+c.Name+": the lock said yes, and cannot show it.")
			case CodeScheduled:
				r.Restored = append(r.Restored, "The schedule of "+c.Name+"; the code is written when its time comes.")
			case CodeFailed:
				r.Failed = append(r.Failed, "The code of "+c.Name+": "+c.Reason)
			}
		}
	}
	for _, n := range rec.Notes {
		switch n.List {
		case "verified":
			r.Verified = append(r.Verified, n.Text)
		case "unverifiable":
			r.Unverifiable = append(r.Unverifiable, n.Text)
		default:
			r.Failed = append(r.Failed, n.Text)
		}
	}
	return r
}
