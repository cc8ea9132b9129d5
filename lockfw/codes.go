package lockfw

import (
	"maps"
	"slices"
	"time"
)

// Statuses of Set and Clear responses.
const (
	codeOK        = 0
	codeFailure   = 1
	codeFull      = 2
	codeDuplicate = 3
)

func (l *Lock) validSlot(n uint16) bool { return int(n) < l.f.Slots && l.f.Slots > 0 }

func (l *Lock) pinCommand(q *asked) {
	switch q.cmd {
	case 0x05:
		n, status, typ := q.r.u16(), q.r.u8(), q.r.u8()
		pin := PIN(slices.Clone(q.r.octets()))
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		st, changed := l.setPIN(n, status, typ, pin)
		answer := []byte{st}
		if l.b.SetPINEmpty {
			answer = nil
		}
		l.h.soon(l.b.SetPINDelay, func() { l.reply(q, false, 0x05, answer) })
		if st == codeOK {
			code := uint8(progAdded)
			if changed && !l.b.AlwaysAdded {
				code = progChanged
			}
			l.programming(srcRF, code, n, pin, typ, status)
		}
	case 0x06:
		l.getPIN(q)
	case 0x07:
		n := q.r.u16()
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		st := l.clearPIN(n)
		l.reply(q, false, 0x07, []byte{st})
		if st == codeOK {
			l.programming(srcRF, progDeleted, n, nil, 0xFF, 0)
		}
	case 0x08:
		st := l.clearAll()
		l.reply(q, false, 0x08, []byte{st})
		if st == codeOK {
			l.programming(srcRF, progDeleted, 0xFF, nil, 0xFF, 0)
		}
	}
}

// setPIN stores a code as the firmware's rules allow. changed: the slot held another one before.
func (l *Lock) setPIN(n uint16, status, typ uint8, pin PIN) (st uint8, changed bool) {
	old := l.codes[n]
	switch {
	case l.b.SetPINFails != 0:
		return uint8(l.b.SetPINFails), false
	case !l.validSlot(n), l.f.Last > 0 && int(n) > l.f.Last, status != 1 && status != 3, len(pin) < l.f.PINMin, len(pin) > l.f.PINMax, !digitsOnly(pin):
		return codeFailure, false
	case l.b.SameLength && l.otherLength(n, len(pin)):
		return codeFailure, false
	case old != nil && slices.Equal(old.pin, pin) && len(pin) > 0:
		if l.b.SameCodeIsDup {
			return codeDuplicate, false
		}
	case l.b.Duplicates == "reject" && l.taken(n, pin):
		return codeDuplicate, false
	}
	if l.b.SetPINLies {
		return codeOK, old != nil
	}
	if typ == 0xFF {
		typ = 0
	}
	l.codes[n] = &slot{status: status, typ: typ, pin: pin}
	if l.f.isMaster(int(n)) {
		l.needMaster = false
	}
	return codeOK, old != nil && len(old.pin) > 0
}

