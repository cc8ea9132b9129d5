package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const defaultSlotsRead = 6 // slots read from the first one on, to find the users that a maker's defaults bring

// secure sees to it that no default code opens the door: that is proven, or said to be unprovable.
func (w *resetFlow) secure(ctx context.Context) (resetMove, error) {
	if w.rec.Unasked && !w.rec.Offered {
		m, err := w.offerRestore(ctx)
		if err != nil || m.to != "" {
			return m, err
		}
	}
	if w.rec.Way == ResetLeave && w.rec.Erased == "" {
		w.edit(func(rec *resetRecord) { rec.Defaults = "no default codes came back: the lock was not erased" })
		return resetMove{to: ResetRestoring}, nil
	}
	l, err := w.lock(ctx)
	if err != nil {
		return resetMove{}, err
	}
	if l == nil {
		return unreached(ErrDown), nil
	}
	read, m, err := w.clearDefaults(ctx, l)
	if err != nil || m.to != "" {
		return m, err
	}
	auto := w.rec.Unasked && w.r.host.settingsFor(w.id).RestoreAuto && !w.rec.Seen
	if w.rec.Master == "" && !auto {
		if m, err := w.master(ctx); err != nil || m.to != "" {
			return m, err
		}
	}
	return w.prove(ctx, read, auto)
}

// offerRestore waits for a person's word before anything is written into a lock that nobody here asked to reset.
func (w *resetFlow) offerRestore(ctx context.Context) (resetMove, error) {
	if w.r.host.settingsFor(w.id).RestoreAuto {
		w.edit(func(rec *resetRecord) { rec.Offered = true })
		w.note("verified", "Restored without asking, because the configuration says restore: auto.")
		return resetMove{}, w.save(ctx)
	}
	w.ask(ResetStep{
		ID:      "unasked",
		Text:    "This lock shows signs of a factory reset that was not asked for here. Go and look at the door. “restore” brings the codes back; “ignore” if you know that it was not reset.",
		Answers: []string{"restore", "ignore"},
	})
	w.display(func(s *resetShow) {
		s.why, s.next = "The lock may have been reset by somebody who should not have.", "Look at the door before anything is written into the lock."
		if w.rec.Alone {
			s.why = alone
		}
	})
	for {
		in, _, err := w.next(ctx, time.Time{})
		if err != nil {
			return resetMove{}, err
		}
		switch {
		case in.answer == "restore":
			w.edit(func(rec *resetRecord) { rec.Offered, rec.Seen = true, true })
			return resetMove{}, w.save(ctx)
		case in.answer == "ignore":
			if err := w.r.host.releaseCodes(w.id, !w.hidesCodes()); err != nil {
				return resetMove{to: ResetStuck, why: err.Error(), next: "Try again."}, nil
			}
			w.edit(func(rec *resetRecord) { rec.Seen = true })
			return resetMove{to: ResetCancelled, why: "A person says that the lock was not reset."}, nil
		case in.ev != nil && w.takeSign(*in.ev):
			if err := w.save(ctx); err != nil {
				return resetMove{}, err
			}
		}
	}
}

