package doorlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// slotFor checks a slot before the radio is troubled. People's codes never go where the master's is.
func (l *lock) slotFor(s bridge.Slot, write bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.info.Traits
	switch {
	case t.Slots == 0:
		return fmt.Errorf("%w: it holds no codes that are set by radio", bridge.ErrUnsupported)
	case write && slices.Contains(t.MasterSlots, s):
		return bridge.ErrMasterSlot
	case slices.Contains(t.MasterSlots, s):
		return nil
	case s < t.FirstSlot || s > t.LastSlot:
		return fmt.Errorf("%w: its slots are %d to %d", bridge.ErrNoSuchSlot, t.FirstSlot, t.LastSlot)
	default:
		return nil
	}
}

// WritePIN implements bridge.Lock.
func (l *lock) WritePIN(ctx context.Context, s bridge.Slot, p bridge.PIN) error {
	if err := l.writePIN(ctx, s, p); err != nil {
		return fmt.Errorf("doorlock: write slot %d: %w", s, err)
	}
	return nil
}

func (l *lock) writePIN(ctx context.Context, s bridge.Slot, p bridge.PIN) error {
	if err := l.slotFor(s, true); err != nil {
		return err
	}
	t := l.Info().Traits
	if p.Len() < t.PINMin || p.Len() > t.PINMax {
		return fmt.Errorf("%w: it takes %d to %d digits", bridge.ErrCodeLength, t.PINMin, t.PINMax)
	}
	m := &zcl.SetPINCode{User: uint16(s), Status: zcl.UserEnabled, Type: zcl.UserUnrestricted}
	p.Expose(func(d []byte) { m.PIN = append(m.PIN, d...) })
	defer m.PIN.Wipe()
	r := &request{cluster: zcl.ClusterDoorLock, prio: command, once: true, msg: m, answers: sameCommand(m), satisfied: programmed(s, bridge.ProgPINAdded, bridge.ProgPINChanged)}
	l.writing(s)
	got, err := l.transact(ctx, r)
	if err != nil {
		return err
	}
	res, ok := got.(*zcl.SetPINCodeResponse)
	if !ok {
		return nil // an event or a default response told that it was done
	}
	switch res.Status {
	case zcl.SetCodeOK:
		return nil
	case zcl.SetCodeMemoryFull:
		return bridge.ErrMemoryFull
	case zcl.SetCodeDuplicate:
		return l.duplicate(ctx, s, p)
	default:
		return fmt.Errorf("%w: %v", bridge.ErrRejected, res.Status)
	}
}

// duplicate looks closer where a family calls a slot's own code, written again, a duplicate.
func (l *lock) duplicate(ctx context.Context, s bridge.Slot, p bridge.PIN) error {
	l.mu.Lock()
	look := l.p.SameCodeIsDuplicate && l.info.Traits.ReadBack != bridge.ReadBackNone
	l.mu.Unlock()
	if look {
		if c, err := l.readSlot(ctx, s); err == nil && c.State == bridge.SlotKnown && c.PIN.Equal(p) {
			return nil
		}
	}
	return bridge.ErrDuplicate
}

// writing notes a write of ours, so that the event that follows is not taken for somebody's at the keypad.
func (l *lock) writing(s bridge.Slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for k, at := range l.written {
		if now.Sub(at) > ourWrite {
			delete(l.written, k)
		}
	}
	l.written[s] = now
}

// programmed recognises the event that shows that a slot was written or cleared over the air, should the answer be lost.
func programmed(s bridge.Slot, changes ...bridge.Programmed) func(fact) bool {
	return func(f fact) bool {
		p, ok := f.(factProgrammed)
		return ok && p.source == bridge.SourceRemote && p.slot != nil && *p.slot == s && slices.Contains(changes, p.change)
	}
}

// ClearPIN implements bridge.Lock.
func (l *lock) ClearPIN(ctx context.Context, s bridge.Slot) error {
	err := l.slotFor(s, true)
	if err == nil {
		m := &zcl.ClearPINCode{User: uint16(s)}
		l.writing(s)
		err = l.passed(l.transact(ctx, &request{cluster: zcl.ClusterDoorLock, prio: command, once: true, msg: m, answers: sameCommand(m),
			satisfied: programmed(s, bridge.ProgPINDeleted)}))
	}
	if err != nil {
		return fmt.Errorf("doorlock: clear slot %d: %w", s, err)
	}
	return nil
}

