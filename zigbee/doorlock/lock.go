package doorlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// lock is one known lock. It fulfils bridge.Lock.
//
// Lock order: mu, then the mailbox's own, then the driver's queue of events. No radio call is made with mu held.
type lock struct {
	d    *Driver
	id   zigbee.EUI64
	name bridge.LockID
	box  mailbox
	gone chan struct{} // closed when the lock is forgotten
	bell chan struct{} // the worker has something to look at
	mail chan func(context.Context)

	mu        sync.Mutex
	p         *profile
	dec       decoder
	info      bridge.Info
	rec       record
	endpoint  uint8 // zero until the interview has found it
	seq       uint8
	inFlight  *pending
	down      chan struct{} // closed when the dongle goes, and made anew
	doubt     bool          // a command went unanswered: read the state before the next
	bolt      bolt
	battery   battery
	door      bridge.Door
	lastHeard time.Time
	clockAt   time.Time // when it last asked for the time
	heard     uint64
	lastTold  time.Time // when the last Heard was told
	lastLook  time.Time // when the state was last wanted because the lock spoke
	lqi       uint8
	fastUntil time.Time // until when the lock polls fast because we asked it to
	resting   bool      // the end of the fast polling is near
	jobs      [jobCount]due
	timers    []*time.Timer
	guard     guard
	written   map[bridge.Slot]time.Time // our own writes, by which programming events are told apart
	windows   map[bridge.Slot]int       // of the week, held for a slot as far as known
	iv        interview
}

var _ bridge.Lock = (*lock)(nil)

func newLock(d *Driver, rec record) *lock {
	l := &lock{d: d, id: rec.Address, name: bridge.LockID(rec.Address.String()), gone: make(chan struct{}), down: make(chan struct{}), bell: make(chan struct{}, 1),
		mail: make(chan func(context.Context), 16), rec: rec, written: map[bridge.Slot]time.Time{}, windows: map[bridge.Slot]int{}}
	p := profileByFamily(rec.Info.Family)
	if rec.Info.Ready {
		p = profileOf(rec.Info.Manufacturer, rec.Info.Model, rec.ManufacturerCode)
	}
	l.adopt(p)
	l.info, l.endpoint = rec.Info, rec.Endpoint
	l.info.ID = l.name
	l.battery.half = rec.HalfPercent
	l.bolt.events = rec.Events
	if !rec.Info.Ready {
		l.info.Traits = p.traits()
		l.jobs[jobInterview] = due{at: time.Now(), set: true, active: true}
	}
	return l
}

// adopt takes a profile. The caller holds l.mu, or nobody else has the lock yet.
func (l *lock) adopt(p *profile) {
	l.p = p
	l.dec = decoder{p: p}
	half := l.battery.half
	l.battery = battery{p: p, half: half, booted: true}
}

// ID implements bridge.Lock.
func (l *lock) ID() bridge.LockID { return l.name }

// Info implements bridge.Lock.
func (l *lock) Info() bridge.Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.info
	i.Traits.MasterSlots = slices.Clone(i.Traits.MasterSlots)
	i.Traits.RemoteResets = slices.Clone(i.Traits.RemoteResets)
	return i
}

// sleepy tells whether frames wait for the lock to fetch them. The caller holds l.mu.
func (l *lock) sleepy() bool { return l.info.Traits.Sleepy }

// tell queues an event. The caller holds l.mu, which keeps a lock's events in order.
func (l *lock) tell(b bridge.Body, c bridge.Cause) {
	if l.info.Family == "" {
		if _, ok := b.(bridge.InterviewFailed); !ok {
			return // not yet known to be a lock
		}
	}
	l.d.emit(bridge.Event{At: time.Now(), Lock: l.name, Cause: c, Body: b})
}

func (l *lock) tellAll(ts []told) {
	for _, t := range ts {
		l.tell(t.body, t.cause)
	}
}

// Actuate implements bridge.Lock.
func (l *lock) Actuate(ctx context.Context, a bridge.Action) error {
	r, err := l.actuation(&a)
	if err != nil {
		return fmt.Errorf("doorlock: %v: %w", a.Kind, err)
	}
	m, err := l.transact(ctx, r)
	if err == nil {
		err = statusOf(m)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if errors.Is(err, bridge.ErrAsleep) || errors.Is(err, bridge.ErrSuperseded) {
			l.bolt.refused() // nothing was carried out
		}
		if answered(err) {
			l.bolt.refused()
			if !l.bolt.jamAt.IsZero() && time.Since(l.bolt.jamAt) < correlate {
				err = fmt.Errorf("%w: %w", bridge.ErrJammed, err)
			}
			l.schedule(jobState, 0, true)
		}
		return fmt.Errorf("doorlock: %v: %w", a.Kind, err)
	}
	if !l.p.Silent && l.bolt.shown != a.Kind.Wants() {
		l.scheduleUnless(jobVerify, verifyAfter, l.bolt.reports)
	}
	return nil
}

