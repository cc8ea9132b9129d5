package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// lockState is what the bridge holds of one lock. The bridge's mu guards it.
type lockState struct {
	id      LockID
	saved   SavedLock
	started bool // has its worker

	bolt      Bolt // as reported since the start
	boltAt    time.Time
	rest      Bolt // the last Locked or Unlocked reported since the start
	door      Door
	reachable bool
	lastSeen  time.Time
	lqi       uint8
	low       bool
	action    Cause // of the last movement
	actionTo  Bolt
	lockedAt  time.Time // last thrown

	turn     chan struct{} // held by the command that the driver has
	commands []*command    // under way, oldest first
	newest   *command

	slots    map[Slot]*SavedSlot
	unplaced map[UserID]unplaced
	work     codeWork
	bell     chan struct{} // wakes the worker
}

func newLockState(s SavedLock) *lockState {
	l := &lockState{
		id: s.ID, saved: s, turn: make(chan struct{}, 1), slots: map[Slot]*SavedSlot{}, unplaced: map[UserID]unplaced{},
		work: codeWork{dirty: map[Slot]bool{}, bad: map[Slot]bool{}, typed: map[Slot]bool{}, refresh: true}, bell: make(chan struct{}, 1), low: s.Battery != nil && *s.Battery <= lowBattery,
	}
	for _, slot := range s.Doubts {
		l.work.dirty[slot] = true
	}
	return l
}

// here tells that the lock is one of this home.
func (l *lockState) here() bool { return l.saved.Forgotten.IsZero() }

func (l *lockState) traits() Traits { return l.saved.Info.Traits }

// meet takes in a lock that the driver knows, new or returned. The caller holds b.mu.
func (b *Bridge) meet(id LockID) *lockState {
	l := b.locks[id]
	if l == nil {
		l = newLockState(SavedLock{ID: id, Name: "New lock", Added: time.Now()})
		l.saved.Name = unique(l.saved.Name, " ", func(s string) bool { return b.nameTaken(s, id) })
		l.saved.Info.ID = id
		b.locks[id] = l
		b.dirty[id] = true
	}
	if !l.here() { // it comes back after it was forgotten, with its old label and nothing else
		slug := l.saved.Slug
		l.saved = SavedLock{ID: id, Slug: slug, Added: time.Now(), Info: Info{ID: id}}
		name := orDefault(b.cfg.Locks[id].Name, "New lock")
		l.saved.Name = unique(name, " ", func(s string) bool { return b.nameTaken(s, id) })
		b.dirty[id] = true
	}
	b.christen(l)
	b.start(l)
	return l
}

// learn takes what an interview found. The caller holds b.mu.
func (b *Bridge) learn(l *lockState, info Info) {
	info.ID = l.id
	l.saved.Info = info
	b.dirty[l.id] = true
	b.christen(l)
	ring(l.bell)
}

// find gives a lock of this home by its id. The caller holds b.mu.
func (b *Bridge) find(id LockID) (*lockState, error) {
	if l := b.locks[id]; l != nil && l.here() {
		return l, nil
	}
	return nil, fmt.Errorf("bridge: lock %s: %w", id, ErrNoSuchLock)
}

// Find gives a lock by its name (in any case of letters), its id or its slug.
func (b *Bridge) Find(what string) (LockView, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	what = strings.TrimSpace(what)
	if l, err := b.find(LockID(strings.ToLower(what))); err == nil {
		return b.view(l), nil
	}
	var bySlug *lockState
	for _, l := range b.locks {
		if !l.here() {
			continue
		}
		if strings.EqualFold(l.saved.Name, what) {
			return b.view(l), nil
		}
		if what != "" && l.slug() == what {
			bySlug = l
		}
	}
	if bySlug != nil {
		return b.view(bySlug), nil
	}
	return LockView{}, fmt.Errorf("bridge: lock %s: %w", Quote(what), ErrNoSuchLock)
}

func (l *lockState) slug() string { return orDefault(l.saved.Slug, provisional(l.id)) }

// Snapshot is a consistent picture of everything at one point of the journal.
func (b *Bridge) Snapshot() Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Snapshot{Seq: b.journal.last, At: time.Now(), Dongle: b.dongle, Locks: make([]LockView, 0, len(b.locks))}
	if b.permit.After(s.At) {
		s.PermitJoin = b.permit
	}
	for _, l := range b.locks {
		if l.here() {
			s.Locks = append(s.Locks, b.view(l))
		}
	}
	slices.SortFunc(s.Locks, func(x, y LockView) int { return strings.Compare(string(x.ID), string(y.ID)) })
	return s
}

