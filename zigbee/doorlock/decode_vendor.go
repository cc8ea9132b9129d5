package doorlock

import (
	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// vendorAttribute reads the attributes by which some families tell what happened. taken is false for everything else.
func (d *decoder) vendorAttribute(out []fact, cluster uint16, id zcl.AttributeID, v zcl.Value) (facts []fact, taken bool) {
	switch d.p.Events {
	case eventsOnesti:
		if cluster != zcl.ClusterDoorLock {
			break
		}
		switch id {
		case zcl.OnestiAttrLastAction:
			return d.onesti(out, v), true
		case zcl.OnestiAttrLastPIN:
			v.Wipe() // what somebody typed
			return out, true
		}
	case eventsAqara:
		return d.aqara(out, cluster, id, v)
	case eventsJAVIS:
		if cluster == zcl.ClusterBasic && id == zcl.BasicAttrJAVIS {
			if e, ok := zcl.ParseJAVISEvent(v.Bytes()); ok {
				out = append(out, javis(e))
			}
			return out, true
		}
	}
	if d.p.Battery == batteryAssa && cluster == zcl.ClusterAssaC4 && id == zcl.AssaAttrBatteryLevel {
		if n, ok := v.Uint(); ok && n != 0xFF {
			out = append(out, factPercent{uint8(n)})
		}
		return out, true
	}
	return nil, false
}

// onesti reads attribute 0100 of Onesti's modules.
func (d *decoder) onesti(out []fact, v zcl.Value) []fact {
	n, ok := v.Uint()
	if !ok {
		return out
	}
	a := zcl.OnestiAction(n)
	s := bridge.SourceUnknown
	switch a.Source() {
	case zcl.OnestiZigbee:
		s = bridge.SourceRemote
	case zcl.OnestiKeypad:
		s = bridge.SourceKeypad
	case zcl.OnestiFingerprint:
		s = bridge.SourceFingerprint
	case zcl.OnestiRFID:
		s = bridge.SourceRFID
	case zcl.OnestiSelf:
		s = bridge.SourceAuto
	}
	f := factOperation{cause: causeOf(s, a.User()), user: a.User(), source: uint8(a.Source()), code: uint8(n >> 16)}
	switch a.Code() {
	case zcl.OpLock:
		f.moves = bridge.ActLock
	case zcl.OpUnlock:
		f.moves = bridge.ActUnlock
	default:
		return out
	}
	return append(out, f)
}

// shortEvent reads operation events that end after the user id, on families that give the codes meanings of their own.
func (d *decoder) shortEvent(out []fact, m *zcl.OperationEvent) []fact {
	const (
		onestiLock              = 0
		onestiUnlock            = 1
		onestiUnlockToo         = 2 // seen for a keypad unlock
		onestiFingerprintLock   = 16
		onestiFingerprintUnlock = 17
		radioLock               = 13
		radioUnlock             = 14
	)
	f := factOperation{user: m.User, code: uint8(m.Code), source: uint8(m.Source)}
	s := d.source(m.Source)
	switch {
	case m.Code == radioLock && (d.p.Events == eventsEasyAccess || m.Source == zcl.SourceIndeterminate):
		f.moves = bridge.ActLock
		s = bridge.SourceUnknown
	case m.Code == radioUnlock && (d.p.Events == eventsEasyAccess || m.Source == zcl.SourceIndeterminate):
		f.moves, s = bridge.ActUnlock, bridge.SourceRemote
	case d.p.Events == eventsEasyAccess:
		if m.Source == zcl.SourceKeypad || m.Source == zcl.SourceRFID {
			f.moves = bridge.ActUnlock
		}
	case m.Source == zcl.SourceIndeterminate:
	case m.Code == onestiLock:
		f.moves = bridge.ActLock
	case m.Code == onestiUnlock, m.Code == onestiUnlockToo:
		f.moves = bridge.ActUnlock
	case m.Code == zcl.OpKeyLock:
		f.moves, s = bridge.ActLock, bridge.SourceKey
	case m.Code == zcl.OpKeyUnlock:
		f.moves, s = bridge.ActUnlock, bridge.SourceKey
	case m.Code == onestiFingerprintLock:
		f.moves, s = bridge.ActLock, bridge.SourceFingerprint
	case m.Code == onestiFingerprintUnlock:
		f.moves, s = bridge.ActUnlock, bridge.SourceFingerprint
	}
	f.cause = causeOf(s, m.User)
	return append(out, f)
}

// ymc reads the operation event of YMC420 and YDM60.
func (d *decoder) ymc(out []fact, payload []byte) []fact {
	e, ok := zcl.ParseYMCEvent(payload)
	if !ok {
		return append(out, factReread{})
	}
	user := e.User
	f := factOperation{user: user, code: e.Action}
	switch e.Action {
	case zcl.YMCPasswordUnlock:
		f.moves, f.cause = bridge.ActUnlock, causeOf(bridge.SourceKeypad, user)
	case zcl.YMCUnlock:
		f.moves, f.cause = bridge.ActUnlock, causeOf(bridge.SourceUnknown, user)
	case zcl.YMCAutoLock:
		f.moves, f.cause = bridge.ActLock, causeOf(bridge.SourceAuto, user)
	case zcl.YMCRFIDUnlock:
		f.moves, f.cause = bridge.ActUnlock, causeOf(bridge.SourceRFID, user)
	case zcl.YMCFingerprint:
		f.moves, f.cause = bridge.ActUnlock, causeOf(bridge.SourceFingerprint, user)
	default:
		f = d.operationCode(bridge.SourceUnknown, zcl.OperationCode(e.Action), user)
	}
	return append(out, f, factReread{})
}

// assaAlarm reads an alarm that names cluster FC00. It gives causes; where the bolt is has to be read.
func (d *decoder) assaAlarm(out []fact, code zcl.AssaAlarm) []fact {
	move := func(s bridge.Source, k bridge.ActionKind) {
		out = append(out, factOperation{cause: bridge.Cause{Source: s}, moves: k, code: uint8(code), user: noUser})
	}
	alarm := func(a bridge.Alarm, jam bool) { out = append(out, factAlarm{alarm: a, code: uint8(code), jam: jam}) }
	switch code {
	case zcl.AssaKeypadLock:
		move(bridge.SourceKeypad, bridge.ActLock)
	case zcl.AssaKeypadUnlock:
		move(bridge.SourceKeypad, bridge.ActUnlock)
	case zcl.AssaManualLock:
		move(bridge.SourceManual, bridge.ActLock)
	case zcl.AssaManualUnlock:
		move(bridge.SourceManual, bridge.ActUnlock)
	case zcl.AssaRFLock:
		move(bridge.SourceRemote, bridge.ActLock)
	case zcl.AssaRFUnlock:
		move(bridge.SourceRemote, bridge.ActUnlock)
	case zcl.AssaAutoLock:
		move(bridge.SourceAuto, bridge.ActLock)
	case zcl.AssaOneTouchLock:
		move(bridge.SourceOneTouch, bridge.ActLock)
	case zcl.AssaJammed:
		alarm(bridge.AlarmJam, true)
	case zcl.AssaFactoryReset:
		alarm(bridge.AlarmFactoryReset, false)
	case zcl.AssaMasterChanged:
		out = append(out, factProgrammed{change: bridge.ProgMasterChanged, code: uint8(code), user: noUser})
	case zcl.AssaRFPowerCycled:
		alarm(bridge.AlarmPowerCycled, false)
	case zcl.AssaTamperKeypad:
		alarm(bridge.AlarmWrongCodeLimit, false)
	case zcl.AssaTamperEscutcheon:
		alarm(bridge.AlarmTamper, false)
	case zcl.AssaBatteryLow, zcl.AssaBatteryCritical, zcl.AssaBatteryTooLow:
		alarm(bridge.AlarmBattery, false)
	default:
		alarm(bridge.AlarmOther, false)
	}
	out = append(out, factReread{})
	if d.p.Battery == batteryAssa {
		out = append(out, factRereadBattery{})
	}
	return out
}

// aqara reads the older Aqara locks. Their bolt is told by attribute FFF6 of lumi.lock.acn02 alone.
func (d *decoder) aqara(out []fact, cluster uint16, id zcl.AttributeID, v zcl.Value) ([]fact, bool) {
	switch {
	case cluster == zcl.ClusterDoorLock && id == zcl.AqaraAttrStatus:
		if s, ok := zcl.ParseAqaraStatus(v.Bytes()); ok {
			switch s.Event {
			case zcl.AqaraOpenedOutside:
				out = append(out, factOperation{moves: bridge.ActUnlock, code: s.Event, user: noUser})
			case zcl.AqaraOpenedInside:
				out = append(out, factOperation{cause: bridge.Cause{Source: bridge.SourceManual}, moves: bridge.ActUnlock, code: s.Event, user: noUser})
			}
			state := zcl.LockStateUnlocked
			if s.Locked {
				state = zcl.LockStateLocked
			}
			out = append(out, factBolt{state})
		}
		return out, true
	case cluster == zcl.ClusterDoorLock && id == zcl.AqaraAttrOpened:
		if e, ok := zcl.ParseAqaraOpened(v); ok {
			out = append(out, factOperation{cause: causeOf(d.source(e.Source), e.User), moves: bridge.ActUnlock, user: e.User, source: uint8(e.Source)})
		}
		return out, true
	case cluster == zcl.ClusterDoorLock && id == zcl.AqaraAttrRefused:
		if e, ok := zcl.ParseAqaraRefused(v); ok && e.Refuse {
			out = append(out, factOperation{cause: bridge.Cause{Source: bridge.SourceKeypad}, refused: refusedCode, tried: bridge.ActUnlock, user: noUser})
		}
		return out, true
	}
	return nil, false
}

// javis reads an entry. That the lock locks again by itself is nowhere said, so nothing is made of it.
func javis(e zcl.JAVISEvent) factOperation {
	s := bridge.SourceUnknown
	switch e.Source {
	case 1:
		s = bridge.SourceKeypad
	case 2:
		s = bridge.SourceRFID
	case 3:
		s = bridge.SourceFingerprint
	}
	f := factOperation{cause: causeOf(s, uint16(e.User)), user: uint16(e.User), source: e.Source}
	if e.Source != 0 { // 0: pairing
		f.moves = bridge.ActUnlock
	}
	return f
}

// wyze reads a frame of cluster FC00. A frame that is older than the one before says nothing.
func (d *decoder) wyze(frame []byte) []fact {
	w, ok := zcl.ParseWyze(frame)
	if !ok {
		return nil
	}
	if d.wyzeSeen && int8(w.Seq-d.wyzeSeq) <= 0 {
		return nil
	}
	d.wyzeSeen, d.wyzeSeq = true, w.Seq
	if w.State == zcl.LockStateUndefined {
		return nil
	}
	return []fact{factBolt{w.State}}
}

// rebooted forgets what a boot of the lock makes worthless.
func (d *decoder) rebooted() { d.wyzeSeen = false }