// clearDefaults reads the slots where default users may stand and clears what stands there. It tells whether reading showed them all to be empty.
func (w *resetFlow) clearDefaults(ctx context.Context, l Lock) (read bool, m resetMove, err error) {
	t := l.Info().Traits
	if t.Slots == 0 {
		return false, resetMove{}, nil
	}
	if t.ReadBack == ReadBackNone {
		return w.clearBlindly(ctx, l, t)
	}
	w.display(func(s *resetShow) {
		*s = resetShow{awaiting: []string{"the slots in which default codes may stand"}, next: "Nothing: the lock is being read. Keep it awake by touching its keypad now and then."}
	})
	read = true
	for _, slot := range w.slotsToProve(t) {
		c, err := w.readSlot(ctx, l, slot)
		if ctx.Err() != nil {
			return false, resetMove{}, ctx.Err()
		}
		if err == nil && c.State == SlotKnown || err == nil && c.State == SlotUnreadable {
			w.dropDefault(c.PIN)
			if err := w.clearSlot(ctx, l, slot); ctx.Err() != nil {
				return false, resetMove{}, ctx.Err()
			} else if err != nil && outOfReach(err) {
				return false, unreached(err), nil
			}
			c, err = w.readSlot(ctx, l, slot)
			if ctx.Err() != nil {
				return false, resetMove{}, ctx.Err()
			}
			if c.State == SlotUnreadable && t.ReadBack == ReadBackFull {
				c.State = SlotEmpty // occupied without digits, where digits are shown: nothing that could be typed
			}
			if err == nil && c.State == SlotEmpty {
				w.note("verified", fmt.Sprintf("Slot %d held a code after the reset; it was cleared, and read back empty.", slot))
			} else if err == nil {
				w.note("failed", fmt.Sprintf("Slot %d holds a code that the lock does not let itself be cleared of.", slot))
			}
		}
		c.PIN.Wipe()
		switch {
		case err == nil:
			read = read && c.State == SlotEmpty
		case outOfReach(err):
			return false, unreached(err), nil
		case errors.Is(err, ErrNoSuchSlot):
		default: // this model cannot read slots after all
			return false, resetMove{}, nil
		}
	}
	return read, resetMove{}, nil
}

// dropDefault forgets a code that stood on the lock before and came back with the reset: it is a default one, and nobody's to be restored.
func (w *resetFlow) dropDefault(p PIN) {
	if p.IsZero() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.codes = slices.DeleteFunc(w.codes, func(c CapturedCode) bool { return c.User == 0 && c.PIN.Equal(p) })
}

// clearBlindly clears the slots in which the maker's default users are known to stand, on a lock that cannot show what became of them.
func (w *resetFlow) clearBlindly(ctx context.Context, l Lock, t Traits) (bool, resetMove, error) {
	for _, s := range w.proc.Default.Slots {
		if s < t.FirstSlot || t.LastSlot != 0 && s > t.LastSlot || slices.Contains(t.MasterSlots, s) {
			continue
		}
		err := w.clearSlot(ctx, l, s)
		switch {
		case ctx.Err() != nil:
			return false, resetMove{}, ctx.Err()
		case err != nil && outOfReach(err):
			return false, unreached(err), nil
		}
	}
	return false, resetMove{}, nil
}

func (w *resetFlow) clearSlot(ctx context.Context, l Lock, s Slot) error {
	return w.try(ctx, w.r.patience(), func(one context.Context) error { return l.ClearPIN(one, s) })
}

// slotsToProve are the known default slots, and the first few: makers put their default users there.
func (w *resetFlow) slotsToProve(t Traits) []Slot {
	var slots []Slot
	add := func(s Slot) {
		if s >= t.FirstSlot && (t.LastSlot == 0 || s <= t.LastSlot) && !slices.Contains(t.MasterSlots, s) && !slices.Contains(slots, s) {
			slots = append(slots, s)
		}
	}
	for _, s := range w.proc.Default.Slots {
		add(s)
	}
	for i := range Slot(defaultSlotsRead) {
		add(t.FirstSlot + i)
	}
	return slots
}

