package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// do carries out one step, and says how long to rest after it.
func (b *Bridge) do(ctx context.Context, l *lockState, st step) time.Duration {
	began := time.Now()
	limit := stepTimeout
	if st.kind == stepTell || st.kind == stepPeek {
		limit = longTimeout
	}
	sctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	dl, err := b.drv.Lock(l.id)
	if err == nil {
		switch st.kind {
		case stepRefresh:
			err = b.refresh(sctx, l, dl)
		case stepClear:
			err = b.clear(sctx, l, dl, st)
		case stepLook:
			err = b.look(sctx, l, dl, st)
		case stepVerify:
			err = b.verify(sctx, l, dl, st)
		case stepTell:
			err = b.tell(sctx, l, dl, st)
		case stepPeek:
			err = b.peek(sctx, l, dl, st)
		case stepWrite:
			err = b.writeCode(sctx, l, dl, st)
		case stepScan:
			err = b.scan(sctx, l, dl, st)
		case stepSettings:
			err = b.setSettings(sctx, l, dl)
		case stepAsk:
			err = b.askSettings(sctx, l, dl)
		}
	}
	if ctx.Err() != nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	w := &l.work
	now := time.Now()
	switch {
	case errors.Is(err, ErrStore):
		return 10 * time.Second
	case err == nil || !silent(err):
		w.fails, w.after = 0, time.Time{}
	case st.kind != stepRefresh:
		w.fails++
		w.failed = now
		w.after = now.Add(delay(silentDelays, w.fails))
	}
	return min(now.Sub(began)/25, time.Second) // a lock has other things to do
}

// refresh reads the bolt of a lock that was not heard of for a while. The next try is spaced, whatever becomes of this one.
func (b *Bridge) refresh(ctx context.Context, l *lockState, dl Lock) error {
	err := dl.Refresh(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	w := &l.work
	w.refreshes++
	if err == nil && w.refreshes > 3 || errors.Is(err, ErrUnsupported) {
		w.refresh = false // it answers, but shows no resting bolt
	}
	if !w.refresh {
		w.refreshes = 0
	}
	w.refreshAt = time.Now().Add(delay(silentDelays, w.refreshes))
	return err
}

// record edits one slot's record after a step, if it is still there and belongs to whom it did; f changes the copy that it gets.
func (b *Bridge) record(l *lockState, slot Slot, f func(n *SavedSlot) (drop bool)) error {
	var n SavedSlot
	var drop, gone bool
	err := b.edit(func() (Change, error) {
		s := l.slots[slot]
		if s == nil {
			gone = true
			return Change{}, nil
		}
		n = *s
		if drop = f(&n); drop {
			return Change{DropSlots: []SlotKey{s.SlotKey}}, nil
		}
		if n.State != s.State {
			n.Since = time.Now().Round(0)
		}
		return Change{PutSlots: []SavedSlot{n}}, nil
	}, func() []Event {
		if gone {
			return nil
		}
		old := l.slots[slot]
		if drop {
			delete(l.slots, slot)
			return []Event{b.codeEvent(l, *old, "")}
		}
		l.slots[slot] = &n
		if !old.sameShown(&n) {
			return []Event{b.codeEvent(l, n, n.State)}
		}
		return nil
	})
	if err == nil && drop {
		b.buryUsers()
	}
	return err
}

// read reads a slot; ErrUnsupported is remembered.
func (b *Bridge) read(ctx context.Context, l *lockState, dl Lock, slot Slot) (Credential, error) {
	c, err := dl.ReadSlot(ctx, slot)
	if errors.Is(err, ErrUnsupported) {
		b.mu.Lock()
		l.work.noRead = true
		b.mu.Unlock()
	}
	return c, err
}

// clear removes a code, and looks whether it is gone.
func (b *Bridge) clear(ctx context.Context, l *lockState, dl Lock, st step) error {
	err := dl.ClearPIN(ctx, st.slot)
	if silent(err) && err != nil {
		return err
	}
	var c Credential
	rerr := ErrUnsupported
	if st.reads {
		c, rerr = b.read(ctx, l, dl, st.slot)
		defer c.PIN.Wipe()
	}
	gone := err == nil
	switch {
	case rerr == nil && c.State == SlotEmpty:
		gone = true
	case rerr == nil && c.State == SlotUnreadable && l.showsDigits(b):
		// occupied without digits, on a lock that shows digits: nothing that could be typed (door-lock-server clears so)
	case rerr == nil:
		gone = false
	case silent(rerr) && err == nil:
		return rerr // asked again: clearing twice does no harm
	}
	if gone {
		b.mu.Lock()
		for _, s := range l.slots { // room, or the other half of a duplicate
			s := *s
			if s.State == CodeFailed && s.User != 0 && s.Want {
				defer b.again(l.id, s.Slot)
			}
		}
		b.mu.Unlock()
	}
	rec := b.record(l, st.slot, func(n *SavedSlot) bool {
		if n.Want && n.State == CodeFailed { // the new code could not be written, and the older one goes all the same
			if n.Stale = !gone; gone {
				n.Observed, n.Seen, n.NotBefore = SlotUnknown, PIN{}, time.Time{}
			} else {
				n.NotBefore = time.Now().Add(delay(attemptDelays, len(attemptDelays)))
			}
			return false
		}
		if n.Want { // wanted again meanwhile
			n.Observed, n.Seen, n.State = SlotUnknown, PIN{}, CodePending
			return false
		}
		if gone {
			n.Observed, n.Seen, n.Attempts, n.NotBefore, n.Stale = SlotEmpty, PIN{}, 0, time.Time{}, false
			u := b.users[n.User]
			if u == nil || !u.opens(l.id) {
				return true
			}
			n.State, n.Reason = CodeScheduled, u.notNow()
			return false
		}
		n.Attempts++
		n.NotBefore = time.Now().Add(delay(attemptDelays, n.Attempts))
		n.State, n.Reason = CodeFailed, "the lock said that the code is removed, but still shows it; tried again"
		if err != nil {
			n.Reason = "not removed: " + sentence(err) + "; tried again"
		}
		return false
	})
	return rec
}

// showsDigits tells that reading a slot of the lock gives the digits.
func (l *lockState) showsDigits(b *Bridge) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return l.traits().ReadBack == ReadBackFull
}

