package bridge

import (
	"context"
	"time"
)

// Snapshot is a consistent picture; following the journal from Seq keeps it current.
type Snapshot struct {
	Seq        uint64
	At         time.Time
	Dongle     DongleMoved
	PermitJoin time.Time // until when the network is open; zero: closed
	Locks      []LockView
}

// LockView is a lock as front-ends see it.
type LockView struct {
	ID          LockID
	Name        string
	Slug        string
	Info        Info
	Bolt        Bolt // as reported; Unknown until the lock has been heard after a start
	BoltAt      time.Time
	Target      Bolt // what was asked last, or the last reported position if nothing is under way
	Door        Door
	Reachable   bool
	LastSeen    time.Time
	LQI         uint8
	Battery     *float64 // percent, nil: not known
	BatteryAt   time.Time
	BatteryLow  bool
	Tampered    bool   // an alarm of tamper, force or an unasked reset that has not been acknowledged
	ResetStage  string // empty: no workflow
	Pending     int    // commands waiting
	CodesUsed   int
	CodesUnsync int
	LastAction  Cause // of the last movement
	LastTo      Bolt
	AutoRelock  *time.Duration // as the lock last said; zero: off, nil: not known
}

// Outcome says how far a command came and why it ended.
type Outcome struct {
	Stage     Stage
	Result    Result
	Durations map[Stage]time.Duration
	Bolt      Bolt // as last reported when the command ended
}

// Reader follows the journal. It never holds the publisher back: a reader that is too slow gets Lagged and goes on from the oldest kept entry.
type Reader interface {
	// Next blocks until there is an event after the last one given, or ctx ends.
	Next(ctx context.Context) (Event, error)
	Close()
}
