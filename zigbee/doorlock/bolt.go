package doorlock

import (
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

const (
	// correlate is how far apart an event and the report of the movement that it speaks of may be, in either order.
	correlate = 10 * time.Second
	// causeWait is how long a reported movement waits for the event that tells who moved the bolt, on a lock that is known to send events.
	causeWait = 500 * time.Millisecond
	// transit is how long "not fully locked" counts as a bolt on its way.
	transit = 10 * time.Second
	// missingReport is how long after an event its report may come before the state is read.
	missingReport = 2 * time.Second
)

// bolt follows what a lock reports of its bolt, and finds the cause of each movement. It is guarded by the lock's mutex.
type bolt struct {
	shown bridge.Bolt // as told last
	raw   zcl.LockState
	heard bool // raw was reported

	events    bool // this lock sends events
	told      heldCause
	own       heldCause // the command that was sent last
	held      bridge.Bolt
	holding   bool
	last      bridge.Bolt // of the last movement told
	lastAt    time.Time
	lastKnown bool // with its cause
	inTransit bool
	jamAt     time.Time
	reports   uint64 // reports so far, to see whether one came
}

// heldCause waits for the report of the movement that it explains.
type heldCause struct {
	cause bridge.Cause
	to    bridge.Bolt
	until time.Time
}

func (h heldCause) explains(to bridge.Bolt, now time.Time) bool {
	return h.to == to && h.to != bridge.BoltUnknown && now.Before(h.until)
}

// position translates LockState (ZCL table 7-11).
func position(s zcl.LockState) bridge.Bolt {
	switch s {
	case zcl.LockStateLocked:
		return bridge.Locked
	case zcl.LockStateUnlocked:
		return bridge.Unlocked
	case zcl.LockStateNotFullyLocked:
		return bridge.Partial
	default:
		return bridge.BoltUnknown
	}
}

// told is one thing that follows: a body with its cause.
type told struct {
	body  bridge.Body
	cause bridge.Cause
}

// boltNext is what the caller has to see to after a report.
type boltNext struct {
	tell        []told
	holdCause   bool // call release after causeWait
	holdTransit bool // call settle after transit
}

// report takes the lock's own word. asked tells that it answers a read.
func (b *bolt) report(s zcl.LockState, asked bool, now time.Time) (n boltNext) {
	to := position(s)
	b.raw, b.heard = s, true
	b.reports++
	if to == bridge.Partial {
		return b.partial(asked, now)
	}
	b.inTransit = false
	if b.holding {
		if to == b.held {
			return n
		}
		n.tell = append(n.tell, b.flush(now)...)
	}
	switch {
	case to == b.shown:
		if asked {
			n.tell = append(n.tell, told{body: bridge.BoltRead{Bolt: to}})
		}
	case to == bridge.BoltUnknown:
		n.tell = append(n.tell, told{body: bridge.BoltRead{Bolt: to}})
		b.shown = to
	default:
		c, known := b.cause(to, now)
		switch {
		case known:
			n.tell = append(n.tell, b.move(to, c, true, now))
		case b.shown == bridge.BoltUnknown:
			n.tell = append(n.tell, told{body: bridge.BoltRead{Bolt: to}})
			b.shown = to
		case b.events && !asked:
			b.held, b.holding, n.holdCause = to, true, true
		default:
			n.tell = append(n.tell, b.move(to, c, false, now))
		}
	}
	return n
}

// partial takes "not fully locked". A bolt on its way reports it too, so it is not told at once, unless nothing else is known.
func (b *bolt) partial(asked bool, now time.Time) (n boltNext) {
	if now.Sub(b.jamAt) < correlate && !b.jamAt.IsZero() {
		return boltNext{tell: b.jam(now)}
	}
	switch {
	case b.shown == bridge.Partial, b.shown == bridge.Jammed:
		if asked {
			n.tell = append(n.tell, told{body: bridge.BoltRead{Bolt: b.shown}})
		}
		return n
	case b.shown == bridge.BoltUnknown:
		b.shown = bridge.Partial
		n.tell = append(n.tell, told{body: bridge.BoltRead{Bolt: bridge.Partial}})
	}
	if !b.inTransit {
		b.inTransit, n.holdTransit = true, true
	}
	return n
}

// cause finds who moved the bolt: an event that told, or else our own command.
func (b *bolt) cause(to bridge.Bolt, now time.Time) (bridge.Cause, bool) {
	ev, own := b.told.explains(to, now), b.own.explains(to, now)
	var c bridge.Cause
	switch {
	case ev && (!own || atTheDoor(b.told.cause)):
		c = b.told.cause
	case own:
		c = b.own.cause
	default:
		return c, false
	}
	b.told = heldCause{}
	if own {
		b.own.until = now.Add(correlate) // the event of our own command may still come
	}
	return c, true
}

// atTheDoor tells whether an event speaks of somebody at the door. Any other says no more than our own command, which it follows: some families call a
// command by radio automatic, or give no source at all.
func atTheDoor(c bridge.Cause) bool {
	switch c.Source {
	case bridge.SourceKeypad, bridge.SourceRFID, bridge.SourceFingerprint, bridge.SourceManual, bridge.SourceKey, bridge.SourceOneTouch:
		return true
	default:
		return false
	}
}

func (b *bolt) move(to bridge.Bolt, c bridge.Cause, known bool, now time.Time) told {
	from := b.shown
	b.shown, b.last, b.lastAt, b.lastKnown = to, to, now, known
	return told{body: bridge.BoltMoved{From: from, To: to}, cause: c}
}

// flush tells a movement that waited for its cause.
func (b *bolt) flush(now time.Time) []told {
	if !b.holding {
		return nil
	}
	b.holding = false
	c, known := b.cause(b.held, now)
	return []told{b.move(b.held, c, known, now)}
}

// event takes an operation event that speaks of a movement. reread tells that the state has to be read if no report comes.
func (b *bolt) event(f factOperation, now time.Time) (tell []told, reread bool) {
	to := f.moves.Wants()
	b.events = true
	if b.own.explains(to, now) && !atTheDoor(f.cause) {
		return nil, b.shown != to && !b.holding
	}
	if b.holding && b.held == to {
		b.told = heldCause{f.cause, to, now.Add(correlate)}
		return b.flush(now), false
	}
	if b.last == to && b.shown == to && now.Sub(b.lastAt) < correlate {
		if !b.lastKnown { // the report was told without a cause: the cause follows
			b.lastKnown = true
			return []told{{body: bridge.BoltRead{Bolt: to}, cause: f.cause}}, false
		}
		return nil, false
	}
	b.told = heldCause{f.cause, to, now.Add(correlate)}
	return nil, true
}

// jam settles that the bolt is stuck.
func (b *bolt) jam(now time.Time) []told {
	b.inTransit = false
	if b.shown == bridge.Jammed {
		return nil
	}
	return append(b.flush(now), b.move(bridge.Jammed, bridge.Cause{}, true, now))
}

// alarm takes the jam alarm. It settles the matter only together with the lock's report that the bolt is neither here nor there.
func (b *bolt) alarm(now time.Time) []told {
	b.jamAt = now
	if b.heard && b.raw == zcl.LockStateNotFullyLocked {
		return b.jam(now)
	}
	return nil
}

// settle ends the time of transit: the lock was asked again and still says "not fully locked", or could not be asked. A bolt that somebody set moving is
// jammed then; otherwise it is just neither here nor there.
func (b *bolt) settle(asked bool, now time.Time) []told {
	if !b.inTransit {
		return nil
	}
	moving := b.own.to != bridge.BoltUnknown && now.Before(b.own.until.Add(transit)) || b.told.to != bridge.BoltUnknown && now.Before(b.told.until.Add(transit))
	if asked && moving {
		return b.jam(now)
	}
	b.inTransit = false
	if b.shown == bridge.Partial {
		return nil
	}
	return append(b.flush(now), b.move(bridge.Partial, bridge.Cause{}, false, now))
}

// sent notes that a command of ours is on its way, until some time after its deadline.
func (b *bolt) sent(c bridge.Cause, k bridge.ActionKind, until time.Time) {
	b.own = heldCause{c, k.Wants(), until.Add(correlate)}
}

// refused forgets a command that the lock refused or did not get.
func (b *bolt) refused() { b.own = heldCause{} }
