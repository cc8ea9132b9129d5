package lockfw

import (
	"slices"
	"time"
)

// maxZCL is how much ZCL payload fits one unfragmented APS frame with network security.
const maxZCL = 79

const profileHA = 0x0104

// request is a ZCL frame that came, with what is needed to answer it.
type asked struct {
	f         *frame
	raw       []byte
	mfr       uint16
	hasMfr    bool
	fromServ  bool // server to client
	noDefault bool
	seq, cmd  uint8
	r         reader
}

// deliver takes a frame that the security layer let through.
func (l *Lock) deliver(f *frame) {
	if f.profile == 0 && f.dst == 0 {
		l.answerAfter(func() { l.zdo(f) })
		return
	}
	if f.profile != profileHA && f.profile != 0 || f.dst != l.f.Endpoint && f.dst != 0xFF && !slices.Contains(l.f.More, f.dst) {
		return
	}
	r := reader{b: f.payload}
	fc := r.u8()
	q := &asked{f: f, raw: f.payload, fromServ: fc&8 != 0, noDefault: fc&0x10 != 0 || f.broadcast}
	if q.hasMfr = fc&4 != 0; q.hasMfr {
		q.mfr = r.u16()
	}
	q.seq, q.cmd = r.u8(), r.u8()
	if r.short {
		return
	}
	q.r = r
	l.answerAfter(func() {
		switch fc & 3 {
		case 0:
			l.foundation(q)
		case 1:
			l.command(q)
		}
	})
}

func (l *Lock) answerAfter(fn func()) {
	if l.b.SlowAnswers > 0 {
		l.h.after(l.b.SlowAnswers, fn)
		return
	}
	fn()
}

// reply answers a request on the endpoint it came to; global tells a foundation command from a cluster's own.
func (l *Lock) reply(q *asked, global bool, cmd uint8, payload []byte) {
	if q.f.broadcast {
		return
	}
	fc := byte(0x10)
	if !q.fromServ {
		fc |= 8
	}
	if !global {
		fc |= 1
	}
	var b []byte
	if q.hasMfr {
		b = put16([]byte{fc | 4}, q.mfr)
	} else {
		b = []byte{fc}
	}
	b = append(append(b, q.seq, cmd), payload...)
	src := q.f.dst
	if src == 0xFF {
		src = l.f.Endpoint
	}
	l.transmit(&frame{profile: profileHA, cluster: q.f.cluster, src: src, dst: q.f.src, payload: b, ack: true})
}

// status sends a Default Response, which a success may go without.
func (l *Lock) status(q *asked, status uint8) {
	if status == zclSuccess && q.noDefault {
		return
	}
	l.reply(q, true, 0x0B, []byte{q.cmd, status})
}

// table finds the attributes that a request means. The further endpoints have Power Configuration alone.
func (l *Lock) table(q *asked) attributes {
	if q.f.dst != l.f.Endpoint && q.f.dst != 0xFF && q.f.cluster != cPower {
		return nil
	}
	return l.tables[q.f.cluster]
}

func (l *Lock) visible(q *asked, a *attribute) bool {
	return a != nil && (a.mfr == 0 && !q.hasMfr || q.hasMfr && a.mfr == q.mfr)
}

func (l *Lock) foundation(q *asked) {
	if q.fromServ {
		l.answered(q)
		return
	}
	switch q.cmd {
	case 0x00:
		l.readAttributes(q)
	case 0x02, 0x03, 0x05:
		l.writeAttributes(q)
	case 0x06:
		l.configureReporting(q)
	case 0x08:
		l.readReporting(q)
	case 0x0B: // default response
	case 0x0C:
		l.discover(q)
	default:
		l.status(q, zclUnsupGeneral)
	}
}

func (l *Lock) readAttributes(q *asked) {
	var b []byte
	for len(q.r.b) > 0 {
		id := q.r.u16()
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		rec := put16(nil, id)
		if a := l.table(q).get(id); l.visible(q, a) {
			if q.f.cluster == cLock && id == 0x0101 {
				// the last typed PIN: the lock tells it to anyone who asks, as the real one does
				l.tables[cLock].get(id).val = l.lastTyped()
			}
			rec = append(append(rec, 0, a.typ), a.val...)
		} else {
			rec = append(rec, zclUnsupAttr)
		}
		if len(b)+len(rec) > maxZCL {
			break // what does not fit stays out: ask again
		}
		b = append(b, rec...)
	}
	l.reply(q, true, 0x01, b)
}