// again gives a code that the lock refused another chance, because something was removed from the lock.
func (b *Bridge) again(id LockID, slot Slot) {
	err := b.changeSlots(id, func(s *SavedSlot) bool {
		if s.Slot != slot || s.State != CodeFailed || s.Attempts >= attemptLimit || !s.Want || s.User == 0 || !s.Seen.IsZero() && !s.Seen.Equal(s.Wanted) {
			return false
		}
		s.State, s.Reason = CodePending, ""
		return true
	})
	if err != nil {
		b.log.Debug("trying a refused code again later", "err", err)
	}
}

// writeCode writes a code and reads it back at once where the lock can.
func (b *Bridge) writeCode(ctx context.Context, l *lockState, dl Lock, st step) error {
	b.mu.Lock()
	u, stale := b.users[0], false
	if s := l.slots[st.slot]; s != nil {
		u, stale = b.users[s.User], s.Stale && s.Claimed
	}
	master := slices.Contains(l.traits().MasterSlots, st.slot)
	var err error
	if u != nil {
		err = b.suits(l, u, st.pin)
	}
	b.mu.Unlock()
	if master {
		err = ErrMasterSlot
	}
	if err == nil {
		err = dl.WritePIN(ctx, st.slot, st.pin)
		if errors.Is(err, ErrDuplicate) && stale && !st.reads { // perhaps it is this slot that holds it
			if err = dl.ClearPIN(ctx, st.slot); err == nil {
				err = dl.WritePIN(ctx, st.slot, st.pin)
			}
		}
	}
	switch {
	case errors.Is(err, ErrNoSuchSlot), errors.Is(err, ErrMasterSlot):
		return b.misplaced(l, st.slot, err)
	case err != nil && silent(err):
		if st.reads && !errors.Is(err, ErrAsleep) && !errors.Is(err, ErrDown) { // it may have arrived: look before it is sent again
			seen := st.pin.Clone()
			if rec := b.record(l, st.slot, func(n *SavedSlot) bool {
				n.Seen, n.Observed = seen, SlotUnknown
				return false
			}); rec != nil {
				return rec
			}
		}
		return err
	case errors.Is(err, ErrCodeLength), errors.Is(err, ErrCodeDigits), errors.Is(err, ErrMemoryFull), errors.Is(err, ErrUnsupported):
		return b.give(l, st, err)
	}
	if !st.reads {
		if err != nil {
			return b.give(l, st, err)
		}
		return b.judge(l, st, Credential{State: SlotUnreadable}, nil, true)
	}
	c, rerr := b.read(ctx, l, dl, st.slot)
	defer c.PIN.Wipe()
	switch {
	case rerr == nil && err == nil, rerr == nil && c.State == SlotKnown && c.PIN.Equal(st.pin):
		return b.judge(l, st, c, nil, err == nil)
	case err != nil:
		return b.give(l, st, err) // refused, and reading does not show otherwise
	case silent(rerr):
		seen := st.pin.Clone()
		if rec := b.record(l, st.slot, func(n *SavedSlot) bool {
			n.Seen, n.Observed, n.Reason = seen, SlotUnreadable, "written; to be read back"
			return false
		}); rec != nil {
			return rec
		}
		return rerr
	}
	return b.judge(l, st, c, rerr, true)
}

