package doorlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

const (
	dayMinutes = 24 * 60
	allDays    = 0x7F
	forever    = 0xFFFFFFFE // the latest time that is one
	weekLimit  = 7          // windows of the week that are used of a lock's room for one user
)

// WriteSchedule implements bridge.Lock. A lock follows either windows of the week or one span of time for a user, so that a schedule of both, or with a count
// of uses, is not for the lock.
func (l *lock) WriteSchedule(ctx context.Context, s bridge.Slot, sch bridge.Schedule) error {
	if err := l.writeSchedule(ctx, s, sch); err != nil {
		return fmt.Errorf("doorlock: schedule of slot %d: %w", s, err)
	}
	return nil
}

func (l *lock) writeSchedule(ctx context.Context, s bridge.Slot, sch bridge.Schedule) error {
	if err := l.slotFor(s, true); err != nil {
		return err
	}
	t := l.Info().Traits
	span := !sch.From.IsZero() || !sch.Until.IsZero()
	switch {
	case sch.Uses != 0:
		return fmt.Errorf("%w: it does not count uses", bridge.ErrUnsupported)
	case len(sch.Weekly) > 0 && span:
		return fmt.Errorf("%w: it follows windows of the week or a span of days, not both", bridge.ErrUnsupported)
	case len(sch.Weekly) > 0:
		windows, err := weekWindows(sch.Weekly)
		if err != nil {
			return err
		}
		if room := min(t.WeekDays, weekLimit); len(windows) > room {
			return fmt.Errorf("%w: it has room for %d windows of the week, and this takes %d", bridge.ErrUnsupported, room, len(windows))
		}
		return l.orFree(ctx, s, l.writeWeek(ctx, s, t, windows))
	case span && t.YearDays == 0:
		return fmt.Errorf("%w: it has no schedules by date", bridge.ErrUnsupported)
	case span:
		return l.orFree(ctx, s, l.writeSpan(ctx, s, sch))
	default:
		return l.clearSchedule(ctx, s)
	}
}

// orFree lets the user in always where the lock refused a part of a schedule: it must not go by half of one.
func (l *lock) orFree(ctx context.Context, s bridge.Slot, err error) error {
	if answered(err) || errors.Is(err, bridge.ErrRejected) || errors.Is(err, bridge.ErrNotStored) {
		if free := l.order(ctx, &zcl.SetUserType{User: uint16(s), Type: zcl.UserUnrestricted}); free != nil {
			l.d.log.Info("lock keeps a half-written schedule", "lock", l.name, "slot", s, "error", free)
		}
	}
	return err
}

// writeWeek writes week-day schedules (ZCL section 7.3.2.16.12). The user type comes last: until then the old rule holds.
func (l *lock) writeWeek(ctx context.Context, s bridge.Slot, t bridge.Traits, windows []zcl.WeekDaySchedule) error {
	room := min(t.WeekDays, weekLimit)
	for id := range max(l.holdsWindows(s, room, -1), len(windows)) {
		var err error
		if id < len(windows) {
			err = l.order(ctx, &zcl.SetWeekDaySchedule{ID: uint8(id), User: uint16(s), WeekDaySchedule: windows[id]})
		} else {
			err = l.tidy(ctx, &zcl.ClearWeekDaySchedule{ID: uint8(id), User: uint16(s)})
		}
		if err != nil {
			return err
		}
	}
	if err := l.order(ctx, &zcl.SetUserType{User: uint16(s), Type: zcl.UserWeekDay}); err != nil {
		return err
	}
	l.holdsWindows(s, room, len(windows))
	for id, w := range windows {
		m, err := l.question(ctx, &zcl.GetWeekDaySchedule{ID: uint8(id), User: uint16(s)})
		if err != nil {
			return err
		}
		r, ok := m.(*zcl.GetWeekDayScheduleResponse)
		if ok && (r.ID != uint8(id) || r.User != uint16(s) || !r.Status.OK() || r.WeekDaySchedule != w) {
			return bridge.ErrNotStored
		}
	}
	return l.checkType(ctx, s, zcl.UserWeekDay)
}

// weekWindows cuts windows so that none passes midnight, and puts equal times of several days together.
func weekWindows(ws []bridge.Window) ([]zcl.WeekDaySchedule, error) {
	var out []zcl.WeekDaySchedule
	add := func(days uint8, start, end int) {
		if days == 0 || start >= end {
			return
		}
		end = min(end, dayMinutes-1) // the last minute of the day is the latest end that can be said
		w := zcl.WeekDaySchedule{Days: zcl.Days(days), StartHour: uint8(start / 60), StartMinute: uint8(start % 60), EndHour: uint8(end / 60), EndMinute: uint8(end % 60)}
		for i := range out {
			same := out[i]
			same.Days = w.Days
			if same == w {
				out[i].Days |= w.Days
				return
			}
		}
		out = append(out, w)
	}
	for _, w := range ws {
		days := uint8(w.Days) & allDays
		switch {
		case w.Start < 0 || w.End < 0 || w.Start >= dayMinutes || w.End > dayMinutes:
			return nil, fmt.Errorf("%w: a window from minute %d to %d of the day", bridge.ErrConflict, w.Start, w.End)
		case w.End <= w.Start: // over midnight
			add(days, w.Start, dayMinutes)
			add((days<<1|days>>6)&allDays, 0, w.End)
		default:
			add(days, w.Start, w.End)
		}
	}
	return out, nil
}

