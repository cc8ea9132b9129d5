package doorlock

import (
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// apply takes in what a frame said. asked tells that it answers a read of ours. The caller holds l.mu.
func (l *lock) apply(fs []fact, asked bool) {
	now := time.Now()
	for _, f := range fs {
		switch f := f.(type) {
		case factBolt:
			l.doubt = l.doubt && !asked
			l.follow(l.bolt.report(f.state, asked, now))
		case factDoor:
			l.applyDoor(f.state)
		case factPercent:
			if _, ok, latched := l.battery.value(f.raw); ok {
				if latched {
					l.rec.HalfPercent = true
					l.save()
				}
				l.tell(l.battery.event(), bridge.Cause{})
			}
		case factVolt:
			if _, ok := l.battery.volt(f.mv); ok {
				l.tell(l.battery.event(), bridge.Cause{})
			}
		case factLow:
			if f.low != l.battery.low {
				l.battery.low = f.low
				if ev := l.battery.event(); ev != nil {
					l.tell(ev, bridge.Cause{})
				}
			}
		case factOperation:
			l.applyOperation(f, now)
		case factProgrammed:
			l.applyProgrammed(f, now)
		case factAlarm:
			l.tell(bridge.Alarmed{Alarm: f.alarm, Code: f.code}, bridge.Cause{})
			if f.jam {
				l.tellAll(l.bolt.alarm(now))
				l.schedule(jobState, 0, true)
			}
			if f.alarm == bridge.AlarmPowerCycled {
				l.rebooted()
				l.powerLost()
			}
		case factReread:
			l.schedule(jobState, 0, true)
		case factRereadBattery:
			l.schedule(jobBattery, time.Second, false)
		case factAttribute:
			l.applyAttribute(f)
		}
		l.satisfies(f)
	}
}

// follow tells what a report brought about, and starts what has to follow.
func (l *lock) follow(n boltNext) {
	l.tellAll(n.tell)
	if n.holdCause {
		l.after(causeWait, func() { l.tellAll(l.bolt.flush(time.Now())) })
	}
	if n.holdTransit {
		l.schedule(jobTransit, transit, true)
	}
}

// after calls f with l.mu held once d has passed, unless the lock or the driver has gone.
func (l *lock) after(d time.Duration, f func()) {
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, o := range l.timers {
			if o == t {
				l.timers = append(l.timers[:i], l.timers[i+1:]...)
				f()
				return
			}
		}
	})
	l.timers = append(l.timers, t)
}

// stopTimers forgets what was to happen later. The caller holds l.mu.
func (l *lock) stopTimers() {
	for _, t := range l.timers {
		t.Stop()
	}
	l.timers = nil
}

func (l *lock) applyDoor(s zcl.DoorState) {
	to := bridge.DoorUnknown
	switch s {
	case zcl.DoorOpen:
		to = bridge.DoorOpen
	case zcl.DoorClosed:
		to = bridge.DoorClosed
	case zcl.DoorJammed:
		to = bridge.DoorJammed
	case zcl.DoorForcedOpen:
		to = bridge.DoorForced
	case zcl.DoorError:
		to = bridge.DoorError
	}
	if to != l.door {
		l.tell(bridge.DoorMoved{From: l.door, To: to}, bridge.Cause{})
		l.door = to
	}
}

func (l *lock) applyOperation(f factOperation, now time.Time) {
	if f.refused != "" {
		l.tell(bridge.EntryRefused{Action: f.tried, Why: f.refused}, f.cause)
		return
	}
	if f.moves == 0 {
		return
	}
	if !l.rec.Events {
		l.rec.Events = true
		l.save()
	}
	tell, reread := l.bolt.event(f, now)
	l.tellAll(tell)
	if reread && !l.p.Silent {
		l.scheduleUnless(jobVerify, missingReport, l.bolt.reports)
	}
}

// ourWrite is how long after a write of ours a programming event for the same slot is taken to speak of it.
const ourWrite = 15 * time.Second

func (l *lock) applyProgrammed(f factProgrammed, now time.Time) {
	ours := false
	if f.slot != nil && f.source != bridge.SourceKeypad {
		at, ok := l.written[*f.slot]
		ours = ok && now.Sub(at) < ourWrite
	}
	l.tell(bridge.LockProgrammed{Change: f.change, Slot: f.slot, Ours: ours}, bridge.Cause{Source: f.source, Slot: f.slot})
}

// applyAttribute takes in what concerns the lock's traits. Settings are read when somebody asks for them.
func (l *lock) applyAttribute(f factAttribute) {
	if f.cluster != zcl.ClusterDoorLock || f.manufacturer != 0 {
		return
	}
	if f.id == zcl.LockAttrRequirePINForRF {
		if on, ok := f.value.Bool(); ok && on != l.info.Traits.PINForRemote {
			l.info.Traits.PINForRemote = on
			l.learned()
		}
	}
}

// learned tells and keeps what is newly known of the lock. The caller holds l.mu.
func (l *lock) learned() {
	l.rec.Info = l.info
	l.save()
	if l.info.Ready {
		l.tell(bridge.LockReady{Info: l.info}, bridge.Cause{})
	}
}

// rebooted forgets what a boot of the lock makes worthless. The caller holds l.mu.
func (l *lock) rebooted() {
	l.dec.rebooted()
	l.guard.recent = [8]seenFrame{} // it counts its frames anew
	l.battery.booted = true
	l.fastUntil = time.Time{}
}
