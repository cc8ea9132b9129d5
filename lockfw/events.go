package lockfw

import (
	"slices"
	"time"
)

// operation sends the operation event of something that happened, in this lock's style.
func (l *Lock) operation(source, code uint8, c cause) {
	if !l.powered || l.b.NoEvents {
		return
	}
	user := uint16(noUser)
	switch {
	case c.slot >= 0:
		user = uint16(c.slot)
	case c.kind == "auto" && l.f.Name != "yale_assure":
		user = 0
	}
	wrong := code == opUnlockBadPIN || code == opLockBadPIN
	if wrong && l.b.NoWrongEvent {
		return
	}
	switch l.b.Events {
	case "zcl":
		if l.masked(source, code) {
			return
		}
		l.event(0x20, l.operationBody(source, code, user, c.typed))
	case "cut":
		l.event(0x20, put16([]byte{source, code}, user))
	case "ymc":
		l.event(0x20, []byte{ymcAction(c, code), 0x02, byte(user)})
	case "onesti":
		l.onestiEvent(code, user, c)
	case "easyaccess":
		l.easyAccessEvent(source, code, user, c)
	case "alarms":
		if a, ok := alarmCode(code, c); ok {
			l.alarm(a, cVendor)
		}
	case "javis":
		if code == opUnlock || code == opManUnlock {
			method := map[string]byte{"keypad": 1, "rfid": 2, "fingerprint": 3}[c.kind]
			v := []byte{0x21, 0x22, 0x23, byte(user), 0x24, method}
			l.announceAttributes(cBasic, 1, &attribute{id: 0x4200, typ: tString, val: putOctets(nil, v)})
		}
	case "aqara":
		l.aqaraEvent(user, c)
	case "xiaomi":
		l.xiaomiEvent(code, user, c)
	}
}

func (l *Lock) operationBody(source, code uint8, user uint16, typed PIN) []byte {
	b := put16([]byte{source, code}, user)
	if l.b.PINInEvents && len(typed) > 0 {
		b = putOctets(b, typed)
	} else {
		b = append(b, 0)
	}
	at := l.now()
	if l.b.NoRFUser && source == srcRF {
		at = 0xFFFFFFFF
	}
	return append(put32(b, at), 0)
}

// masked tells whether an event mask attribute suppresses an operation event.
func (l *Lock) masked(source, code uint8) bool {
	var mask uint16
	switch source {
	case srcKeypad:
		mask = aKeypadMask
	case srcRF:
		mask = aRFMask
	case srcManual:
		mask = aManualMask
	case srcRFID:
		mask = aRFIDMask
	default:
		return false
	}
	return l.tables[cLock].get(mask) != nil && l.get(cLock, mask)&(1<<code) == 0
}

// event sends a Door Lock notification to whom the cluster is bound.
func (l *Lock) event(cmd uint8, body []byte) {
	if dst, ok := l.bound(cLock); ok && !l.b.Deaf {
		l.notify(cLock, dst, cmd, body)
	}
}

func ymcAction(c cause, code uint8) byte {
	switch {
	case code == opUnlockBadPIN || code == opUnlockBadTime:
		return code
	case c.kind == "keypad" && code == opUnlock:
		return 0
	case c.kind == "radio" && code == opUnlock:
		return 1
	case c.kind == "auto", c.kind == "keypad", c.kind == "radio":
		return 2
	case c.kind == "rfid" && code == opUnlock:
		return 3
	case c.kind == "fingerprint" && code == opUnlock:
		return 4
	}
	return code
}

func alarmCode(code uint8, c cause) (uint8, bool) {
	switch code {
	case opLock:
		if c.kind == "radio" {
			return 24, true
		}
		return 18, true
	case opUnlock:
		if c.kind == "radio" {
			return 25, true
		}
		return 19, true
	case opManLock, opKeyLock:
		return 21, true
	case opManUnlock, opKeyUnlock:
		return 22, true
	case opAutoLock:
		return 27, true
	case opOneTouch:
		return 32, true
	}
	return 0, false
}

// onestiEvent sends the short 0x20 frame with the maker's codes, then the attributes that name source, action and user, and the PIN last typed.
func (l *Lock) onestiEvent(code uint8, user uint16, c cause) {
	unlock := code == opUnlock || code == opManUnlock || code == opKeyUnlock
	if !unlock && code != opLock && code != opManLock && code != opKeyLock && code != opAutoLock && code != opOneTouch {
		return // it says nothing of a wrong code
	}
	source, action, lockCode := byte(5), byte(1), byte(0)
	short := byte(srcManual)
	switch c.kind {
	case "radio":
		source, short, lockCode = 0, srcNone, 13
	case "keypad":
		source, short = 2, srcKeypad
	case "fingerprint":
		source, short, lockCode = 3, srcManual, 16
	case "rfid":
		source, short = 4, srcRFID
	case "key":
		lockCode = 8
	case "auto":
		source = 10
	}
	if unlock {
		action = 2
		lockCode++
	}
	if user == noUser {
		user = 0
	}
	l.event(0x20, put16([]byte{short, lockCode}, user))
	l.store(cLock, 0x0100, uint64(source)<<24|uint64(action)<<16|uint64(user))
	as := []*attribute{l.tables[cLock].get(0x0100)}
	if len(c.typed) > 0 {
		l.typed = slices.Clone(c.typed)
		a := l.tables[cLock].get(0x0101)
		a.val = l.lastTyped()
		as = append(as, a)
	}
	l.report(cLock, as...)
}

