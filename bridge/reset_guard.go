package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	minBatteryForReset = 30.0             // percent, unless LockSettings says otherwise
	freshReport        = 24 * time.Hour   // an older battery report is read anew
	guardPause         = 30 * time.Second // between attempts to reach the lock, which is never flooded
)

func (r *resets) minBattery(id LockID) float64 {
	if m := r.host.settingsFor(id).MinBatteryForReset; m != nil {
		return *m
	}
	return minBatteryForReset
}

// doorWanted: during these ways the door stands open, so that nobody is locked out by a bolt that knows no code.
func doorWanted(way ResetWay) bool { return way == ResetHands || way == ResetBasic }

// guard checks what must be true before anything is erased, and captures what the lock lets itself be asked.
func (w *resetFlow) guard(ctx context.Context) (resetMove, error) {
	if m, err := w.guardBattery(ctx); err != nil || m.to != "" {
		return m, err
	}
	if m, err := w.guardDoor(ctx); err != nil || m.to != "" {
		return m, err
	}
	if m, err := w.capture(ctx); err != nil || m.to != "" {
		return m, err
	}
	return resetMove{to: ResetGuarded}, nil
}

// early leads on when the lock shows signs of a reset before it was asked to erase itself: somebody was quicker at the button.
func (w *resetFlow) early(ev *Event) (resetMove, bool) {
	if ev == nil {
		return resetMove{}, false
	}
	if s, _ := signOf(*ev); s != signAlarm && s != signLeft && s != signDeleted {
		return resetMove{}, false
	}
	before := w.before()
	w.edit(func(rec *resetRecord) {
		rec.Asked = time.Now()
		rec.Answered, rec.Answer = rec.Asked, "early"
		if len(rec.Before) == 0 {
			rec.Before = before
		}
	})
	w.takeSign(*ev)
	return resetMove{to: ResetWaiting, why: "The lock was reset before it was asked for here."}, true
}

func (w *resetFlow) guardBattery(ctx context.Context) (resetMove, error) {
	bound := w.r.minBattery(w.id)
	var asked time.Time // when the lock was last asked
	var answered bool   // it answered, without a battery report
	changed := false    // a person says that the batteries were changed: a report from now on has to show it
	since := time.Time{}
	for {
		v, err := w.r.host.Find(string(w.id))
		if err != nil {
			return resetMove{to: ResetStuck, why: err.Error(), next: "Look at the list of locks."}, nil
		}
		fresh := v.Battery != nil && time.Since(v.BatteryAt) < freshReport && !v.BatteryAt.Before(since)
		switch {
		case fresh && *v.Battery >= bound && !(v.BatteryLow && changed):
			return resetMove{}, nil
		case fresh && !changed:
			w.showBattery(fmt.Sprintf("The battery is at %.0f %%; a reset needs at least %.0f %%. A lock that dies half way opens to nobody.", *v.Battery, bound),
				"Put fresh batteries in, then say so.", "changed")
		case fresh:
			w.showBattery(fmt.Sprintf("The lock still reports %.0f %%.", *v.Battery), "Some locks need a few minutes to see fresh batteries. Look at them again, then say so.", "changed")
		case answered && v.Battery == nil:
			w.showBattery("This lock does not say how full its batteries are.", "Put fresh batteries in, then say so; your word is taken for it.", "fresh")
		default:
			w.display(func(s *resetShow) {
				s.why, s.next = "The last battery report is too old to go by.", "Wake the lock: touch its keypad, or turn the thumb turn."
				s.awaiting, s.step = []string{"a fresh battery report"}, nil
			})
		}
		until := asked.Add(w.r.wait(guardPause))
		stale := !fresh
		if stale && !time.Now().Before(until) {
			asked = time.Now()
			if err := w.refresh(ctx); err == nil {
				answered = true
			} else if ctx.Err() != nil {
				return resetMove{}, ctx.Err()
			}
			until = time.Now().Add(w.r.wait(guardPause))
		}
		if !stale {
			until = time.Time{}
		}
		in, _, err := w.next(ctx, until)
		if err != nil {
			return resetMove{}, err
		}
		if m, ok := w.early(in.ev); ok {
			return m, nil
		}
		switch in.answer {
		case "changed":
			changed, since, asked = true, time.Now(), time.Time{}
		case "fresh":
			w.note("unverifiable", "Fresh batteries: on a person's word; the lock does not report its battery.")
			return resetMove{}, nil
		}
	}
}

func (w *resetFlow) showBattery(why, next, answer string) {
	w.ask(ResetStep{ID: "batteries", Text: next, Answers: []string{answer}})
	w.display(func(s *resetShow) { s.why, s.next, s.awaiting = why, next, []string{"a battery report that shows it"} })
}

