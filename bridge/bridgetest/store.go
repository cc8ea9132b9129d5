package bridgetest

import (
	"maps"
	"slices"
	"sync"

	"github.com/latchkeyd/latchkey/bridge"
)

// Store is a bridge.Store in memory. It survives as long as the value does: give it to the next bridge to play a restart.
type Store struct {
	mu      sync.Mutex
	locks   map[bridge.LockID]bridge.SavedLock
	users   map[bridge.UserID]bridge.User
	slots   map[bridge.SlotKey]bridge.SavedSlot
	resets  map[bridge.LockID]bridge.SavedReset
	counter map[string]uint64
	events  []bridge.Event
	lastID  bridge.UserID
	lastSeq uint64
	commits int
	fail    error
}

// NewStore is an empty store.
func NewStore() *Store {
	return &Store{
		locks: map[bridge.LockID]bridge.SavedLock{}, users: map[bridge.UserID]bridge.User{}, slots: map[bridge.SlotKey]bridge.SavedSlot{},
		resets: map[bridge.LockID]bridge.SavedReset{}, counter: map[string]uint64{},
	}
}

// Fail makes every Commit return err until it is called with nil.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// Commits is how many commits succeeded.
func (s *Store) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// Copy is what a machine would find on its disk now.
func (s *Store) Copy() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Store{
		locks: maps.Clone(s.locks), users: maps.Clone(s.users), slots: maps.Clone(s.slots), resets: maps.Clone(s.resets), counter: maps.Clone(s.counter),
		events: slices.Clone(s.events), lastID: s.lastID, lastSeq: s.lastSeq,
	}
}

// Load implements bridge.Store. What it gives shares no digits with the store.
func (s *Store) Load() (bridge.Saved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := bridge.Saved{LastSeq: s.lastSeq, LastID: s.lastID, Counter: maps.Clone(s.counter)}
	for _, l := range s.locks {
		out.Locks = append(out.Locks, l)
	}
	for _, u := range s.users {
		out.Users = append(out.Users, cloneUser(u))
	}
	for _, sl := range s.slots {
		out.Slots = append(out.Slots, cloneSlot(sl))
	}
	for _, r := range s.resets {
		out.Resets = append(out.Resets, cloneReset(r))
	}
	return out, nil
}

// Commit implements bridge.Store.
func (s *Store) Commit(ch bridge.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	for _, id := range ch.DropLocks {
		delete(s.locks, id)
	}
	for _, id := range ch.DropUsers {
		delete(s.users, id)
	}
	for _, k := range ch.DropSlots {
		delete(s.slots, k)
	}
	for _, id := range ch.DropResets {
		delete(s.resets, id)
	}
	for _, l := range ch.PutLocks {
		s.locks[l.ID] = l
	}
	for _, u := range ch.PutUsers {
		s.users[u.ID] = cloneUser(u)
		s.lastID = max(s.lastID, u.ID)
	}
	for _, sl := range ch.PutSlots {
		s.slots[sl.SlotKey] = cloneSlot(sl)
	}
	for _, r := range ch.PutResets {
		s.resets[r.Lock] = cloneReset(r)
	}
	maps.Copy(s.counter, ch.Counters)
	for _, ev := range ch.Append {
		s.events = append(s.events, ev)
		s.lastSeq = max(s.lastSeq, ev.Seq)
	}
	s.events = slices.DeleteFunc(s.events, func(ev bridge.Event) bool { return ev.Seq <= ch.Prune })
	s.commits++
	return nil
}

// Events implements bridge.Store.
func (s *Store) Events(after uint64, limit int) ([]bridge.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, _ := slices.BinarySearchFunc(s.events, after+1, func(ev bridge.Event, seq uint64) int {
		switch {
		case ev.Seq < seq:
			return -1
		case ev.Seq > seq:
			return 1
		}
		return 0
	})
	return slices.Clone(s.events[i:min(i+max(limit, 0), len(s.events))]), nil
}

func cloneUser(u bridge.User) bridge.User {
	u.PIN = u.PIN.Clone()
	u.PINs = maps.Clone(u.PINs)
	for l, p := range u.PINs {
		u.PINs[l] = p.Clone()
	}
	u.Locks = slices.Clone(u.Locks)
	u.Schedule.Weekly = slices.Clone(u.Schedule.Weekly)
	return u
}

func cloneSlot(s bridge.SavedSlot) bridge.SavedSlot {
	s.Wanted, s.Seen = s.Wanted.Clone(), s.Seen.Clone()
	return s
}

func cloneReset(r bridge.SavedReset) bridge.SavedReset {
	r.Data = slices.Clone(r.Data)
	r.Codes = slices.Clone(r.Codes)
	for i := range r.Codes {
		r.Codes[i].PIN = r.Codes[i].PIN.Clone()
	}
	return r
}
