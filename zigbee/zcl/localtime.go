package zcl

import "time"

// epoch is where ZCL times begin (ZCL section 2.6.2.21).
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// InvalidTime is the non-value of a time.
const InvalidTime = 0xFFFFFFFF

// LocalTime counts seconds of the wall clock since 2000-01-01 00:00, as Door Lock does (ZCL section 7.3.2.1.5); FFFFFFFF means unknown.
type LocalTime uint32

// LocalTimeOf reads the wall clock of t in t's location.
func LocalTimeOf(t time.Time) LocalTime {
	_, off := t.Zone()
	return LocalTime(seconds(t) + int64(off))
}

// In returns the time that the wall clock of loc shows as t, and whether t is a time at all.
func (t LocalTime) In(loc *time.Location) (time.Time, bool) {
	if t == InvalidTime {
		return time.Time{}, false
	}
	u := epoch.Add(time.Duration(t) * time.Second)
	return time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), 0, loc), true
}

// UTCOf counts seconds since 2000-01-01 00:00 UTC, cut to what 32 bits hold. Times before that are 0.
func UTCOf(t time.Time) uint32 { return uint32(seconds(t)) }

func seconds(t time.Time) int64 {
	s := t.Unix() - epoch.Unix()
	return max(0, min(s, InvalidTime-1))
}
