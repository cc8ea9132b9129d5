package doorlock

import (
	"context"
	"errors"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// askLimits reads how many codes the lock holds, how long they may be, and which optional parts it has.
func (l *lock) askLimits(ctx context.Context) error {
	l.mu.Lock()
	p := l.p
	l.mu.Unlock()
	if p.Slots == 0 && p.remote() == bridge.RemoteNone {
		return nil // a lock that only speaks
	}
	limits, err := l.ask(ctx, zcl.ClusterDoorLock, 0, zcl.LockAttrPINUsers, zcl.LockAttrRFIDUsers, zcl.LockAttrWeekDaySchedules,
		zcl.LockAttrYearDaySchedules, zcl.LockAttrMaxPINLength, zcl.LockAttrMinPINLength)
	if err != nil {
		return err
	}
	more, err := l.ask(ctx, zcl.ClusterDoorLock, 0, zcl.LockAttrDoorState, zcl.LockAttrAutoRelockTime, zcl.LockAttrSoundVolume,
		zcl.LockAttrSendPINOverTheAir, zcl.LockAttrRequirePINForRF)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.info.Traits
	l.slots(limits)
	if n, ok := number(limits, zcl.LockAttrRFIDUsers); ok && n > 0 {
		t.RFID = true
	}
	if t.Slots > 0 {
		if n, ok := number(limits, zcl.LockAttrWeekDaySchedules); ok {
			t.WeekDays = n
		}
		if n, ok := number(limits, zcl.LockAttrYearDaySchedules); ok {
			t.YearDays = n
		}
	}
	if _, ok := more[zcl.LockAttrDoorState]; ok {
		t.DoorSensor = true
	}
	if _, ok := more[zcl.LockAttrAutoRelockTime]; ok && !p.NoSettings {
		t.AutoRelock = true
	}
	if _, ok := more[zcl.LockAttrSoundVolume]; ok && !p.NoSettings {
		t.Sound = true
	}
	if on, ok := more[zcl.LockAttrSendPINOverTheAir].Bool(); ok {
		l.rec.SendsPIN = &on
		if !on && t.ReadBack == bridge.ReadBackFull {
			t.ReadBack = bridge.ReadBackStatus
		}
	}
	if on, ok := more[zcl.LockAttrRequirePINForRF].Bool(); ok {
		t.PINForRemote = on
	}
	l.rec.Info = l.info
	l.save()
	return nil
}

// slots takes the lock's own numbers where they narrow what the family's profile says, or where the profile says nothing. The caller holds l.mu.
func (l *lock) slots(limits map[zcl.AttributeID]zcl.Value) {
	t := &l.info.Traits
	if n, ok := number(limits, zcl.LockAttrPINUsers); ok && l.p.LastSlot == 0 && l.p.Slots != 0 {
		if l.p.Slots < 0 || n > 0 && n < l.p.Slots {
			t.Slots, t.LastSlot = n, 0
			if n > 0 {
				t.LastSlot = lastSlot(n)
			}
		}
	}
	if t.Slots > 0 && t.LastSlot < t.FirstSlot {
		t.Slots = 0
	}
	least, okMin := number(limits, zcl.LockAttrMinPINLength)
	most, okMax := number(limits, zcl.LockAttrMaxPINLength)
	if okMin && l.p.PINMin == 0 && least > 0 && least <= bridge.PINLimit {
		t.PINMin = least
	}
	if okMax && l.p.PINMax == 0 && most >= t.PINMin && most <= bridge.PINLimit {
		t.PINMax = most
	}
	t.PINMax = max(t.PINMax, t.PINMin)
	if t.Slots == 0 {
		t.ReadBack = bridge.ReadBackNone
	}
}

func number(as map[zcl.AttributeID]zcl.Value, id zcl.AttributeID) (int, bool) {
	n, ok := as[id].Uint()
	return int(n), ok
}

// probe finds out whether codes can be read back, where sources conflict.
func (l *lock) probe(ctx context.Context) error {
	l.mu.Lock()
	t, first := l.info.Traits, l.info.Traits.FirstSlot
	l.mu.Unlock()
	if t.Slots == 0 || t.ReadBack != bridge.ReadBackUnknown {
		return nil
	}
	m, err := l.transact(ctx, getPIN(first, background))
	kind := bridge.ReadBackNone
	switch s, refused := asStatus(err); {
	case errors.Is(err, bridge.ErrUnsupported), errors.Is(err, bridge.ErrNonsense):
	case refused && s == zcl.StatusNotFound:
		kind = bridge.ReadBackFull
	case refused:
	case err != nil:
		return err
	default:
		kind = readBackOf(m)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind == bridge.ReadBackFull && l.rec.SendsPIN != nil && !*l.rec.SendsPIN {
		kind = bridge.ReadBackStatus
	}
	l.info.Traits.ReadBack = kind
	return nil
}

// readBackOf judges by one answer. An empty slot cannot show whether digits would be hidden; the first occupied one will.
func readBackOf(m zcl.Message) bridge.ReadBack {
	r, ok := m.(*zcl.GetPINCodeResponse)
	if !ok {
		return bridge.ReadBackNone
	}
	defer r.PIN.Wipe()
	if (r.Status == zcl.UserEnabled || r.Status == zcl.UserDisabled) && len(r.PIN) == 0 {
		return bridge.ReadBackStatus
	}
	return bridge.ReadBackFull
}

// askState reads the bolt, the door and the battery.
func (l *lock) askState(ctx context.Context) error {
	l.mu.Lock()
	silent, unit, door := l.p.Silent || l.p.remote() == bridge.RemoteNone, l.p.Battery, l.info.Traits.DoorSensor
	l.mu.Unlock()
	var rs []*request
	if !silent {
		rs = append(rs, l.stateRequest(background))
		if door {
			rs = append(rs, readRequest(zcl.ClusterDoorLock, background, zcl.LockAttrDoorState))
		}
	}
	if r := batteryRequest(unit, background); r != nil {
		rs = append(rs, r)
	}
	for _, r := range rs {
		if err := l.readInto(ctx, r); err != nil {
			if _, refused := asStatus(err); !refused {
				return err
			}
		}
	}
	return nil
}
