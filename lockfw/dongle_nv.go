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
	items map[uint16][]byte
	ex    map[exKey][]byte
}

func newNV(ieee zigbee.EUI64, rng *rand.Rand) nvMemory {
	nv := nvMemory{items: map[uint16][]byte{nvExtAddr: ieee.AppendLE(nil)}, ex: map[exKey][]byte{}}
	seed := make([]byte, 16)
	for i := range seed {
		seed[i] = byte(rng.Uint32())
	}
	nv.items[nvTCLKSeed] = seed
	nv.items[nvStartupOption] = []byte{0}
	nv.clearConfig()
	nv.clearNetwork()
	return nv
}

func (nv nvMemory) ieee() zigbee.EUI64 { return zigbee.EUI64FromLE(nv.items[nvExtAddr]) }

func (nv nvMemory) clearConfig() {
	nv.items[nvPANID] = []byte{0xFF, 0xFF}
	nv.items[nvChannels] = []byte{0, 8, 0, 0}
	nv.items[nvExtendedPAN] = make([]byte, 8)
	nv.items[nvUseExtPAN] = make([]byte, 8)
	nv.items[nvLogicalType] = []byte{0}
	nv.items[nvDirectCB] = []byte{0}
	nv.items[nvPreKey] = []byte{1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 13}
	nv.items[nvPreKeyOn] = []byte{1}
}

func (nv nvMemory) clearNetwork() {
	delete(nv.items, nvNIB)
	nv.items[nvActiveKey] = make([]byte, 17)
	nv.items[nvAlternateKey] = make([]byte, 17)
	nv.items[nvNWKKey] = make([]byte, 24)
	nv.items[nvLinkKeyTable] = make([]byte, 2+60*6)
	for k := range nv.ex {
		// The frame counters stay: a counter that repeats under one key would lay the network open.
		if k.item != exSecMaterial {
			delete(nv.ex, k)
		}
	}
	for i := range uint16(tableSize) {
		nv.ex[exKey{1, exAddressManager, i}] = emptyAddress()
		nv.ex[exKey{1, exTCLK, i}] = make([]byte, 20)
	}
	for i := range uint16(8) {
		nv.ex[exKey{1, exLinkKeyData, i}] = make([]byte, 24)
	}
	for i := range uint16(12) {
		if k := (exKey{1, exSecMaterial, i}); nv.ex[k] == nil {
			nv.ex[k] = make([]byte, 12)
		}
	}
}

// tableSize is the capacity of the address manager and link key tables as built; they grow when a network outgrows them.
const tableSize = 40

func emptyAddress() []byte {
	b := slices.Repeat([]byte{0xFF}, 12)
	b[0] = 0
	return b
}

// obeyStartupOption clears what item 0x0003 asks for: bit 0 the configuration, bit 1 the network.
func (nv nvMemory) obeyStartupOption() {
	o := nv.items[nvStartupOption]
	if len(o) == 0 {
		return
	}
	if o[0]&1 != 0 {
		nv.clearConfig()
	}
	if o[0]&2 != 0 {
		nv.clearNetwork()
		delete(nv.items, nvConfigured)
	}
	o[0] = 0
}

type nib struct {
	pan     uint16
	epid    zigbee.EUI64
	channel uint8
}

func (nv nvMemory) readNIB() (nib, bool) {
	b := nv.items[nvNIB]
	if len(b) != nibLength {
		return nib{}, false
	}
	n := nib{pan: binary.LittleEndian.Uint16(b[36:]), epid: zigbee.EUI64FromLE(b[57:]), channel: b[24]}
	return n, n.channel != 0 && n.pan != 0xFFFF
}

func (nv nvMemory) writeNIB(n nib) {
	b := make([]byte, nibLength)
	copy(b, []byte{7, 5, 2, 50, 15, 50, 0, 30, 0, 2, 0, 0, 5, 1, 0x8F})
	b[16], b[18], b[19], b[20] = 7, 2, 13, 30
	b[24] = n.channel
	copy(b[28:], nv.items[nvExtAddr])
	binary.LittleEndian.PutUint16(b[36:], n.pan)
	b[38] = 8
	binary.LittleEndian.PutUint32(b[40:], 1<<n.channel)
	b[44], b[45] = 15, 15
	copy(b[57:], n.epid.AppendLE(nil))
	b[65] = 1
	b[102], b[103], b[105], b[107] = 60, 3, 1, 10
	nv.items[nvNIB] = b
}

func (nv nvMemory) activeKey() (k [16]byte) {
	if b := nv.items[nvActiveKey]; len(b) >= 17 {
		copy(k[:], b[1:])
	}
	return k
}

func (nv nvMemory) setKey(k [16]byte) {
	desc := append([]byte{0}, k[:]...)
	nv.items[nvActiveKey] = slices.Clone(desc)
	nv.items[nvAlternateKey] = slices.Clone(desc)
	b := make([]byte, 24)
	copy(b, desc)
	nv.items[nvNWKKey] = b
}

func (nv nvMemory) frameCounter() uint32 {
	var most uint32
	for k, b := range nv.ex {
		if k.item == exSecMaterial && len(b) >= 12 {
			most = max(most, binary.LittleEndian.Uint32(b))
		}
	}
	return most
}

func (nv nvMemory) setFrameCounter(epid zigbee.EUI64, c uint32) {
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
func (nv nvMemory) children() map[zigbee.EUI64]*child {
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
		if id == 0 || id == 0xFFFFFFFFFFFFFFFF || b[0] == 0 {
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
func (nv nvMemory) setChild(id zigbee.EUI64, c *child) {
	if c.index < 0 {
		for c.index = 0; ; c.index++ {
			b, ok := nv.ex[exKey{1, exAddressManager, uint16(c.index)}]
			if !ok || len(b) != 12 || b[0] == 0 {
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

func (nv nvMemory) dropChild(index int) {
	nv.ex[exKey{1, exAddressManager, uint16(index)}] = emptyAddress()
	nv.ex[exKey{1, exTCLK, uint16(index)}] = make([]byte, 20)
}
