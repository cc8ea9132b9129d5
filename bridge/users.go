package bridge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// userLimit bounds the people of one home.
const userLimit = 5000

// copy is independent of u but for the digits, which are never changed in place.
func (u *User) copy() User {
	n := *u
	n.PINs = maps.Clone(u.PINs)
	n.Locks = slices.Clone(u.Locks)
	n.Schedule.Weekly = slices.Clone(u.Schedule.Weekly)
	return n
}

// public is what leaves the bridge: no digits. PINs keeps its keys, to tell which locks have a code of their own.
func (u *User) public() User {
	n := u.copy()
	n.PIN = PIN{}
	n.Ended = n.Ended || n.usedUp()
	for l := range n.PINs {
		n.PINs[l] = PIN{}
	}
	if n.Locks == nil {
		n.Locks = []LockID{}
	}
	return n
}

// opens tells whether the person may open the lock at all.
func (u *User) opens(l LockID) bool {
	return u.Removed.IsZero() && (u.AllLocks || slices.Contains(u.Locks, l))
}

// pinFor is the code on that lock; zero if none is known.
func (u *User) pinFor(l LockID) PIN {
	if p := u.PINs[l]; !p.IsZero() {
		return p
	}
	return u.PIN
}

// active tells whether the person's codes should be on their locks now.
func (u *User) active(now time.Time, loc *time.Location) bool {
	return u.Removed.IsZero() && !u.Ended && !u.usedUp() && u.Schedule.Allows(now, loc)
}

func (u *User) usedUp() bool { return u.Schedule.Uses > 0 && u.Used >= u.Schedule.Uses }

// notNow says why a code is not on its locks for good; empty if its time will come.
func (u *User) notNow() string {
	switch {
	case u.usedUp():
		return "used up"
	case u.Ended:
		return "expired"
	}
	return ""
}

// Users gives all people by id, without digits.
func (b *Bridge) Users() []User {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]User, 0, len(b.users))
	for _, u := range b.users {
		if u.Removed.IsZero() {
			out = append(out, u.public())
		}
	}
	slices.SortFunc(out, func(x, y User) int { return int(x.ID) - int(y.ID) })
	return out
}

// User gives one person, without digits.
func (b *Bridge) User(id UserID) (User, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, err := b.user(id)
	if err != nil {
		return User{}, err
	}
	return u.public(), nil
}

// user gives a person of this home. The caller holds b.mu.
func (b *Bridge) user(id UserID) (*User, error) {
	if u := b.users[id]; u != nil && u.Removed.IsZero() {
		return u, nil
	}
	return nil, fmt.Errorf("bridge: user %d: %w", id, ErrNoSuchUser)
}

