package bridge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// adoptOrphans puts right what unreadable records left behind: slots of a lock or a person whose record is gone, and people whose slot's record is. No code
// that stands on a lock goes because a record cannot be read. Only New calls it.
func (b *Bridge) adoptOrphans(slots []SavedSlot, lost []SlotKey) {
	found := map[LockID]bool{}
	for _, s := range slots {
		if l := b.locks[s.Lock]; l == nil { // a lock that was forgotten keeps its record, and has no slots
			found[s.Lock] = true
			b.log.Error("the record of a lock cannot be read; its name is lost, and it goes on with what the driver knows", "lock", b.meet(s.Lock).id)
		}
		if found[s.Lock] {
			b.locks[s.Lock].slots[s.Slot] = &s
		}
	}
	owned := map[UserID][]*SavedSlot{}
	for _, l := range b.locks {
		for _, s := range l.slots {
			if s.User != 0 && b.users[s.User] == nil && (s.Want || s.State == CodeScheduled) {
				owned[s.User] = append(owned[s.User], s)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(owned)) {
		b.recover(id, owned[id])
	}
	for _, k := range lost {
		b.lostSlot(k, lost)
	}
}

// recover makes a person anew of the codes that are theirs. Name and schedule are lost. A code that stands on its lock stays; one that does not, because its
// time was not then, is not written before somebody says when it opens.
func (b *Bridge) recover(id UserID, slots []*SavedSlot) {
	u := User{ID: id, Origin: OriginAPI, Locks: []LockID{}, Created: time.Now().Round(0), Ended: true}
	u.Name = unique(fmt.Sprintf("Person %d", id), " ", func(name string) bool {
		for _, o := range b.users {
			if o.Removed.IsZero() && strings.EqualFold(o.Name, name) {
				return true
			}
		}
		return false
	})
	for _, s := range slots {
		u.Locks = append(u.Locks, s.Lock)
		if !s.Wanted.IsZero() {
			if u.PINs == nil {
				u.PINs = map[LockID]PIN{}
			}
			u.PINs[s.Lock] = s.Wanted.Clone()
		}
		u.Ended = u.Ended && !s.Want
	}
	slices.Sort(u.Locks)
	b.users[id] = &u
	b.lastID = max(b.lastID, id)
	b.dirtyUsers[id] = true
	b.log.Error("the record of a person cannot be read; their codes stay, their name and schedule are lost: look at them, or restore a backup", "user", id, "now called", u.Name)
	b.publish(Event{Cause: b.bridgeCause(nil, id), Body: UserChanged{User: id, Name: u.Name, Change: "recovered"}})
}

// lostSlot has a slot read again whose record cannot be read. Where people have no slot on that lock, as many as slots are lost there, each gets one of them
// back, and what stands in it is compared with their code before anything is written.
func (b *Bridge) lostSlot(k SlotKey, lost []SlotKey) {
	l := b.locks[k.Lock]
	if l == nil || !l.here() || l.slots[k.Slot] != nil {
		return
	}
	b.log.Error("the record of a code cannot be read; what stands on the lock stays there and is read again", "lock", l.id, "slot", k.Slot)
	l.work.dirty[k.Slot] = true
	same := 0
	for _, o := range lost {
		if o.Lock == k.Lock && l.slots[o.Slot] == nil {
			same++
		}
	}
	var without []*User
	for _, u := range b.users {
		if u.opens(l.id) && !u.pinFor(l.id).IsZero() && l.slotOf(u.ID) == nil && u.active(b.wall(), b.cfg.Location) {
			without = append(without, u)
		}
	}
	if len(without) != same {
		return
	}
	u := slices.MinFunc(without, func(x, y *User) int { return cmp.Compare(x.ID, y.ID) })
	p := u.pinFor(l.id)
	l.slots[k.Slot] = &SavedSlot{SlotKey: k, User: u.ID, Want: true, Wanted: p.Clone(), Seen: p.Clone(), State: CodePending, Claimed: true, Since: time.Now().Round(0)}
}
