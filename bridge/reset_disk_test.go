package bridge

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
)

// fakeDisk is a store in memory: what was committed outlives the bridge.
type fakeDisk struct {
	mu      sync.Mutex
	locks   map[LockID]SavedLock
	users   map[UserID]User
	slots   map[SlotKey]SavedSlot
	resets  map[LockID]SavedReset
	count   map[string]uint64
	events  []Event
	lastID  UserID
	full    bool // refuses
	point   func(string)
	commits int
}

func newFakeDisk() *fakeDisk {
	return &fakeDisk{
		locks: map[LockID]SavedLock{}, users: map[UserID]User{}, slots: map[SlotKey]SavedSlot{}, resets: map[LockID]SavedReset{}, count: map[string]uint64{},
		point: func(string) {},
	}
}

func cloneReset(r SavedReset) SavedReset {
	r.Data = append([]byte(nil), r.Data...)
	codes := r.Codes
	r.Codes = nil
	for _, c := range codes {
		r.Codes = append(r.Codes, CapturedCode{Slot: c.Slot, User: c.User, PIN: c.PIN.Clone()})
	}
	return r
}

func cloneUser(u User) User {
	u.PIN = u.PIN.Clone()
	pins := u.PINs
	u.PINs = nil
	for k, p := range pins {
		if u.PINs == nil {
			u.PINs = map[LockID]PIN{}
		}
		u.PINs[k] = p.Clone()
	}
	return u
}

func (s *fakeDisk) Load() (Saved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := Saved{LastID: s.lastID, Counter: maps.Clone(s.count)}
	for _, l := range s.locks {
		v.Locks = append(v.Locks, l)
	}
	for _, u := range s.users {
		v.Users = append(v.Users, cloneUser(u))
	}
	for _, sl := range s.slots {
		sl.Wanted, sl.Seen = sl.Wanted.Clone(), sl.Seen.Clone()
		v.Slots = append(v.Slots, sl)
	}
	for _, r := range s.resets {
		v.Resets = append(v.Resets, cloneReset(r))
	}
	if n := len(s.events); n > 0 {
		v.LastSeq = s.events[n-1].Seq
	}
	return v, nil
}

// stageOf names a commit by the reset stage in it, for crash points.
func stageOf(c Change) string {
	if len(c.PutResets) == 0 {
		return "other"
	}
	var rec resetRecord
	if json.Unmarshal(c.PutResets[0].Data, &rec) != nil {
		return "unreadable"
	}
	return string(rec.Stage)
}

func (s *fakeDisk) Commit(c Change) error {
	name := stageOf(c)
	s.point("before record " + name)
	s.mu.Lock()
	if s.full {
		s.mu.Unlock()
		return errors.New("no space left")
	}
	s.commits++
	for _, l := range c.PutLocks {
		s.locks[l.ID] = l
	}
	for _, id := range c.DropLocks {
		delete(s.locks, id)
	}
	for _, u := range c.PutUsers {
		s.users[u.ID] = cloneUser(u)
		s.lastID = max(s.lastID, u.ID)
	}
	for _, id := range c.DropUsers {
		delete(s.users, id)
	}
	for _, sl := range c.PutSlots {
		sl.Wanted, sl.Seen = sl.Wanted.Clone(), sl.Seen.Clone()
		s.slots[sl.SlotKey] = sl
	}
	for _, k := range c.DropSlots {
		delete(s.slots, k)
	}
	for _, r := range c.PutResets {
		s.resets[r.Lock] = cloneReset(r)
	}
	for _, id := range c.DropResets {
		delete(s.resets, id)
	}
	maps.Copy(s.count, c.Counters)
	s.events = append(s.events, c.Append...)
	s.mu.Unlock()
	s.point("after record " + name)
	return nil
}

func (s *fakeDisk) Events(after uint64, limit int) ([]Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Event
	for _, e := range s.events {
		if e.Seq > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (s *fakeDisk) journal() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

func (s *fakeDisk) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

func (s *fakeDisk) reset() SavedReset {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resets[doorID]
}