// AddUser takes in a person. Nothing but the id is changed after it has returned without an error: the record is durable, the codes follow by and by.
// Locks nil without AllLocks means all locks that are known now.
func (b *Bridge) AddUser(_ context.Context, c Cause, u User) (UserID, error) {
	n := u.copy()
	n.PIN = u.PIN.Clone()
	for l, p := range n.PINs {
		n.PINs[l] = p.Clone()
	}
	n.Used, n.Ended, n.Removed, n.LastUsed, n.Created = 0, false, time.Time{}, time.Time{}, time.Now().Round(0)
	if n.Origin == "" {
		n.Origin = originOf(c)
	}
	err := b.editUser(c, nil, &n, "added", func() error {
		if len(b.users) >= userLimit {
			return fmt.Errorf("bridge: at most %d people: %w", userLimit, ErrMemoryFull)
		}
		n.ID = b.lastID + 1
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n.ID, nil
}

func originOf(c Cause) Origin {
	switch c.Source {
	case SourceHomeKit:
		return OriginHomeKit
	case SourceMatter:
		return OriginMatter
	case SourceKeypad:
		return OriginKeypad
	}
	return OriginAPI
}

// ChangeUser lets edit change a person. edit sees no digits: a zero PIN that it leaves stays what it was, a key that it deletes from PINs is deleted.
// ID, Origin, Used and Created cannot be changed; another schedule starts the counting of uses anew.
func (b *Bridge) ChangeUser(_ context.Context, c Cause, id UserID, edit func(*User) error) error {
	var n User
	return b.editUser(c, &id, &n, "changed", func() error {
		old := b.users[id]
		n = old.public()
		if err := edit(&n); err != nil {
			return err
		}
		n = n.copy() // edit may have kept what it was given
		if n.PIN.IsZero() {
			n.PIN = old.PIN
		} else {
			n.PIN = n.PIN.Clone()
		}
		for l, p := range n.PINs {
			if p = p.Clone(); p.IsZero() {
				p = old.PINs[l]
			}
			if n.PINs[l] = p; p.IsZero() {
				delete(n.PINs, l)
			}
		}
		n.ID, n.Origin, n.Created, n.Used, n.LastUsed, n.Ended, n.Removed = old.ID, old.Origin, old.Created, old.Used, old.LastUsed, old.Ended, time.Time{}
		if !sameSchedule(n.Schedule, old.Schedule) {
			n.Used, n.Ended = 0, false
		}
		return nil
	})
}

func sameSchedule(x, y Schedule) bool {
	return slices.Equal(x.Weekly, y.Weekly) && x.From.Equal(y.From) && x.Until.Equal(y.Until) && x.Uses == y.Uses
}

// editUser checks and stores n. make runs first, with b.mu held, and fills n in.
func (b *Bridge) editUser(c Cause, id *UserID, n *User, change string, make func() error) error {
	touched := map[LockID]bool{}
	err := b.edit(func() (Change, error) {
		var old *User
		if id != nil {
			var err error
			if old, err = b.user(*id); err != nil {
				return Change{}, err
			}
		}
		if err := make(); err != nil {
			return Change{}, err
		}
		if err := b.checkUser(n); err != nil {
			return Change{}, err
		}
		for l := range b.locks {
			touched[l] = n.opens(l) || old != nil && old.opens(l)
		}
		return Change{PutUsers: []User{*n}, Counters: b.bump(c, touched)}, nil
	}, func() []Event {
		b.install(*n)
		return []Event{{Cause: c, Body: UserChanged{User: n.ID, Name: n.Name, Change: change}}}
	})
	if err == nil {
		b.settleAll(touched)
	}
	return err
}

// install puts a person's new record in place. Uses counted while it was being written are kept. The caller holds b.mu.
func (b *Bridge) install(n User) {
	if cur := b.users[n.ID]; cur != nil && cur.LastUsed.After(n.LastUsed) {
		n.Used, n.LastUsed = max(n.Used, cur.Used), cur.LastUsed
		b.dirtyUsers[n.ID] = true
	}
	b.users[n.ID] = &n
	b.lastID = max(b.lastID, n.ID)
}

// bump counts a change of codes that HomeKit does not know of. The caller holds b.mu.
func (b *Bridge) bump(c Cause, locks map[LockID]bool) map[string]uint64 {
	if c.Source == SourceHomeKit {
		return nil
	}
	out := map[string]uint64{}
	for l, yes := range locks {
		if yes {
			out[counterCodes+string(l)] = b.counters[counterCodes+string(l)] + 1
		}
	}
	return out
}

const counterCodes = "codes."

// CodeCounter counts the changes of a lock's codes that were made outside HomeKit, over restarts.
func (b *Bridge) CodeCounter(lock LockID) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counters[counterCodes+string(lock)]
}

// checkUser completes a person's record and says what is wrong with it. The caller holds b.mu.
func (b *Bridge) checkUser(n *User) error {
	name, err := checkName(n.Name)
	if err != nil {
		return err
	}
	n.Name = name
	for _, u := range b.users {
		if u.ID != n.ID && u.Removed.IsZero() && strings.EqualFold(u.Name, n.Name) {
			return fmt.Errorf("bridge: there is somebody called %q already: %w", n.Name, ErrConflict)
		}
	}
	if err := n.Schedule.Check(); err != nil {
		return err
	}
	if n.Locks == nil {
		n.Locks = []LockID{}
		if !n.AllLocks {
			for id, l := range b.locks {
				if l.here() && l.holdsCodes() {
					n.Locks = append(n.Locks, id)
				}
			}
		}
	}
	slices.Sort(n.Locks)
	n.Locks = slices.Compact(n.Locks)
	for _, id := range n.Locks {
		l, err := b.find(id)
		if err != nil {
			return err
		}
		if l.saved.Info.Ready && !l.holdsCodes() {
			return fmt.Errorf("bridge: %s: codes cannot be set by radio on this model: %w", l.saved.Name, ErrUnsupported)
		}
	}
	for id := range n.PINs {
		if _, err := b.find(id); err != nil {
			return err
		}
	}
	return b.checkPINs(n)
}

// checkPINs refuses codes that suit none of the person's locks, and those that somebody else has on one of them. The caller holds b.mu.
func (b *Bridge) checkPINs(n *User) error {
	var unfit error
	fits := 0
	for id, l := range b.locks {
		if !l.here() || !l.holdsCodes() || !n.opens(id) {
			continue
		}
		p := n.pinFor(id)
		if p.IsZero() {
			continue
		}
		if err := b.suits(l, n, p); err != nil {
			if _, own := n.PINs[id]; own {
				return err
			}
			unfit = err
			continue
		}
		fits++
		for _, s := range l.slots {
			if s.User == 0 && s.Seen.Equal(p) && !p.IsZero() {
				return fmt.Errorf("bridge: %s: slot %d holds this code already, written by other hands; adopt it or choose another: %w", l.saved.Name, s.Slot, ErrDuplicate)
			}
		}
	}
	if unfit != nil && fits == 0 {
		return unfit
	}
	for _, u := range b.users {
		if u.ID != n.ID && u.Removed.IsZero() && b.collide(u, n) {
			return fmt.Errorf("bridge: somebody else has this code; choose another: %w", ErrDuplicate)
		}
	}
	return nil
}

// collide tells whether two people would have the same code on one lock, or on any lock to come. The caller holds b.mu.
func (b *Bridge) collide(x, y *User) bool {
	if x.AllLocks && y.AllLocks && !x.PIN.IsZero() && x.PIN.Equal(y.PIN) {
		return true
	}
	for id, l := range b.locks {
		if p := x.pinFor(id); l.here() && x.opens(id) && y.opens(id) && !p.IsZero() && p.Equal(y.pinFor(id)) {
			return true
		}
	}
	return false
}

// RemoveUser takes a person away. Their codes are removed from the locks before anything else is done there; until then the name still stands behind
// them.
func (b *Bridge) RemoveUser(_ context.Context, c Cause, id UserID) error {
	touched := map[LockID]bool{}
	var n User
	err := b.edit(func() (Change, error) {
		u, err := b.user(id)
		if err != nil {
			return Change{}, err
		}
		n = u.copy()
		n.Removed, n.PIN, n.PINs = time.Now().Round(0), PIN{}, nil
		ch := Change{}
		for l := range b.locks {
			touched[l] = u.opens(l) || b.locks[l].slotOf(id) != nil
		}
		ch.PutUsers = []User{n}
		ch.Counters = b.bump(c, touched)
		return ch, nil
	}, func() []Event {
		b.install(n)
		return []Event{{Cause: c, Body: UserChanged{User: id, Name: n.Name, Change: "removed"}}}
	})
	if err == nil {
		b.settleAll(touched)
		b.buryUsers()
	}
	return err
}

// buryUsers drops removed people whose last code is gone.
func (b *Bridge) buryUsers() {
	var gone []UserID
	err := b.edit(func() (Change, error) {
	users:
		for id, u := range b.users {
			if u.Removed.IsZero() {
				continue
			}
			for _, l := range b.locks {
				if l.slotOf(id) != nil {
					continue users
				}
			}
			gone = append(gone, id)
		}
		return Change{DropUsers: gone}, nil
	}, func() []Event {
		for _, id := range gone {
			delete(b.users, id)
		}
		return nil
	})
	if err != nil {
		b.log.Debug("dropping removed people later", "err", err)
	}
}
