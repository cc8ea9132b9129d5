package bridge

import (
	"maps"
	"slices"
	"time"
)

// unplaced is a code that has no slot, and why.
type unplaced struct {
	why   string
	since time.Time
}

// settleAll brings what should stand on locks up to date after an edit. An error is told by the worker, which settles again.
func (b *Bridge) settleAll(locks map[LockID]bool) {
	for id, yes := range locks {
		if !yes {
			continue
		}
		b.mu.Lock()
		l := b.locks[id]
		b.mu.Unlock()
		if _, err := b.settle(l); err != nil {
			b.log.Debug("settling later", "lock", id, "err", err)
		}
		ring(l.bell)
	}
}

// settle writes down which code should stand in which slot of a lock now, and says when that may change by itself (zero: never). It sends nothing.
func (b *Bridge) settle(l *lockState) (time.Time, error) {
	var next time.Time
	var puts []SavedSlot
	var drops []Slot
	var lost map[UserID]unplaced
	err := b.edit(func() (Change, error) {
		if !l.here() || !l.saved.Info.Ready || !l.holdsCodes() {
			return Change{}, nil
		}
		puts, drops, lost, next = b.desire(l, b.wall())
		ch := Change{PutSlots: puts}
		for _, s := range drops {
			ch.DropSlots = append(ch.DropSlots, SlotKey{l.id, s})
		}
		return ch, nil
	}, func() []Event {
		var evs []Event
		for _, s := range drops {
			evs = append(evs, b.codeEvent(l, *l.slots[s], ""))
			delete(l.slots, s)
		}
		for _, s := range puts {
			old := l.slots[s.Slot]
			l.slots[s.Slot] = &s
			if old == nil || !old.sameShown(&s) {
				evs = append(evs, b.codeEvent(l, s, s.State))
			}
		}
		maps.DeleteFunc(l.work.typed, func(s Slot, _ bool) bool { return l.slots[s] == nil || l.slots[s].Reason != perhapsGone })
		if lost != nil {
			for id, u := range lost {
				if old, ok := l.unplaced[id]; !ok || old.why != u.why {
					evs = append(evs, Event{Lock: l.id, Cause: b.bridgeCause(nil, id), Body: CodeMoved{Slot: NoSlot, State: CodeFailed, Reason: u.why}})
				}
			}
			l.unplaced = lost
		}
		return evs
	})
	return next, err
}

// bridgeCause is a cause of our own, with a person in it. The caller holds b.mu.
func (b *Bridge) bridgeCause(slot *Slot, id UserID) Cause {
	c := Cause{Source: SourceBridge, Slot: slot, User: id}
	if u := b.users[id]; u != nil {
		c.Name = u.Name
	}
	return c
}

func (b *Bridge) codeEvent(l *lockState, s SavedSlot, state CodeState) Event {
	reason := ""
	if state != "" {
		state, reason = s.shown()
	}
	return Event{Lock: l.id, Cause: b.bridgeCause(&s.Slot, s.User), Body: CodeMoved{Slot: s.Slot, State: state, Reason: reason}}
}

// desire works out what should change in the slots of a lock. The caller holds b.mu; nothing is changed.
func (b *Bridge) desire(l *lockState, now time.Time) (puts []SavedSlot, drops []Slot, lost map[UserID]unplaced, next time.Time) {
	lost = map[UserID]unplaced{}
	t := l.traits()
	blind := l.work.noRead || t.ReadBack == ReadBackNone // else a slot is read before it is written the first time
	_, offsetEnds := now.In(b.cfg.Location).ZoneBounds()
	bySlot := make(map[UserID]*SavedSlot, len(l.slots))
	for _, s := range l.slots {
		if s.User != 0 {
			bySlot[s.User] = s
		}
	}
	for id, s := range bySlot {
		if u := b.users[id]; u == nil || !u.opens(l.id) || u.pinFor(l.id).IsZero() && !s.Wanted.IsZero() {
			if n, drop, changed := withdraw(*s, true); drop {
				drops = append(drops, s.Slot)
			} else if changed {
				puts = append(puts, n)
			}
		}
	}
	taken := map[Slot]bool{}
	for _, id := range slices.Sorted(maps.Keys(b.users)) {
		u := b.users[id]
		if !u.opens(l.id) {
			continue
		}
		p, s := u.pinFor(l.id), bySlot[id]
		if p.IsZero() && s == nil || p.IsZero() && !s.Wanted.IsZero() {
			continue
		}
		active := u.active(now, b.cfg.Location)
		if at := u.Schedule.Next(now, b.cfg.Location); !at.IsZero() && !u.Ended && (next.IsZero() || at.Before(next)) {
			next = at
		}
		own := t.own(u.Schedule, now, b.cfg.Location)
		if !own.Always() && !offsetEnds.IsZero() && (next.IsZero() || offsetEnds.Before(next)) {
			next = offsetEnds // the lock may not follow, and then shows another time
		}
		if s == nil {
			if !active {
				continue
			}
			if err := b.suits(l, u, p); err != nil {
				lost[id] = l.lose(id, sentence(err))
				continue
			}
			slot, ok := b.freeSlotBut(l, id, taken)
			if !ok {
				lost[id] = l.lose(id, sentence(ErrMemoryFull))
				continue
			}
			taken[slot] = true
			n := SavedSlot{
				SlotKey: SlotKey{l.id, slot}, User: id, Want: true, Wanted: p.Clone(), State: CodePending, Since: now,
				Claimed: blind,
			}
			n.Own.aim(own)
			puts = append(puts, n)
			continue
		}
		n, changed := *s, false
		if n.Reason == perhapsGone && l.work.typed[n.Slot] {
			n.Reason, changed = saidYes, true
		}
		if !p.IsZero() && !n.Wanted.Equal(p) {
			n.Stale = n.Stale || n.Claimed && n.Observed != SlotEmpty
			n.Wanted, changed = p.Clone(), true
			n.Attempts, n.NotBefore = 0, time.Time{}
			if active {
				n.State, n.Reason, n.Since = CodePending, "", now
			}
		}
		if active && !sameSchedule(n.Own.Want, own) {
			n.Own.aim(own)
			changed = true
		}
		switch {
		case active && !n.Want:
			n.Want, changed = true, true
			n.Attempts, n.NotBefore = 0, time.Time{}
			n.State, n.Reason, n.Since = CodePending, "", now
			if n.Observed == SlotEmpty { // from here on something of ours may stand there
				n.Observed, n.Seen = SlotUnknown, PIN{}
				n.Claimed = n.Claimed && blind // and from here back others may have used it
			}
		case !active && n.Want:
			n, _, changed = withdraw(n, false)
		}
		if changed {
			puts = append(puts, n)
		}
	}
	return puts, drops, lost, next
}

