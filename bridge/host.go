package bridge

import (
	"fmt"
	"slices"
	"time"
)

// What the reset workflows ask of the bridge.

var _ resetHost = (*Bridge)(nil)

func (b *Bridge) driver() Driver { return b.drv }

func (b *Bridge) hasDongle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dongleUp
}

func (b *Bridge) settingsFor(id LockID) LockSettings { return b.cfg.Locks[id] }

func (b *Bridge) savedSlots(id LockID) []SavedSlot {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.locks[id]
	if l == nil {
		return nil
	}
	out := make([]SavedSlot, 0, len(l.slots))
	for _, s := range l.slots {
		n := *s
		n.Wanted, n.Seen = s.Wanted.Clone(), s.Seen.Clone()
		out = append(out, n)
	}
	slices.SortFunc(out, func(x, y SavedSlot) int { return int(x.Slot) - int(y.Slot) })
	return out
}

func (b *Bridge) userAllowedNow(id UserID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.users[id]
	return u != nil && u.active(b.wall(), b.cfg.Location)
}

func (b *Bridge) userName(id UserID) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if u := b.users[id]; u != nil {
		return u.Name
	}
	return ""
}

func (b *Bridge) savedSettings(id LockID) Settings {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.locks[id]; l != nil {
		return l.saved.Settings
	}
	return Settings{}
}

func (b *Bridge) saveReset(id LockID, rec *SavedReset, durable func(), evs ...Event) error {
	return b.edit(func() (Change, error) {
		if rec == nil {
			return Change{DropResets: []LockID{id}}, nil
		}
		put := *rec
		put.Lines, put.LineNo = b.lines[id].with(evs)
		return Change{PutResets: []SavedReset{put}}, nil
	}, func() []Event {
		if durable != nil {
			durable()
		}
		lines := b.lines[id]
		lines.open, lines.no = lines.with(evs)
		b.lines[id] = lines
		return evs
	})
}

const (
	saidYes     = "the lock said yes; this model does not show its codes"
	perhapsGone = "perhaps gone: a reset was tried, and nobody saw what became of it; type the code at the keypad, or set it again"
)

func (b *Bridge) doubtCodes(id LockID) error {
	return b.changeSlots(id, func(s *SavedSlot) bool {
		if s.User == 0 || !s.Want || s.State != CodeUnverifiable || s.Reason == perhapsGone {
			return false
		}
		s.Reason = perhapsGone
		return true
	})
}

func (b *Bridge) releaseCodes(id LockID, wiped bool) error {
	if wiped {
		b.mu.Lock()
		l := b.locks[id]
		hides := l != nil && l.traits().ReadBack == ReadBackNone
		b.mu.Unlock()
		err := b.changeSlots(id, func(s *SavedSlot) bool {
			if s.User != 0 && !s.Want && !s.Claimed {
				return false // nothing of ours stood there, and nothing should
			}
			s.Observed, s.Attempts, s.NotBefore = SlotUnknown, 0, time.Time{}
			if s.User != 0 {
				s.Seen, s.State, s.Reason = PIN{}, CodePending, ""
				s.Stale = s.Stale || hides && s.Claimed // if it was not erased, it may refuse the code that it still holds
			}
			return true
		})
		if err != nil {
			return fmt.Errorf("bridge: release the codes: %w", err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l, err := b.find(id)
	if err != nil {
		return err
	}
	if wiped {
		l.work.scanFrom(l.traits())
		l.work.settings = false
	}
	l.work.after, l.work.fails = time.Time{}, 0
	ring(l.bell)
	return nil
}