// lastTyped is Onesti's attribute 0x0101: the last PIN, in ASCII or in BCD.
func (l *Lock) lastTyped() []byte {
	if !l.b.BCDPIN {
		return putOctets(nil, l.typed)
	}
	var b []byte
	for i := 0; i+1 < len(l.typed); i += 2 {
		b = append(b, (l.typed[i]-'0')<<4|l.typed[i+1]-'0')
	}
	return putOctets(nil, b)
}

func (l *Lock) easyAccessEvent(source, code uint8, user uint16, c cause) {
	switch code {
	case opLock, opManLock, opKeyLock, opAutoLock, opOneTouch:
		l.event(0x20, put16([]byte{source, 13}, user))
	case opUnlock, opManUnlock, opKeyUnlock:
		if c.kind == "radio" {
			l.event(0x20, put16([]byte{srcRF, 14}, user))
			return
		}
		l.event(0x20, put16([]byte{source, code}, user))
	}
}

// aqaraEvent reports what opened the door. The models with octet strings tell the bolt too; of a code's kind in the older number no sample was seen.
func (l *Lock) aqaraEvent(user uint16, c cause) {
	kind, known := map[string]byte{"fingerprint": 0x10, "keypad": 0x20}[c.kind]
	if l.model != "lumi.lock.acn02" && l.model != "lumi.lock.acn03" {
		if known {
			v := uint32(kind|1)<<24 | uint32(user)<<4
			l.announceAttributes(cLock, 1, &attribute{id: 0xFF10, typ: tU32, val: put32(nil, v)})
		}
		return
	}
	if known {
		v := append(put16([]byte{0, 0, 0, kind >> 4, kind, 0}, user), nil...)
		l.announceAttributes(cLock, 1, &attribute{id: 0xFF10, typ: tOctets, val: putOctets(nil, v)})
	}
	status := []byte{0x13, 0x51}
	if l.bolt == Unlocked {
		status = []byte{0x0B, 0x00}
		if c.kind == "thumb" {
			status[0] = 0x0C
		}
	}
	l.announceAttributes(cLock, 1, &attribute{id: 0xFFF6, typ: tOctets, val: putOctets(nil, []byte{0, 0, 0, status[0], status[1], 0, 0})})
}

// xiaomiEvent reports Basic 0xFF30: how, state and user in one number.
func (l *Lock) xiaomiEvent(code uint8, user uint16, c cause) {
	how := map[string]uint32{"fingerprint": 0, "keypad": 1, "rfid": 2, "key": 3}[c.kind]
	v := how<<4 | uint32(code&0x0F)
	l.announceAttributes(cBasic, 1, &attribute{id: 0xFF30, typ: tU32, val: put32(nil, v|uint32(user&0xFF)<<16)})
}

// vendorState tells the bolt's state in families that do not use LockState for it.
func (l *Lock) vendorState(b Bolt) {
	if l.b.Events != "wyze" {
		return
	}
	l.seq++
	f := append(put16([]byte{0x0D}, uint16(l.f.MfrCode)), l.seq, 0x01)
	f = append(f, make([]byte, 85-len(f))...)
	if b == Locked {
		f[80] = 3
	}
	l.transmit(&frame{profile: profileHA, cluster: cVendor, src: l.f.Endpoint, dst: 1, payload: f, ack: true})
}

// programming sends the programming event for a changed code.
func (l *Lock) programming(source, code uint8, user uint16, pin PIN, typ, status uint8) {
	if !l.powered || l.b.NoEvents {
		return
	}
	if source == srcKeypad && l.f.Name == "yale_c4" && code == progMaster {
		l.alarm(112, cVendor)
		return
	}
	if l.b.Events != "zcl" && l.b.Events != "cut" && l.b.Events != "ymc" {
		return
	}
	mask := uint16(aRFProg)
	if source == srcKeypad {
		mask = aKeypadProg
	}
	if l.tables[cLock].get(mask) != nil && l.get(cLock, mask)&(1<<code) == 0 {
		return
	}
	if l.b.ShiftUser && user < 0xFF {
		user <<= 8
	}
	b := put16([]byte{source, code}, user)
	data := PIN(nil)
	if l.b.PINInEvents {
		data = pin
	}
	b = append(putOctets(b, data), typ, status)
	b = putOctets(put32(b, l.now()), data)
	l.event(0x21, b)
}

// hourly is the report of a lock whose firmware always claims to be locked.
func (l *Lock) hourly() {
	if l.b.Events == "wyze" && l.net.joined {
		l.announceAttributes(cLock, 1, &attribute{id: aLockState, typ: tEnum8, val: []byte{1}})
	}
	l.hour = l.h.after(time.Hour, l.hourly)
}
