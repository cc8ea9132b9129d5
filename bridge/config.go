package bridge

import (
	"log/slog"
	"time"
)

// Config of a Bridge. The zero value works.
type Config struct {
	Logger         *slog.Logger            // nil: discard
	Location       *time.Location          // for schedules and the locks' clocks; nil: time.Local
	CommandTimeout time.Duration           // for callers without a deadline; zero: 10 s
	SilentAfter    time.Duration           // a lock not heard for that long is unreachable; zero: 2 h 10 min for sleepy locks (two check-ins and room)
	Locks          map[LockID]LockSettings // what the configuration says of single locks
	Journal        int                     // entries kept in memory; zero: 4096
	Retention      int                     // entries kept in the store; zero: 100,000
	Speed          float64                 // for emulated locks whose time runs faster than the clock: the reset workflow waits that much shorter; zero: 1
}

// LockSettings is what the configuration says of one lock.
type LockSettings struct {
	Name               string
	MinBatteryForReset *float64 // percent; nil: 30
	RestoreAuto        bool     // restore: auto; see docs/reset.md
	Relock             *time.Duration
}
