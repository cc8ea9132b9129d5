package bridge

import (
	"fmt"
	"time"
)

// windowLimit bounds a person's windows; a week has 168 hours.
const windowLimit = 64

// Always tells that the schedule sets no bounds.
func (s Schedule) Always() bool {
	return len(s.Weekly) == 0 && s.From.IsZero() && s.Until.IsZero() && s.Uses == 0
}

// Check says what is wrong with a schedule.
func (s Schedule) Check() error {
	if len(s.Weekly) > windowLimit {
		return fmt.Errorf("bridge: at most %d windows: %w", windowLimit, ErrConflict)
	}
	for _, w := range s.Weekly {
		switch {
		case w.Days == 0 || w.Days > 127:
			return fmt.Errorf("bridge: a window needs at least one day of the week: %w", ErrConflict)
		case w.Start < 0 || w.Start > 1439 || w.End < 0 || w.End > 1440:
			return fmt.Errorf("bridge: a window lies between 00:00 and 24:00: %w", ErrConflict)
		case w.Start == w.End || w.End == 0 && w.Start == 1440:
			return fmt.Errorf("bridge: a window must not end when it starts: %w", ErrConflict)
		}
	}
	if !s.From.IsZero() && !s.Until.IsZero() && !s.Until.After(s.From) {
		return fmt.Errorf("bridge: a code cannot end before it begins: %w", ErrConflict)
	}
	if s.Uses < 0 {
		return fmt.Errorf("bridge: a number of uses is not negative: %w", ErrConflict)
	}
	return nil
}

// Allows tells whether the clock allows an entry at t, with the windows in loc. The number of uses is counted elsewhere. In the hour that a clock is put
// forward over, nothing is allowed, because it does not happen; the hour that happens twice is allowed twice.
func (s Schedule) Allows(t time.Time, loc *time.Location) bool {
	if !s.From.IsZero() && t.Before(s.From) || s.Over(t) {
		return false
	}
	if len(s.Weekly) == 0 {
		return true
	}
	t = t.In(loc)
	minute := t.Hour()*60 + t.Minute()
	today := Days(1) << t.Weekday()
	yesterday := Days(1) << ((t.Weekday() + 6) % 7)
	for _, w := range s.Weekly {
		if w.Start < w.End {
			if w.Days&today != 0 && minute >= w.Start && minute < w.End {
				return true
			}
			continue
		}
		if w.Days&today != 0 && minute >= w.Start || w.Days&yesterday != 0 && minute < w.End {
			return true
		}
	}
	return false
}

// Over tells that the schedule's end has passed.
func (s Schedule) Over(t time.Time) bool { return !s.Until.IsZero() && !t.Before(s.Until) }

// Next is the next instant after t at which Allows may give another answer; zero if there is none.
func (s Schedule) Next(t time.Time, loc *time.Location) time.Time {
	var next time.Time
	take := func(c time.Time) {
		if c.After(t) && (next.IsZero() || c.Before(next)) {
			next = c
		}
	}
	take(s.From)
	take(s.Until)
	if len(s.Weekly) == 0 {
		return next
	}
	// Within one offset from UTC the wall clock is plain arithmetic; where the offset changes, look again.
	local := t.In(loc)
	if _, end := local.ZoneBounds(); !end.IsZero() {
		take(end)
	}
	_, offset := local.Zone()
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC).Add(-time.Duration(offset) * time.Second)
	for day := range 8 {
		at := midnight.Add(time.Duration(day) * 24 * time.Hour)
		for _, w := range s.Weekly {
			take(at.Add(time.Duration(w.Start) * time.Minute))
			take(at.Add(time.Duration(w.End) * time.Minute))
		}
		if day > 0 && !next.IsZero() && next.Before(at) {
			break
		}
	}
	return next
}

const (
	// clockJump is the difference between the wall clock and the time that has passed from which on the clock was moved.
	clockJump = time.Minute
	// clockSettle is how long a clock that was moved must run on before what it says is final. A wrong clock right after a start is put right by then.
	clockSettle = 10 * time.Minute
	// clockLook is how often the wall clock is compared with the time that has passed.
	clockLook = 30 * time.Second
)

// clockWatch notices that the wall clock was moved.
type clockWatch struct {
	wall, mono           time.Time // at the last look
	sinceWall, sinceMono time.Time // since when the clock has run on undisturbed
}

// look compares the clocks and tells whether the wall clock was moved since the last look. mono carries the monotonic reading.
func (c *clockWatch) look(wall, mono time.Time) bool {
	moved := false
	if c.mono.IsZero() {
		c.sinceWall, c.sinceMono = wall, mono
	} else if (wall.Sub(c.wall) - mono.Sub(c.mono)).Abs() > clockJump {
		c.sinceWall, c.sinceMono = wall, mono
		moved = true
	}
	c.wall, c.mono = wall, mono
	return moved
}

// final tells whether an instant that has passed by the wall clock has passed for good: it was seen to pass, or the clock has long been undisturbed.
func (c *clockWatch) final(end, mono time.Time) bool {
	return end.After(c.sinceWall) || mono.Sub(c.sinceMono) >= clockSettle
}
