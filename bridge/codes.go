package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PIN lengths where the lock does not say (defaults of Min and MaxPINCodeLength, ZCL 7.3.2.2.22 and .21).
const (
	defaultPINMin = 4
	defaultPINMax = 8
)

// holdsCodes tells that codes can be set on this lock by radio.
func (l *lockState) holdsCodes() bool { return l.traits().Slots > 0 }

// firstLast are the bounds of the slots for people's codes.
func (t Traits) firstLast() (Slot, Slot) {
	last := t.LastSlot
	if last == 0 && t.Slots > 0 {
		last = t.FirstSlot + Slot(t.Slots) - 1
	}
	return t.FirstSlot, last
}

func (l *lockState) slotOf(u UserID) *SavedSlot {
	for _, s := range l.slots {
		if s.User == u {
			return s
		}
	}
	return nil
}

// suits says why a code cannot stand on a lock. The caller holds b.mu.
func (b *Bridge) suits(l *lockState, u *User, p PIN) error {
	t := l.traits()
	least, most := orDefault(t.PINMin, defaultPINMin), orDefault(t.PINMax, defaultPINMax)
	switch {
	case p.Len() < least && least == most, p.Len() > most && least == most:
		return fmt.Errorf("bridge: %s takes codes of %d digits: %w", l.saved.Name, most, ErrCodeLength)
	case p.Len() < least:
		return fmt.Errorf("bridge: too short: %s takes codes of %d to %d digits: %w", l.saved.Name, least, most, ErrCodeLength)
	case p.Len() > most:
		return fmt.Errorf("bridge: too long: %s takes codes of %d to %d digits: %w", l.saved.Name, least, most, ErrCodeLength)
	}
	if !t.SameLength {
		return nil
	}
	wrong := func(n int) error {
		return fmt.Errorf("bridge: all codes of %s must have one length, and the others have %d digits: %w", l.saved.Name, n, ErrCodeLength)
	}
	for _, s := range l.slots {
		if s.User == 0 && !s.Seen.IsZero() && s.Seen.Len() != p.Len() {
			return wrong(s.Seen.Len())
		}
	}
	for _, o := range b.users {
		if o.ID != u.ID && o.opens(l.id) {
			if q := o.pinFor(l.id); !q.IsZero() && q.Len() != p.Len() {
				return wrong(q.Len())
			}
		}
	}
	return nil
}

