package lockfw

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/latchkeyd/latchkey/zigbee"
)

// Items of the non-volatile memory (Z-Stack ZComDef.h).
const (
	nvExtAddr       = 0x0001
	nvStartupOption = 0x0003
	nvNIB           = 0x0021
	nvExtendedPAN   = 0x002D
	nvActiveKey     = 0x003A
	nvAlternateKey  = 0x003B
	nvUseExtPAN     = 0x0047
	nvLinkKeyTable  = 0x004C
	nvConfigured    = 0x0060
	nvPreKey        = 0x0062
	nvPreKeyOn      = 0x0063
	nvNWKKey        = 0x0082
	nvPANID         = 0x0083
	nvChannels      = 0x0084
	nvLogicalType   = 0x0087
	nvDirectCB      = 0x008F
	nvTCLKSeed      = 0x0101

	exLegacy         = 0 // the OSAL items
	exAddressManager = 1
	exTCLK           = 4
	exLinkKeyData    = 6
	exSecMaterial    = 7
)

const nibLength = 116 // aligned, as on ARM

type exKey struct {
	sys       uint8
	item, sub uint16
}

// nvMemory is the dongle's flash: items of the OSAL and of the extended kind, packed as on an ARM part (16-bit alignment).
type nvMemory struct {
	hardware zigbee.EUI64 // the address that the part was made with
	items    map[uint16][]byte
	ex       map[exKey][]byte
}

func newNV(hardware zigbee.EUI64, rng *rand.Rand) nvMemory {
	nv := nvMemory{hardware: hardware, items: map[uint16][]byte{}, ex: map[exKey][]byte{}}
	nv.initItems(true, rng)
	return nv
}

func (nv *nvMemory) clearNetwork() {
	for _, id := range []uint16{nvNIB, nvActiveKey, nvAlternateKey, nvNWKKey, nvLinkKeyTable} {
		delete(nv.items, id)
	}
	nv.setOnANetwork(false)
	for k := range nv.ex {
		// The frame counters stay: a counter that repeats under one key would lay the network open.
		if k.item != exSecMaterial {
			delete(nv.ex, k)
		}
	}
	nv.initTables()
}

// initTables makes the tables of keys and nodes where they are missing.
func (nv *nvMemory) initTables() {
	for id, length := range map[uint16]int{nvActiveKey: 17, nvAlternateKey: 17, nvNWKKey: 24, nvLinkKeyTable: 2 + 60*6} {
		if nv.items[id] == nil {
			nv.items[id] = make([]byte, length)
		}
	}
	fill := func(item uint16, rows int, empty func() []byte) {
		for i := range uint16(rows) {
			if k := (exKey{1, item, i}); nv.ex[k] == nil {
				nv.ex[k] = empty()
			}
		}
	}
	fill(exAddressManager, tableSize, emptyAddress)
	fill(exTCLK, tableSize, func() []byte { return make([]byte, 20) })
	fill(exLinkKeyData, 8, func() []byte { return make([]byte, 24) })
	fill(exSecMaterial, 12, func() []byte { return make([]byte, 12) })
}

// tableSize is the capacity of the address manager and link key tables as built; they grow when a network outgrows them.
const tableSize = 40

// emptyAddress is an entry that nobody uses: hosts expect its flags set, too, on this firmware.
func emptyAddress() []byte { return slices.Repeat([]byte{0xFF}, 12) }

// obeyStartupOption clears what item 0x0003 asks for: bit 0 the configuration, bit 1 the network.
func (nv *nvMemory) obeyStartupOption(rng *rand.Rand) {
	var o byte
	if b := nv.items[nvStartupOption]; len(b) > 0 {
		o, b[0] = b[0], 0
	}
	nv.initItems(o&1 != 0, rng)
	if o&2 != 0 {
		nv.clearNetwork()
		delete(nv.items, nvConfigured)
	}
}

type nib struct {
	pan     uint16
	epid    zigbee.EUI64
	channel uint8
}

func (nv *nvMemory) readNIB() (nib, bool) {
	b := nv.items[nvNIB]
	if len(b) != nibLength {
		return nib{}, false
	}
	n := nib{pan: binary.LittleEndian.Uint16(b[36:]), epid: zigbee.EUI64FromLE(b[57:]), channel: b[24]}
	return n, n.channel != 0 && n.pan != 0xFFFF
}

