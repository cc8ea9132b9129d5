package metrics

import (
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// lateCause is how long a movement without a known cause waits for the lock to tell it: some locks do so up to ten seconds after they have told of the movement.
// It is counted once, so not before.
const lateCause = 10 * time.Second

// movement is one that is still to be counted.
type movement struct {
	slug string
	to   bridge.Bolt
	due  time.Time
}

// moved counts a movement, now or when its cause is known.
func (e *Exporter) moved(ev bridge.Event, slug string, to bridge.Bolt) {
	e.count(ev.Lock, bridge.SourceUnknown) // the bolt is elsewhere: the cause of the last movement does not come any more
	m := movement{slug, to, time.Now().Add(lateCause)}
	switch ev.Cause.Source {
	case bridge.SourceUnknown, bridge.SourceRemote:
		e.open[ev.Lock] = m
	default:
		e.operation(m, ev.Cause.Source)
	}
}

// explained takes a cause that came late.
func (e *Exporter) explained(ev bridge.Event, at bridge.Bolt) {
	if m, ok := e.open[ev.Lock]; ok && m.to == at && ev.Cause.Source != bridge.SourceUnknown {
		e.count(ev.Lock, ev.Cause.Source)
	}
}

// count counts the lock's open movement, if there is one.
func (e *Exporter) count(id bridge.LockID, s bridge.Source) {
	if m, ok := e.open[id]; ok {
		delete(e.open, id)
		e.operation(m, s)
	}
}

func (e *Exporter) operation(m movement, s bridge.Source) {
	switch m.to {
	case bridge.Locked:
		e.operations.WithLabelValues(m.slug, "lock", sourceLabel(s)).Inc()
	case bridge.Unlocked:
		e.operations.WithLabelValues(m.slug, "unlock", sourceLabel(s)).Inc()
	}
}

// countDue counts the movements whose time is over, and says when the next one's is (zero: there is none).
func (e *Exporter) countDue(now time.Time) (next time.Time) {
	for id, m := range e.open {
		if !m.due.After(now) {
			e.count(id, bridge.SourceUnknown)
		} else if next.IsZero() || m.due.Before(next) {
			next = m.due
		}
	}
	return next
}
