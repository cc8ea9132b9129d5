package lockfw

import (
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// zdoRequests maps MT commands that go over the air to ZDO clusters (Zigbee specification 2.4.3).
var zdoRequests = map[byte]uint16{
	0x02: 0x0002, 0x03: 0x0003, 0x04: 0x0004, 0x05: 0x0005, 0x06: 0x0006, 0x0C: 0x0015,
	0x21: 0x0021, 0x22: 0x0022, 0x31: 0x0031, 0x32: 0x0032, 0x33: 0x0033, 0x34: 0x0034,
}

// zdoReplies maps ZDO response clusters to the MT indications that carry them.
var zdoReplies = map[uint16]byte{
	0x8000: 0x80, 0x8001: 0x81, 0x8002: 0x82, 0x8003: 0x83, 0x8004: 0x84, 0x8005: 0x85, 0x8006: 0x86, 0x8015: 0x8A,
	0x8021: 0xA1, 0x8022: 0xA2, 0x8031: 0xB1, 0x8032: 0xB2, 0x8033: 0xB3, 0x8034: 0xB4, 0x8036: 0xB6, 0x8038: 0xB8, 0x0013: 0xC1,
}

func (d *Dongle) zdo(cmd byte, r *reader) (out []byte, then func(), known bool) {
	if cluster, ok := zdoRequests[cmd]; ok {
		dst := zigbee.NWK(r.u16())
		body := slices.Clone(r.take(len(r.b)))
		if cluster == 0x0021 || cluster == 0x0022 {
			body = trimBind(body)
		}
		if r.short || !zdoLengthOK(cluster, len(body)) {
			r.short = true
			return nil, nil, true
		}
		if !d.up() {
			return []byte{nwkInvalidReq}, nil, true
		}
		d.zdoSeq++
		seq := d.zdoSeq
		return []byte{0}, func() { d.zdoSend(dst, cluster, seq, body) }, true
	}
	switch cmd {
	case 0x00: // NWK_ADDR_REQ
		id := r.eui64()
		r.take(2)
		return []byte{0}, func() { d.findNWK(id, 0) }, true
	case 0x01: // IEEE_ADDR_REQ
		nwk := zigbee.NWK(r.u16())
		r.take(2)
		return []byte{0}, func() { d.findIEEE(nwk, 0) }, true
	case 0x25: // GET_LINK_KEY
		id := r.eui64()
		key := slices.Repeat([]byte{0xFF}, 16)
		return append(id.AppendLE([]byte{b2u(d.assoc[id] == nil)}), key...), nil, true
	case 0x36: // MGMT_PERMIT_JOIN_REQ
		mode, dst, seconds := r.u8(), zigbee.NWK(r.u16()), r.u8()
		r.u8() // trust-centre significance
		if !d.up() {
			return []byte{nwkInvalidReq}, nil, true
		}
		return []byte{0}, func() { d.permitJoin(mode, dst, seconds, 0) }, true
	case 0x26: // NETWORK_DISCOVERY_REQ
		out, then = d.discover(r)
		return out, then, true
	case 0x37: // MGMT_NWK_UPDATE_REQ
		dst := zigbee.NWK(r.u16())
		r.u8() // mode of the address
		body := slices.Clone(r.take(6))
		r.u16() // network manager
		if !d.up() {
			return []byte{nwkInvalidReq}, nil, true
		}
		if dst >= zigbee.BroadcastRouter {
			dst = zigbee.Coordinator // which hears of it, too; nothing else here scans or moves
		}
		d.zdoSeq++
		seq := d.zdoSeq
		return []byte{0}, func() { d.zdoSend(dst, 0x0038, seq, body) }, true
	case 0x3E, 0x3F: // MSG_CB_REGISTER, MSG_CB_REMOVE
		r.u16()
		if !r.short {
			d.rawZDO = cmd == 0x3E
		}
		return []byte{0}, nil, true
	case 0x40: // STARTUP_FROM_APP
		r.take(len(r.b))
		_, restored := d.nv.readNIB()
		return []byte{b2u(!restored)}, d.startUp, true
	case 0x44: // SEC_DEVICE_REMOVE
		d.forget(r.eui64())
		return []byte{0}, nil, true
	case 0x45: // EXT_ROUTE_DISC
		r.take(4)
		return []byte{0}, nil, true
	case 0x46: // EXT_ROUTE_CHECK
		nwk := zigbee.NWK(r.u16())
		r.take(2)
		return []byte{b2u(d.h.byNWK[nwk] == nil)}, nil, true
	case 0x4A: // EXT_FIND_GROUP
		r.u8()
		group := r.u16()
		return append(put16([]byte{b2u(!d.groups[group])}, group), 0), nil, true
	case 0x4B: // EXT_ADD_GROUP
		r.u8()
		group := r.u16()
		r.octets()
		if !r.short && len(d.groups) < 64 {
			d.groups[group] = true
		}
		return []byte{0}, nil, true
	case 0x50: // EXT_NWK_INFO
		nwk := zigbee.NWKUnknown
		if d.up() {
			nwk = zigbee.Coordinator
		}
		out = put16(append(put16(nil, uint16(nwk)), d.state), d.pan)
		out = d.epid.AppendLE(put16(out, 0))
		return append(zigbee.EUI64(0).AppendLE(out), d.channel), nil, true
	}
	return nil, nil, false
}

func zdoLengthOK(cluster uint16, n int) bool {
	least := map[uint16]int{0x0000: 10, 0x0001: 4, 0x0002: 2, 0x0003: 2, 0x0004: 3, 0x0005: 2, 0x0006: 6, 0x0015: 2, 0x0021: 14, 0x0022: 14, 0x0031: 1, 0x0032: 1, 0x0033: 1, 0x0034: 9, 0x0038: 5}
	return n >= least[cluster]
}

// trimBind cuts the zeros that clients append to make all bind requests equally long.
func trimBind(b []byte) []byte {
	if len(b) >= 14 && b[11] == 1 {
		return b[:14]
	}
	if len(b) > 21 {
		return b[:21]
	}
	return b
}

func (d *Dongle) ownZDO(cluster uint16, body []byte) []byte {
	switch cluster {
	case 0x0000:
		if zigbee.EUI64FromLE(body) != d.nv.ieee() {
			return append(append([]byte{0x81}, body[:8]...), 0xFF, 0xFF)
		}
		return put16(d.nv.ieee().AppendLE([]byte{0}), 0)
	case 0x0001:
		return put16(d.nv.ieee().AppendLE([]byte{0}), 0)
	case 0x0002:
		return []byte{0, 0, 0, 0x00, 0x40, 0x8F, 0x00, 0x00, 0x50, 0xA0, 0x00, 0x01, 0x2C, 0xA0, 0x00, 0x00}
	case 0x0003:
		return []byte{0, 0, 0, 0x10, 0xC1}
	case 0x0004:
		e, ok := d.endpoints[body[2]]
		if !ok {
			return []byte{0x83, 0, 0, 0}
		}
		return append([]byte{0, 0, 0}, simple(body[2], e.profile, e.device, e.in, e.out)...)
	case 0x0005:
		var eps []byte
		for ep := range d.endpoints {
			eps = append(eps, ep)
		}
		slices.Sort(eps)
		return putOctets([]byte{0, 0, 0}, eps)
	case 0x0031:
		return d.neighbours(body[0])
	case 0x0032, 0x0033:
		return []byte{0, 0, body[0], 0}
	}
	return []byte{0x84}
}

func simple(ep uint8, profile, device uint16, in, out []uint16) []byte {
	b := append(put16(put16([]byte{ep}, profile), device), 0)
	for _, l := range [][]uint16{in, out} {
		b = append(b, byte(len(l)))
		for _, c := range l {
			b = put16(b, c)
		}
	}
	return putOctets(nil, b)
}

// neighbours answers Mgmt_Lqi with the sleepy children.
func (d *Dongle) neighbours(start uint8) []byte {
	var entries [][]byte
	for _, l := range d.h.locks {
		if c := d.assoc[l.id]; c != nil && c.relation == 1 {
			b := d.epid.AppendLE(nil)
			b = put16(l.id.AppendLE(b), uint16(c.nwk))
			entries = append(entries, append(b, 0x12, 2, 1, 140))
		}
	}
	total := min(len(entries), 255)
	from := min(int(start), total)
	part := entries[from:min(total, from+3)]
	return append([]byte{0, byte(total), start, byte(len(part))}, slices.Concat(part...)...)
}

// zdoIndicate tells the client of a ZDO message: as its own indication, and raw if asked for.
func (d *Dongle) zdoIndicate(src zigbee.NWK, cluster uint16, seq uint8, body []byte) {
	if cmd, ok := zdoReplies[cluster]; ok {
		switch cluster {
		case 0x8000, 0x8001: // no source address; Z-Stack always gives start index and count
			full := slices.Clone(body)
			for len(full) < 13 {
				full = append(full, 0)
			}
			d.send(areq|subZDO, cmd, full)
		default:
			d.send(areq|subZDO, cmd, append(put16(nil, uint16(src)), body...))
		}
	}
	if d.rawZDO {
		b := append(put16(nil, uint16(src)), b2u(cluster == 0x0013))
		b = append(put16(b, cluster), 0, seq)
		mac := uint16(0)
		if cluster == 0x0013 {
			mac = 0xFFFD
		}
		d.send(areq|subZDO, 0xFF, append(put16(b, mac), body...))
	}
}

func (d *Dongle) zdoIncoming(l *Lock, f *frame) {
	if len(f.payload) == 0 {
		return
	}
	d.zdoIndicate(l.net.nwk, f.cluster, f.payload[0], f.payload[1:])
}

func (d *Dongle) findNWK(id zigbee.EUI64, seq uint8) {
	answer := func(nwk zigbee.NWK) {
		d.zdoIndicate(nwk, 0x8000, seq, put16(id.AppendLE([]byte{0}), uint16(nwk)))
	}
	if id == d.nv.ieee() {
		d.later(time.Millisecond, func() { answer(0) })
		return
	}
	// The parent answers for a sleeping child.
	if c := d.assoc[id]; c != nil && d.up() {
		if l := d.h.find(id); l != nil && d.hears(l) {
			d.later(20*time.Millisecond, func() { answer(c.nwk) })
		}
	}
}

func (d *Dongle) findIEEE(nwk zigbee.NWK, seq uint8) {
	id, c := d.byNWK(nwk)
	if nwk == 0 {
		id = d.nv.ieee()
	} else if c == nil {
		return
	}
	d.later(20*time.Millisecond, func() {
		d.zdoIndicate(nwk, 0x8001, seq, put16(id.AppendLE([]byte{0}), uint16(nwk)))
	})
}

func (d *Dongle) permitJoin(mode uint8, dst zigbee.NWK, seconds, seq uint8) {
	if mode == 2 && dst != 0 && dst < 0xFFFC {
		d.zdoSeq++
		d.zdoSend(dst, 0x0036, d.zdoSeq, []byte{seconds, 1})
		return
	}
	d.h.cancel(d.permit)
	d.open = seconds > 0
	if seconds > 0 && seconds < 255 {
		d.permit = d.later(time.Duration(seconds)*time.Second, func() {
			d.open = false
			d.send(areq|subZDO, 0xCB, []byte{0})
		})
	}
	d.later(time.Millisecond, func() {
		d.zdoIndicate(0, 0x8036, seq, []byte{0})
		d.send(areq|subZDO, 0xCB, []byte{seconds})
	})
}