// writeSpan writes a year-day schedule (ZCL section 7.3.2.16.15).
func (l *lock) writeSpan(ctx context.Context, s bridge.Slot, sch bridge.Schedule) error {
	y := zcl.YearDaySchedule{Start: 0, End: forever}
	if !sch.From.IsZero() {
		y.Start = l.localTime(sch.From)
	}
	if !sch.Until.IsZero() {
		y.End = l.localTime(sch.Until)
	}
	if err := l.order(ctx, &zcl.SetYearDaySchedule{ID: 0, User: uint16(s), YearDaySchedule: y}); err != nil {
		return err
	}
	if err := l.order(ctx, &zcl.SetUserType{User: uint16(s), Type: zcl.UserYearDay}); err != nil {
		return err
	}
	m, err := l.question(ctx, &zcl.GetYearDaySchedule{ID: 0, User: uint16(s)})
	if err != nil {
		return err
	}
	if r, ok := m.(*zcl.GetYearDayScheduleResponse); ok && (r.ID != 0 || r.User != uint16(s) || !r.Status.OK() || r.YearDaySchedule != y) {
		return bridge.ErrNotStored
	}
	return l.checkType(ctx, s, zcl.UserYearDay)
}

// checkType looks whether the lock goes by the schedule that it holds.
func (l *lock) checkType(ctx context.Context, s bridge.Slot, want zcl.UserType) error {
	m, err := l.question(ctx, &zcl.GetUserType{User: uint16(s)})
	if err != nil {
		return err
	}
	if r, ok := m.(*zcl.GetUserTypeResponse); ok && (r.User != uint16(s) || r.Type != want && r.Type != zcl.UserTypeUnsupported) {
		return bridge.ErrNotStored
	}
	return nil
}

func (l *lock) localTime(t time.Time) zcl.LocalTime { return zcl.LocalTimeOf(t.In(l.d.cfg.Location)) }

// ClearSchedule implements bridge.Lock.
func (l *lock) ClearSchedule(ctx context.Context, s bridge.Slot) error {
	err := l.slotFor(s, true)
	if err == nil {
		err = l.clearSchedule(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("doorlock: clear the schedule of slot %d: %w", s, err)
	}
	return nil
}

// clearSchedule lets the user in always: the type decides, the schedules are tidied up behind it.
func (l *lock) clearSchedule(ctx context.Context, s bridge.Slot) error {
	t := l.Info().Traits
	if t.WeekDays == 0 && t.YearDays == 0 {
		return fmt.Errorf("%w: it has no schedules", bridge.ErrUnsupported)
	}
	if err := l.order(ctx, &zcl.SetUserType{User: uint16(s), Type: zcl.UserUnrestricted}); err != nil {
		return err
	}
	room := min(t.WeekDays, weekLimit)
	for id := range l.holdsWindows(s, room, -1) {
		if err := l.tidy(ctx, &zcl.ClearWeekDaySchedule{ID: uint8(id), User: uint16(s)}); err != nil {
			return err
		}
	}
	l.holdsWindows(s, room, 0)
	if t.YearDays > 0 {
		if err := l.tidy(ctx, &zcl.ClearYearDaySchedule{ID: 0, User: uint16(s)}); err != nil {
			return err
		}
	}
	return l.checkType(ctx, s, zcl.UserUnrestricted)
}

// holdsWindows tells how many windows of the week the lock may hold for a slot, and notes how many it holds from now on: -1 while that changes.
func (l *lock) holdsWindows(s bridge.Slot, room, now int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, known := l.windows[s]
	if !known || n < 0 {
		n = room
	}
	l.windows[s] = now
	return n
}

// order sends a command of Door Lock that is answered with pass or fail. Saying it twice does no harm.
func (l *lock) order(ctx context.Context, m zcl.Message) error {
	return l.passed(l.transact(ctx, &request{cluster: zcl.ClusterDoorLock, prio: command, msg: m, answers: sameCommand(m)}))
}

// tidy is order where it does not matter if the lock refuses: it says so of a schedule that it does not hold.
func (l *lock) tidy(ctx context.Context, m zcl.Message) error {
	err := l.order(ctx, m)
	if answered(err) || errors.Is(err, bridge.ErrRejected) {
		return nil
	}
	return err
}

// question asks the lock for what it was just told. A lock that does not answer questions of that kind gives nil.
func (l *lock) question(ctx context.Context, m zcl.Message) (zcl.Message, error) {
	got, err := l.transact(ctx, &request{cluster: zcl.ClusterDoorLock, prio: command, msg: m, answers: sameCommand(m)})
	if answered(err) {
		return nil, nil
	}
	return got, err
}
