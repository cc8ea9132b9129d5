package homekit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// check refuses what the lock could not keep, before anything is changed. others are the codes that are there beside the one being set.
func (d *codeDesk) check(it codeItem, others []held) (bridge.PIN, error) {
	t := d.traits()
	minimum, maximum := t.lengths()
	if len(it.Code) < minimum {
		return bridge.PIN{}, lengthError{}
	}
	if len(it.Code) > maximum {
		return bridge.PIN{}, lengthError{long: true}
	}
	pin, err := bridge.NewPIN(it.Code)
	if err != nil {
		return bridge.PIN{}, err
	}
	for _, h := range others {
		if h.pin.Equal(pin) {
			pin.Wipe()
			return bridge.PIN{}, bridge.ErrDuplicate
		}
	}
	if t.SameLength {
		for _, h := range others {
			if n := h.pin.Len(); n != pin.Len() {
				pin.Wipe()
				return bridge.PIN{}, lengthError{long: len(it.Code) > n}
			}
		}
	}
	return pin, nil
}

// full tells that the lock has no room for one more code beside those in held. Codes that are not ours take room; those being taken away do not.
func (d *codeDesk) full(have []held) (bool, error) {
	codes, err := d.lock.a.b.Codes(d.lock.id)
	if err != nil {
		return false, fmt.Errorf("homekit: codes of %s: %w", d.lock.id, err)
	}
	n := len(have)
	for _, c := range codes {
		if c.State == bridge.CodeNotOurs {
			n++
		}
	}
	return n >= d.traits().Capacity(), nil
}

// add makes a code: for the user whose code was removed just before, which is how Apple Home edits; for the user who has these digits on another lock, which
// is how Apple Home gives one guest several locks; else for a new user.
func (d *codeDesk) add(ctx context.Context, c bridge.Cause, it codeItem, a *codeAnswer) error {
	if it.Code == nil {
		return errCodeMessage
	}
	codes, err := d.held()
	if err != nil {
		return err
	}
	defer wipe(codes)
	pin, err := d.check(it, codes)
	if err != nil {
		return err
	}
	full, err := d.full(codes)
	if err != nil {
		return err
	}
	if full {
		return bridge.ErrMemoryFull
	}
	user, err := d.addFor(ctx, c, pin)
	if err != nil {
		return err
	}
	return d.given(user, it, a)
}

func (d *codeDesk) addFor(ctx context.Context, c bridge.Cause, pin bridge.PIN) (bridge.UserID, error) {
	b, id := d.lock.a.b, d.lock.id
	edited := d.removed
	d.removed = nil
	if edited != nil && (edited.many || edited.by != c.Actor || time.Since(edited.at) > d.lock.a.times.edit) {
		edited = nil
	}
	if edited != nil && edited.kept {
		return edited.user.ID, b.SetCode(ctx, c, id, edited.user.ID, pin)
	}
	if edited == nil {
		if u, ok := d.sameElsewhere(pin); ok {
			return u, b.SetCode(ctx, c, id, u, pin)
		}
	}
	u := bridge.User{Name: d.newName(), Origin: bridge.OriginHomeKit}
	if edited != nil { // numbers of users are never given again, but the name stays
		u.Name, u.Origin, u.Schedule = edited.user.Name, edited.user.Origin, edited.user.Schedule
	}
	u.PIN, u.Locks = pin, []bridge.LockID{id}
	return b.AddUser(ctx, c, u)
}

// given answers with the number of the user's code.
func (d *codeDesk) given(user bridge.UserID, it codeItem, a *codeAnswer) error {
	err := d.lock.a.reg.edit(d.lock.id, func(rec *lockRecord) bool {
		var fresh bool
		a.ID, fresh = rec.Codes.give(user)
		return fresh
	})
	if err != nil {
		return err
	}
	a.HasID, a.Code = true, append(codeDigits{}, it.Code...)
	if u, err := d.lock.a.b.User(user); err == nil && restricted(u.Schedule) {
		a.Flags = flagRestricted
	}
	return nil
}

// sameElsewhere finds the user who opens another lock with these digits at all times.
func (d *codeDesk) sameElsewhere(pin bridge.PIN) (bridge.UserID, bool) {
	b := d.lock.a.b
	for _, u := range b.Users() {
		if restricted(u.Schedule) {
			continue
		}
		for _, l := range d.lock.a.published() {
			if l == d.lock || u.Locks != nil && !slices.Contains(u.Locks, l.id) {
				continue
			}
			p, err := b.Reveal(l.id, u.ID)
			if err == nil && p.Equal(pin) {
				return u.ID, true
			}
		}
	}
	return 0, false
}

// newName is the first "Home code N" that nobody has.
func (d *codeDesk) newName() string {
	taken := make(map[string]bool)
	for _, u := range d.lock.a.b.Users() {
		taken[u.Name] = true
	}
	for n := 1; ; n++ {
		if name := fmt.Sprintf("Home code %d", n); !taken[name] {
			return name
		}
	}
}

// update gives a code other digits.
func (d *codeDesk) update(ctx context.Context, c bridge.Cause, it codeItem, a *codeAnswer) error {
	if it.Code == nil {
		return errCodeMessage
	}
	h, others, err := d.find(a)
	if err != nil {
		return err
	}
	defer wipe(append(others, h))
	pin, err := d.check(it, others)
	if err != nil {
		return err
	}
	if !h.pin.Equal(pin) {
		if err := d.lock.a.b.SetCode(ctx, c, d.lock.id, h.user, pin); err != nil {
			return err
		}
	}
	return d.given(h.user, it, a)
}

// remove takes a code away: the user's code on this lock, and the user with it if this was the only lock.
func (d *codeDesk) remove(ctx context.Context, c bridge.Cause, a *codeAnswer) error {
	h, others, err := d.find(a)
	if err != nil {
		return err
	}
	defer wipe(append(others, h))
	b := d.lock.a.b
	u, err := b.User(h.user)
	if err != nil {
		return err
	}
	only := !u.AllLocks && len(u.Locks) == 1 && u.Locks[0] == d.lock.id
	if only {
		err = b.RemoveUser(ctx, c, u.ID)
	} else {
		err = b.ClearCode(ctx, c, d.lock.id, u.ID)
	}
	if err != nil {
		return err
	}
	again := d.removed != nil && d.removed.by == c.Actor && time.Since(d.removed.at) < d.lock.a.times.edit
	d.removed = &removedCode{user: u, kept: !only, by: c.Actor, at: time.Now()}
	d.removed.many = again // two and more at once: no telling which of them a following Add means
	*a = h.answer()
	return nil
}
