package lockfw

import (
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// Device states that ZDO_STATE_CHANGE_IND tells (MT API section 3.12.2.20).
const (
	devHold        = 0x00
	devStarting    = 0x08
	devCoordinator = 0x09
)

// Subsystems and types in cmd0.
const (
	sreq, areq, srsp = 0x20, 0x40, 0x60
	subSYS           = 0x01
	subAF            = 0x04
	subZDO           = 0x05
	subUTIL          = 0x07
	subAPPCNF        = 0x0F
)

// Dongle is a CC2652 with Z-Stack 3.x.0 as coordinator.
type Dongle struct {
	h         *Home
	nv        nvMemory
	ports     map[*port]bool // connected
	port      *port          // the one that speaks
	unplugged bool

	// Firmware.
	product  uint8
	revision uint32

	// RAM: gone after a reset.
	state     uint8
	endpoints map[uint8]endpoint
	rawZDO    bool
	channels  uint32 // primary mask of APP_CNF_BDB_SET_CHANNEL
	permit    *event
	open      bool
	needCode  bool // APP_CNF: joining takes an install code
	codes     map[zigbee.EUI64][]byte
	groups    map[uint16]bool
	inflight  int
	boots     int // counts resets, so that timers of an earlier life are told apart
	zdoSeq    uint8
	huge      map[uint32][]byte // messages too long for one MT frame, by time stamp
	failNext  struct {
		n      int
		status uint8
	}
	refuseMemory int

	// The network, loaded from NV at start.
	pan     uint16
	epid    zigbee.EUI64
	channel uint8
	key     [16]byte
	counter uint32
	assoc   map[zigbee.EUI64]*child
}

type endpoint struct {
	profile, device uint16
	in, out         []uint16
}

// child is an entry of the association and address manager tables.
type child struct {
	nwk      zigbee.NWK
	relation uint8 // 1 sleepy child; 0xFF known but not a child
	index    int   // in the address manager's table
}

func newDongle(h *Home) *Dongle {
	d := &Dongle{h: h, ports: map[*port]bool{}, product: 1, revision: 20230507}
	d.nv = newNV(h.newEUI64(0x00124B), h.rng)
	d.boot()
	return d
}

// Pretend changes what SYS_VERSION says: product 0 is Z-Stack 1.2, 1 is 3.x.0, 2 is 3.0.x; revision is the build date, yyyymmdd.
func (d *Dongle) Pretend(product uint8, revision uint32) {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	d.product, d.revision = product, revision
}

// ID is the coordinator's IEEE address.
func (d *Dongle) ID() zigbee.EUI64 {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	return d.nv.ieee()
}

// Network tells where the network stands; up is false before a client has started it.
func (d *Dongle) Network() (n zigbee.Network, up bool) {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	return zigbee.Network{Coordinator: d.nv.ieee(), PAN: d.pan, ExtendedPAN: d.epid, Channel: d.channel}, d.up()
}

// PermitsJoin tells whether the network is open to new nodes.
func (d *Dongle) PermitsJoin() bool {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	return d.open
}

// Connected tells whether a client has spoken and is still there.
func (d *Dongle) Connected() bool {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	return d.port != nil
}

// Crash resets the dongle as its watchdog does: the client sees a reset indication that it did not ask for.
func (d *Dongle) Crash() {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	if !d.unplugged {
		d.reset(0x02)
	}
}

func (d *Dongle) up() bool { return !d.unplugged && d.state == devCoordinator }

func (d *Dongle) send(cmd0, cmd1 byte, payload []byte) {
	if d.port != nil && len(payload) <= mtMaxLen {
		d.port.send(mtFrame(cmd0, cmd1, payload))
	}
}

// later runs fn after d unless the dongle was reset meanwhile.
func (d *Dongle) later(wait time.Duration, fn func()) *event {
	life := d.boots
	return d.h.after(wait, func() {
		if d.boots == life {
			fn()
		}
	})
}

// powerDown stops the radio and forgets what was in RAM.
func (d *Dongle) powerDown() {
	if d.state == devCoordinator {
		d.saveCounter(0)
	}
	d.boots++
	d.h.cancel(d.permit)
	d.state, d.endpoints, d.rawZDO, d.channels, d.permit, d.open, d.needCode = devHold, map[uint8]endpoint{}, false, 0, nil, false, false
	d.codes, d.groups, d.inflight = map[zigbee.EUI64][]byte{}, map[uint16]bool{}, 0
	d.assoc = map[zigbee.EUI64]*child{}
	d.pan, d.epid, d.channel, d.key = 0xFFFF, 0, 0, [16]byte{}
	for _, l := range d.h.locks {
		if !l.net.viaRouter {
			l.rx.pending = nil // what was held for a sleeping child was in RAM, too
		}
	}
}

// boot is power-up: startup options are obeyed, the network waits to be started.
func (d *Dongle) boot() {
	d.powerDown()
	d.nv.obeyStartupOption(d.h.rng)
}

func (d *Dongle) reset(reason byte) {
	d.boot()
	// The boot itself takes a while; nothing is answered meanwhile, which no client can tell from a slow reset.
	d.later(250*time.Millisecond, func() { d.send(areq|subSYS, 0x80, []byte{reason, 2, d.product, 2, 7, 1}) })
}

// load takes the network out of the NIB and its tables and starts it.
func (d *Dongle) load() bool {
	nib, ok := d.nv.readNIB()
	if !ok {
		return false
	}
	d.pan, d.epid, d.channel, d.key = nib.pan, nib.epid, nib.channel, d.nv.activeKey()
	d.counter = d.nv.frameCounter() + counterGap
	d.saveCounter(0)
	d.assoc = d.nv.children()
	return true
}

// counterStep is how often the network frame counter is stored, counterGap how far it jumps at a start so that it never repeats.
const (
	counterStep = 1000
	counterGap  = 1250
)

func (d *Dongle) nextCounter() uint32 {
	d.counter++
	if d.counter%counterStep == 0 {
		d.saveCounter(0)
	}
	return d.counter
}

func (d *Dongle) saveCounter(ahead uint32) { d.nv.setFrameCounter(d.epid, d.counter+ahead) }

// handle carries out one MT command.
func (d *Dongle) handle(cmd0, cmd1 byte, p []byte) {
	if cmd0 == areq|subSYS && cmd1 == 0x00 {
		if len(p) == 1 {
			d.reset(map[byte]byte{0: 0x00, 1: 0x02}[p[0]])
		}
		return
	}
	if cmd0&0xE0 != sreq {
		return
	}
	r := &reader{b: p}
	var out []byte
	known := true
	var then func()
	switch cmd0 & 0x1F {
	case subSYS:
		out, known = d.sys(cmd1, r)
	case subAF:
		out, then, known = d.af(cmd1, r)
	case subZDO:
		out, then, known = d.zdo(cmd1, r)
	case subUTIL:
		out, known = d.util(cmd1, r)
	case subAPPCNF:
		out, then, known = d.appCnf(cmd1, r)
	default:
		d.send(srsp, 0, []byte{1, cmd0, cmd1})
		return
	}
	switch {
	case !known:
		d.send(srsp, 0, []byte{2, cmd0, cmd1})
	case r.short:
		d.send(srsp, 0, []byte{4, cmd0, cmd1})
	default:
		d.send(srsp|cmd0&0x1F, cmd1, out)
		if then != nil {
			then()
		}
	}
}
