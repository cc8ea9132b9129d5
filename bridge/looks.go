package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// programmed takes in that codes were changed at the lock. The caller holds b.mu.
func (b *Bridge) programmed(l *lockState, p LockProgrammed) {
	if p.Ours {
		return
	}
	switch p.Change {
	case ProgPINAdded, ProgPINDeleted, ProgPINChanged:
		if p.Slot != nil {
			b.suspect(l, *p.Slot)
			return
		}
		for s := range l.slots {
			b.suspect(l, s)
		}
	case ProgAllDeleted:
		for s := range l.slots {
			b.suspect(l, s)
		}
	}
}

// suspect has a slot read again that other hands may have changed. The caller holds b.mu.
func (b *Bridge) suspect(l *lockState, s Slot) {
	first, last := l.traits().firstLast()
	if s < first || s > last || slices.Contains(l.traits().MasterSlots, s) {
		return
	}
	if !l.work.dirty[s] {
		l.work.dirty[s] = true
		l.saved.Doubts = append(slices.Clip(l.saved.Doubts), s)
		b.dirty[l.id] = true // durable together with the event that says so
	}
	ring(l.bell)
}

// look reads a slot that other hands changed, as the lock said.
func (b *Bridge) look(ctx context.Context, l *lockState, dl Lock, st step) error {
	c, err := Credential{}, ErrUnsupported
	if st.reads {
		c, err = b.read(ctx, l, dl, st.slot)
		defer c.PIN.Wipe()
		if err != nil && silent(err) {
			return err
		}
	}
	if err != nil {
		c = Credential{} // unknown: the lock's word that it was changed is all there is
	}
	if err := b.found(l, st.slot, c, true); err != nil {
		return err
	}
	b.mu.Lock()
	delete(l.work.dirty, st.slot)
	l.saved.Doubts = slices.DeleteFunc(slices.Clone(l.saved.Doubts), func(s Slot) bool { return s == st.slot })
	b.dirty[l.id] = true
	ring(b.flushBell)
	b.mu.Unlock()
	return nil
}

// scan reads the next slot of the whole lock.
func (b *Bridge) scan(ctx context.Context, l *lockState, dl Lock, st step) error {
	b.mu.Lock()
	over := l.scanOver()
	skip := slices.Contains(l.traits().MasterSlots, st.slot)
	b.mu.Unlock()
	if over || !st.reads {
		return b.scanned(l)
	}
	if !skip {
		c, err := b.read(ctx, l, dl, st.slot)
		defer c.PIN.Wipe()
		switch {
		case err == nil:
			if c.State == SlotEmpty && b.missed(l, st.slot) {
				if pause(ctx, eventRoom); ctx.Err() != nil {
					return ctx.Err()
				}
			}
			b.mu.Lock()
			told := l.work.dirty[st.slot]
			b.mu.Unlock()
			if err := b.found(l, st.slot, c, told); err != nil {
				return err
			}
		case errors.Is(err, ErrUnsupported), errors.Is(err, ErrNoSuchSlot):
			return b.scanned(l)
		case silent(err):
			return err
		}
	}
	b.mu.Lock()
	l.scanStep(time.Now())
	over = l.scanOver()
	b.mu.Unlock()
	if over {
		return b.scanned(l)
	}
	return nil
}

// eventRoom is how long after a code was found gone the lock may still say that hands removed it.
const eventRoom = 5 * time.Second

// missed tells that a code of ours should stand in a slot.
func (b *Bridge) missed(l *lockState, slot Slot) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := l.slots[slot]
	return s != nil && s.User != 0 && s.Want && (s.State == CodeInSync || s.State == CodeUnverifiable)
}

// scanned ends a scan: from now on the slots without a record are known to be empty.
func (b *Bridge) scanned(l *lockState) error {
	var at time.Time
	return b.edit(func() (Change, error) {
		at = time.Now().Round(0)
		saved := l.saved
		saved.Scanned = at
		return Change{PutLocks: []SavedLock{saved}}, nil
	}, func() []Event {
		l.saved.Scanned = at
		l.work.scanning = false
		return nil
	})
}

// found takes in what a slot shows. told: the lock had said that it was changed.
func (b *Bridge) found(l *lockState, slot Slot, c Credential, told bool) error {
	var n SavedSlot
	var drop, fresh, lost, touched bool
	err := b.edit(func() (Change, error) {
		s := l.slots[slot]
		if s == nil {
			if c.State == SlotEmpty || c.State == SlotUnknown && !told {
				return Change{}, nil
			}
			fresh, touched = true, true
			n = SavedSlot{SlotKey: SlotKey{l.id, slot}, State: CodeNotOurs, Since: time.Now().Round(0), Observed: c.State, Seen: c.PIN.Clone()}
		} else {
			n = *s
			drop, lost, touched = n.find(c, told)
		}
		ch := Change{}
		if touched {
			ch.Counters = b.bump(Cause{Source: SourceKeypad}, map[LockID]bool{l.id: true})
		}
		if drop {
			ch.DropSlots = []SlotKey{n.SlotKey}
		} else {
			ch.PutSlots = []SavedSlot{n}
		}
		return ch, nil
	}, func() []Event {
		old := l.slots[slot]
		if old == nil && !fresh {
			return nil
		}
		if drop {
			delete(l.slots, slot)
			return []Event{b.codeEvent(l, *old, "")}
		}
		l.slots[slot] = &n
		if fresh || !old.sameShown(&n) {
			return []Event{b.codeEvent(l, n, n.State)}
		}
		return nil
	})
	if err == nil && lost {
		b.resets.suspect(l.id, "slots found empty")
	}
	return err
}

