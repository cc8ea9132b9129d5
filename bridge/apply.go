package bridge

import (
	"context"
	"slices"
	"time"
)

const (
	lowBattery   = 20.0 // percent: from here on a battery is low
	freshBattery = 25.0 // and stays low until it shows this much, so that a reading at the edge does not flap
)

// emit takes an event of the driver in. It does not block.
func (b *Bridge) emit(ev Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ev.Body == nil {
		return
	}
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	ev.Seq = 0
	if ev.Lock == "" {
		b.applyNet(ev)
		return
	}
	l := b.locks[ev.Lock]
	switch body := ev.Body.(type) {
	case StrangerRefused, InterviewFailed:
		b.publish(ev) // no sign of life of a lock that is ours
		return
	case LockJoined:
		body.Known = body.Known || l != nil && l.here()
		ev.Body = body
		l = b.meet(ev.Lock)
	case LockReady:
		l = b.meet(ev.Lock)
		b.learn(l, body.Info)
	}
	if l == nil || !l.here() {
		switch ev.Body.(type) {
		case LockLeft, Reached, Heard:
			return // a lock that was forgotten says farewell
		}
		l = b.meet(ev.Lock)
	}
	b.applyLock(l, ev)
}

// applyNet takes in what concerns the network. The caller holds b.mu.
func (b *Bridge) applyNet(ev Event) {
	switch body := ev.Body.(type) {
	case DongleMoved:
		b.dongle, b.dongleUp = body, body.Up
		b.publish(ev)
		for _, l := range b.locks {
			if !body.Up && l.here() {
				b.lose(l, ev.At)
				for _, c := range l.commands {
					c.lose()
				}
			}
			if body.Up {
				l.work.after, l.work.refreshes, l.work.refreshAt = time.Time{}, 0, time.Now().Add(driverFirst)
			}
			ring(l.bell)
		}
		return
	case PermitJoinMoved:
		b.permit = time.Time{}
		if body.Remaining > 0 {
			b.permit = ev.At.Add(body.Remaining)
		}
		ring(b.joinBell)
	}
	b.publish(ev)
}

// lose takes the lock for gone until it is heard again. The caller holds b.mu.
func (b *Bridge) lose(l *lockState, at time.Time) {
	l.work.refresh = true // it may have been moved meanwhile
	if l.reachable {
		l.reachable = false
		b.publish(Event{At: at, Lock: l.id, Body: Reached{Reachable: false}})
	}
}

// hear notes a sign of life. The caller holds b.mu.
func (b *Bridge) hear(l *lockState, at time.Time) {
	l.lastSeen = at
	if !l.reachable {
		l.reachable = true
		b.publish(Event{At: at, Lock: l.id, Body: Reached{Reachable: true, LQI: l.lqi}})
	}
	if l.work.after.After(time.Now()) {
		l.work.woken(time.Now())
	}
	if l.work.refresh {
		if t := time.Now().Add(max(driverFirst, time.Duration(min(l.work.refreshes, 6))*10*time.Second)); t.Before(l.work.refreshAt) {
			l.work.refreshAt = t
		}
	}
	if l.work.pendingWake {
		ring(l.bell)
	}
}

// applyLock takes in what a lock said. The caller holds b.mu.
func (b *Bridge) applyLock(l *lockState, ev Event) {
	switch body := ev.Body.(type) {
	case Reached:
		if body.LQI != 0 {
			l.lqi = body.LQI
		}
		if !body.Reachable {
			b.lose(l, ev.At)
			return
		}
		b.hear(l, ev.At)
		return
	case LockLeft:
		b.publish(ev)
		b.lose(l, ev.At)
		return
	case Heard:
		if body.LQI != 0 {
			l.lqi = body.LQI
		}
	}
	b.hear(l, ev.At)
	b.attribute(l, &ev)
	switch body := ev.Body.(type) {
	case BoltMoved:
		body.From = l.bolt
		ev.Body = body
		l.action, l.actionTo = ev.Cause, body.To
		b.bolt(l, body.To, ev.At)
		b.publish(ev)
		b.countUse(l, ev, body.To)
		return
	case BoltRead:
		late := b.lateCause(l, &ev, body.Bolt)
		if cmd := l.answers(body.Bolt); cmd != nil && l.bolt != body.Bolt {
			l.action, l.actionTo = cmd.cause, body.Bolt
		}
		b.bolt(l, body.Bolt, ev.At)
		if late {
			b.publish(ev)
			if body.Bolt == Unlocked {
				b.countUse(l, ev, body.Bolt)
			}
			return
		}
	case DoorMoved:
		body.From = l.door
		ev.Body = body
		l.door = body.To
	case BatteryRead:
		p := min(max(body.Percent, 0), 100)
		l.low = body.Low || p <= lowBattery || l.low && p < freshBattery
		body.Percent, body.Low = p, l.low
		ev.Body = body
		l.saved.Battery, l.saved.BatteryAt = &p, ev.At
		b.dirty[l.id] = true
	case Alarmed:
		b.alarm(l, body)
	case LockProgrammed:
		b.publish(ev)
		b.programmed(l, body)
		return
	case LockJoined, LockReady:
		l.work.refresh = true
		ring(l.bell)
	}
	b.publish(ev)
}

