package doorlock

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// switchedRelock is how long after unlocking a lock relocks that only knows on and off (Onesti).
const switchedRelock = 7 * time.Second

// setting joins a field of bridge.Settings with an attribute.
type setting struct {
	cluster      uint16
	manufacturer uint16
	id           zcl.AttributeID
	load         func(*bridge.Settings, zcl.Value)
	store        func(bridge.Settings) (zcl.Value, bool)
}

func byteSetting(id zcl.AttributeID, t zcl.DataType, at func(*bridge.Settings) **uint8) setting {
	return setting{cluster: zcl.ClusterDoorLock, id: id,
		load: func(s *bridge.Settings, v zcl.Value) {
			if n, ok := v.Uint(); ok {
				b := uint8(n)
				*at(s) = &b
			}
		},
		store: func(s bridge.Settings) (zcl.Value, bool) {
			if p := *at(&s); p != nil {
				return zcl.Number(t, uint64(*p)), true
			}
			return zcl.Value{}, false
		}}
}

func boolSetting(id zcl.AttributeID, at func(*bridge.Settings) **bool) setting {
	return setting{cluster: zcl.ClusterDoorLock, id: id,
		load: func(s *bridge.Settings, v zcl.Value) {
			if on, ok := v.Bool(); ok {
				*at(s) = &on
			}
		},
		store: func(s bridge.Settings) (zcl.Value, bool) {
			if p := *at(&s); p != nil {
				return zcl.Bool(*p), true
			}
			return zcl.Value{}, false
		}}
}

// settings lists what this lock has.
func (p *profile) settings() []setting {
	if p.NoSettings {
		return nil
	}
	var out []setting
	if s, ok := p.relockSetting(); ok {
		out = append(out, s)
	}
	if s, ok := p.soundSetting(); ok {
		out = append(out, s)
	}
	if p.Events == eventsAlarms && p.Battery == batteryAssa {
		return out // its settings stand in a cluster of its own
	}
	return append(out,
		byteSetting(zcl.LockAttrOperatingMode, zcl.TypeEnum8, func(s *bridge.Settings) **uint8 { return &s.OperatingMode }),
		boolSetting(zcl.LockAttrOneTouchLocking, func(s *bridge.Settings) **bool { return &s.OneTouch }),
		byteSetting(zcl.LockAttrWrongCodeLimit, zcl.TypeUint8, func(s *bridge.Settings) **uint8 { return &s.WrongCodeLimit }),
		byteSetting(zcl.LockAttrDisableTime, zcl.TypeUint8, func(s *bridge.Settings) **uint8 { return &s.DisableSeconds }),
		boolSetting(zcl.LockAttrSendPINOverTheAir, func(s *bridge.Settings) **bool { return &s.SendPIN }),
		setting{cluster: zcl.ClusterDoorLock, id: zcl.LockAttrLanguage,
			load: func(s *bridge.Settings, v zcl.Value) {
				if t := text(v); t != "" {
					s.Language = &t
				}
			},
			store: func(s bridge.Settings) (zcl.Value, bool) {
				if s.Language == nil {
					return zcl.Value{}, false
				}
				return zcl.CharString(*s.Language), true
			}})
}

// relockSetting is AutoRelockTime in the family's way.
func (p *profile) relockSetting() (setting, bool) {
	s := setting{cluster: zcl.ClusterDoorLock, id: zcl.LockAttrAutoRelockTime}
	read := func(of func(uint64) time.Duration) func(*bridge.Settings, zcl.Value) {
		return func(s *bridge.Settings, v zcl.Value) {
			if n, ok := v.Uint(); ok {
				d := of(n)
				s.AutoRelock = &d
			}
		}
	}
	write := func(of func(time.Duration) zcl.Value) func(bridge.Settings) (zcl.Value, bool) {
		return func(s bridge.Settings) (zcl.Value, bool) {
			if s.AutoRelock == nil {
				return zcl.Value{}, false
			}
			return of(max(0, *s.AutoRelock)), true
		}
	}
	seconds := func(n uint64) time.Duration { return time.Duration(n) * time.Second }
	onOff := func(n uint64) time.Duration {
		if n == 0 {
			return 0
		}
		return switchedRelock
	}
	switch p.Relock {
	case "seconds":
		s.load, s.store = read(seconds), write(func(d time.Duration) zcl.Value { return zcl.Uint32(uint32(min(d/time.Second, 1<<32-2))) })
	case "switch7":
		s.load, s.store = read(onOff), write(func(d time.Duration) zcl.Value {
			if d == 0 {
				return zcl.Uint32(0)
			}
			return zcl.Uint32(1)
		})
	case "idlock":
		s.id, s.manufacturer = zcl.IDLockAttrRelock, zcl.ManufacturerDatek
		s.load, s.store = read(onOff), write(func(d time.Duration) zcl.Value { return zcl.Bool(d > 0) })
	case "assa":
		s.cluster, s.id = zcl.ClusterAssaC4, zcl.AssaAttrAutoLockTime
		s.load, s.store = read(seconds), write(func(d time.Duration) zcl.Value { return zcl.Uint8(uint8(min(d/time.Second, 180))) })
	default:
		return s, false
	}
	return s, true
}