// passed makes an error of an answer that says "fail".
func (l *lock) passed(m zcl.Message, err error) error {
	if err != nil {
		return err
	}
	result := zcl.Pass
	switch m := m.(type) {
	case *zcl.ClearPINCodeResponse:
		result = m.Result
	case *zcl.ClearAllPINCodesResponse:
		result = m.Result
	case *zcl.SetWeekDayScheduleResponse:
		result = m.Result
	case *zcl.ClearWeekDayScheduleResponse:
		result = m.Result
	case *zcl.SetYearDayScheduleResponse:
		result = m.Result
	case *zcl.ClearYearDayScheduleResponse:
		result = m.Result
	case *zcl.SetUserTypeResponse:
		result = m.Result
	}
	if result != zcl.Pass {
		return fmt.Errorf("%w: %v", bridge.ErrRejected, result)
	}
	return nil
}

// ReadSlot implements bridge.Lock.
func (l *lock) ReadSlot(ctx context.Context, s bridge.Slot) (bridge.Credential, error) {
	err := l.slotFor(s, false)
	var c bridge.Credential
	if err == nil {
		c, err = l.readSlot(ctx, s)
	}
	if err != nil {
		return bridge.Credential{}, fmt.Errorf("doorlock: read slot %d: %w", s, err)
	}
	return c, nil
}

func getPIN(s bridge.Slot, p priority) *request {
	return &request{cluster: zcl.ClusterDoorLock, prio: p, msg: &zcl.GetPINCode{User: uint16(s)}, answers: func(m zcl.Message) bool {
		r, ok := m.(*zcl.GetPINCodeResponse)
		return ok && r.User == uint16(s)
	}}
}

func (l *lock) readSlot(ctx context.Context, s bridge.Slot) (bridge.Credential, error) {
	l.mu.Lock()
	none := l.info.Traits.ReadBack == bridge.ReadBackNone
	l.mu.Unlock()
	if none {
		return bridge.Credential{}, fmt.Errorf("%w: it does not let codes be read", bridge.ErrUnsupported)
	}
	m, err := l.transact(ctx, getPIN(s, command))
	switch status, refused := asStatus(err); {
	case refused && status == zcl.StatusNotFound:
		return bridge.Credential{State: bridge.SlotEmpty}, nil
	case refused && (status == zcl.StatusInvalidValue || status == zcl.StatusInvalidField):
		return bridge.Credential{}, fmt.Errorf("%w: %w", bridge.ErrNoSuchSlot, err)
	case errors.Is(err, bridge.ErrUnsupported):
		l.noReadBack()
		return bridge.Credential{}, err
	case err != nil:
		return bridge.Credential{}, err
	}
	r, ok := m.(*zcl.GetPINCodeResponse)
	if !ok {
		return bridge.Credential{}, fmt.Errorf("%w: it said yes and sent no code", bridge.ErrRejected)
	}
	defer r.PIN.Wipe()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := credential(r, l.rec.SendsPIN)
	if c.State == bridge.SlotUnreadable && l.info.Traits.ReadBack == bridge.ReadBackFull && l.rec.SendsPIN == nil {
		l.info.Traits.ReadBack = bridge.ReadBackStatus
		l.learned()
	}
	return c, nil
}

func (l *lock) noReadBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.info.Traits.ReadBack != bridge.ReadBackNone {
		l.info.Traits.ReadBack = bridge.ReadBackNone
		l.learned()
	}
}

// credential judges what a slot holds. sendsPIN is SendPINOverTheAir, nil if the lock does not have it.
func credential(r *zcl.GetPINCodeResponse, sendsPIN *bool) bridge.Credential {
	c := bridge.Credential{Type: uint8(r.Type), Disabled: r.Status == zcl.UserDisabled}
	digits, err := bridge.NewPIN(r.PIN)
	zeroed := len(r.PIN) > 0 && !slices.ContainsFunc(r.PIN, func(b byte) bool { return b != 0 })
	switch {
	case r.Status == zcl.UserAvailable, zeroed: // some firmware zeroes a cleared code and leaves the slot marked as occupied
		return bridge.Credential{State: bridge.SlotEmpty, Type: uint8(r.Type)}
	case err == nil:
		c.State, c.PIN = bridge.SlotKnown, digits
	case r.Status == zcl.UserStatusUnsupported && len(r.PIN) == 0:
		return bridge.Credential{State: bridge.SlotUnknown}
	case len(r.PIN) == 0 && r.Form == zcl.Present && sendsPIN != nil && *sendsPIN:
		return bridge.Credential{State: bridge.SlotEmpty, Type: uint8(r.Type)} // the lock shows codes, and shows none
	default:
		c.State = bridge.SlotUnreadable
	}
	return c
}
