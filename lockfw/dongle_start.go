package lockfw

import (
	"math/bits"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// appCnf serves the commissioning commands of Z-Stack 3.
func (d *Dongle) appCnf(cmd byte, r *reader) (out []byte, then func(), known bool) {
	switch cmd {
	case 0x04: // BDB_ADD_INSTALLCODE
		format, id := r.u8(), r.eui64()
		code := slices.Clone(r.take(len(r.b)))
		if r.short || (format != 1 || len(code) != 18) && (format != 2 || len(code) != 16) {
			return []byte{1}, nil, true
		}
		if len(d.codes) < 64 {
			d.codes[id] = code
		}
		return []byte{0}, nil, true
	case 0x05: // BDB_START_COMMISSIONING
		mode := r.u8()
		if mode&0x04 == 0 {
			return []byte{0}, nil, true
		}
		return []byte{0}, d.startUp, true
	case 0x06: // SET_JOINUSESINSTALLCODEKEY
		d.needCode = r.u8() != 0
		return []byte{0}, nil, true
	case 0x08: // BDB_SET_CHANNEL
		primary, mask := r.u8(), r.u32()
		if primary == 1 {
			d.channels = mask
		}
		return []byte{0}, nil, true
	case 0x09: // BDB_SET_TC_REQUIRE_KEY_EXCHANGE
		r.u8()
		return []byte{0}, nil, true
	case 0xFF: // SET_NWK_FRAME_COUNTER
		if c := r.u32(); !r.short && c > d.counter {
			d.counter = c
			d.saveCounter(0)
		}
		return []byte{0}, nil, true
	}
	return nil, nil, false
}

// bdbFormationFailure is how BDB_COMMISSIONING_NOTIFICATION tells that no new network was formed.
const bdbFormationFailure = 0x08

// startUp brings the network up: the one in the NIB, or a new one as the configuration items say.
func (d *Dongle) startUp() {
	if d.state == devCoordinator {
		d.later(10*time.Millisecond, func() { d.send(areq|subZDO, 0xC0, []byte{devCoordinator}) })
		return
	}
	_, restored := d.nv.readNIB()
	wait := 300 * time.Millisecond
	if !restored {
		wait = 1500 * time.Millisecond // energy scan
	}
	d.later(100*time.Millisecond, func() {
		d.state = devStarting
		d.send(areq|subZDO, 0xC0, []byte{devStarting})
	})
	d.later(wait, func() {
		if !d.load() {
			d.form()
			d.load()
		}
		d.state = devCoordinator
		d.nv.setOnANetwork(true)
		d.send(areq|subZDO, 0xC0, []byte{devCoordinator})
		status := byte(0)
		if restored {
			status = bdbFormationFailure // there was one to begin with
		}
		d.send(areq|subAPPCNF, 0x80, []byte{status, 2, 0})
		for _, l := range d.h.locks {
			l.schedulePoll()
		}
	})
}

func (d *Dongle) form() {
	n := nib{pan: uint16(d.h.rng.UintN(0xFFFE)), epid: d.nv.ieee()}
	if b := d.nv.items[nvPANID]; len(b) == 2 {
		if pan := uint16(b[0]) | uint16(b[1])<<8; pan != 0xFFFF {
			n.pan = pan
		}
	}
	for _, item := range []uint16{nvExtendedPAN, nvUseExtPAN} {
		if b := d.nv.items[item]; len(b) == 8 {
			if id := zigbee.EUI64FromLE(b); id != 0 && id != 0xFFFFFFFFFFFFFFFF {
				n.epid = id
			}
		}
	}
	mask := d.channels
	if b := d.nv.items[nvChannels]; mask == 0 && len(b) == 4 {
		mask = (&reader{b: b}).u32()
	}
	mask &= 0x07FFF800
	if mask == 0 {
		mask = 1 << 11
	}
	for range d.h.rng.UintN(uint(bits.OnesCount32(mask))) {
		mask &= mask - 1
	}
	n.channel = uint8(bits.TrailingZeros32(mask))
	var key [16]byte
	copy(key[:], d.nv.items[nvPreKey])
	d.nv.setKey(key)
	d.nv.writeNIB(n)
}

// forget removes a node from all tables.
func (d *Dongle) forget(id zigbee.EUI64) {
	if c := d.assoc[id]; c != nil {
		d.nv.dropChild(c.index)
		delete(d.assoc, id)
	}
}
