package lockfw

import (
	"slices"
	"time"
)

// command takes a cluster's own command.
func (l *Lock) command(q *asked) {
	if q.fromServ {
		l.serverCommand(q)
		return
	}
	if q.f.cluster == cLock && l.hasCluster(cLock) && !q.hasMfr {
		l.lockCommand(q)
		return
	}
	switch {
	case q.f.cluster == cBasic && q.cmd == 0x00 && !q.hasMfr:
		l.basicReset(q)
	case q.f.cluster == cIdentify && q.cmd == 0x00:
		l.show("green")
		l.status(q, zclSuccess)
	case q.f.cluster == cIdentify && q.cmd == 0x01:
		if l.get(cIdentify, 0) > 0 {
			l.reply(q, false, 0x00, l.tables[cIdentify].get(0).val)
		}
	case q.f.cluster == cOnOff && l.hasCluster(cOnOff):
		l.onOff(q)
	case q.f.cluster == cAlarms && q.cmd <= 1:
		l.store(cAlarms, 0, 0)
		l.status(q, zclSuccess)
	case q.f.cluster == cPoll && l.hasCluster(cPoll):
		l.pollCommand(q)
	case q.hasMfr && q.mfr == 0x0003 && l.f.Name == "samsung_sds" && q.cmd == 0x1F:
		// The maker's own unlock; its payload is a constant.
		l.status(q, zclSuccess)
		l.throw(Unlocked, cause{kind: "radio", slot: -1, frame: q.raw}, nil)
	case q.f.cluster == cVendor && l.f.Name == "yale_c4":
		l.vendorCode(q)
	default:
		l.status(q, zclUnsupCommand)
	}
}

// serverCommand takes what the coordinator answers as a server: check-in is answered here as client would, so only OTA remains.
func (l *Lock) serverCommand(q *asked) {
	if q.f.cluster != cOTA {
		l.status(q, zclUnsupCommand)
	}
}

// pollCommand serves Poll Control (ZCL 3.16.5).
func (l *Lock) pollCommand(q *asked) {
	switch q.cmd {
	case 0x00: // check-in response
		start, quarters := q.r.u8() == 1, q.r.u16()
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		if start {
			if quarters == 0 {
				quarters = uint16(l.get(cPoll, 3))
			}
			l.stayAwake(time.Duration(quarters) * 250 * time.Millisecond)
		}
	case 0x01: // fast poll stop
		l.rx.awake = time.Now()
	case 0x02:
		v := q.r.u32()
		if q.r.short || v < 4 || v > 0x6E0000 || l.get(cPoll, 0) != 0 && uint64(v) > l.get(cPoll, 0) {
			l.status(q, zclInvalidValue)
			return
		}
		l.store(cPoll, 1, uint64(v))
		l.b.LongPoll = time.Duration(v) * 250 * time.Millisecond
	case 0x03:
		v := q.r.u16()
		if q.r.short || v == 0 || uint64(v) > l.get(cPoll, 1) {
			l.status(q, zclInvalidValue)
			return
		}
		l.store(cPoll, 2, uint64(v))
		l.b.ShortPoll = time.Duration(v) * 250 * time.Millisecond
	default:
		l.status(q, zclUnsupCommand)
		return
	}
	l.status(q, zclSuccess)
}

// lockCommand serves the Door Lock cluster's own commands (ZCL 7.3.2.15).
func (l *Lock) lockCommand(q *asked) {
	pins := l.f.Slots > 0 && !l.b.NoRFCodes
	tags := l.f.RFID > 0
	easyiot := l.b.InnerLength
	switch {
	case l.b.NoRemote, q.cmd != 0x01 && q.cmd <= 0x03 && l.b.NoRemoteLock:
		l.status(q, zclUnsupCommand)
	case q.cmd <= 0x02:
		to := []Bolt{Locked, Unlocked, Locked}[q.cmd]
		if q.cmd == 2 && l.bolt == Locked {
			to = Unlocked
		}
		l.actuate(q, to, 0, l.inner(q.r.octets()))
	case q.cmd == 0x03:
		var wait time.Duration
		if easyiot {
			wait = time.Duration(q.r.u32()) * time.Second
		} else {
			wait = time.Duration(q.r.u16()) * time.Second
		}
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		l.actuate(q, Unlocked, wait, l.inner(q.r.octets()))
	case q.cmd == 0x04:
		l.logRecord(q)
	case pins && !easyiot && (q.cmd == 0x05 || q.cmd == 0x06 || q.cmd == 0x07 || q.cmd == 0x08):
		l.pinCommand(q)
	case pins && (q.cmd == 0x09 || q.cmd == 0x0A || q.cmd == 0x14 || q.cmd == 0x15) && !easyiot:
		l.userCommand(q)
	case l.f.Schedules && q.cmd >= 0x0B && q.cmd <= 0x13:
		l.scheduleCommand(q)
	case tags && q.cmd >= 0x16 && q.cmd <= 0x19:
		l.tagCommand(q)
	case easyiot && (q.cmd == 0xB6 || q.cmd == 0xB8 || q.cmd == 0xB9):
		l.ephemeral(q)
	default:
		l.status(q, zclUnsupCommand)
	}
}

// inner takes the digits out of a PIN string, past the length byte that one make puts inside it.
func (l *Lock) inner(b []byte) PIN {
	if l.b.InnerLength && len(b) > 0 && int(b[0]) == len(b)-1 {
		b = b[1:]
	}
	return PIN(slices.Clone(b))
}

// logRecord answers GetLogRecord from the physical history; 0 is the latest.
func (l *Lock) logRecord(q *asked) {
	n := int(q.r.u16())
	switch {
	case q.r.short:
		l.status(q, zclMalformed)
		return
	case n == 0:
		n = len(l.history)
	}
	if n < 1 || n > len(l.history) {
		l.status(q, zclInvalidValue)
		return
	}
	m := l.history[n-1]
	source, code := cause{kind: m.Cause}.event(m.Bolt)
	b := put32(put16(nil, uint16(n)), uint32(m.At.Add(l.clock).Sub(zigbeeEpoch)/time.Second))
	l.reply(q, false, 0x04, append(put16(append(b, 0, source, code), uint16(m.Slot)), 0))
}
