package lockfw

import (
	"slices"
	"time"
)

// zdo answers a request to the lock's device object (Zigbee specification 2.4).
func (l *Lock) zdo(f *frame) {
	r := &reader{b: f.payload}
	seq := r.u8()
	own := put16([]byte{0}, uint16(l.net.nwk))
	var out []byte
	switch f.cluster {
	case 0x0000:
		if r.eui64() != l.id {
			return
		}
		out = put16(l.id.AppendLE([]byte{0}), uint16(l.net.nwk))
	case 0x0001:
		out = put16(l.id.AppendLE([]byte{0}), uint16(l.net.nwk))
	case 0x0002:
		r.u16()
		kind, capability := byte(0x02), byte(0x80)
		switch {
		case l.b.Router:
			kind, capability = 0x01, 0x8E
		case l.b.LiesMains:
			capability = 0x8C
		}
		out = append(own, kind, 0x40, capability)
		out = append(put16(out, uint16(l.f.MfrCode)), 0x52, 0x52, 0x00, 0x00, 0x2C, 0x52, 0x00, 0x00)
	case 0x0003:
		out = append(own, 0x10, 0xC4)
		if l.b.LiesMains || l.b.Router {
			out[len(out)-1] = 0xC1
		}
	case 0x0004:
		r.u16()
		out = l.simpleDescriptor(own, r.u8())
	case 0x0005:
		out = putOctets(own, append([]byte{l.f.Endpoint}, l.f.More...))
	case 0x0006:
		r.u16()
		profile := r.u16()
		in := r.list16()
		var match []byte
		if profile == profileHA && slices.ContainsFunc(in, l.hasCluster) {
			match = []byte{l.f.Endpoint}
		}
		out = putOctets(own, match)
	case 0x0021, 0x0022:
		out = l.bindRequest(f.cluster, r)
	case 0x0033:
		out = l.bindTable(r.u8())
	case 0x0034:
		id, flags := r.eui64(), r.u8()
		if id != l.id && id != 0 {
			out = []byte{0x80}
			break
		}
		if !r.short {
			l.h.after(50*time.Millisecond, func() { l.leave(flags&0x80 != 0, false) })
		}
		out = []byte{0}
	case 0x0036:
		if out = []byte{0x84}; l.b.Router {
			l.permits, out[0] = time.Now().Add(l.h.scale(time.Duration(r.u8())*time.Second)), 0
		}
	case 0x0031, 0x0032:
		out = []byte{0x84}
	default:
		if f.cluster&0x8000 != 0 || f.broadcast {
			return
		}
		out = []byte{0x84}
	}
	if r.short {
		out = []byte{0x80}
	}
	if f.broadcast && f.cluster >= 0x0030 {
		return // management is not answered to all
	}
	l.transmit(&frame{cluster: f.cluster | 0x8000, payload: append([]byte{seq}, out...), ack: true})
}

func (l *Lock) simpleDescriptor(own []byte, ep uint8) []byte {
	switch {
	case ep == l.f.Endpoint:
		var in, out []uint16
		for _, c := range l.f.In {
			if c != cPower || !l.b.LiesNoPower {
				in = append(in, uint16(c))
			}
		}
		for _, c := range l.f.Out {
			out = append(out, uint16(c))
		}
		return append(own, simple(ep, profileHA, uint16(l.f.DeviceType), in, out)...)
	case slices.Contains(l.f.More, ep):
		return append(own, simple(ep, profileHA, uint16(l.f.DeviceType), []uint16{cPower}, nil)...)
	case ep == 0 || ep > 254:
		return append([]byte{0x82}, append(own[1:], 0)...)
	}
	return append([]byte{0x83}, append(own[1:], 0)...)
}

// bindSlots is how many entries the binding table has.
const bindSlots = 16

func (l *Lock) bindRequest(cluster uint16, r *reader) []byte {
	src, ep, c, mode := r.eui64(), r.u8(), r.u16(), r.u8()
	if mode != 3 {
		return []byte{0x84}
	}
	b := binding{cluster: c, src: ep, dst: r.eui64(), dstEP: r.u8()}
	switch {
	case r.short || src != l.id:
		return []byte{0x80}
	case ep != l.f.Endpoint && !slices.Contains(l.f.More, ep):
		return []byte{0x82}
	case cluster == 0x0021 && slices.Contains(l.binds, b):
		return []byte{0}
	case cluster == 0x0021 && len(l.binds) >= bindSlots:
		return []byte{0x8C}
	case cluster == 0x0021:
		l.binds = append(l.binds, b)
		l.armCheckIn()
	case !slices.Contains(l.binds, b):
		return []byte{0x88}
	default:
		l.binds = slices.DeleteFunc(l.binds, func(x binding) bool { return x == b })
	}
	return []byte{0}
}

func (l *Lock) bindTable(start uint8) []byte {
	from := min(int(start), len(l.binds))
	part := l.binds[from:min(len(l.binds), from+3)]
	out := []byte{0, byte(len(l.binds)), start, byte(len(part))}
	for _, b := range part {
		out = append(put16(append(l.id.AppendLE(out), b.src), b.cluster), 3)
		out = append(b.dst.AppendLE(out), b.dstEP)
	}
	return out
}

// Binds lists what the lock has bound to the coordinator, by cluster.
func (l *Lock) Binds() []uint16 {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	var c []uint16
	for _, b := range l.binds {
		c = append(c, b.cluster)
	}
	slices.Sort(c)
	return c
}

// Reports lists the attributes of a cluster for which reporting is set.
func (l *Lock) Reports(cluster uint16) []uint16 {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	var a []uint16
	for _, r := range l.reports {
		if r.cluster == cluster {
			a = append(a, r.attr)
		}
	}
	slices.Sort(a)
	return a
}
