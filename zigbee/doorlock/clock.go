package doorlock

import (
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// clockDoubt is how long a lock that lost its power may take to ask for the time before its clock is no longer trusted.
const clockDoubt = 10 * time.Minute

// followsZone are what a lock asks for that puts its clock forward and back by itself.
var followsZone = []zcl.AttributeID{zcl.TimeTime, zcl.TimeZone, zcl.TimeDstStart, zcl.TimeDstEnd, zcl.TimeDstShift}

// lookedUp notes that the lock sets its clock by ours: nothing else tells how its schedules will be understood. The caller holds l.mu.
func (l *lock) lookedUp(ids []zcl.AttributeID, now time.Time) {
	l.clockAt = now
	for _, id := range ids {
		if id <= zcl.TimeLocalTime {
			l.rec.TimeAsked |= 1 << id
		}
	}
	c, ok := clockOf(l.rec.TimeAsked, ids, now)
	if !ok || c == l.info.Traits.Clock {
		return
	}
	l.info.Traits.Clock = c
	if l.info.Ready {
		l.learned()
	}
}

// clockOf judges a lock's clock by what the lock ever asked for and what it asks for now. A lock that knows the time of UTC only shows that.
func clockOf(ever uint16, ids []zcl.AttributeID, now time.Time) (bridge.LockClock, bool) {
	has := func(id zcl.AttributeID) bool { return ever&(1<<id) != 0 }
	_, offset := now.Zone()
	switch {
	case !slices.ContainsFunc(followsZone, func(id zcl.AttributeID) bool { return !has(id) }):
		return bridge.LockClock{Set: true, Follows: true}, true
	case has(zcl.TimeLocalTime):
		return bridge.LockClock{Set: true, Offset: offset}, slices.Contains(ids, zcl.TimeLocalTime)
	case has(zcl.TimeStandardTime), has(zcl.TimeZone) && has(zcl.TimeTime):
		standard, _, _, _ := zoneOf(now)
		return bridge.LockClock{Set: true, Offset: standard}, true
	case has(zcl.TimeTime):
		return bridge.LockClock{Set: true}, true
	}
	return bridge.LockClock{}, false
}

// powerLost has the lock's clock no longer trusted unless it asks for the time again. The caller holds l.mu.
func (l *lock) powerLost() {
	lost := time.Now()
	l.after(clockDoubt, func() {
		if l.info.Traits.Clock.Set && l.clockAt.Before(lost) {
			l.info.Traits.Clock = bridge.LockClock{}
			l.learned()
		}
	})
}

// zoneOf gives the offset of standard time, how far summer time is ahead of it (zero: there is none), and the bounds of the present or next summer.
func zoneOf(now time.Time) (standard, shift int, start, end time.Time) {
	start, end = now.ZoneBounds()
	_, offset := now.Zone()
	standard = offset
	if now.IsDST() {
		for _, t := range []time.Time{start.Add(-time.Second), end} {
			if !t.IsZero() && !t.IsDST() {
				_, standard = t.Zone()
				break
			}
		}
		return standard, offset - standard, start, end
	}
	if !end.IsZero() && end.IsDST() {
		_, summer := end.Zone()
		shift = summer - offset
	}
	return standard, shift, end, afterNext(end)
}