// find compares a slot's record with what it shows. lost: a code of ours is gone that nobody said was removed.
func (s *SavedSlot) find(c Credential, told bool) (drop, lost, touched bool) {
	if s.User == 0 {
		if c.State == SlotEmpty {
			return true, false, true
		}
		touched = s.Observed != c.State || !s.Seen.Equal(c.PIN)
		s.Observed, s.Seen = c.State, c.PIN.Clone()
		return false, false, touched
	}
	if !s.Want || s.State == CodePending {
		if !s.Want && c.State != SlotUnknown {
			s.Observed = c.State // found empty: nothing left to remove; found full: to be removed
			if c.State == SlotEmpty {
				s.Seen, s.State, s.Reason, s.Attempts, s.NotBefore, s.Stale = PIN{}, CodeScheduled, "", 0, time.Time{}, false
			}
		} else if !s.Want && told {
			s.Observed = SlotUnknown
		}
		if s.Want {
			s.Seen = PIN{} // to be written, whatever stood there
		}
		return false, false, false
	}
	switch {
	case c.State == SlotKnown && c.PIN.Equal(s.Wanted) && !c.Disabled:
		s.Observed, s.Seen, s.State, s.Reason, s.Attempts = SlotKnown, c.PIN.Clone(), CodeInSync, "", 0
		if told {
			s.Own.rewritten()
		}
	case c.State == SlotKnown && s.Wanted.IsZero(): // adopted with its digits hidden, which it now shows
		s.Observed = SlotKnown
	case c.State == SlotKnown:
		touched = true
		s.Observed, s.Seen, s.State = SlotKnown, c.PIN.Clone(), CodeFailed
		s.Reason = "changed at the lock: set it again, or set the new code here"
	case c.State == SlotEmpty:
		touched = true
		s.Observed, s.Seen = SlotUnknown, PIN{}
		switch {
		case told:
			s.State, s.Reason = CodeFailed, "removed at the lock: set it again, or remove it here"
		case s.Wanted.IsZero():
			s.State, s.Reason, lost = CodeFailed, "gone from the lock, and its digits are not known here: set a new code", true
		default:
			lost = true
			s.fail(errGone, false)
		}
	case c.State == SlotUnreadable && !told:
		if s.State == CodeInSync {
			s.State, s.Observed = CodeUnverifiable, SlotUnreadable
		}
	default: // changed, and it cannot be seen how
		touched = true
		s.Observed, s.Seen, s.State = SlotUnknown, PIN{}, CodeFailed
		s.Reason = "changed at the lock, which does not show how: set it again"
	}
	return false, lost, touched
}

// suspectAgain takes up, after a start, the suspicion that the lock was reset: a code was found gone, and is not written again before the others were looked at.
// The caller holds b.mu.
func (b *Bridge) suspectAgain(l *lockState) {
	for _, s := range l.slots {
		if s.State == CodePending && s.Reason == sentence(errGone) {
			b.resets.suspect(l.id, "slots found empty")
			return
		}
	}
}

var errGone = errors.New("found gone from the lock; written again")

// peek reads a slot, and writes it for the first time at once if it is empty: a code of other hands is not overwritten, even if it was made after all slots
// were read and the lock said nothing of it.
func (b *Bridge) peek(ctx context.Context, l *lockState, dl Lock, st step) error {
	c, err := Credential{State: SlotEmpty}, error(nil)
	if st.reads {
		c, err = b.read(ctx, l, dl, st.slot)
		defer c.PIN.Wipe()
	}
	if err != nil && silent(err) {
		return err
	}
	if errors.Is(err, ErrNoSuchSlot) {
		return b.misplaced(l, st.slot, err)
	}
	if errors.Is(err, ErrNonsense) { // whatever stands there is not written over
		return b.record(l, st.slot, func(n *SavedSlot) bool { n.fail(err, false); return false })
	}
	if err != nil || c.State == SlotEmpty || c.State == SlotUnknown {
		st.reads = st.reads && !errors.Is(err, ErrUnsupported)
		return b.firstWrite(ctx, l, dl, st)
	}
	if c.State == SlotKnown && c.PIN.Equal(st.pin) {
		if err := b.record(l, st.slot, func(n *SavedSlot) bool { n.Claimed = true; return false }); err != nil {
			return err
		}
		return b.judge(l, st, c, nil, false)
	}
	// Somebody's code: kept. The next settling finds another slot.
	return b.record(l, st.slot, func(n *SavedSlot) bool {
		*n = SavedSlot{SlotKey: n.SlotKey, Observed: c.State, Seen: c.PIN.Clone(), State: CodeNotOurs, Since: time.Now().Round(0)}
		return false
	})
}

// firstWrite writes a slot that was just seen to be empty. That something of ours may stand there is durable before. If nothing was sent the slot is nobody's as
// it was, and is read again before the next attempt.
func (b *Bridge) firstWrite(ctx context.Context, l *lockState, dl Lock, st step) error {
	wanted := false // still, and if not from here on, it is removed again
	err := b.record(l, st.slot, func(n *SavedSlot) bool {
		if wanted = n.Want && n.Wanted.Equal(st.pin); wanted {
			n.Claimed = true
		}
		return false
	})
	if err != nil || !wanted {
		return err
	}
	err = b.writeCode(ctx, l, dl, st)
	if errors.Is(err, ErrAsleep) || errors.Is(err, ErrDown) && l.showsDigits(b) { // what was under way when the dongle went can be told by its digits alone
		if rec := b.record(l, st.slot, func(n *SavedSlot) bool {
			if n.Attempts > 0 || !n.Seen.IsZero() { // written, and only not read back
				return false
			}
			if n.Claimed = false; !n.Want {
				n.State, n.Reason, n.Observed = CodeScheduled, "", SlotEmpty
			}
			return false
		}); rec != nil {
			return rec
		}
	}
	return err
}
