package bridge

import (
	"context"
	"time"
)

// sameEntry is how long after an entry another one of the same person, without the bolt having been thrown between them, is the same one told twice.
const sameEntry = 5 * time.Second

// countUse counts an entry by keypad, and withdraws a code that is used up. The caller holds b.mu.
func (b *Bridge) countUse(l *lockState, ev Event, to Bolt) {
	if to == Locked {
		l.lockedAt = ev.At
	}
	if to != Unlocked || ev.Cause.Source != SourceKeypad || ev.Cause.Slot == nil {
		return
	}
	if ev.Cause.User == 0 {
		if l.slots[*ev.Cause.Slot] == nil {
			b.suspect(l, *ev.Cause.Slot) // a code that opens, and of which nothing is known
		}
		return
	}
	u := b.users[ev.Cause.User]
	if u == nil {
		return
	}
	if s := l.slots[*ev.Cause.Slot]; s != nil && s.Reason == perhapsGone {
		l.work.typed[s.Slot] = true // it is not gone
		ring(l.bell)
	}
	if since := ev.At.Sub(u.LastUsed); since >= 0 && since < sameEntry && !l.lockedAt.After(u.LastUsed) {
		return
	}
	n := u.copy()
	before := n.usedUp()
	n.Used++
	n.LastUsed = ev.At.Round(0)
	b.users[n.ID] = &n
	b.dirtyUsers[n.ID] = true
	if n.usedUp() && !before {
		b.publish(Event{At: ev.At, Cause: b.bridgeCause(nil, n.ID), Body: UserChanged{User: n.ID, Name: n.Name, Change: "used up"}})
		for _, l := range b.locks {
			ring(l.bell)
		}
	}
}

// keepTime watches the wall clock: it marks people whose time is over for good, and wakes everybody when the clock was moved.
func (b *Bridge) keepTime(ctx context.Context) {
	for {
		b.mu.Lock()
		now, wall := time.Now(), b.wall()
		moved := b.clock.look(wall, now)
		var over []UserID
		next := clockLook
		for id, u := range b.users {
			if u.Ended || !u.Removed.IsZero() || u.Schedule.Until.IsZero() {
				continue
			}
			switch left := u.Schedule.Until.Sub(wall); {
			case left > 0:
				next = min(next, left)
			case b.clock.final(u.Schedule.Until, now):
				over = append(over, id)
			}
		}
		if moved {
			b.log.Warn("the clock was moved; schedules follow it", "now", wall)
			for _, l := range b.locks {
				ring(l.bell)
			}
		}
		b.mu.Unlock()
		for _, id := range over {
			if err := b.expire(id); err != nil {
				b.log.Debug("marking an expired code later", "err", err)
			}
		}
		pause(ctx, max(next, time.Millisecond))
		if ctx.Err() != nil {
			return
		}
	}
}

// expire makes it final that a person's time is over, so that no clock that is put back opens the door again.
func (b *Bridge) expire(id UserID) error {
	var n User
	var skip bool
	return b.edit(func() (Change, error) {
		u := b.users[id]
		if skip = u == nil || u.Ended || !u.Schedule.Over(b.wall()); skip {
			return Change{}, nil
		}
		n = u.copy()
		n.Ended = true
		return Change{PutUsers: []User{n}}, nil
	}, func() []Event {
		if skip {
			return nil
		}
		b.install(n)
		for _, l := range b.locks {
			ring(l.bell)
		}
		return []Event{{Cause: b.bridgeCause(nil, id), Body: UserChanged{User: id, Name: n.Name, Change: "expired"}}}
	})
}