func digitsOnly(p PIN) bool {
	for _, c := range p {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func (l *Lock) otherLength(n uint16, length int) bool {
	for m, s := range l.codes {
		if m != n && m != masterBeside && len(s.pin) > 0 && len(s.pin) != length {
			return true
		}
	}
	return false
}

func (l *Lock) taken(n uint16, pin PIN) bool {
	for m, s := range l.codes {
		if m != n && slices.Equal(s.pin, pin) {
			return true
		}
	}
	return false
}

func (l *Lock) clearPIN(n uint16) uint8 {
	switch {
	case l.b.SetPINFails != 0:
		return uint8(l.b.SetPINFails)
	case !l.validSlot(n):
		return codeFailure
	case l.b.ClearPINLies:
		return codeOK
	case l.b.ClearKeepsBusy:
		if s := l.codes[n]; s != nil {
			s.pin = nil
		}
		return codeOK
	}
	delete(l.codes, n)
	l.dropSchedules(n)
	return codeOK
}

// clearAll erases the users' codes; a master code stays, as the makers that have one say.
func (l *Lock) clearAll() uint8 {
	if l.b.ClearPINLies || l.b.ResetLies {
		return codeOK
	}
	maps.DeleteFunc(l.codes, func(n uint16, _ *slot) bool { return n != masterBeside && !l.f.isMaster(int(n)) })
	clear(l.weekDays)
	clear(l.yearDays)
	return codeOK
}

func (l *Lock) getPIN(q *asked) {
	n := q.r.u16()
	switch {
	case q.r.short:
		l.status(q, zclMalformed)
		return
	case l.b.GetPIN == "no":
		l.status(q, zclUnsupCommand)
		return
	case !l.validSlot(n):
		l.status(q, zclInvalidValue)
		return
	}
	b := put16(nil, n)
	s := l.codes[n]
	switch {
	case s == nil:
		b = append(b, 0, 0xFF, 0)
	case l.b.GetPIN == "hidden" || l.get(cLock, aSendPIN) == 0:
		b = append(b, s.status, s.typ, 0)
	default:
		b = putOctets(append(b, s.status, s.typ), s.pin)
	}
	l.reply(q, false, 0x06, l.b.nonsense(b))
}

// userCommand serves user status and user type.
func (l *Lock) userCommand(q *asked) {
	n := q.r.u16()
	var v uint8
	if q.cmd == 0x09 || q.cmd == 0x14 {
		v = q.r.u8()
	}
	if q.r.short {
		l.status(q, zclMalformed)
		return
	}
	s := l.codes[n]
	switch q.cmd {
	case 0x09:
		if s == nil || v != 1 && v != 3 {
			l.reply(q, false, 0x09, []byte{1})
			return
		}
		s.status = v
		l.reply(q, false, 0x09, []byte{0})
	case 0x14:
		if s == nil || v > 4 {
			l.reply(q, false, 0x14, []byte{1})
			return
		}
		s.typ = v
		l.reply(q, false, 0x14, []byte{0})
	default:
		if !l.validSlot(n) {
			l.status(q, zclInvalidValue)
			return
		}
		status, typ := uint8(0), uint8(0xFF)
		if s != nil {
			status, typ = s.status, s.typ
		}
		if q.cmd == 0x0A {
			l.reply(q, false, 0x0A, append(put16(nil, n), status))
		} else {
			l.reply(q, false, 0x15, append(put16(nil, n), typ))
		}
	}
}

// tagCommand serves the RFID commands, which mirror those for PINs.
func (l *Lock) tagCommand(q *asked) {
	n := uint16(0)
	if q.cmd != 0x19 {
		n = q.r.u16()
	}
	switch q.cmd {
	case 0x16:
		status, typ := q.r.u8(), q.r.u8()
		tag := PIN(slices.Clone(q.r.octets()))
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		if int(n) >= l.f.RFID || len(tag) < 4 || len(tag) > 20 {
			l.reply(q, false, 0x16, []byte{codeFailure})
			return
		}
		l.tags[n] = &slot{status: status, typ: typ, pin: tag}
		l.reply(q, false, 0x16, []byte{codeOK})
	case 0x17:
		b := put16(nil, n)
		if s := l.tags[n]; s != nil {
			b = putOctets(append(b, s.status, s.typ), s.pin)
		} else {
			b = append(b, 0, 0xFF, 0)
		}
		l.reply(q, false, 0x17, b)
	case 0x18:
		if !l.b.ClearPINLies {
			delete(l.tags, n)
		}
		l.reply(q, false, 0x18, []byte{codeOK})
	case 0x19:
		if !l.b.ClearPINLies {
			clear(l.tags)
		}
		l.reply(q, false, 0x19, []byte{codeOK})
	}
}

// ephemeral serves one make's codes for users 1 to 20.
func (l *Lock) ephemeral(q *asked) {
	n := uint16(0)
	if q.cmd != 0xB9 {
		n = q.r.u16()
	}
	st := uint8(zclSuccess)
	switch {
	case q.r.short:
		st = zclMalformed
	case q.cmd == 0xB9:
		clear(l.codes)
	case n < 1 || n > 20:
		st = zclInvalidValue
	case q.cmd == 0xB8:
		delete(l.codes, n)
	default:
		q.r.take(2) // status and type, as in SetPINCode
		pin := PIN(slices.Clone(q.r.octets()))
		if q.r.short || !digitsOnly(pin) || len(pin) < l.f.PINMin {
			st = zclMalformed
			break
		}
		l.codes[n] = &slot{status: 1, pin: pin}
	}
	l.status(q, st)
}

// vendorCode serves the code commands of the Control4 module. Of 0x30 to 0x32 only the numbers are known, not what they carry, so 0x33 alone works here.
func (l *Lock) vendorCode(q *asked) {
	if q.cmd != 0x33 {
		l.status(q, zclUnsupCommand)
		return
	}
	l.clearAll()
	l.status(q, zclSuccess)
}

// inSchedule tells whether a scheduled user may enter now, by the lock's own clock. A lock that knows no time lets no scheduled user in.
func (l *Lock) inSchedule(n uint16, s *slot) bool {
	if s.typ != 1 && s.typ != 2 {
		return true
	}
	t := l.now()
	if t == 0xFFFFFFFF {
		return false
	}
	if s.typ == 1 {
		for k, b := range l.yearDays {
			r := reader{b: b}
			if from, to := r.u32(), r.u32(); k[0] == n && t >= from && t <= to {
				return true
			}
		}
		return false
	}
	at := zigbeeEpoch.Add(time.Duration(t) * time.Second)
	minute := at.Hour()*60 + at.Minute()
	for k, b := range l.weekDays {
		if k[0] == n && len(b) == 5 && b[0]&(1<<at.Weekday()) != 0 && minute >= int(b[1])*60+int(b[2]) && minute <= int(b[3])*60+int(b[4]) {
			return true
		}
	}
	return false
}
