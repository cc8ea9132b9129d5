package lockfw

import (
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// AF options.
const (
	afAckRequest     = 0x10
	afSuppressRoutes = 0x20
)

// hugeAt is the payload size from which an incoming message must be fetched piece by piece.
const hugeAt = 223

func (d *Dongle) af(cmd byte, r *reader) (out []byte, then func(), known bool) {
	switch cmd {
	case 0x00: // REGISTER
		ep := r.u8()
		e := endpoint{profile: r.u16(), device: r.u16()}
		r.take(2) // version, latency
		e.in = r.list16()
		e.out = r.list16()
		switch _, there := d.endpoints[ep]; {
		case r.short:
			return nil, nil, true
		case ep == 0 || ep > 254:
			return []byte{afInvalid}, nil, true
		case there:
			return []byte{0xB8}, nil, true
		}
		d.endpoints[ep] = e
		return []byte{0}, nil, true
	case 0x01: // DATA_REQUEST
		q := request{mode: 2, dst: uint64(r.u16()), dep: r.u8(), sep: r.u8(), cluster: r.u16(), trans: r.u8(), options: r.u8()}
		r.u8() // radius
		q.data = r.take(int(r.u8()))
		return d.dataRequest(q, r)
	case 0x02: // DATA_REQUEST_EXT
		q := request{mode: r.u8(), dst: uint64(r.eui64()), dep: r.u8()}
		r.u16() // PAN
		q.sep, q.cluster, q.trans, q.options = r.u8(), r.u16(), r.u8(), r.u8()
		r.u8() // radius
		q.data = r.take(int(r.u16()))
		return d.dataRequest(q, r)
	case 0x03: // DATA_REQUEST_SRC_RTG
		q := request{mode: 2, dst: uint64(r.u16()), dep: r.u8(), sep: r.u8(), cluster: r.u16(), trans: r.u8(), options: r.u8()}
		r.u8()
		r.take(2 * int(r.u8()))
		q.data = r.take(int(r.u8()))
		return d.dataRequest(q, r)
	case 0x04: // DELETE
		ep := r.u8()
		if _, there := d.endpoints[ep]; !there {
			return []byte{afInvalid}, nil, true
		}
		delete(d.endpoints, ep)
		return []byte{0}, nil, true
	case 0x10: // INTER_PAN_CTL: touchlink is not part of this world
		r.take(len(r.b))
		return []byte{0}, nil, true
	case 0x12: // DATA_RETRIEVE
		stamp, index, length := r.u32(), int(r.u16()), int(r.u8())
		data, there := d.huge[stamp]
		if !there || index+length > len(data) || length > 240 {
			return []byte{1, 0}, nil, true
		}
		if length == 0 {
			delete(d.huge, stamp)
		}
		return append([]byte{0, byte(length)}, data[index:index+length]...), nil, true
	case 0x13: // APSF_CONFIG_SET
		r.take(3)
		return []byte{0}, nil, true
	}
	return nil, nil, false
}

func (r *reader) list16() []uint16 {
	n := int(r.u8())
	if n*2 > len(r.b) {
		r.short = true
		return nil
	}
	l := make([]uint16, n)
	for i := range l {
		l[i] = r.u16()
	}
	return l
}

type request struct {
	mode     uint8
	dst      uint64
	dep, sep uint8
	cluster  uint16
	trans    uint8
	options  uint8
	data     []byte
}

func (d *Dongle) dataRequest(q request, r *reader) (out []byte, then func(), known bool) {
	e, registered := d.endpoints[q.sep]
	toZDO := q.sep == 0 && q.dep == 0 // the ZDO's own endpoint is always there
	switch {
	case r.short:
		return nil, nil, true
	case !registered && !toZDO || len(r.b) > 0 && q.mode == 2 && len(q.data) == 0:
		return []byte{afInvalid}, nil, true
	case !d.up():
		return []byte{nwkInvalidReq}, nil, true
	case d.refuseMemory > 0:
		d.refuseMemory--
		return []byte{0x10}, nil, true
	}
	if toZDO {
		return []byte{afSuccess}, func() { d.zdoData(q, d.destination(q)) }, true
	}
	return []byte{afSuccess}, func() { d.dispatch(q, e) }, true
}

// dispatch sends an accepted data request on its way. The confirmation comes when its fate is known.
func (d *Dongle) dispatch(q request, e endpoint) {
	confirm := func(status uint8) { d.send(areq|subAF, 0x80, []byte{status, q.sep, q.trans}) }
	if d.failNext.n > 0 {
		d.failNext.n--
		status := d.failNext.status
		d.later(20*time.Millisecond, func() { confirm(status) })
		return
	}
	if d.inflight >= d.h.cfg.Buffers {
		d.later(5*time.Millisecond, func() { confirm(afBufferFull) })
		return
	}
	d.inflight++
	life := d.boots
	done := func(status uint8) {
		if d.boots == life { // the confirmation of an earlier life is lost with it
			d.inflight--
			confirm(status)
		}
	}
	make := func() *frame {
		return &frame{profile: e.profile, cluster: q.cluster, src: q.sep, dst: q.dep, payload: slices.Clone(q.data), ack: q.options&afAckRequest != 0}
	}
	nwk := d.destination(q)
	switch {
	case q.mode == 1 || q.mode == 0x0F || q.mode == 2 && nwk >= 0xFFFC:
		if nwk == zigbee.BroadcastAll {
			for _, l := range d.h.locks {
				if d.hears(l) {
					f := make()
					f.broadcast, f.ack = true, false
					d.air(l, f)
				}
			}
		}
		d.later(30*time.Millisecond, func() { done(afSuccess) })
	case nwk == zigbee.Coordinator:
		d.later(time.Millisecond, func() {
			done(afSuccess)
			d.incoming(nwk, &frame{cluster: q.cluster, src: q.sep, dst: q.dep, payload: q.data})
		})
	default:
		d.unicast(nwk, q.options, make(), done)
	}
}

// destination is the network address that a request goes to.
func (d *Dongle) destination(q request) zigbee.NWK {
	if q.mode != 3 {
		return zigbee.NWK(q.dst)
	}
	if c := d.assoc[zigbee.EUI64(q.dst)]; c != nil {
		return c.nwk
	}
	return zigbee.NWKUnknown
}

// unicast takes a frame to the parent of a node, or finds that there is no way.
func (d *Dongle) unicast(nwk zigbee.NWK, options uint8, f *frame, done func(uint8)) {
	l := d.h.byNWK[nwk]
	_, c := d.byNWK(nwk)
	direct := c != nil && c.relation == 1
	f.done = done
	if done == nil { // a ZDO request: nobody is told of its fate
		done = func(uint8) {}
	}
	switch {
	case l != nil && d.hears(l) && (direct || l.net.viaRouter):
		d.air(l, f)
	case direct: // a child that went away: its parent does not know
		d.later(parentBuffer, func() { done(macExpired) })
	case options&afSuppressRoutes != 0:
		d.later(5*time.Millisecond, func() { done(nwkNoRoute) })
	default:
		d.later(1500*time.Millisecond, func() { done(nwkNoRoute) })
	}
}

// hears tells whether a lock belongs to this network, asleep or not.
func (d *Dongle) hears(l *Lock) bool {
	return l.net.joined && l.net.epid == d.epid && l.net.coordinator == d.nv.ieee()
}

func (d *Dongle) air(l *Lock, f *frame) {
	f.counter, f.epid, f.key = d.nextCounter(), d.epid, d.key
	d.h.downlink(l, f)
}

// receive takes a frame from a lock. False: the dongle does not hear it, so that it is not acknowledged.
func (d *Dongle) receive(l *Lock, f *frame) bool {
	if !d.up() || f.epid != d.epid || f.key != d.key {
		return false
	}
	if d.assoc[l.id] == nil {
		// It has the network's key but no entry here, as after a restore on another dongle: it will find a parent again.
		if l.rejoining == nil || l.rejoining.index < 0 {
			l.rejoining = d.h.after(500*time.Millisecond, l.rejoin)
		}
		return false
	}
	if f.profile == 0 {
		d.zdoIncoming(l, f)
		return true
	}
	d.incoming(l.net.nwk, f)
	return true
}

// incoming tells the client of an APS message, if its endpoint is registered.
func (d *Dongle) incoming(src zigbee.NWK, f *frame) {
	if _, ok := d.endpoints[f.dst]; !ok && f.dst != 0xFF {
		return
	}
	dst := f.dst
	if dst == 0xFF {
		dst = 1
	}
	lqi := byte(110 + d.h.rng.UintN(60))
	stamp := uint32(time.Now().UnixMilli())
	if len(f.payload) >= hugeAt {
		if len(d.huge) >= 8 {
			clear(d.huge)
		}
		if d.huge == nil {
			d.huge = map[uint32][]byte{}
		}
		d.huge[stamp] = slices.Clone(f.payload)
		b := append(put16(put16(nil, 0), f.cluster), 2)
		b = zigbee.EUI64(src).AppendLE(b)
		b = append(put16(append(b, f.src), d.pan), dst, 0, lqi, 0)
		b = append(put32(b, stamp), 0)
		d.send(areq|subAF, 0x82, put16(b, uint16(len(f.payload))))
		return
	}
	b := put16(put16(put16(nil, 0), f.cluster), uint16(src))
	b = append(b, f.src, dst, 0, lqi, 0)
	b = append(put32(b, stamp), 0, byte(len(f.payload)))
	b = append(b, f.payload...)
	d.send(areq|subAF, 0x81, append(put16(b, uint16(src)), 29))
}

// FailNext makes the next n data requests end with a status of AF_DATA_CONFIRM, without going on air.
func (d *Dongle) FailNext(n int, status uint8) {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	d.failNext.n, d.failNext.status = n, status
}

// RefuseNext makes the dongle refuse the next n data requests for lack of memory, in the synchronous reply.
func (d *Dongle) RefuseNext(n int) {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	d.refuseMemory = n
}