// verifyAfter is how long after a command its report may come before the state is read (Danalock answers before it moves).
const verifyAfter = 5 * time.Second

// answered tells whether the lock itself refused.
func answered(err error) bool {
	s, ok := asStatus(err)
	return ok && !s.OK()
}

// actuation makes the request for an action.
func (l *lock) actuation(a *bridge.Action) (*request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case a.Kind != bridge.ActLock && a.Kind != bridge.ActUnlock:
		return nil, bridge.ErrUnsupported
	case l.info.Traits.Remote == bridge.RemoteNone, l.info.Traits.Remote == bridge.RemoteUnlockOnly && a.Kind == bridge.ActLock:
		return nil, fmt.Errorf("%w by radio", bridge.ErrUnsupported)
	case l.info.Traits.PINForRemote && a.PIN.IsZero():
		return nil, bridge.ErrNeedsPIN
	}
	var pin zcl.PIN
	a.PIN.Expose(func(d []byte) { pin = append(pin, d...) })
	if l.p.InnerLengthPIN && pin != nil {
		inner := zcl.EasyiotPIN(pin)
		pin.Wipe()
		pin = inner
	}
	r := &request{cluster: zcl.ClusterDoorLock, prio: actuation, once: true, action: a, asked: a.Asked}
	if r.asked.IsZero() {
		r.asked = time.Now()
	}
	switch {
	case l.info.Traits.Remote == bridge.RemoteUnlockOnly:
		r.msg, r.manufacturer, r.wantDefault = &zcl.SamsungUnlock{}, zcl.ManufacturerSamsungSDS, true
	case a.Kind == bridge.ActLock:
		r.msg = &zcl.LockDoor{PIN: pin}
	default:
		r.msg = &zcl.UnlockDoor{PIN: pin}
	}
	r.answers = sameCommand(r.msg)
	wants := a.Kind.Wants()
	r.satisfied = func(f fact) bool {
		b, ok := f.(factBolt)
		return ok && position(b.state) == wants
	}
	return r, nil
}

// sameCommand recognises the answer that has the number of what it answers, as all of Door Lock's have.
func sameCommand(m zcl.Message) func(zcl.Message) bool {
	want := m.Route()
	return func(got zcl.Message) bool {
		rt := got.Route()
		return rt.Type == want.Type && rt.Command == want.Command && rt.Cluster == want.Cluster
	}
}

// Refresh implements bridge.Lock.
func (l *lock) Refresh(ctx context.Context) error {
	l.mu.Lock()
	silent, door, unit := l.p.Silent, l.info.Traits.DoorSensor, l.p.Battery
	l.mu.Unlock()
	var err error
	if !silent {
		r := l.stateRequest(command)
		if door {
			r.msg = &zcl.ReadAttributes{Attributes: []zcl.AttributeID{zcl.LockAttrLockState, zcl.LockAttrDoorState}}
		}
		err = l.readInto(ctx, r)
	}
	if err == nil {
		if r := batteryRequest(unit, command); r != nil {
			err = l.readInto(ctx, r)
		}
	}
	if err != nil {
		return fmt.Errorf("doorlock: refresh: %w", err)
	}
	return nil
}

// stateRequest reads LockState.
func (l *lock) stateRequest(p priority) *request {
	r := readRequest(zcl.ClusterDoorLock, p, zcl.LockAttrLockState)
	r.state = true
	return r
}

// batteryRequest reads what tells of the battery; nil if nothing does.
func batteryRequest(unit batteryScale, p priority) *request {
	switch unit {
	case batteryNone:
		return nil
	case batteryAssa:
		return readRequest(zcl.ClusterAssaC4, p, zcl.AssaAttrBatteryLevel)
	case batteryVolt:
		return readRequest(zcl.ClusterPowerConfig, p, zcl.PowerBatteryVoltage)
	default:
		return readRequest(zcl.ClusterPowerConfig, p, zcl.PowerBatteryPercentageRemaining, zcl.PowerBatteryAlarmState)
	}
}

func readRequest(cluster uint16, p priority, ids ...zcl.AttributeID) *request {
	return &request{cluster: cluster, prio: p, msg: &zcl.ReadAttributes{Attributes: ids}, answers: func(m zcl.Message) bool {
		_, ok := m.(*zcl.ReadAttributesResponse)
		return ok
	}}
}

// readInto reads attributes. What they say is taken in where the answer arrives, in the order of arrival.
func (l *lock) readInto(ctx context.Context, r *request) error {
	_, err := l.transact(ctx, r)
	return err
}