func (nv *nvMemory) writeNIB(n nib) {
	b := make([]byte, nibLength)
	copy(b, []byte{7, 5, 2, 50, 15, 50, 0, 30, 0, 2, 0, 0, 5, 1, 0x8F})
	b[16], b[18], b[19], b[20] = 7, 2, 13, 30
	b[24] = n.channel
	copy(b[28:], nv.ieee().AppendLE(nil))
	binary.LittleEndian.PutUint16(b[36:], n.pan)
	b[38] = 8
	binary.LittleEndian.PutUint32(b[40:], 1<<n.channel)
	b[44], b[45] = 15, 15
	copy(b[57:], n.epid.AppendLE(nil))
	b[65] = 1
	b[102], b[103], b[105], b[107] = 60, 3, 1, 10
	nv.items[nvNIB] = b
}

// moveNIB writes another channel into the NIB, and counts the change.
func (nv *nvMemory) moveNIB(channel uint8) {
	if b := nv.items[nvNIB]; len(b) == nibLength {
		b[24] = channel
		binary.LittleEndian.PutUint32(b[40:], 1<<channel)
		b[114]++ // nwkUpdateId
	}
}

func (nv *nvMemory) activeKey() (k [16]byte) {
	if b := nv.items[nvActiveKey]; len(b) >= 17 {
		copy(k[:], b[1:])
	}
	return k
}

func (nv *nvMemory) setKey(k [16]byte) {
	desc := append([]byte{0}, k[:]...)
	nv.items[nvActiveKey] = slices.Clone(desc)
	nv.items[nvAlternateKey] = slices.Clone(desc)
	b := make([]byte, 24)
	copy(b, desc)
	nv.items[nvNWKKey] = b
}

func (nv *nvMemory) frameCounter() uint32 {
	var most uint32
	for k, b := range nv.ex {
		if k.item == exSecMaterial && len(b) >= 12 {
			most = max(most, binary.LittleEndian.Uint32(b))
		}
	}
	return most
}

func (nv *nvMemory) setFrameCounter(epid zigbee.EUI64, c uint32) {
	if c < nv.frameCounter() {
		return
	}
	nv.ex[exKey{1, exSecMaterial, 0}] = epid.AppendLE(put32(nil, c))
	nv.ex[exKey{1, exSecMaterial, 11}] = zigbee.EUI64(0xFFFFFFFFFFFFFFFF).AppendLE(put32(nil, c))
	if b := nv.items[nvNWKKey]; len(b) == 24 {
		binary.LittleEndian.PutUint32(b[20:], c)
	}
}

// children reads the address manager's table: user, pad, nwk, IEEE address.
func (nv *nvMemory) children() map[zigbee.EUI64]*child {
	m := map[zigbee.EUI64]*child{}
	for i := 0; ; i++ {
		b, ok := nv.ex[exKey{1, exAddressManager, uint16(i)}]
		if !ok || i > 0xFFFE {
			return m
		}
		id := zigbee.EUI64(0)
		if len(b) == 12 {
			id = zigbee.EUI64FromLE(b[4:])
		}
		if id == 0 || id == 0xFFFFFFFFFFFFFFFF || b[0] == 0 || b[0] == 0xFF {
			continue
		}
		c := &child{nwk: zigbee.NWK(binary.LittleEndian.Uint16(b[2:])), relation: 0xFF, index: i}
		if b[0]&1 != 0 {
			c.relation = 1
		}
		m[id] = c
	}
}

// setChild writes an address manager entry and a trust-centre link key entry, growing both tables where needed.
func (nv *nvMemory) setChild(id zigbee.EUI64, c *child) {
	if c.index < 0 {
		for c.index = 0; ; c.index++ {
			b, ok := nv.ex[exKey{1, exAddressManager, uint16(c.index)}]
			if !ok || len(b) != 12 || b[0] == 0 || b[0] == 0xFF {
				break
			}
		}
	}
	user := byte(2)
	if c.relation == 1 {
		user = 3
	}
	nv.ex[exKey{1, exAddressManager, uint16(c.index)}] = id.AppendLE(put16([]byte{user, 0xFF}, uint16(c.nwk)))
	tclk := id.AppendLE(put32(put32(nil, 0), 0))
	nv.ex[exKey{1, exTCLK, uint16(c.index)}] = append(tclk, 2, 0, byte(c.index%16), 0)
}

func (nv *nvMemory) dropChild(index int) {
	nv.ex[exKey{1, exAddressManager, uint16(index)}] = emptyAddress()
	nv.ex[exKey{1, exTCLK, uint16(index)}] = make([]byte, 20)
}
