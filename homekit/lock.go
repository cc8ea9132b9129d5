package homekit

import (
	"context"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// lock is one published lock: its accessory and what is shown of it.
type lock struct {
	a      *Adapter
	id     bridge.LockID
	server *hap.Server
	m      *model
	codes  codeDesk
	reset  resetDesk
	gone   chan struct{} // closed when it is withdrawn

	mu       sync.Mutex
	view     bridge.LockView
	current  int // LockCurrentState
	target   int // LockTargetState
	asked    int // while commands of controllers are under way: the target of the latest
	underway int
	logsFrom time.Time
}

func newLock(a *Adapter, v bridge.LockView, m *model) *lock {
	l := &lock{a: a, id: v.ID, m: m, current: currentUnknown, target: targetSecured, view: v, gone: make(chan struct{})}
	l.codes.lock, l.reset.lock = l, l
	return l
}

// attach registers the handlers. It is called before the accessory is served.
func (l *lock) attach(s *hap.Server) {
	l.server = s
	m := l.m
	s.OnRead(m.current, l.readBolt(func() any { return l.current }))
	s.OnRead(m.target, l.readBolt(func() any { return l.target }))
	s.OnWrite(m.target, l.writeTarget)
	s.OnWrite(m.lockControl, l.writeLockControl)
	s.OnRead(m.logs, l.readLogs)
	if m.shape.door {
		s.OnRead(m.contact, l.readDoor(func() any { return contactState(l.view.Door) }))
		s.OnRead(m.doorState, l.readDoor(func() any { return doorState(l.view.Door) }))
	}
	if m.shape.relock {
		s.OnRead(m.relock, l.readRelock)
		s.OnWrite(m.relock, l.writeRelock)
	}
	if m.shape.codes {
		s.OnRead(m.codeLimits, l.codes.readLimits)
		s.OnRead(m.codeControl, func(context.Context, hap.Request) (any, hap.Status) { return []byte{}, hap.StatusOK })
		s.OnWrite(m.codeControl, l.codes.write)
		s.AdminOnly(m.codeControl)
	}
	if m.shape.reset {
		s.OnWrite(m.resetOne, l.reset.writeFirst)
		s.OnWrite(m.resetTwo, l.reset.writeSecond)
		s.AdminOnly(m.resetOne)
		s.AdminOnly(m.resetTwo)
	}
}

// readBolt answers -70402 for a lock that is not reached, which Apple Home shows as "No Response": a bolt that may have moved since is not shown as fact.
func (l *lock) readBolt(value func() any) hap.ReadFunc {
	return func(context.Context, hap.Request) (any, hap.Status) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.view.Reachable || !l.a.dongleUp() {
			return nil, hap.StatusUnreachable
		}
		return value(), hap.StatusOK
	}
}

func (l *lock) readDoor(value func() any) hap.ReadFunc {
	return func(context.Context, hap.Request) (any, hap.Status) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.view.Reachable || l.view.Door == bridge.DoorUnknown || !l.a.dongleUp() {
			return nil, hap.StatusUnreachable
		}
		return value(), hap.StatusOK
	}
}

// show takes a picture of the lock in and tells subscribers what changed, in one event.
func (l *lock) show(v bridge.LockView) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view = v
	l.current = currentState(v.Bolt, l.current)
	l.settleLocked()
	m := l.m
	vals := append(make([]hap.Value, 0, 12),
		hap.Value{C: m.current, V: l.current}, hap.Value{C: m.target, V: l.target},
		hap.Value{C: m.acc.Info.Name.C, V: displayName(v.Name)}, hap.Value{C: m.name, V: displayName(v.Name)},
		hap.Value{C: m.acc.Info.FirmwareRevision.C, V: firmwareRevision(v.Info.Firmware)})
	if v.LastTo == bridge.Locked || v.LastTo == bridge.Unlocked {
		vals = append(vals, hap.Value{C: m.lastAction, V: lastAction(v.LastAction, v.LastTo)})
	}
	if m.shape.battery && v.Battery != nil {
		vals = append(vals, hap.Value{C: m.batteryLevel, V: batteryLevel(*v.Battery)}, hap.Value{C: m.batteryLow, V: boolToInt(v.BatteryLow)})
	}
	if m.shape.door {
		vals = append(vals, hap.Value{C: m.contact, V: contactState(v.Door)}, hap.Value{C: m.doorState, V: doorState(v.Door)},
			hap.Value{C: m.tampered, V: boolToInt(v.Tampered)})
	}
	if m.shape.relock && v.AutoRelock != nil {
		vals = append(vals, hap.Value{C: m.relock, V: relockSeconds(*v.AutoRelock)})
	}
	if m.shape.codes {
		vals = append(vals, hap.Value{C: m.configState, V: l.codes.configState()})
	}
	l.set(vals...)
}

// settleLocked chooses the target: what a controller is waiting for, else what the bridge says was asked for, else where the bolt is. A manual turn moves it
// too, or Apple Home would show "Unlocking…" for ever.
func (l *lock) settleLocked() {
	if l.underway > 0 {
		l.target = l.asked
		return
	}
	if t, ok := targetState(l.view.Target); ok {
		l.target = t
	} else if t, ok := targetState(l.view.Bolt); ok {
		l.target = t
	}
}

// set hands values to the HAP server. A lock that has just been withdrawn has nobody to tell.
func (l *lock) set(values ...hap.Value) {
	if err := l.server.SetAll(values...); err != nil && !l.isGone() {
		l.a.log.Error("a HomeKit value was refused", "lock", l.id, "err", err)
	}
}

func (l *lock) isGone() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// refresh looks at the lock again.
func (l *lock) refresh() {
	if v, err := l.a.b.Find(string(l.id)); err == nil {
		l.show(v)
	}
}
