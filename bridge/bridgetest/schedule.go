package bridgetest

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// KeepsSchedules gives the lock room for schedules of its own, and a clock that was set by loc's time now.
func (l *Lock) KeepsSchedules(loc *time.Location) *Lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.zone = loc
	_, offset := time.Now().In(loc).Zone()
	t := &l.info.Traits
	t.WeekDays, t.YearDays, t.Clock = 7, 1, bridge.LockClock{Set: true, Offset: offset}
	return l
}

// WriteSchedule implements bridge.Lock.
func (l *Lock) WriteSchedule(ctx context.Context, s bridge.Slot, sch bridge.Schedule) error {
	return l.do(ctx, fmt.Sprintf("schedule %d", s), true, func() error {
		span := !sch.From.IsZero() || !sch.Until.IsZero()
		switch _, has := l.codes[s]; {
		case l.how.NoSchedules != nil:
			return l.how.NoSchedules
		case sch.Uses > 0, len(sch.Weekly) > 0 && span, len(sch.Weekly) > l.info.Traits.WeekDays, span && l.info.Traits.YearDays == 0:
			return bridge.ErrUnsupported
		case !has:
			return bridge.ErrRejected // nobody's schedule
		}
		l.follows[s] = sch
		return nil
	})
}

// ClearSchedule implements bridge.Lock.
func (l *Lock) ClearSchedule(ctx context.Context, s bridge.Slot) error {
	return l.do(ctx, fmt.Sprintf("unschedule %d", s), true, func() error {
		if l.how.NoSchedules != nil {
			return l.how.NoSchedules
		}
		if l.info.Traits.WeekDays == 0 && l.info.Traits.YearDays == 0 {
			return bridge.ErrUnsupported
		}
		delete(l.follows, s)
		return nil
	})
}

// lets tells whether the lock's own schedule lets a slot's user in now, by the lock's clock. l.mu is held.
func (l *Lock) lets(s bridge.Slot) bool {
	sch, ok := l.follows[s]
	if !ok {
		return true
	}
	now := time.Now()
	_, right := now.In(l.zone).Zone()
	if c := l.info.Traits.Clock; !c.Follows {
		now = now.Add(time.Duration(c.Offset-right) * time.Second)
	}
	return sch.Allows(now, l.zone)
}

// Follows gives the schedule of its own that the lock follows for a slot; the zero one if none.
func (l *Lock) Follows(s bridge.Slot) bridge.Schedule {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.follows[s]
}