// soundSetting is SoundVolume in the family's way.
func (p *profile) soundSetting() (setting, bool) {
	if p.Sound == 0 {
		return setting{}, false
	}
	cluster, id, base := zcl.ClusterDoorLock, zcl.LockAttrSoundVolume, uint8(0)
	if p.SoundVia == "assa" {
		cluster, id, base = zcl.ClusterAssaC4, zcl.AssaAttrVolume, 1
	}
	return setting{cluster: cluster, id: id,
		load: func(s *bridge.Settings, v zcl.Value) {
			if n, ok := v.Uint(); ok && n >= uint64(base) && n <= uint64(p.Sound+base) {
				b := uint8(n) - base
				s.Sound = &b
			}
		},
		store: func(s bridge.Settings) (zcl.Value, bool) {
			if s.Sound == nil {
				return zcl.Value{}, false
			}
			return zcl.Uint8(min(*s.Sound, p.Sound) + base), true
		}}, true
}

// place is where attributes stand that one request can carry.
type place struct{ cluster, manufacturer uint16 }

// ReadSettings implements bridge.Lock. What the lock does not have stays nil.
func (l *lock) ReadSettings(ctx context.Context) (bridge.Settings, error) {
	l.mu.Lock()
	list := l.p.settings()
	l.mu.Unlock()
	var out bridge.Settings
	var order []place
	byPlace := map[place][]setting{}
	for _, s := range list {
		k := place{s.cluster, s.manufacturer}
		if byPlace[k] == nil {
			order = append(order, k)
		}
		byPlace[k] = append(byPlace[k], s)
	}
	const perFrame = 5
	for _, k := range order {
		for some := byPlace[k]; len(some) > 0; some = some[min(perFrame, len(some)):] {
			part := some[:min(perFrame, len(some))]
			var ids []zcl.AttributeID
			for _, s := range part {
				ids = append(ids, s.id)
			}
			r := readRequest(k.cluster, command, ids...)
			r.manufacturer = k.manufacturer
			m, err := l.transact(ctx, r)
			if _, refused := asStatus(err); refused {
				continue
			}
			if err != nil {
				return out, fmt.Errorf("doorlock: read settings: %w", err)
			}
			loadSettings(&out, part, m)
		}
	}
	return out, nil
}

func loadSettings(out *bridge.Settings, part []setting, m zcl.Message) {
	res, ok := m.(*zcl.ReadAttributesResponse)
	if !ok {
		return
	}
	for _, a := range res.Records {
		for _, s := range part {
			if s.id == a.ID && a.Status.OK() && !a.Value.Null() {
				s.load(out, a.Value)
			}
		}
	}
}

// WriteSettings implements bridge.Lock. Each setting is written by itself, so that one that the lock refuses does not keep the others back.
func (l *lock) WriteSettings(ctx context.Context, want bridge.Settings) error {
	l.mu.Lock()
	list := l.p.settings()
	l.mu.Unlock()
	var first error
	wrote := 0
	for _, s := range list {
		v, ok := s.store(want)
		if !ok {
			continue
		}
		err := l.writeAttribute(ctx, s, v)
		if err != nil && !answered(err) {
			return fmt.Errorf("doorlock: write settings: %w", err)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("doorlock: write setting %v: %w", s.id, err)
		}
		wrote++
	}
	if wrote == 0 && want != (bridge.Settings{}) {
		return fmt.Errorf("doorlock: write settings: %w", bridge.ErrUnsupported)
	}
	return first
}

func (l *lock) writeAttribute(ctx context.Context, s setting, v zcl.Value) error {
	m, err := l.transact(ctx, &request{cluster: s.cluster, manufacturer: s.manufacturer, prio: command,
		msg: &zcl.WriteAttributes{Attributes: []zcl.Attribute{{ID: s.id, Value: v}}}, answers: func(m zcl.Message) bool {
			_, ok := m.(*zcl.WriteAttributesResponse)
			return ok
		}})
	if err != nil {
		return err
	}
	if res, ok := m.(*zcl.WriteAttributesResponse); ok && len(res.Failed) > 0 {
		return refusal(res.Failed[0].Status)
	}
	return nil
}