// bolt moves the shown bolt: the only place that does. The caller holds b.mu.
func (b *Bridge) bolt(l *lockState, to Bolt, at time.Time) {
	l.bolt, l.boltAt = to, at
	if to == Locked || to == Unlocked {
		l.rest = to
		l.work.refresh = false
	}
	l.saved.Bolt, l.saved.BoltAt = to, at
	b.dirty[l.id] = true
	for _, c := range l.commands {
		c.report(to)
	}
}

func (b *Bridge) alarm(l *lockState, a Alarmed) {
	switch a.Alarm {
	case AlarmTamper, AlarmForced, AlarmFactoryReset:
		l.saved.Tampered = true
		b.dirty[l.id] = true
	case AlarmBattery:
		l.low = true
	case AlarmJam:
		for _, c := range l.commands {
			c.report(Jammed)
		}
	}
}

// lateCause takes in who made the last movement, when the lock tells it after it has reported the movement itself. A person at the door goes before what was
// taken for the cause; anything else only stands where nothing was known. A cause that is not taken is not told either. The caller holds b.mu.
func (b *Bridge) lateCause(l *lockState, ev *Event, to Bolt) bool {
	if ev.Cause.Source == SourceUnknown {
		return false
	}
	if l.bolt != to || l.actionTo != to || l.action.Source != SourceUnknown && !ev.Cause.atTheDoor() {
		ev.Cause = Cause{}
		return false
	}
	l.action = ev.Cause
	return true
}

// atTheDoor tells that somebody stood at the door.
func (c Cause) atTheDoor() bool {
	switch c.Source {
	case SourceKeypad, SourceManual, SourceKey, SourceOneTouch, SourceRFID, SourceFingerprint:
		return true
	}
	return false
}

// answers gives the command under way that a report of that position answers.
func (l *lockState) answers(to Bolt) *command {
	for _, c := range slices.Backward(l.commands) {
		if c.stage >= StageSent && c.kind.Wants() == to {
			return c
		}
	}
	return nil
}

// attribute names the person behind a cause: by the slot, or by the command that the movement answers. The caller holds b.mu.
func (b *Bridge) attribute(l *lockState, ev *Event) {
	c := &ev.Cause
	if m, ok := ev.Body.(BoltMoved); ok && (c.Source == SourceUnknown || c.Source == SourceRemote) {
		if cmd := l.answers(m.To); cmd != nil {
			*c = cmd.cause
		}
	}
	if c.Slot == nil || c.User != 0 {
		return
	}
	if s := l.slots[*c.Slot]; s != nil && s.User != 0 {
		c.User = s.User
		if u := b.users[s.User]; u != nil {
			c.Name = u.Name
		}
	}
}

// AckTamper takes back the mark of tampering: a person has seen it.
func (b *Bridge) AckTamper(_ context.Context, id LockID) error {
	var saved SavedLock
	err := b.edit(func() (Change, error) {
		l, err := b.find(id)
		if err != nil {
			return Change{}, err
		}
		saved = l.saved
		saved.Tampered = false
		return Change{PutLocks: []SavedLock{saved}}, nil
	}, func() []Event {
		b.locks[id].saved.Tampered = false
		return nil
	})
	if err != nil {
		return err
	}
	return b.resets.ackTamper(id)
}