func (l *Lock) writeAttributes(q *asked) {
	var failed []byte
	for len(q.r.b) > 0 {
		id, typ := q.r.u16(), q.r.u8()
		var val []byte
		switch n := width(typ); {
		case n > 0:
			val = q.r.take(n)
		case n == 0 && len(q.r.b) > 0:
			s := q.r.octets()
			val = putOctets(nil, s)
		default:
			q.r.short = true
		}
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		if st := l.write(q, id, typ, val); st != 0 {
			failed = put16(append(failed, st), id)
		}
	}
	if q.cmd == 0x05 {
		return
	}
	if failed == nil {
		failed = []byte{0}
	}
	l.reply(q, true, 0x04, failed)
}

func (l *Lock) write(q *asked, id uint16, typ uint8, val []byte) uint8 {
	a := l.table(q).get(id)
	switch {
	case !l.visible(q, a):
		return zclUnsupAttr
	case !a.write:
		return zclReadOnly
	case a.typ != typ:
		return zclInvalidType
	case width(typ) == 0 && len(val) > 33:
		return zclInvalidValue
	case a.most > 0 && number(val) > a.most:
		return zclInvalidValue
	case q.f.cluster == cPoll && id == 0 && number(val) != 0 && number(val) < number(l.tables[cPoll].get(1).val):
		return zclInvalidValue
	}
	a.val = slices.Clone(val)
	l.changed(q.f.cluster, id)
	if q.f.cluster == cPoll && id == 0 {
		l.armCheckIn()
	}
	if q.f.cluster == cLock && id == aRelock && number(val) == 0 {
		l.h.cancel(l.relock)
	}
	return 0
}

func (l *Lock) discover(q *asked) {
	from, n := q.r.u16(), int(q.r.u8())
	if q.r.short {
		l.status(q, zclMalformed)
		return
	}
	b := []byte{1}
	for _, a := range l.table(q) {
		if a.id < from || !l.visible(q, a) {
			continue
		}
		if n == 0 || len(b)+3 > maxZCL {
			b[0] = 0
			break
		}
		n--
		b = append(put16(b, a.id), a.typ)
	}
	l.reply(q, true, 0x0D, b)
}

// answered takes what a server says to the lock's clients: the time that the lock asked for, and questions about the clients' own attributes.
func (l *Lock) answered(q *asked) {
	if q.cmd == 0x00 {
		l.readClient(q)
		return
	}
	if q.f.cluster != cTime || q.cmd != 0x01 {
		return
	}
	for len(q.r.b) >= 3 {
		id := q.r.u16()
		if q.r.u8() != 0 {
			continue
		}
		typ := q.r.u8()
		val := q.r.take(max(width(typ), 0))
		if q.r.short || width(typ) <= 0 {
			return
		}
		if t := number(val); (id == 0x0000 || id == 0x0007) && t != 0xFFFFFFFF {
			l.clock = time.Duration(t)*time.Second - time.Since(zigbeeEpoch)
			l.clockSet = true
		}
	}
}

// Firmware as the OTA Upgrade client tells of it (ZCL 11.10, 11.13.4).
const (
	otaImage   = 1
	otaVersion = 0x01040200
)

// readClient answers a reading of attributes on the client's side of a cluster. Only OTA Upgrade has some.
func (l *Lock) readClient(q *asked) {
	var b []byte
	for len(q.r.b) > 0 {
		b = put16(b, q.r.u16())
		var val []byte
		if q.f.cluster == cOTA && slices.Contains(l.f.Out, cOTA) {
			switch number(b[len(b)-2:]) {
			case 0x0000: // upgrade server: not known
				val = append([]byte{tEUI64}, slices.Repeat([]byte{0xFF}, 8)...)
			case 0x0002:
				val = put32([]byte{tU32}, otaVersion)
			case 0x0006: // normal
				val = []byte{tEnum8, 0}
			case 0x0007:
				val = put16([]byte{tU16}, uint16(l.f.MfrCode))
			case 0x0008:
				val = put16([]byte{tU16}, otaImage)
			}
		}
		if val == nil {
			b = append(b, zclUnsupAttr)
		} else {
			b = append(append(b, 0), val...)
		}
		if q.r.short || len(b) > maxZCL {
			l.status(q, zclMalformed)
			return
		}
	}
	l.reply(q, true, 0x01, b)
}

// now is the lock's own time in Zigbee seconds; FFFFFFFF before anyone has told it.
func (l *Lock) now() uint32 {
	if !l.clockSet {
		return 0xFFFFFFFF
	}
	return uint32((time.Since(zigbeeEpoch) + l.clock) / time.Second)
}
