package lockfw

import (
	"bytes"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// binding is one entry of the lock's binding table.
type binding struct {
	cluster uint16
	src     uint8
	dst     zigbee.EUI64
	dstEP   uint8
}

// report is the reporting of one attribute (ZCL 2.5.7).
type report struct {
	cluster, attr uint16
	least, most   time.Duration // most 0: only on change; 0xFFFF: never, which removes the record
	rawLeast      uint16
	rawMost       uint16
	change        []byte
	timer         *event // periodic, or the end of the quiet time
	last          time.Time
	told          []byte
}

// bound tells to which endpoint of the coordinator a cluster is bound.
func (l *Lock) bound(cluster uint16) (uint8, bool) {
	for _, b := range l.binds {
		if b.cluster == cluster && b.dst == l.net.coordinator {
			return b.dstEP, true
		}
	}
	return 0, false
}

func (l *Lock) findReport(cluster, attr uint16) *report {
	for _, r := range l.reports {
		if r.cluster == cluster && r.attr == attr {
			return r
		}
	}
	return nil
}

func (l *Lock) configureReporting(q *asked) {
	var failed []byte
	for len(q.r.b) > 0 {
		dir, id := q.r.u8(), q.r.u16()
		if dir == 1 {
			q.r.u16()
			failed = put16(append(failed, zclUnreportable, 1), id)
			continue
		}
		typ, least, most := q.r.u8(), q.r.u16(), q.r.u16()
		var change []byte
		if analog(typ) {
			change = slices.Clone(q.r.take(width(typ)))
		}
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		a := l.table(q).get(id)
		st := uint8(0)
		switch {
		case !l.visible(q, a):
			st = zclUnsupAttr
		case a.typ != typ:
			st = zclInvalidType
		case l.b.RejectReporting && q.f.cluster == cLock:
			st = zclUnreportable
		case most != 0 && most != 0xFFFF && most < least:
			st = zclInvalidValue
		}
		if st != 0 {
			failed = put16(append(failed, st, 0), id)
			continue
		}
		l.reportEvery(q.f.cluster, a, least, most, change)
	}
	if failed == nil {
		failed = []byte{0}
	}
	l.reply(q, true, 0x07, failed)
}

func analog(typ uint8) bool {
	return typ >= 0x20 && typ <= 0x2F || typ >= 0x38 && typ <= 0x3A || typ == tUTC
}

func (l *Lock) reportEvery(cluster uint16, a *attribute, least, most uint16, change []byte) {
	if r := l.findReport(cluster, a.id); r != nil {
		l.h.cancel(r.timer)
		l.reports = slices.DeleteFunc(l.reports, func(x *report) bool { return x == r })
	}
	if most == 0xFFFF {
		return
	}
	if l.b.ForceMax > 0 && cluster == cLock && (most == 0 || time.Duration(most)*time.Second > l.b.ForceMax) {
		most = uint16(l.b.ForceMax / time.Second)
	}
	r := &report{cluster: cluster, attr: a.id, least: time.Duration(least) * time.Second, most: time.Duration(most) * time.Second, rawLeast: least, rawMost: most, change: change}
	r.told = slices.Clone(a.val)
	r.last = time.Now().Add(-l.h.scale(r.least))
	l.reports = append(l.reports, r)
	l.arm(r)
}

func (l *Lock) arm(r *report) {
	l.h.cancel(r.timer)
	r.timer = nil
	if r.most > 0 {
		r.timer = l.h.after(r.most, func() { l.tell(r) })
	}
}

func (l *Lock) readReporting(q *asked) {
	var b []byte
	for len(q.r.b) > 0 {
		dir, id := q.r.u8(), q.r.u16()
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		a, r := l.table(q).get(id), l.findReport(q.f.cluster, id)
		switch {
		case !l.visible(q, a):
			b = put16(append(b, zclUnsupAttr, dir), id)
		case r == nil:
			b = put16(append(b, 0x8B, dir), id) // NOT_FOUND
		default:
			b = append(put16(append(b, 0, dir), id), a.typ)
			b = append(put16(put16(b, r.rawLeast), r.rawMost), r.change...)
		}
	}
	l.reply(q, true, 0x09, b[:min(len(b), maxZCL)])
}

// changed reports an attribute whose value moved, as far as reporting was asked for.
func (l *Lock) changed(cluster, id uint16) {
	r := l.findReport(cluster, id)
	if r == nil {
		return
	}
	a := l.tables[cluster].get(id)
	if a == nil || bytes.Equal(a.val, r.told) || !moved(a, r) {
		return
	}
	if wait := r.least - time.Duration(float64(time.Since(r.last))*l.h.cfg.Speed); wait > 0 {
		l.h.cancel(r.timer)
		r.timer = l.h.after(wait, func() { l.tell(r) })
		return
	}
	l.tell(r)
}

// moved tells whether an analogue value went at least as far as the reportable change.
func moved(a *attribute, r *report) bool {
	if !analog(a.typ) {
		return true
	}
	now, then := number(a.val), number(r.told)
	return max(now, then)-min(now, then) >= number(r.change)
}

func (l *Lock) tell(r *report) {
	a := l.tables[r.cluster].get(r.attr)
	if a == nil {
		return
	}
	r.last, r.told = time.Now(), slices.Clone(a.val)
	l.arm(r)
	l.report(r.cluster, a)
}

// report sends attributes to whom the cluster is bound.
func (l *Lock) report(cluster uint16, as ...*attribute) {
	if l.b.MuteReporting && cluster == cLock || l.b.Deaf {
		return
	}
	dst, ok := l.bound(cluster)
	if !ok {
		return
	}
	l.announceAttributes(cluster, dst, as...)
}

// announceAttributes sends a report whether or not there is a binding: some locks do.
func (l *Lock) announceAttributes(cluster uint16, dst uint8, as ...*attribute) {
	var b []byte
	for _, a := range as {
		b = append(append(put16(b, a.id), a.typ), a.val...)
	}
	src, head := l.f.Endpoint, []byte{0x18}
	if len(as) > 0 && as[0].mfr != 0 {
		head = put16([]byte{0x1C}, as[0].mfr)
	}
	l.seq++
	l.transmit(&frame{profile: profileHA, cluster: cluster, src: src, dst: dst, payload: append(append(head, l.seq, 0x0A), b...), ack: true})
}

// notify sends a cluster's own command to the coordinator, as server.
func (l *Lock) notify(cluster uint16, dst, cmd uint8, payload []byte) {
	l.seq++
	b := append([]byte{0x09, l.seq, cmd}, payload...)
	l.transmit(&frame{profile: profileHA, cluster: cluster, src: l.f.Endpoint, dst: dst, payload: b, ack: true})
}

// ask sends a cluster's own command or a foundation command to the coordinator, as client.
func (l *Lock) ask(cluster uint16, fc, cmd uint8, payload []byte) {
	l.seq++
	b := append([]byte{fc, l.seq, cmd}, payload...)
	l.transmit(&frame{profile: profileHA, cluster: cluster, src: l.f.Endpoint, dst: 1, payload: b, ack: true})
}

// alarm sends an Alarms notification (ZCL 3.11.2.4.1).
func (l *Lock) alarm(code uint8, cluster uint16) {
	if cluster == cLock && code < 16 && l.tables[cLock].get(aAlarmMask) != nil && l.get(cLock, aAlarmMask)&(1<<code) == 0 {
		return
	}
	dst := uint8(1)
	for _, c := range []uint16{cAlarms, cLock, cVendor} {
		if ep, ok := l.bound(c); ok {
			dst = ep
			break
		}
	}
	l.store(cAlarms, 0, l.get(cAlarms, 0)+1)
	l.notify(cAlarms, dst, 0x00, put16([]byte{code}, cluster))
}
