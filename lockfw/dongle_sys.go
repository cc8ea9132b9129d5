package lockfw

import (
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// Statuses of the NV commands (MT API section 3.8).
const (
	nvOK        = 0x00
	nvBadParam  = 0x02
	nvCreated   = 0x09
	nvFailed    = 0x0A
	nvBadLength = 0x0C
)

// nvRoom bounds the items a client may create, as flash does.
const nvRoom = 4096

// zigbeeEpoch is 2000-01-01 UTC, from which Zigbee counts seconds.
var zigbeeEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (d *Dongle) sys(cmd byte, r *reader) (out []byte, known bool) {
	switch cmd {
	case 0x01: // PING
		return put16(nil, 0x0659), true
	case 0x02: // VERSION
		return put32([]byte{2, d.product, 2, 7, 1}, d.revision), true
	case 0x03: // SET_EXTADDR
		if id := r.eui64(); !r.short {
			d.nv.items[nvExtAddr] = id.AppendLE(nil)
		}
		return []byte{0}, true
	case 0x04: // GET_EXTADDR
		return d.nv.ieee().AppendLE(nil), true
	case 0x0A, 0x0B: // OSAL timers: accepted, never used
		return []byte{0}, true
	case 0x0C: // RANDOM
		return put16(nil, uint16(d.h.rng.Uint32())), true
	case 0x0F: // STACK_TUNE
		r.u8()
		return []byte{r.u8()}, true
	case 0x10: // SET_TIME
		r.take(11)
		return []byte{0}, true
	case 0x11: // GET_TIME
		t := time.Now().UTC()
		out = put32(nil, uint32(t.Sub(zigbeeEpoch)/time.Second))
		out = append(out, byte(t.Hour()), byte(t.Minute()), byte(t.Second()), byte(t.Month()), byte(t.Day()))
		return put16(out, uint16(t.Year())), true
	case 0x14: // SET_TX_POWER: a status on this firmware; older ones told the power
		r.u8()
		return []byte{0}, true
	}
	if cmd >= 0x30 {
		return d.nvExtended(cmd, r)
	}
	return d.nvItem(cmd, r)
}

// nvItem serves the OSAL NV commands, items by 16-bit id.
func (d *Dongle) nvItem(cmd byte, r *reader) (out []byte, known bool) {
	id := r.u16()
	item, exists := d.nv.items[id]
	if b := d.nv.items[nvPollRates]; id == nvOldPollRate && len(b) >= 2 && (cmd == 0x08 || cmd == 0x1C || cmd == 0x09 || cmd == 0x1D) {
		item, exists = b[:2], true
	}
	switch cmd {
	case 0x07: // ITEM_INIT
		length, value := int(r.u16()), r.octets()
		switch {
		case r.short:
			return nil, true
		case exists:
			return []byte{nvOK}, true
		case length == 0 || length > nvRoom || len(value) > length || d.nv.full():
			return []byte{nvFailed}, true
		}
		item = slices.Repeat([]byte{0xFF}, length)
		copy(item, value)
		d.nv.items[id] = item
		return []byte{nvCreated}, true
	case 0x08, 0x1C: // READ, READ_EXT
		var offset int
		limit := 246 // what fits in a reply; READ_EXT has the same room
		if cmd == 0x08 {
			offset = int(r.u8())
		} else {
			offset = int(r.u16())
		}
		if !exists || offset >= len(item) {
			return []byte{nvBadParam, 0}, true
		}
		part := item[offset:min(len(item), offset+limit)]
		return append([]byte{nvOK, byte(len(part))}, part...), true
	case 0x09: // WRITE
		return []byte{d.nvWrite(item, exists, int(r.u8()), r.octets())}, true
	case 0x1D: // WRITE_EXT
		offset, length := int(r.u16()), int(r.u16())
		return []byte{d.nvWrite(item, exists, offset, r.take(length))}, true
	case 0x12: // DELETE
		length := int(r.u16())
		switch {
		case !exists:
			return []byte{nvCreated}, true
		case length != len(item):
			return []byte{nvBadLength}, true
		}
		if !r.short {
			delete(d.nv.items, id)
		}
		return []byte{nvOK}, true
	case 0x13: // LENGTH
		return put16(nil, uint16(len(item))), true
	}
	return nil, false
}

func (d *Dongle) nvWrite(item []byte, exists bool, offset int, value []byte) byte {
	if !exists || offset+len(value) > len(item) {
		return nvBadParam
	}
	copy(item[offset:], value)
	return nvOK
}

// nvExtended serves the commands of the newer NV driver, items by system, item and sub id.
func (d *Dongle) nvExtended(cmd byte, r *reader) (out []byte, known bool) {
	if cmd == 0x36 { // COMPACT
		r.u16()
		return []byte{0}, true
	}
	k := exKey{r.u8(), r.u16(), r.u16()}
	if k.item == exSecMaterial && d.up() {
		d.saveCounter(0)
	}
	item, exists := d.nv.get(k)
	switch cmd {
	case 0x30: // CREATE
		length := r.u32()
		switch {
		case r.short:
			return nil, true
		case exists:
			return []byte{nvFailed}, true
		case length == 0 || length > 255 || d.nv.full():
			return []byte{nvBadParam}, true
		}
		d.nv.put(k, slices.Repeat([]byte{0xFF}, int(length)))
		return []byte{nvOK}, true
	case 0x31: // DELETE
		if !exists {
			return []byte{nvFailed}, true
		}
		d.nv.remove(k)
		return []byte{nvOK}, true
	case 0x32: // LENGTH
		return put32(nil, uint32(len(item))), true // as the parts answer; some hosts read the first octet only
	case 0x33: // READ
		return nvRead(item, exists, r), true
	case 0x34: // WRITE
		offset, value := int(r.u16()), r.octets()
		return []byte{d.nvWrite(item, exists, offset, value)}, true
	case 0x35: // UPDATE
		value := r.octets()
		if r.short || !exists && d.nv.full() {
			return []byte{nvFailed}, true
		}
		d.nv.put(k, slices.Clone(value))
		return []byte{nvOK}, true
	}
	return nil, false
}

// nvRead reads a part of an item, as much of it as one answer holds.
func nvRead(item []byte, exists bool, r *reader) []byte {
	offset, length := int(r.u16()), int(r.u8())
	if !exists || offset+length > len(item) || length > 246 {
		return []byte{nvBadParam, 0}
	}
	return append([]byte{nvOK, byte(length)}, item[offset:offset+length]...)
}

func (d *Dongle) util(cmd byte, r *reader) (out []byte, known bool) {
	switch cmd {
	case 0x00: // GET_DEVICE_INFO
		nwk := zigbee.NWKUnknown
		var children []uint16
		if d.up() {
			nwk = zigbee.Coordinator
			for _, c := range d.assoc {
				if c.relation == 1 && len(children) < 100 {
					children = append(children, uint16(c.nwk))
				}
			}
			slices.Sort(children)
		}
		out = d.nv.ieee().AppendLE([]byte{0})
		out = append(put16(out, uint16(nwk)), 7, d.state, byte(len(children)))
		for _, c := range children {
			out = put16(out, c)
		}
		return out, true
	case 0x01: // GET_NV_INFO
		out = d.nv.ieee().AppendLE([]byte{0})
		out = append(out, d.nv.items[nvChannels]...)
		out = append(out, d.nv.items[nvPANID]...)
		return append(append(out, 5), d.nv.items[nvPreKey]...), true
	case 0x06: // CALLBACK_SUB_CMD
		r.take(3)
		return []byte{0}, true
	case 0x09: // TIME_ALIVE
		return put32(nil, 1), true
	case 0x0A: // LED_CONTROL
		r.take(2)
		return []byte{0}, true
	case 0x10: // LOOPBACK
		return slices.Clone(r.take(len(r.b))), true
	case 0x40: // ADDRMGR_EXT_ADDR_LOOKUP
		nwk := zigbee.NWKUnknown
		if c := d.assoc[r.eui64()]; c != nil {
			nwk = c.nwk
		}
		return put16(nil, uint16(nwk)), true
	case 0x41: // ADDRMGR_NWK_ADDR_LOOKUP
		id, _ := d.byNWK(zigbee.NWK(r.u16()))
		return id.AppendLE(nil), true
	case 0x48: // ASSOC_COUNT
		r.take(2)
		return put16(nil, uint16(len(d.sleepers()))), true
	case 0x49: // ASSOC_FIND_DEVICE
		n, all := int(r.u8()), d.sleepers()
		if n >= len(all) {
			return associated(nil), true
		}
		return associated(all[n]), true
	case 0x4A: // ASSOC_GET_WITH_ADDRESS
		id, nwk := r.eui64(), zigbee.NWK(r.u16())
		c := d.assoc[id]
		if c == nil {
			_, c = d.byNWK(nwk)
		}
		if c == nil || c.relation == 0xFF {
			c = nil
		}
		return associated(c), true
	case 0x63: // ASSOC_REMOVE
		c := d.assoc[r.eui64()]
		if c == nil || c.relation == 0xFF {
			return []byte{1}, true
		}
		c.relation = 0xFF
		return []byte{0}, true
	case 0x64: // ASSOC_ADD
		id, nwk, relation := r.eui64(), zigbee.NWK(r.u16()), r.u8()
		if r.short {
			return nil, true
		}
		c := d.assoc[id]
		if c == nil {
			return []byte{1}, true
		}
		c.nwk, c.relation = nwk, relation
		d.nv.setChild(id, c)
		return []byte{0}, true
	}
	return nil, false
}

func (d *Dongle) byNWK(nwk zigbee.NWK) (zigbee.EUI64, *child) {
	for id, c := range d.assoc {
		if c.nwk == nwk {
			return id, c
		}
	}
	return 0, nil
}

// sleepers are the dongle's children, in the order of its table.
func (d *Dongle) sleepers() []*child {
	var all []*child
	for _, c := range d.assoc {
		if c.relation == 1 {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *child) int { return a.index - b.index })
	return all
}

// associated is a child as the part has it in memory: associated_devices_t of Z-Stack's AssocList.h on ARM, which the firmware sends as it stands; clients
// tell the part's alignment from its length. Where there is no such child, real firmware sends what it finds at address 0.
func associated(c *child) []byte {
	const length = 36
	if c == nil {
		return slices.Repeat([]byte{0xFF}, length)
	}
	out := put16(put16(make([]byte, 0, length), uint16(c.nwk)), uint16(c.index))
	return append(out, c.relation, 0x01)[:length] // nodeRelation; devStatus: in the table
}
