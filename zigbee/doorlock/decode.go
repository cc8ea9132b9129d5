package doorlock

import (
	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// noUser is the user id that means nobody (ZCL table 7-32).
const noUser = 0xFFFF

// allUsers is what some locks send as the user when all codes were deleted (ZCL table 7-38).
const allUsers = 0xFF

// decoder reads what a lock says. It keeps the little that reading one frame needs of earlier ones.
type decoder struct {
	p        *profile
	wyzeSeen bool
	wyzeSeq  uint8
}

// decode reads one frame. What is no event or attribute (answers, requests) gives no facts; the message is returned for those who wait for it. The octets of
// PINs that come with events are wiped.
func (d *decoder) decode(cluster uint16, frame []byte) (zcl.Header, zcl.Message, []fact, error) {
	if d.p.Events == eventsWyze && cluster == zcl.ClusterWyze {
		h, _, err := zcl.ParseHeader(frame)
		return h, nil, d.wyze(frame), err
	}
	h, m, err := zcl.Parse(cluster, frame)
	if err != nil {
		return h, nil, nil, err
	}
	var out []fact
	switch m := m.(type) {
	case *zcl.ReportAttributes:
		for _, a := range m.Attributes {
			out = d.attribute(out, cluster, manufacturer(h), a.ID, a.Value)
		}
	case *zcl.ReadAttributesResponse:
		for _, a := range m.Records {
			if a.Status.OK() {
				out = d.attribute(out, cluster, manufacturer(h), a.ID, a.Value)
			}
		}
	case *zcl.OperationEvent:
		m.PIN.Wipe()
		m.Data.Wipe()
		if d.p.Events == eventsYMC && m.Missing > 0 { // a whole frame is read as the standard says
			if _, payload, err := zcl.ParseHeader(frame); err == nil {
				out = d.ymc(out, payload)
			}
			break
		}
		out = d.operation(out, m)
	case *zcl.ProgrammingEvent:
		m.PIN.Wipe()
		m.Data.Wipe()
		out = d.programming(out, m)
	case *zcl.Alarm:
		out = d.alarm(out, m)
	}
	return h, m, out, nil
}

// manufacturer is the code of a maker's frame. Zero stands for the standard; a maker's frame with the code zero reads as noManufacturer.
func manufacturer(h zcl.Header) uint16 {
	switch {
	case !h.ManufacturerSpecific:
		return 0
	case h.Manufacturer == 0:
		return noUser
	default:
		return h.Manufacturer
	}
}

// attribute reads one value. Vendor attributes that events ride on are handled by style.
func (d *decoder) attribute(out []fact, cluster, mfr uint16, id zcl.AttributeID, v zcl.Value) []fact {
	if facts, taken := d.vendorAttribute(out, cluster, id, v); taken {
		return facts
	}
	n, number := v.Uint()
	if mfr == 0 && number {
		switch cluster {
		case zcl.ClusterDoorLock:
			switch id {
			case zcl.LockAttrLockState:
				if d.p.IgnoreLockState {
					return out
				}
				return append(out, factBolt{zcl.LockState(n)})
			case zcl.LockAttrDoorState:
				return append(out, factDoor{zcl.DoorState(n)})
			}
		case zcl.ClusterPowerConfig:
			return d.power(out, id, n, v)
		}
	}
	return append(out, factAttribute{cluster: cluster, manufacturer: mfr, id: id, value: v})
}

// power reads Power Configuration (ZCL section 3.3.2.2).
func (d *decoder) power(out []fact, id zcl.AttributeID, n uint64, v zcl.Value) []fact {
	switch id {
	case zcl.PowerBatteryPercentageRemaining:
		if n != 0xFF {
			out = append(out, factPercent{uint8(n)})
		}
	case zcl.PowerBatteryVoltage:
		if n != 0xFF {
			out = append(out, factVolt{int(n) * 100})
		}
	case zcl.PowerBatteryAlarmState:
		const sources = 0xF | 0xF<<10 | 0xF<<20 // the minimum and three thresholds of each of three batteries
		out = append(out, factLow{n&sources != 0})
	case zcl.PowerBatteryAlarmMask:
		if d.p.Events == eventsAqara { // lumi.lock.acn02 tells a low battery here
			return append(out, factLow{n&1 != 0})
		}
		out = append(out, factAttribute{cluster: zcl.ClusterPowerConfig, id: id, value: v})
	default:
		out = append(out, factAttribute{cluster: zcl.ClusterPowerConfig, id: id, value: v})
	}
	return out
}

// source translates the source of an event, with the family's own meanings.
func (d *decoder) source(s zcl.EventSource) bridge.Source {
	if len(d.p.Sources) > 0 {
		if named, ok := d.p.Sources[string(rune('0'+min(s, 9)))]; ok && s < 10 {
			return bridge.Source(named)
		}
	}
	switch s {
	case zcl.SourceKeypad:
		return bridge.SourceKeypad
	case zcl.SourceRF:
		return bridge.SourceRemote
	case zcl.SourceManual:
		return bridge.SourceManual
	case zcl.SourceRFID:
		return bridge.SourceRFID
	case zcl.SourceFingerprint:
		return bridge.SourceFingerprint
	default:
		return bridge.SourceUnknown
	}
}

// causeOf makes a cause. A user id says who, only where somebody was told apart: by code, tag, finger, or by radio with a code.
func causeOf(s bridge.Source, user uint16) bridge.Cause {
	c := bridge.Cause{Source: s}
	switch s {
	case bridge.SourceKeypad, bridge.SourceRFID, bridge.SourceFingerprint, bridge.SourceUnknown:
	case bridge.SourceRemote:
		if user == 0 {
			return c
		}
	default:
		return c
	}
	if user != noUser && (s != bridge.SourceUnknown || user != 0) {
		slot := bridge.Slot(user)
		c.Slot = &slot
	}
	return c
}

// operation reads an operation event (ZCL section 7.3.2.17.27).
func (d *decoder) operation(out []fact, m *zcl.OperationEvent) []fact {
	if d.p.Events == eventsNone {
		return out
	}
	if m.Missing >= 3 {
		switch d.p.Events {
		case eventsOnesti, eventsEasyAccess:
			return d.shortEvent(out, m)
		}
	}
	f := d.operationCode(d.source(m.Source), m.Code, m.User)
	f.source = uint8(m.Source)
	out = append(out, f)
	if d.p.Reread && f.moves != 0 {
		out = append(out, factReread{})
	}
	return out
}

// operationCode gives an operation code (ZCL tables 7-33 to 7-36) its meaning.
func (d *decoder) operationCode(s bridge.Source, code zcl.OperationCode, user uint16) factOperation {
	f := factOperation{user: user, code: uint8(code)}
	switch code {
	case zcl.OpLock, zcl.OpOneTouchLock, zcl.OpKeyLock, zcl.OpAutoLock, zcl.OpScheduleLock, zcl.OpManualLock:
		f.moves = bridge.ActLock
	case zcl.OpUnlock, zcl.OpKeyUnlock, zcl.OpScheduleUnlock, zcl.OpManualUnlock:
		f.moves = bridge.ActUnlock
	case zcl.OpLockFailedPIN, zcl.OpLockFailedSchedule:
		f.tried = bridge.ActLock
	case zcl.OpUnlockFailedPIN, zcl.OpUnlockFailedSchedule, zcl.OpNonAccessUser:
		f.tried = bridge.ActUnlock
	}
	switch code {
	case zcl.OpOneTouchLock:
		s = bridge.SourceOneTouch
	case zcl.OpKeyLock, zcl.OpKeyUnlock:
		s = bridge.SourceKey
	case zcl.OpAutoLock:
		s = bridge.SourceAuto
	case zcl.OpScheduleLock, zcl.OpScheduleUnlock:
		s = bridge.SourceSchedule
	case zcl.OpManualLock, zcl.OpManualUnlock:
		s = bridge.SourceManual
	case zcl.OpLockFailedPIN, zcl.OpUnlockFailedPIN:
		f.refused = refusedCode
	case zcl.OpLockFailedSchedule, zcl.OpUnlockFailedSchedule:
		f.refused = refusedSchedule
	case zcl.OpNonAccessUser:
		f.refused = refusedDisabled
	}
	f.cause = causeOf(s, user)
	return f
}

// Reasons of bridge.EntryRefused.
const (
	refusedCode     = "wrong code"
	refusedSchedule = "outside its schedule"
	refusedDisabled = "disabled"
)

// programming reads a programming event (ZCL section 7.3.2.17.28).
func (d *decoder) programming(out []fact, m *zcl.ProgrammingEvent) []fact {
	f := factProgrammed{source: d.source(m.Source), user: m.User, code: uint8(m.Code)}
	user := m.User
	if d.p.ShiftUser && user >= 256 && user != noUser {
		user >>= 8
	}
	switch m.Code {
	case zcl.ProgMasterChanged:
		f.change = bridge.ProgMasterChanged
	case zcl.ProgPINAdded:
		f.change = bridge.ProgPINAdded
	case zcl.ProgPINDeleted:
		f.change = bridge.ProgPINDeleted
		if user == allUsers && d.p.Slots <= allUsers || user == noUser {
			f.change = bridge.ProgAllDeleted
		}
	case zcl.ProgPINChanged:
		f.change = bridge.ProgPINChanged
	case zcl.ProgRFIDAdded:
		f.change = bridge.ProgRFIDAdded
	case zcl.ProgRFIDDeleted:
		f.change = bridge.ProgRFIDDeleted
	default:
		f.change = bridge.ProgOther
	}
	if user != noUser && f.change != bridge.ProgAllDeleted {
		slot := bridge.Slot(user)
		f.slot = &slot
	}
	return append(out, f)
}

// alarm reads an alarm of Door Lock (ZCL table 7-21), or one that names cluster FC00.
func (d *decoder) alarm(out []fact, m *zcl.Alarm) []fact {
	switch {
	case m.Cluster == zcl.ClusterAssaC4:
		return d.assaAlarm(out, zcl.AssaAlarm(m.Code))
	case d.p.Events == eventsAlarms:
		out = append(out, factReread{})
	}
	if d.p.Battery == batteryAssa {
		out = append(out, factRereadBattery{})
	}
	f := factAlarm{code: m.Code, alarm: bridge.AlarmOther}
	switch {
	case m.Cluster == zcl.ClusterPowerConfig:
		f.alarm = bridge.AlarmBattery
		out = append(out, factRereadBattery{}) // it stays low until a reading shows otherwise
	case m.Cluster != zcl.ClusterDoorLock:
	default:
		switch zcl.DoorLockAlarm(m.Code) {
		case zcl.AlarmJammed:
			f.alarm, f.jam = bridge.AlarmJam, true
		case zcl.AlarmFactoryReset:
			f.alarm = bridge.AlarmFactoryReset
		case zcl.AlarmRFPowerCycled:
			f.alarm = bridge.AlarmPowerCycled
		case zcl.AlarmWrongCodeLimit:
			f.alarm = bridge.AlarmWrongCodeLimit
		case zcl.AlarmEscutcheonRemoved:
			f.alarm = bridge.AlarmTamper
		case zcl.AlarmForcedOpen:
			f.alarm = bridge.AlarmForced
		}
	}
	return append(out, f)
}