// withdraw says that a code should not stand in its slot. A slot that was never written is given up at once (drop), and so is one that is known to be empty
// when its user is gone for good.
func withdraw(s SavedSlot, gone bool) (n SavedSlot, drop, changed bool) {
	n = s
	if gone && (!s.Claimed || s.Observed == SlotEmpty) {
		return n, true, true
	}
	if !s.Want {
		if gone && s.State == CodeScheduled {
			n.State = CodePending
			return n, false, true
		}
		return n, false, false
	}
	n.Want, n.Attempts, n.NotBefore, n.Own.Told = false, 0, time.Time{}, false
	n.State, n.Reason, n.Since = CodePending, "to be removed", time.Now().Round(0)
	if !s.Claimed || s.Observed == SlotEmpty {
		n.State, n.Reason = CodeScheduled, ""
		n.Observed = SlotEmpty
	}
	return n, false, true
}

// lose gives the record of a code without a slot, keeping since when. The caller holds b.mu.
func (l *lockState) lose(id UserID, why string) unplaced {
	if old, ok := l.unplaced[id]; ok && old.why == why {
		return old
	}
	return unplaced{why, time.Now().Round(0)}
}

// freeSlot finds a slot for a person: the one that they have on another lock if it is free here, else the lowest. The caller holds b.mu.
func (b *Bridge) freeSlot(l *lockState, u UserID) (Slot, bool) { return b.freeSlotBut(l, u, nil) }

func (b *Bridge) freeSlotBut(l *lockState, u UserID, taken map[Slot]bool) (Slot, bool) {
	t := l.traits()
	first, last := t.firstLast()
	free := func(s Slot) bool {
		return s >= first && s <= last && l.slots[s] == nil && !taken[s] && !l.work.bad[s] && !slices.Contains(t.MasterSlots, s) && s != NoSlot
	}
	best, found := Slot(0), false
	for id, other := range b.locks {
		if id != l.id {
			if s := other.slotOf(u); s != nil && free(s.Slot) && (!found || s.Slot < best) {
				best, found = s.Slot, true
			}
		}
	}
	if found {
		return best, true
	}
	used := 0
	for s := range l.slots {
		if s >= first && s <= last {
			used++
		}
	}
	if used+len(taken) >= t.Slots {
		return 0, false
	}
	for s := int(first); s <= int(last); s++ {
		if free(Slot(s)) {
			return Slot(s), true
		}
	}
	return 0, false
}

// changeSlots edits slots of one lock; f changes the copy that it gets and tells whether it did.
func (b *Bridge) changeSlots(id LockID, f func(*SavedSlot) bool) error {
	var puts []SavedSlot
	return b.edit(func() (Change, error) {
		l, err := b.find(id)
		if err != nil {
			return Change{}, err
		}
		for _, s := range l.slots {
			n := *s
			if f(&n) {
				puts = append(puts, n)
			}
		}
		return Change{PutSlots: puts}, nil
	}, func() []Event {
		l := b.locks[id]
		var evs []Event
		for _, s := range puts {
			if old := l.slots[s.Slot]; old == nil || !old.sameShown(&s) {
				evs = append(evs, b.codeEvent(l, s, s.State))
			}
			l.slots[s.Slot] = &s
		}
		ring(l.bell)
		return evs
	})
}
