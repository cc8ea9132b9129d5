package bridge

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// flushEvery is the least time between two commits of the journal's writer: a lone event is durable at once, a flood shares its commits.
	flushEvery = 100 * time.Millisecond
	// reserve is how far the numbers of events may run ahead of the store. After a crash they go on behind it, so that no number is ever given twice.
	reserve = 1 << 12
	// pruneStep is how many entries over the bound are dropped together.
	pruneStep = 512

	counterReserved = "journal.reserved"
	counterFloor    = "journal.floor"
)

// publish puts events in the journal. The caller holds b.mu.
func (b *Bridge) publish(evs ...Event) {
	for _, ev := range evs {
		if ev.At.IsZero() {
			ev.At = time.Now()
		}
		b.journal.add(&ev)
		if _, ok := ev.Body.(Heard); !ok {
			b.unsaved = append(b.unsaved, ev)
		}
		b.resets.observe(ev)
	}
	if len(b.unsaved) > 4*b.cfg.Journal {
		b.unsaved = bound(b.unsaved, b.cfg.Journal)
	}
	ring(b.flushBell)
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// write makes the journal and the locks' records durable, until stop is closed and everything is written.
func (b *Bridge) write(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			b.flush(true)
			return
		case <-b.flushBell:
		}
		wait := flushEvery
		if err := b.flush(false); err != nil {
			wait = 10 * time.Second // the disk is not helped by haste
			ring(b.flushBell)
		}
		select {
		case <-stop:
		case <-time.After(wait):
		}
	}
}

// flush writes what is pending. An error is told once, and the entries stay pending within the bound of the ring.
func (b *Bridge) flush(last bool) error {
	b.commitMu.Lock()
	defer b.commitMu.Unlock()
	b.mu.Lock()
	ch := Change{Counters: map[string]uint64{}}
	ch.Append = b.unsaved
	upTo := b.journal.last
	dirty, users := b.dirty, b.dirtyUsers
	b.unsaved, b.dirty, b.dirtyUsers = nil, map[LockID]bool{}, map[UserID]bool{}
	for id := range maps.Keys(dirty) {
		if l := b.locks[id]; l != nil {
			ch.PutLocks = append(ch.PutLocks, l.saved)
		}
	}
	for id := range maps.Keys(users) {
		if u := b.users[id]; u != nil {
			ch.PutUsers = append(ch.PutUsers, *u)
		}
	}
	if last {
		ch.Counters[counterReserved] = b.journal.last
	} else if b.counters[counterReserved] < b.journal.last+reserve/2 {
		ch.Counters[counterReserved] = b.journal.last + reserve
	}
	b.countLines(&ch)
	floor := b.journal.floor
	if keep := uint64(b.cfg.Retention); b.journal.last > keep+floor+pruneStep {
		floor = b.journal.last - keep
		ch.Prune = floor
		ch.Counters[counterFloor] = floor
	}
	b.mu.Unlock()
	if ch.empty() {
		return nil
	}
	err := b.store.Commit(ch)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.unsaved = append(ch.Append, b.unsaved...)
		b.unsaved = bound(b.unsaved, b.cfg.Journal)
		maps.Copy(b.dirty, dirty)
		maps.Copy(b.dirtyUsers, users)
		if !b.storeBad {
			b.storeBad = true
			b.log.Error("the state cannot be saved; locks go on working, but what happens now may be forgotten: check the disk", "err", err)
		}
		return err
	}
	if b.storeBad {
		b.storeBad = false
		b.log.Info("the state can be saved again")
	}
	maps.Copy(b.counters, ch.Counters)
	b.linesDone(ch.Counters)
	b.journal.flushed, b.journal.floor = upTo, floor
	return nil
}

// bound keeps the newest of the entries that the disk does not take. One Lagged stands for those that are given up, so that no reader takes the hole for
// silence.
func bound(evs []Event, most int) []Event {
	over := len(evs) - most
	if over <= 0 {
		return evs
	}
	missed := uint64(0)
	for _, ev := range evs[:over+1] {
		if l, ok := ev.Body.(Lagged); ok {
			missed += l.Missed
		} else {
			missed++
		}
	}
	evs = slices.Delete(evs, 0, over)
	evs[0] = Event{Seq: evs[0].Seq, At: evs[0].At, Body: Lagged{Missed: missed}}
	return evs
}

// edit makes one durable change of people, codes or locks. compute runs with b.mu held, must not change anything, and says what to write; apply runs with
// b.mu held after the commit, and returns what to tell. Both see no other edit between them.
func (b *Bridge) edit(compute func() (Change, error), apply func() []Event) error {
	b.commitMu.Lock()
	defer b.commitMu.Unlock()
	b.mu.Lock()
	ch, err := compute()
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if !ch.empty() {
		if err := b.store.Commit(ch); err != nil {
			return fmt.Errorf("bridge: %w: %w", ErrStore, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.Copy(b.counters, ch.Counters)
	if apply != nil {
		b.publish(apply()...)
	}
	return nil
}

func (c *Change) empty() bool {
	return len(c.PutLocks)+len(c.DropLocks)+len(c.PutUsers)+len(c.DropUsers)+len(c.PutSlots)+len(c.DropSlots)+len(c.PutResets)+len(c.DropResets)+
		len(c.Counters)+len(c.Append) == 0
}
