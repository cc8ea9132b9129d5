package homekit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// Types of the lock control point's TLV8 (R2 table 10-1).
const (
	controlReadLogs  = 0x00 // from a time, seconds since 1970; empty: all
	controlClearLogs = 0x02
	controlSetTime   = 0x03
)

// Types of a log entry (R2 table 10-2).
const (
	logAccessor  = 1 // who, as text
	logTime      = 2 // seconds since 1970
	logAction    = 3 // bits: 1 << LockLastKnownAction
	logSeparator = 5
)

// logEntries is how many movements Logs shows at most, the latest ones.
const logEntries = 32

// lockControl is a write to the lock control point.
type lockControl struct {
	ReadFrom *time.Time // zero time: all
	Clear    bool
	SetTime  *time.Time
}

var errLockControl = errors.New("homekit: not a lock control point request")

func parseLockControl(b []byte) (lockControl, error) {
	items, err := tlv8.Parse(b)
	if err != nil {
		return lockControl{}, fmt.Errorf("%w: %w", errLockControl, err)
	}
	var c lockControl
	for _, it := range items {
		switch it.Type {
		case controlReadLogs, controlSetTime:
			t, ok := epoch(it.Value)
			if !ok || it.Type == controlSetTime && len(it.Value) == 0 {
				return lockControl{}, fmt.Errorf("%w: item %d is no time", errLockControl, it.Type)
			}
			if it.Type == controlReadLogs {
				c.ReadFrom = &t
			} else {
				c.SetTime = &t
			}
		case controlClearLogs:
			c.Clear = true
		}
	}
	if c == (lockControl{}) {
		return c, fmt.Errorf("%w: it asks for nothing known", errLockControl)
	}
	return c, nil
}

// epoch reads seconds since 1970 in up to 8 octets; none are the zero time.
func epoch(v []byte) (time.Time, bool) {
	if len(v) == 0 {
		return time.Time{}, true
	}
	const farFuture = 1 << 36 // year 4147: beyond, time.Time's arithmetic is not to be relied on
	if len(v) > 8 {
		return time.Time{}, false
	}
	n := readUint(v)
	return time.Unix(int64(n&(farFuture-1)), 0), n < farFuture
}

func (l *lock) writeLockControl(_ context.Context, r hap.Request, value any) (any, hap.Status) {
	b, _ := value.([]byte)
	c, err := parseLockControl(b)
	if err != nil {
		return nil, hap.StatusInvalidValue
	}
	if c.Clear {
		if !r.Admin {
			return nil, hap.StatusInsufficientPrivileges
		}
		// The journal stays: only what HomeKit shows of it begins anew.
		seq := l.a.b.Snapshot().Seq
		err := l.a.reg.edit(l.id, func(rec *lockRecord) bool { rec.LogsAfter = seq; return true })
		if err != nil {
			l.a.log.Error("the lock's log in HomeKit was not cleared", "lock", l.id, "err", err)
			return nil, hap.StatusOutOfResources
		}
	}
	if c.ReadFrom != nil {
		l.mu.Lock()
		l.logsFrom = *c.ReadFrom
		l.mu.Unlock()
	}
	if c.SetTime != nil {
		// The machine's clock is kept by the system, and it sets the lock's: a controller's time is compared and not taken.
		if off := time.Until(*c.SetTime).Abs(); off > time.Minute {
			l.a.log.Warn("a HomeKit controller's clock differs from this machine's", "lock", l.id, "by", off.Round(time.Second))
		}
	}
	return nil, hap.StatusOK
}

// readLogs gives the lock's latest movements, oldest first.
func (l *lock) readLogs(context.Context, hap.Request) (any, hap.Status) {
	l.mu.Lock()
	from := l.logsFrom
	l.mu.Unlock()
	b, err := l.a.logs.read(l.a.b, l.id, l.a.reg.logsAfter(l.id), from)
	if err != nil {
		return nil, hap.StatusUnreachable
	}
	return b, hap.StatusOK
}

// logged tells whether an event is a movement for the log.
func logged(ev bridge.Event) (bridge.Bolt, bool) {
	moved, ok := ev.Body.(bridge.BoltMoved)
	return moved.To, ok && (moved.To == bridge.Locked || moved.To == bridge.Unlocked)
}

func appendLog(b []byte, ev bridge.Event) []byte {
	to, _ := logged(ev)
	who := ev.Cause.Name
	if who == "" {
		who = string(ev.Cause.Source)
	}
	b = tlv8.AppendString(b, logAccessor, text(who, "unknown"))
	b = tlv8.Append(b, logTime, binary.LittleEndian.AppendUint64(nil, uint64(max(0, ev.At.Unix()))))
	return tlv8.Append(b, logAction, binary.LittleEndian.AppendUint16(nil, 1<<lastAction(ev.Cause, to)))
}

// noteLogs tells subscribers of Logs that there is a new entry, by giving them that entry.
func (l *lock) noteLogs(ev bridge.Event) {
	if _, moved := logged(ev); moved {
		l.set(hap.Value{C: l.m.logs, V: appendLog(nil, ev)})
	}
}