// verify reads back what was written before.
func (b *Bridge) verify(ctx context.Context, l *lockState, dl Lock, st step) error {
	c, err := b.read(ctx, l, dl, st.slot)
	defer c.PIN.Wipe()
	if err != nil && silent(err) {
		return err
	}
	return b.judge(l, st, c, err, false)
}

var errUnproven = errors.New("it is not known whether the code arrived; written again")

// judge compares what a slot shows with what was written there. said: the lock said yes. Without that, only the digits themselves prove anything: a slot
// that hides them may hold an older code.
func (b *Bridge) judge(l *lockState, st step, c Credential, rerr error, said bool) error {
	seen := st.pin.Clone()
	return b.record(l, st.slot, func(n *SavedSlot) bool {
		said = said || n.Observed == SlotUnreadable && n.Seen.Equal(st.pin)
		stored := rerr == nil && (c.State == SlotUnreadable && said || c.State == SlotKnown && c.PIN.Equal(st.pin) && !c.Disabled)
		hidden := rerr != nil || c.State == SlotUnknown || c.State == SlotUnreadable
		unknown := said && hidden
		n.Observed, n.Seen = SlotUnknown, PIN{}
		if stored || unknown {
			n.Seen, n.Observed = seen, SlotUnreadable
			if c.State == SlotKnown {
				n.Observed = SlotKnown
			}
		}
		if !n.Want || !n.Wanted.Equal(st.pin) {
			n.State = CodePending // something else is wanted meanwhile
			return false
		}
		switch {
		case stored && c.State == SlotKnown:
			n.State, n.Reason = CodeInSync, ""
		case stored || unknown:
			n.State, n.Reason = CodeUnverifiable, saidYes
		case hidden:
			n.fail(errUnproven, false)
			return false
		default:
			n.fail(ErrNotStored, false)
			return false
		}
		if errors.Is(rerr, ErrNonsense) {
			n.Reason = "the lock said yes; what it shows of its codes makes no sense"
		}
		n.Attempts, n.NotBefore, n.Stale = 0, time.Time{}, false
		n.Own.rewritten()
		return false
	})
}

// fail counts an attempt that did not work out.
func (s *SavedSlot) fail(err error, forGood bool) {
	s.Attempts++
	s.Reason = sentence(err)
	s.NotBefore = time.Now().Add(delay(attemptDelays, s.Attempts))
	s.State = CodePending
	if forGood || s.Attempts >= attemptLimit {
		s.State, s.NotBefore = CodeFailed, time.Time{}
		if !forGood {
			s.Reason = fmt.Sprintf("given up after %d attempts: %s", s.Attempts, s.Reason)
		}
	}
}

// give notes a refusal.
func (b *Bridge) give(l *lockState, st step, err error) error {
	return b.record(l, st.slot, func(n *SavedSlot) bool {
		n.Observed, n.Seen = SlotUnknown, PIN{}
		if n.Want && n.Wanted.Equal(st.pin) {
			n.fail(err, final(err))
		}
		return false
	})
}

// misplaced: the lock has no such slot; the code goes elsewhere.
func (b *Bridge) misplaced(l *lockState, slot Slot, err error) error {
	b.mu.Lock()
	l.work.bad[slot] = true
	n := len(l.work.bad)
	b.mu.Unlock()
	return b.record(l, slot, func(s *SavedSlot) bool {
		if n <= 3 {
			return true
		}
		s.Observed, s.Seen = SlotUnknown, PIN{}
		s.fail(err, true)
		return false
	})
}