// refresh has the lock read; what it says arrives as events, which are in the bridge's view by the time the next one is looked at.
func (w *resetFlow) refresh(ctx context.Context) error {
	l, err := w.lock(ctx)
	if err != nil {
		return err
	}
	if l == nil {
		return ErrDown
	}
	return w.try(ctx, w.r.patience(), l.Refresh)
}

func (w *resetFlow) guardDoor(ctx context.Context) (resetMove, error) {
	if !doorWanted(w.rec.Way) {
		return resetMove{}, nil
	}
	for {
		v, err := w.r.host.Find(string(w.id))
		if err != nil {
			return resetMove{to: ResetStuck, why: err.Error(), next: "Look at the list of locks."}, nil
		}
		if !v.Info.Traits.DoorSensor || v.Door == DoorOpen || v.Door == DoorUnknown {
			return resetMove{}, nil
		}
		w.display(func(s *resetShow) {
			s.step = nil
			s.why = "The lock reports that the door is " + v.Door.String() + "."
			s.next, s.awaiting = "Open the door and keep it open: a lock that was just reset may know no code that opens it.", []string{"an open door"}
		})
		in, _, err := w.next(ctx, time.Time{})
		if err != nil {
			return resetMove{}, err
		}
		if m, ok := w.early(in.ev); ok {
			return m, nil
		}
	}
}

// before is what is believed to stand in the slots.
func (w *resetFlow) before() []slotRecord {
	var b []slotRecord
	for _, s := range w.r.host.savedSlots(w.id) {
		if st, ok := s.stands(); ok {
			b = append(b, slotRecord{Slot: s.Slot, State: st, Ours: s.User != 0})
		}
	}
	return b
}

// stands tells whether a code is believed to stand in the slot, and whether its digits show.
func (s *SavedSlot) stands() (CredentialState, bool) {
	st := s.Observed
	if st == SlotUnknown && (s.State == CodeInSync || s.State == CodeUnverifiable || s.State == CodeNotOurs) {
		st = SlotUnreadable
	}
	return st, st == SlotKnown || st == SlotUnreadable
}

// capture reads settings and readable codes, which are sealed by the store together with the stage.
func (w *resetFlow) capture(ctx context.Context) (resetMove, error) {
	w.display(func(s *resetShow) {
		*s = resetShow{awaiting: []string{"the lock's settings and readable codes"}, next: "Nothing: the lock is being read."}
	})
	l, err := w.lock(ctx)
	if err != nil {
		return resetMove{}, err
	}
	if l == nil {
		return unreached(ErrDown), nil
	}
	var set Settings
	err = w.try(ctx, 2*w.r.patience(), func(c context.Context) (err error) {
		set, err = l.ReadSettings(c)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return resetMove{}, ctx.Err()
	case err == nil:
	case outOfReach(err):
		return unreached(err), nil
	default: // it has no settings that could be read
		w.note("unverifiable", "Settings: the lock did not let them be read ("+err.Error()+").")
	}
	before := w.before()
	var codes []CapturedCode
	saved := map[Slot]SavedSlot{}
	for _, s := range w.r.host.savedSlots(w.id) {
		saved[s.Slot] = s
	}
	readable := l.Info().Traits.ReadBack == ReadBackFull
	for i, b := range before {
		known := saved[b.Slot].Seen
		if readable {
			cred, err := w.readSlot(ctx, l, b.Slot)
			switch {
			case ctx.Err() != nil:
				return resetMove{}, ctx.Err()
			case err != nil && outOfReach(err):
				return unreached(err), nil
			case err == nil:
				before[i].State = cred.State
				if cred.State == SlotKnown {
					known = cred.PIN
				}
			}
		}
		if !known.IsZero() {
			codes = append(codes, CapturedCode{Slot: b.Slot, User: saved[b.Slot].User, PIN: known.Clone()})
		}
	}
	w.edit(func(rec *resetRecord) { rec.Settings, rec.Before, w.codes = set, before, codes })
	return resetMove{}, nil
}

func unreached(err error) resetMove {
	next := "Wake the lock by touching its keypad, look whether its batteries are in, then try again."
	if errors.Is(err, ErrDown) {
		next = "Look at the Zigbee dongle, then try again."
	}
	return resetMove{to: ResetStuck, why: "The lock could not be read: " + err.Error() + ".", next: next}
}

// prepare is the last moment before something is erased.
func (w *resetFlow) prepare(context.Context) (resetMove, error) {
	if w.cancelWanted() {
		return resetMove{}, errCancelled
	}
	w.edit(func(rec *resetRecord) {
		rec.Attempt, rec.Step, rec.Asked, rec.Answered, rec.Answer = 1, 0, time.Time{}, time.Time{}, ""
	})
	return resetMove{to: ResetErasing}, nil
}