// SetCode gives a person a code of their own on one lock, and access to it. Durable when it returns; the lock follows.
func (b *Bridge) SetCode(_ context.Context, c Cause, lock LockID, user UserID, p PIN) error {
	if p.IsZero() {
		return fmt.Errorf("bridge: no digits: %w", ErrCodeLength)
	}
	var n User
	err := b.editUser(c, &user, &n, "changed", func() error {
		l, err := b.find(lock)
		if err != nil {
			return err
		}
		if l.saved.Info.Ready && !l.holdsCodes() {
			return fmt.Errorf("bridge: %s: codes cannot be set by radio on this model: %w", l.saved.Name, ErrUnsupported)
		}
		n = b.users[user].copy()
		if !n.opens(lock) {
			n.Locks = append(n.Locks, lock)
		}
		if n.PINs == nil {
			n.PINs = map[LockID]PIN{}
		}
		if n.PINs[lock] = p.Clone(); n.PIN.Equal(p) {
			delete(n.PINs, lock)
		}
		if err := b.suits(l, &n, p); err != nil {
			return err
		}
		if l.slotOf(user) == nil && l.saved.Info.Ready {
			if _, ok := b.freeSlot(l, user); !ok {
				return fmt.Errorf("bridge: %s holds %d codes and is full; remove one first: %w", l.saved.Name, l.traits().Capacity(), ErrMemoryFull)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.retry(lock, func(s *SavedSlot) bool { return s.User == user })
}

// ClearCode takes a person's access to one lock away.
func (b *Bridge) ClearCode(_ context.Context, c Cause, lock LockID, user UserID) error {
	var n User
	return b.editUser(c, &user, &n, "changed", func() error {
		if _, err := b.find(lock); err != nil {
			return err
		}
		n = b.users[user].copy()
		if n.AllLocks {
			n.AllLocks = false
			for id, l := range b.locks {
				if l.here() && l.holdsCodes() {
					n.Locks = append(n.Locks, id)
				}
			}
		}
		n.Locks = slices.DeleteFunc(n.Locks, func(x LockID) bool { return x == lock })
		if n.Locks == nil {
			n.Locks = []LockID{}
		}
		delete(n.PINs, lock)
		return nil
	})
}

// retry has the slots of a lock tried again at once, that were given up or put off.
func (b *Bridge) retry(lock LockID, which func(*SavedSlot) bool) error {
	return b.changeSlots(lock, func(s *SavedSlot) bool {
		told := which(s) && s.placed() && s.Own.Attempts > 0
		if told {
			s.Own.again()
		}
		if !which(s) || s.User == 0 || s.State == CodeInSync || s.State == CodeUnverifiable && s.Reason != perhapsGone || s.State == CodeScheduled {
			return told
		}
		if s.State == CodeUnverifiable {
			s.State, s.Reason, s.Seen, s.Observed = CodePending, "", PIN{}, SlotUnknown
			s.Stale = s.Claimed // some locks refuse a code that they hold already: then it is removed first
		}
		if s.State == CodeFailed {
			s.State, s.Reason = CodePending, ""
			if !s.Want || !s.Seen.Equal(s.Wanted) {
				s.Seen = PIN{}
			}
		}
		s.Attempts, s.NotBefore = 0, time.Time{}
		return true
	})
}

// Codes gives what stands on a lock, and what should: by slot, then those without one.
func (b *Bridge) Codes(lock LockID) ([]Code, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, err := b.find(lock)
	if err != nil {
		return nil, err
	}
	var out []Code
	has := map[UserID]bool{}
	for _, s := range l.slots {
		out = append(out, b.code(l, s))
		has[s.User] = true
	}
	for id, u := range b.users {
		if has[id] || !u.opens(lock) || !l.holdsCodes() && l.saved.Info.Ready || u.pinFor(lock).IsZero() {
			continue
		}
		c := Code{Lock: lock, Slot: NoSlot, User: id, Name: u.Name, State: CodePending, Reason: "waiting for the lock", Length: u.pinFor(lock).Len()}
		if up, ok := l.unplaced[id]; ok {
			c.State, c.Reason, c.Since = CodeFailed, up.why, up.since
		} else if !u.active(b.wall(), b.cfg.Location) {
			c.State, c.Reason = CodeScheduled, ""
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(x, y Code) int {
		if x.Slot != y.Slot {
			return int(x.Slot) - int(y.Slot)
		}
		return int(x.User) - int(y.User)
	})
	return out, nil
}

// code is a slot as front-ends see it. The caller holds b.mu.
func (b *Bridge) code(l *lockState, s *SavedSlot) Code {
	c := Code{Lock: l.id, Slot: s.Slot, User: s.User, Since: s.Since, Length: s.Wanted.Len()}
	if u, now := b.users[s.User], b.wall(); u != nil && s.placed() && u.active(now, b.cfg.Location) {
		if own := l.traits().own(u.Schedule, now, b.cfg.Location); !sameSchedule(s.Own.Want, own) {
			n := *s // the lock found its clock, or lost it, and has not been settled since: it may be busy
			n.Own.aim(own)
			s = &n
		}
	}
	c.State, c.Reason = s.shown()
	if s.User == 0 {
		c.Length = s.Seen.Len()
	} else if u := b.users[s.User]; u != nil {
		c.Name = u.Name
	}
	if c.State == CodePending && c.Reason == "" {
		c.Reason = l.work.reason
	}
	return c
}

// countCodes: how many codes stand on the lock, and how many are not as they should be. The caller holds b.mu.
func (l *lockState) countCodes() (used, unsync int) {
	for _, s := range l.slots {
		if s.Observed != SlotEmpty {
			used++
		}
		if state, _ := s.shown(); state == CodePending || state == CodeFailed {
			unsync++
		}
	}
	return used, unsync + len(l.unplaced)
}

// Adopt takes a code that other hands wrote under a name: that of somebody known who has no code on this lock, or a new one.
func (b *Bridge) Adopt(_ context.Context, c Cause, lock LockID, slot Slot, name string) (UserID, error) {
	name, err := checkName(name)
	if err != nil {
		return 0, err
	}
	var n User
	var rec SavedSlot
	err = b.edit(func() (Change, error) {
		l, err := b.find(lock)
		if err != nil {
			return Change{}, err
		}
		if slices.Contains(l.traits().MasterSlots, slot) {
			return Change{}, fmt.Errorf("bridge: slot %d: %w", slot, ErrMasterSlot)
		}
		first, last := l.traits().firstLast()
		switch {
		case slot == NoSlot:
			return Change{}, fmt.Errorf("bridge: slot %d stands for no slot at all: %w", slot, ErrNoSuchSlot)
		case !l.holdsCodes():
			return Change{}, fmt.Errorf("bridge: %s: codes cannot be set by radio on this model: %w", l.saved.Name, ErrUnsupported)
		case slot < first || slot > last:
			return Change{}, fmt.Errorf("bridge: slot %d of %s: its slots are %d to %d: %w", slot, l.saved.Name, first, last, ErrNoSuchSlot)
		}
		s := l.slots[slot]
		if s == nil || s.Observed == SlotEmpty {
			return Change{}, fmt.Errorf("bridge: nothing is known to stand in slot %d of %s: %w", slot, l.saved.Name, ErrNoSuchSlot)
		}
		if s.User != 0 {
			return Change{}, fmt.Errorf("bridge: slot %d of %s belongs to somebody already: %w", slot, l.saved.Name, ErrConflict)
		}
		n = User{ID: b.lastID + 1, Name: name, Locks: []LockID{lock}, Origin: OriginKeypad, Created: time.Now().Round(0)}
		for _, u := range b.users {
			if u.Removed.IsZero() && strings.EqualFold(u.Name, name) {
				if l.slotOf(u.ID) != nil {
					return Change{}, fmt.Errorf("bridge: %s has a code on %s already: %w", u.Name, l.saved.Name, ErrConflict)
				}
				n = u.copy()
				if !n.opens(lock) {
					n.Locks = append(n.Locks, lock)
				}
			}
		}
		rec = *s
		rec.User, rec.Want, rec.Wanted, rec.Claimed, rec.Since = n.ID, true, s.Seen.Clone(), true, time.Now().Round(0)
		rec.State, rec.Reason = CodeInSync, ""
		if s.Seen.IsZero() {
			rec.State, rec.Reason = CodeUnverifiable, "the digits are known to its owner only"
			delete(n.PINs, lock)
		} else {
			if n.PINs == nil {
				n.PINs = map[LockID]PIN{}
			}
			n.PINs[lock] = s.Seen.Clone()
		}
		return Change{PutUsers: []User{n}, PutSlots: []SavedSlot{rec}, Counters: b.bump(c, map[LockID]bool{lock: true})}, nil
	}, func() []Event {
		b.install(n)
		l := b.locks[lock]
		delete(l.unplaced, n.ID)
		l.slots[slot] = &rec
		ring(l.bell)
		return []Event{
			{Cause: c, Body: UserChanged{User: n.ID, Name: n.Name, Change: "adopted"}},
			{Lock: lock, Cause: Cause{Source: c.Source, Slot: &slot, User: n.ID, Name: n.Name, Actor: c.Actor}, Body: CodeMoved{Slot: slot, State: rec.State}},
		}
	})
	if err != nil {
		return 0, err
	}
	return n.ID, nil
}

// Reveal gives the digits of a person's code on a lock. The caller has made sure of who asks, and wipes what it gets.
func (b *Bridge) Reveal(lock LockID, user UserID) (PIN, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, err := b.user(user)
	if err != nil {
		return PIN{}, err
	}
	if lock != "" {
		if _, err := b.find(lock); err != nil {
			return PIN{}, err
		}
	}
	p := u.pinFor(lock)
	if p.IsZero() {
		return PIN{}, fmt.Errorf("bridge: the digits of %s's code are not known here; set a new one: %w", u.Name, ErrUnsupported)
	}
	return p.Clone(), nil
}

// Reconcile has everything on a lock tried again now, and all its slots read once.
func (b *Bridge) Reconcile(_ context.Context, lock LockID) error {
	if err := b.retry(lock, func(*SavedSlot) bool { return true }); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l, err := b.find(lock)
	if err != nil {
		return err
	}
	l.work.scanFrom(l.traits())
	l.work.after, l.work.fails = time.Time{}, 0
	ring(l.bell)
	return nil
}

// WaitSync waits until a person's code on a lock is as it should be, or cannot become so: in sync, unverifiable, failed, or not wanted now. It returns
// ErrNoSuchUser when there is no such code, and the code as it is with ctx's error when ctx ends first.
func (b *Bridge) WaitSync(ctx context.Context, lock LockID, user UserID) (Code, error) {
	b.mu.Lock()
	r := b.Follow(b.journal.last)
	b.mu.Unlock()
	defer r.Close()
	for {
		codes, err := b.Codes(lock)
		if err != nil {
			return Code{}, err
		}
		i := slices.IndexFunc(codes, func(c Code) bool { return c.User == user })
		if i < 0 {
			return Code{}, fmt.Errorf("bridge: user %d has no code on that lock: %w", user, ErrNoSuchUser)
		}
		if codes[i].State != CodePending {
			return codes[i], nil
		}
		if _, err := r.Next(ctx); err != nil {
			return codes[i], err
		}
	}
}
