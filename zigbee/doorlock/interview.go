package doorlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

const (
	profileHA        = 0x0104
	deviceDoorLock   = 0x000A // Home Automation's device type "door lock"
	defaultLockMax   = 3600   // s; LockState is reported at least that often
	defaultPowerMin  = 3600   // s
	defaultPowerMax  = 43200  // s; twice a day, so that a battery that says nothing is noticed
	powerLeastChange = 2      // 1 %
)

// errStranger: what joined is not a lock. It was sent away.
var errStranger = errors.New("not a lock")

// interview is how far the interview of a lock has come, so that a lock that falls asleep in the middle is not asked everything again.
type interview struct {
	node   zigbee.Node
	known  bool // node is complete
	named  bool // Basic was read
	bound  bool
	limits bool
}

// interview asks a lock everything: who it is, what it can do, and where its bolt is.
func (l *lock) interview(ctx context.Context) error {
	l.mu.Lock()
	iv := l.iv
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.iv = iv
		l.mu.Unlock()
	}()
	if !iv.known {
		node, err := l.d.radio.Interview(ctx, l.id)
		if err != nil {
			return fmt.Errorf("ask what it is: %w", consequence(err))
		}
		if !mayBeLock(node) {
			return l.stranger()
		}
		iv.node, iv.known = node, true
		l.learnNode(node)
	}
	if !iv.named {
		if err := l.askName(ctx, iv.node); err != nil {
			return fmt.Errorf("ask its name: %w", err)
		}
		iv.named = true
	}
	if !iv.bound {
		if err := l.bind(ctx); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
		iv.bound = true
	}
	if !iv.limits {
		if err := l.askLimits(ctx); err != nil {
			return fmt.Errorf("ask its limits: %w", err)
		}
		iv.limits = true
	}
	if err := l.configure(ctx); err != nil {
		return fmt.Errorf("configure its reports: %w", err)
	}
	if err := l.probe(ctx); err != nil {
		return fmt.Errorf("try to read a code: %w", err)
	}
	if err := l.askState(ctx); err != nil {
		return fmt.Errorf("ask where its bolt is: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.Ready = true
	l.learned()
	return nil
}

// mayBeLock tells whether a node can be a lock at all: it has the Door Lock cluster, says that it is one, or is of those that hide it.
func mayBeLock(n zigbee.Node) bool {
	return slices.ContainsFunc(n.Endpoints, func(e zigbee.Endpoint) bool {
		return slices.Contains(e.In, zcl.ClusterDoorLock) || e.Profile == profileHA && e.DeviceType == deviceDoorLock || slices.Contains(e.In, zcl.ClusterBasic) && !n.Router
	})
}

func hasDoorLock(n zigbee.Node) bool {
	return slices.ContainsFunc(n.Endpoints, func(e zigbee.Endpoint) bool {
		return slices.Contains(e.In, zcl.ClusterDoorLock) || e.Profile == profileHA && e.DeviceType == deviceDoorLock
	})
}

// stranger sends away what is no lock.
func (l *lock) stranger() error {
	l.d.forget(l)
	l.d.refuse(l.id, "it is not a door lock")
	return errStranger
}

func (l *lock) learnNode(n zigbee.Node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rec.ManufacturerCode = n.ManufacturerCode
	l.rec.Endpoints = nil
	for _, e := range n.Endpoints {
		l.rec.Endpoints = append(l.rec.Endpoints, e.ID)
	}
	l.endpoint = endpointOf(n, 0)
}

// endpointOf is where the lock speaks: the family's endpoint if it is there, else the first that has Door Lock, else the first.
func endpointOf(n zigbee.Node, want uint8) uint8 {
	var first, locks uint8
	for _, e := range n.Endpoints {
		if want != 0 && e.ID == want {
			return want
		}
		if first == 0 {
			first = e.ID
		}
		if locks == 0 && slices.Contains(e.In, zcl.ClusterDoorLock) {
			locks = e.ID
		}
	}
	if locks != 0 {
		return locks
	}
	return first
}

// ask reads attributes and gives those that the lock has.
func (l *lock) ask(ctx context.Context, cluster, manufacturer uint16, ids ...zcl.AttributeID) (map[zcl.AttributeID]zcl.Value, error) {
	r := readRequest(cluster, background, ids...)
	r.manufacturer = manufacturer
	m, err := l.transact(ctx, r)
	if _, refused := asStatus(err); refused {
		return nil, nil // it has none of them
	}
	if err != nil {
		return nil, err
	}
	out := map[zcl.AttributeID]zcl.Value{}
	if res, ok := m.(*zcl.ReadAttributesResponse); ok {
		for _, a := range res.Records {
			if a.Status.OK() && !a.Value.Null() {
				out[a.ID] = a.Value
			}
		}
	}
	return out, nil
}

// askName reads Basic and finds the family.
func (l *lock) askName(ctx context.Context, n zigbee.Node) error {
	name, err := l.ask(ctx, zcl.ClusterBasic, 0, zcl.BasicManufacturerName, zcl.BasicModelIdentifier)
	if err != nil {
		return err
	}
	more, err := l.ask(ctx, zcl.ClusterBasic, 0, zcl.BasicSWBuildID, zcl.BasicApplicationVersion, zcl.BasicDateCode)
	if err != nil {
		return err
	}
	manufacturer, model := text(name[zcl.BasicManufacturerName]), text(name[zcl.BasicModelIdentifier])
	if !hasDoorLock(n) && !knownModel(model) {
		return l.stranger()
	}
	p := profileOf(manufacturer, model, n.ManufacturerCode)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.adopt(p)
	l.endpoint = endpointOf(n, p.Endpoint)
	l.rec.Endpoint, l.rec.Clusters = l.endpoint, nil
	for _, e := range n.Endpoints {
		if e.ID == l.endpoint {
			l.rec.Clusters = slices.Clone(e.In)
		}
	}
	t := p.traits()
	t.Sleepy, t.Clock = p.AlwaysSleepy || !n.RxOnWhenIdle, l.info.Traits.Clock
	if l.info.Family == "" {
		l.d.emit(bridge.Event{At: time.Now(), Lock: l.name, Body: bridge.LockJoined{}})
	}
	l.info = bridge.Info{ID: l.name, Manufacturer: manufacturer, Model: model, Family: p.Family, FamilyTitle: p.Title, Firmware: firmware(more), Traits: t}
	l.learned()
	return nil
}

// text is a string attribute without the padding that some locks send.
func text(v zcl.Value) string {
	s, _ := v.Text()
	for i, c := range s {
		if c == 0 {
			return s[:i]
		}
	}
	return s
}

func firmware(as map[zcl.AttributeID]zcl.Value) string {
	if s := text(as[zcl.BasicSWBuildID]); s != "" {
		return s
	}
	if s := text(as[zcl.BasicDateCode]); s != "" {
		return s
	}
	if n, ok := as[zcl.BasicApplicationVersion].Uint(); ok {
		return fmt.Sprint(n)
	}
	return ""
}

// binds lists the clusters whose reports and events we want. The caller holds l.mu.
func (l *lock) binds() []uint16 {
	if l.p.NoBind {
		return l.p.clusters()
	}
	out := []uint16{zcl.ClusterDoorLock}
	if !l.p.NoPowerBind && (l.has(zcl.ClusterPowerConfig) || l.p.HiddenPower) {
		out = append(out, zcl.ClusterPowerConfig)
	}
	for _, c := range append([]uint16{zcl.ClusterAlarms, zcl.ClusterPollControl}, l.p.clusters()...) {
		if l.has(c) {
			out = append(out, c)
		}
	}
	return out
}

func (l *lock) has(cluster uint16) bool { return slices.Contains(l.rec.Clusters, cluster) }

// bind asks the lock to send us its reports and events.
func (l *lock) bind(ctx context.Context) error {
	l.mu.Lock()
	ep, clusters := l.endpoint, l.binds()
	l.mu.Unlock()
	for _, c := range clusters {
		switch err := l.d.radio.Bind(ctx, l.id, ep, c); {
		case err == nil:
		case errors.Is(err, zigbee.ErrRefused), errors.Is(err, zigbee.ErrUnsupported):
			l.d.log.Info("lock does not let a cluster be bound", "lock", l.name, "cluster", c, "error", err)
		default:
			return consequence(err)
		}
	}
	return nil
}

// reports lists how we want attributes reported. The caller holds l.mu.
func (l *lock) reports() []request {
	var out []request
	conf := func(cluster uint16, rs ...zcl.Reporting) {
		out = append(out, request{cluster: cluster, prio: background, msg: &zcl.ConfigureReporting{Records: rs}, answers: func(m zcl.Message) bool {
			_, ok := m.(*zcl.ConfigureReportingResponse)
			return ok
		}})
	}
	if !l.p.NoLockReport {
		conf(zcl.ClusterDoorLock, zcl.Reporting{ID: zcl.LockAttrLockState, Type: zcl.TypeEnum8, Max: or(l.p.LockReportMax, defaultLockMax)})
	}
	if l.info.Traits.DoorSensor && !l.p.NoLockReport {
		conf(zcl.ClusterDoorLock, zcl.Reporting{ID: zcl.LockAttrDoorState, Type: zcl.TypeEnum8, Max: defaultLockMax})
	}
	if l.p.NoBind || l.p.NoPowerBind || !l.has(zcl.ClusterPowerConfig) && !l.p.HiddenPower {
		return out
	}
	least, most := or(l.p.BatteryMin, defaultPowerMin), or(l.p.BatteryMax, defaultPowerMax)
	change := uint64(powerLeastChange)
	if l.p.BatteryMax != 0 {
		change = 1
	}
	switch l.p.Battery {
	case batteryVolt:
		conf(zcl.ClusterPowerConfig, zcl.Reporting{ID: zcl.PowerBatteryVoltage, Type: zcl.TypeUint8, Min: least, Max: most, Change: 1})
	default:
		conf(zcl.ClusterPowerConfig, zcl.Reporting{ID: zcl.PowerBatteryPercentageRemaining, Type: zcl.TypeUint8, Min: least, Max: most, Change: change})
	}
	conf(zcl.ClusterPowerConfig, zcl.Reporting{ID: zcl.PowerBatteryAlarmState, Type: zcl.TypeMap32, Min: least, Max: most})
	return out
}

func or(v, def uint16) uint16 {
	if v == 0 {
		return def
	}
	return v
}

// configure asks for reports. A lock that refuses is read instead.
func (l *lock) configure(ctx context.Context) error {
	l.mu.Lock()
	rs := l.reports()
	l.mu.Unlock()
	for i := range rs {
		m, err := l.transact(ctx, &rs[i])
		if _, refused := asStatus(err); refused {
			l.d.log.Info("lock does not report on request", "lock", l.name, "cluster", rs[i].cluster, "error", err)
			continue
		}
		if err != nil {
			return err
		}
		if res, ok := m.(*zcl.ConfigureReportingResponse); ok && len(res.Failed) > 0 {
			l.d.log.Info("lock does not report an attribute", "lock", l.name, "attribute", res.Failed[0].ID, "status", res.Failed[0].Status)
		}
	}
	return nil
}

// interviewFault is a sentence for people.
func interviewFault(err error) string {
	return fmt.Sprintf("The lock joined, but did not finish telling what it is (%v). It is asked again when it is heard: wake it by touching its keypad or turning the bolt, and keep it near the dongle.", err)
}
