package lockfw

import (
	"math/bits"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// zdoData sends what a client wrote to endpoint 0 of a node: a ZDO frame as the Zigbee specification has it (2.4.2.8), sequence number first. The answer comes
// with that number. The dongle does not confirm such frames, and does not hear its own broadcasts.
func (d *Dongle) zdoData(q request, dst zigbee.NWK) {
	if len(q.data) == 0 {
		return
	}
	seq, body := q.data[0], q.data[1:]
	if dst == zigbee.NWKUnknown {
		return
	}
	if dst < zigbee.BroadcastRouter {
		d.zdoSend(dst, q.cluster, seq, body)
		return
	}
	if q.cluster == 0x0000 && len(body) >= 10 { // NWK_addr_req: nobody but the coordinator knows the locks
		id := zigbee.EUI64FromLE(body)
		d.findNWK(id, seq)
		return
	}
	for _, l := range d.h.locks {
		if d.hears(l) && (l.b.Router || dst == zigbee.BroadcastAll) {
			d.air(l, &frame{cluster: q.cluster, payload: slices.Clone(q.data), broadcast: true})
		}
	}
}

// zdoSend sends a request over the air, or answers it when it is for the coordinator itself.
func (d *Dongle) zdoSend(dst zigbee.NWK, cluster uint16, seq uint8, body []byte) {
	if dst != zigbee.Coordinator {
		d.unicast(dst, 0, &frame{cluster: cluster, payload: append([]byte{seq}, body...)}, nil)
		return
	}
	switch {
	case cluster&0x8000 != 0:
		return
	case cluster == 0x0036 && len(body) >= 2:
		d.permitJoin(2, zigbee.Coordinator, body[0], seq)
		return
	case cluster == 0x0038 && zdoLengthOK(cluster, len(body)):
		d.nwkUpdate(&reader{b: body}, seq)
		return
	}
	reply := []byte{0x80}
	if zdoLengthOK(cluster, len(body)) {
		reply = d.ownZDO(cluster, body)
	}
	d.later(time.Millisecond, func() { d.zdoIndicate(dst, cluster|0x8000, seq, reply) })
}

// channelMask are the channels of the 2.4 GHz band.
const channelMask = 0x07FFF800

// broadcastTime is how long a network waits after an announced change, until all have heard of it (nwkNetworkBroadcastDeliveryTime).
const broadcastTime = 3 * time.Second

// nwkUpdate is Mgmt_NWK_Update_req to the coordinator (Zigbee specification 2.4.3.3.9): an energy scan, or the move to another channel.
func (d *Dongle) nwkUpdate(r *reader, seq uint8) {
	mask, duration, count := r.u32()&channelMask, r.u8(), uint8(1)
	if len(r.b) > 0 {
		count = r.u8()
	}
	switch {
	case duration == 0xFE:
		if bits.OnesCount32(mask) == 1 {
			d.later(broadcastTime, func() { d.changeChannel(uint8(bits.TrailingZeros32(mask))) })
		}
		return // nobody answers this
	case duration == 0xFF:
		return // another set of channels, or another network manager: neither matters here
	case duration > 5 || count == 0 || count > 8 || mask == 0:
		d.later(time.Millisecond, func() { d.nwkUpdateNotify(seq, 0x80, 0, nil) })
		return
	}
	channels := bits.OnesCount32(mask)
	each := time.Duration(channels) * (1<<duration + 1) * 15360 * time.Microsecond
	for i := range int(count) {
		d.later(time.Duration(i+1)*each, func() {
			energy := make([]byte, channels)
			for i := range energy {
				energy[i] = byte(20 + d.h.rng.UintN(60)) // a quiet flat
			}
			d.nwkUpdateNotify(seq, 0, mask, energy)
		})
	}
}

func (d *Dongle) nwkUpdateNotify(seq, status uint8, mask uint32, energy []byte) {
	b := put16(put16(put32([]byte{status}, mask), 0), 0) // transmissions, failures
	d.zdoIndicate(zigbee.Coordinator, 0x8038, seq, putOctets(b, energy))
}

// changeChannel moves the network. The locks find it again: where they look is not part of this world.
func (d *Dongle) changeChannel(channel uint8) {
	if d.state != devCoordinator || channel == d.channel {
		return
	}
	d.channel = channel
	d.nv.moveNIB(channel)
}

// discover is ZDO_NETWORK_DISCOVERY_REQ: there are no other networks in this air.
func (d *Dongle) discover(r *reader) (out []byte, then func()) {
	mask, duration := r.u32()&channelMask, r.u8()
	if d.state != devHold || duration > 14 {
		return []byte{nwkInvalidReq}, nil
	}
	wait := time.Duration(bits.OnesCount32(mask)) * (1<<duration + 1) * 15360 * time.Microsecond
	return []byte{0}, func() { d.later(wait, func() { d.send(areq|subZDO, 0xC7, []byte{0}) }) }
}
