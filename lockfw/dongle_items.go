package lockfw

import (
	"math/rand/v2"
	"slices"

	"github.com/latchkeyd/latchkey/zigbee"
)

// Items of the configuration that hosts read or write beyond those that the emulation obeys (Z-Stack ZComDef.h).
const (
	nvStackProfile    = 0x002A
	nvBroadcastTime   = 0x0030
	nvOldPollRate     = 0x0024 // a name of the first 16 bits of the table of poll rates
	nvConcentrator    = 0x0032
	nvConcentratorAge = 0x0033
	nvPollRates       = 0x0035
	nvSourceRouteAge  = 0x0038
	nvChildAging      = 0x003E
	nvOnANetwork      = 0x0055
	nvTCAddress       = 0x0071
)

// configItems are the items that the firmware makes at every boot where they are missing, with what it puts into them (zgItemTable of Z-Stack's ZGlobals.c).
// Hosts may delete them, but never see a running dongle without them.
var configItems = map[uint16][]byte{
	0x0004:            {0},  // start delay
	0x0028:            {2},  // data retries
	0x0029:            {2},  // poll failure retries
	nvStackProfile:    {2},  // Zigbee PRO
	0x002B:            {7},  // indirect message timeout
	0x002C:            {30}, // route expiry
	nvExtendedPAN:     make([]byte, 8),
	0x002E:            {2},  // broadcast retries
	0x002F:            {5},  // passive acknowledgement timeout
	nvBroadcastTime:   {30}, // broadcast delivery time, 0.1 s
	nvConcentrator:    {1},
	nvConcentratorAge: {60},
	0x0034:            {10}, // concentrator radius
	nvPollRates:       pollRates(),
	0x0036:            {1}, // concentrator with route cache
	0x0037:            {1}, // network manager
	nvSourceRouteAge:  {255},
	0x0039:            {13},         // route discovery time
	0x003C:            {0},          // router off, association clean-up
	0x003D:            {1},          // leave requests allowed
	nvChildAging:      {0},          // off in the builds for coordinators
	0x0043:            {3},          // APS frame retries
	0x0044:            {0xB8, 0x0B}, // APS acknowledgement wait, ms
	0x0045:            {2},          // the same, per hop
	0x0046:            {0x80, 0x3E}, // end device binding time, ms
	nvUseExtPAN:       make([]byte, 8),
	0x0048:            {1},          // insecure join
	0x0049:            {0xFE, 0xFF}, // commissioned network address
	0x004B:            {2},          // non-member radius
	0x004D:            {0xE8, 0x03}, // duplicate rejection: timeout step, count, size
	0x004E:            {3},
	0x004F:            {64, 0},
	0x0051:            {1}, // parent information
	0x0052:            {8}, // end device timeout
	0x0053:            {8},
	0x0054:            {0},
	nvPreKey:          {1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 13},
	nvPreKeyOn:        {0},
	0x0065:            {1}, // secure permit join
	0x0066:            {1}, // type of link key: global
	0x0067:            {0}, // R19 security
	0x006D:            {1}, // default link key of the trust centre
	nvTCAddress:       make([]byte, 8),
	nvPANID:           {0xFF, 0xFF},
	nvChannels:        {0, 8, 0, 0},
	0x0086:            {4}, // scan duration
	nvLogicalType:     {0},
	0x0088:            {20}, // network manager: least transmissions
	nvDirectCB:        {0},
	0x00A1:            {232}, // endpoint of the simple API
}

// pollRates are eight periods in ms, of which a coordinator uses none, and what the firmware keeps beside them.
func pollRates() []byte {
	var b []byte
	for _, ms := range []uint32{1000, 440, 100, 100, 0xFFFFFFFF, 1000, 0xFFFFFFFF, 0xFFFFFFFF} {
		b = put32(b, ms)
	}
	return append(b, make([]byte, 8)...)
}

// initItems is what the firmware does with its items at boot (zgInit): what is missing is made, and all of the configuration if it is to be reset. The address of
// the hardware comes back where a host deleted its own.
func (nv *nvMemory) initItems(reset bool, rng *rand.Rand) {
	if len(nv.items[nvTCLKSeed]) == 0 {
		seed := make([]byte, 16)
		for i := range seed {
			seed[i] = byte(rng.Uint32())
		}
		nv.items[nvTCLKSeed] = seed
	}
	for id, value := range configItems {
		if reset || nv.items[id] == nil {
			nv.items[id] = slices.Clone(value)
		}
	}
	if reset || nv.items[nvOnANetwork] == nil {
		nv.setOnANetwork(false)
	}
	if nv.items[nvStartupOption] == nil {
		nv.items[nvStartupOption] = []byte{0}
	}
	if len(nv.items[nvExtAddr]) != 8 {
		nv.items[nvExtAddr] = nv.hardware.AppendLE(nil)
	}
	nv.initTables()
}

// setOnANetwork writes down whether the node has a network (bdbNodeIsOnANetwork of the Base Device Behaviour specification, 5.3.6).
func (nv *nvMemory) setOnANetwork(on bool) { nv.items[nvOnANetwork] = []byte{b2u(on)} }

// ieee is the address in use: the host's, or the hardware's.
func (nv *nvMemory) ieee() zigbee.EUI64 {
	if b := nv.items[nvExtAddr]; len(b) == 8 {
		return zigbee.EUI64FromLE(b)
	}
	return nv.hardware
}

// get, put and remove are the newer driver's view of the memory, in which the OSAL items are one table among others.
func (nv *nvMemory) get(k exKey) (item []byte, exists bool) {
	if k.sys == 1 && k.item == exLegacy {
		item, exists = nv.items[k.sub]
	} else {
		item, exists = nv.ex[k]
	}
	return item, exists
}

func (nv *nvMemory) put(k exKey, item []byte) {
	if k.sys == 1 && k.item == exLegacy {
		nv.items[k.sub] = item
	} else {
		nv.ex[k] = item
	}
}

func (nv *nvMemory) remove(k exKey) {
	if k.sys == 1 && k.item == exLegacy {
		delete(nv.items, k.sub)
	} else {
		delete(nv.ex, k)
	}
}

func (nv *nvMemory) full() bool { return len(nv.items)+len(nv.ex) >= nvRoom }