// view makes the picture of a lock. The caller holds b.mu.
func (b *Bridge) view(l *lockState) LockView {
	v := LockView{
		ID: l.id, Name: l.saved.Name, Slug: l.slug(), Info: l.saved.Info, Bolt: l.bolt, BoltAt: l.boltAt, Target: l.target(), Door: l.door,
		Reachable: l.reachable, LastSeen: l.lastSeen, LQI: l.lqi, BatteryAt: l.saved.BatteryAt, BatteryLow: l.low,
		Tampered: l.saved.Tampered || b.resets.tampered(l.id), ResetStage: b.resets.stageOf(l.id), Pending: len(l.commands),
		LastAction: l.action, LastTo: l.actionTo, AutoRelock: l.saved.Settings.AutoRelock,
	}
	v.Info.Traits.MasterSlots = slices.Clone(v.Info.Traits.MasterSlots)
	v.Info.Traits.RemoteResets = slices.Clone(v.Info.Traits.RemoteResets)
	if l.saved.Battery != nil {
		p := *l.saved.Battery
		v.Battery = &p
	}
	v.CodesUsed, v.CodesUnsync = l.countCodes()
	return v
}

// target is what was asked last while that is under way, else where the bolt last rested.
func (l *lockState) target() Bolt {
	if l.newest != nil {
		return l.newest.kind.Wants()
	}
	return l.rest
}

// Rename gives a lock another name. Its slug stays. The names of the configuration are changed there.
func (b *Bridge) Rename(_ context.Context, id LockID, name string) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	var saved SavedLock
	return b.edit(func() (Change, error) {
		l, err := b.find(id)
		if err != nil {
			return Change{}, err
		}
		if c := b.cfg.Locks[id].Name; c != "" && c != name {
			return Change{}, fmt.Errorf("bridge: the configuration names this lock %q; change it there: %w", c, ErrConflict)
		}
		if b.nameTaken(name, id) {
			return Change{}, fmt.Errorf("bridge: another lock is called %q: %w", name, ErrConflict)
		}
		saved = l.saved
		saved.Name = name
		if saved.Slug == "" {
			saved.Slug = unique(orDefault(slugOf(name), "lock"), "-", func(s string) bool { return b.slugTaken(s, id) })
		}
		return Change{PutLocks: []SavedLock{saved}}, nil
	}, func() []Event {
		l := b.locks[id]
		l.saved.Name, l.saved.Slug = saved.Name, saved.Slug
		return []Event{{Lock: id, Body: LockRenamed{Name: name}}}
	})
}

// Forget takes a lock out of the network and out of this home. Its codes and its reset workflow are forgotten with it; what stands in the lock itself
// stays there. With force it is forgotten even if it cannot be told to leave.
func (b *Bridge) Forget(ctx context.Context, id LockID, force bool) error {
	b.mu.Lock()
	_, err := b.find(id)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if err := b.drv.Forget(ctx, id, force); err != nil && !errors.Is(err, ErrNoSuchLock) {
		return fmt.Errorf("bridge: forget %s: %w", id, err)
	}
	if err := b.resets.forget(id); err != nil {
		return err
	}
	var saved SavedLock
	var users []User
	return b.edit(func() (Change, error) {
		l, err := b.find(id)
		if err != nil {
			return Change{}, err
		}
		saved = SavedLock{ID: id, Name: l.saved.Name, Slug: l.slug(), Added: l.saved.Added, Forgotten: time.Now()}
		ch := Change{PutLocks: []SavedLock{saved}}
		for s := range l.slots {
			ch.DropSlots = append(ch.DropSlots, SlotKey{id, s})
		}
		for _, u := range b.users {
			if _, own := u.PINs[id]; own || slices.Contains(u.Locks, id) {
				n := u.copy()
				delete(n.PINs, id)
				n.Locks = slices.DeleteFunc(n.Locks, func(x LockID) bool { return x == id })
				users = append(users, n)
			}
		}
		ch.PutUsers = users
		return ch, nil
	}, func() []Event {
		l := b.locks[id]
		fresh := newLockState(saved)
		l.saved, l.slots, l.unplaced, l.work = fresh.saved, fresh.slots, fresh.unplaced, fresh.work
		l.bolt, l.rest, l.door, l.reachable, l.low = BoltUnknown, BoltUnknown, DoorUnknown, false, false
		delete(b.dirty, id)
		for _, u := range users {
			b.users[u.ID] = &u
		}
		ring(l.bell)
		return []Event{{Lock: id, Body: LockForgotten{}}}
	})
}

// Refresh reads bolt, door and battery from the lock; what is read arrives in the journal.
func (b *Bridge) Refresh(ctx context.Context, id LockID) error {
	b.mu.Lock()
	_, err := b.find(id)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	l, err := b.drv.Lock(id)
	if err != nil {
		return fmt.Errorf("bridge: refresh %s: %w", id, err)
	}
	ctx, cancel := b.withDeadline(ctx)
	defer cancel()
	if err := l.Refresh(ctx); err != nil {
		return fmt.Errorf("bridge: refresh %s: %w", id, err)
	}
	return nil
}

// withDeadline gives a caller without a deadline the configured one.
func (b *Bridge) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, b.cfg.CommandTimeout)
}