// master has the master code made or changed at the keypad, where only hands can. A programming event shows it; else a person's word is taken.
func (w *resetFlow) master(ctx context.Context) (resetMove, error) {
	if w.rec.Way == ResetClearCodes || w.proc.Master.Text == "" {
		w.edit(func(rec *resetRecord) { rec.Master = "not touched by this" })
		return resetMove{}, nil
	}
	w.ask(ResetStep{ID: "master", Text: w.proc.Master.Text, Source: w.proc.Master.Source, Confidence: w.proc.Master.Confidence})
	w.display(func(s *resetShow) {
		s.next, s.awaiting = w.proc.Master.Text, []string{"the lock's report that the master code was changed, or your word"}
		s.why = strings.TrimSpace(w.rec.Why + " Until this is done, whoever knows the maker's defaults can open or program this lock.")
	})
	for {
		in, _, err := w.next(ctx, time.Time{})
		if err != nil {
			return resetMove{}, err
		}
		if in.ev != nil {
			if p, ok := in.ev.Body.(LockProgrammed); ok && p.Change == ProgMasterChanged {
				w.edit(func(rec *resetRecord) { rec.Master = "reported" })
				w.note("verified", "The master code was changed: the lock reported it.")
				return resetMove{}, w.save(ctx)
			}
			continue
		}
		if in.answer == "done" {
			w.edit(func(rec *resetRecord) { rec.Master = "word" })
			w.note("unverifiable", "That the master code was changed: on a person's word.")
			return resetMove{}, w.save(ctx)
		}
	}
}

// prove settles whether default codes are gone.
func (w *resetFlow) prove(ctx context.Context, read, auto bool) (resetMove, error) {
	masterSafe := w.rec.Master == "reported" || w.rec.Master == "not touched by this"
	switch {
	case w.rec.Defaults != "":
		return resetMove{to: ResetRestoring}, nil
	case read && masterSafe:
		w.edit(func(rec *resetRecord) {
			rec.Defaults, rec.Proven = "proven: each slot for default codes was read and is empty", true
		})
		w.note("verified", "Default codes are gone: each slot where they may stand was read and is empty.")
		return resetMove{to: ResetRestoring}, nil
	case auto:
		w.note("unverifiable", "Default codes: nobody was at the door to change the master code.")
		return resetMove{to: ResetRestoring}, nil
	case w.proc.Default.Kind == "fixed" || w.proc.Default.Kind == "sticker":
		return w.tryDefault(ctx)
	}
	text := "Default codes cannot be proven to be gone on this model."
	if read {
		text = "The slots for codes were read and are empty; that the master code is no longer the default one cannot be proven on this model."
	}
	w.edit(func(rec *resetRecord) { rec.Defaults = text })
	w.note("unverifiable", text)
	return resetMove{to: ResetRestoring}, nil
}

// tryDefault has a person type the default code: the lock must refuse it.
func (w *resetFlow) tryDefault(ctx context.Context) (resetMove, error) {
	w.ask(ResetStep{
		ID: "default-tried", Text: "Keep the door open, throw the bolt, and type the default code at the keypad: the lock must refuse it. What did it do?",
		Answers: []string{"refused", "opened", "skip"},
	})
	w.display(func(s *resetShow) {
		s.next, s.awaiting = "Type the default code: "+w.proc.Default.Text, []string{"the lock's report that it refused a code, or your word"}
	})
	for {
		in, _, err := w.next(ctx, time.Time{})
		if err != nil {
			return resetMove{}, err
		}
		opened := in.answer == "opened"
		settled := ""
		if in.ev != nil {
			switch b := in.ev.Body.(type) {
			case EntryRefused:
				settled = "proven: the default code was tried and refused"
				w.edit(func(rec *resetRecord) { rec.Proven = true })
				w.note("verified", "The default code was tried at the keypad, and the lock reported that it refused it.")
			case BoltMoved:
				opened = in.ev.Cause.Source == SourceKeypad && b.To == Unlocked
			}
		}
		switch {
		case opened:
			w.edit(func(rec *resetRecord) { rec.Master = "" })
			w.note("failed", "The default code still opened the lock once; the change was asked for again.")
			return resetMove{to: ResetSecuring, why: "The default code still opens this lock."}, nil
		case in.answer == "refused":
			settled = "the default code was tried and refused, on a person's word"
			w.note("unverifiable", "The default code was refused: on a person's word.")
		case in.answer == "skip":
			settled = "default codes cannot be proven to be gone: trying one was skipped"
			w.note("unverifiable", "Default codes: trying one was skipped.")
		}
		if settled != "" {
			w.edit(func(rec *resetRecord) { rec.Defaults = settled })
			return resetMove{to: ResetRestoring}, nil
		}
	}
}
