package bridge

import "time"

// UserID numbers people from 1; it is never reused.
type UserID uint32

// User is a person (or a purpose, like "Cleaner") with a code. PINs never leave through it: API and journal show users without them.
type User struct {
	ID       UserID
	Name     string
	PIN      PIN            // the code on every lock of Locks, unless PINs says otherwise
	PINs     map[LockID]PIN // a lock that needs another code, for its length or because of a duplicate
	Locks    []LockID       // which locks it opens; nil: all
	AllLocks bool           // also those that come later
	Schedule Schedule
	Origin   Origin // where the user was first made
	Used     int    // entries counted against Schedule.Uses
	Created  time.Time
	LastUsed time.Time // last entry by keypad
	Ended    bool      // its time is over, or it is used up; stays so, whatever the clock says later, until the schedule is changed
	Removed  time.Time // not zero: removed, and kept only until its codes are gone from every lock
}

// Origin says where a user or code was made.
type Origin string

// Origins.
const (
	OriginAPI     Origin = "api"
	OriginHomeKit Origin = "homekit"
	OriginMatter  Origin = "matter"
	OriginKeypad  Origin = "keypad" // adopted from a lock
)

// Schedule says when a code opens. The zero value means always. The parts narrow each other: all that are set must allow an entry.
type Schedule struct {
	Weekly []Window  `json:"weekly,omitempty"` // local time; none: every hour of every day
	From   time.Time `json:"from,omitzero"`    // zero: from the beginning
	Until  time.Time `json:"until,omitzero"`   // zero: without end
	Uses   int       `json:"uses,omitempty"`   // opens that many times, then is withdrawn; 1 is a one-time code, 0 without limit
}

// Window is a span of the day on some days of the week, in local time. A window that ends before it starts goes over midnight and belongs to the day on
// which it starts.
type Window struct {
	Days  Days `json:"days"`
	Start int  `json:"start"` // minutes after midnight, 0–1439
	End   int  `json:"end"`   // minutes after midnight, 0–1440, exclusive
}

// Days is a set of weekdays, Sunday = bit 0, as on the wire (Days Mask, ZCL 7.3.2.17.12).
type Days uint8

// NoSlot stands for a code that has no slot on its lock.
const NoSlot Slot = 0xFFFF

// CodeState is where a code on a lock stands.
type CodeState string

// States of a code.
const (
	CodeInSync       CodeState = "in sync"      // on the lock, and read back
	CodePending      CodeState = "pending"      // not yet as it should be; being worked on, or waiting for the lock
	CodeFailed       CodeState = "failed"       // the reason says why
	CodeUnverifiable CodeState = "unverifiable" // the lock said yes; this model cannot show it
	CodeNotOurs      CodeState = "not ours"     // found on the lock, written by other hands; kept
	CodeScheduled    CodeState = "scheduled"    // not on the lock now, because its time is not now
)

// Code is one code on one lock as front-ends see it: never the digits.
type Code struct {
	Lock   LockID
	Slot   Slot
	User   UserID // zero: not ours
	Name   string // the user's
	State  CodeState
	Reason string // a sentence, with CodeFailed and CodePending
	Since  time.Time
	Length int // digits, zero if not known
}
