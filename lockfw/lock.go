package lockfw

import (
	"maps"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// Bolt is where the bolt physically stands. The numbers are those of LockState (ZCL 7.3.2.11.1).
type Bolt uint8

// Positions of the bolt.
const (
	Between  Bolt = 0 // neither: moving or jammed
	Locked   Bolt = 1
	Unlocked Bolt = 2
)

// String names the position.
func (b Bolt) String() string {
	switch b {
	case Locked:
		return "locked"
	case Unlocked:
		return "unlocked"
	}
	return "between"
}

// Move is one physical movement of the bolt, with what moved it.
type Move struct {
	At    time.Time
	Bolt  Bolt   // where it stood afterwards
	Cause string // thumb, key, one-touch, keypad, rfid, fingerprint, auto, radio, reset, force
	Slot  int    // user of a keypad, rfid or fingerprint movement, else -1
	Frame []byte // the ZCL frame that asked, for radio
}

// Indication is what the lock showed or sounded.
type Indication struct {
	At   time.Time
	Sign string // beep, double beep, red, green, triple beep, error beep, ready (asks for a master code)
}

// Code is one slot as it stands in the lock's memory.
type Code struct {
	Slot   int
	Status uint8 // 0 available, 1 occupied/enabled, 3 occupied/disabled
	Type   uint8
	PIN    PIN
}

type slot struct {
	status, typ uint8
	pin         PIN
}

// Lock is one lock on one door.
type Lock struct {
	h     *Home
	id    zigbee.EUI64
	asked string // what AddLock was asked for: a model or a family
	model string
	name  string
	f     Family
	b     Behaviour

	// Body.
	bolt        Bolt
	moving      *event // end of the movement under way
	jammed      bool
	doorOpen    bool
	charge      int // percent
	powered     bool
	off         bool // out of range
	history     []Move
	indications []Indication
	deadMotor   bool
	deadKeypad  bool

	// Codes.
	codes      map[uint16]*slot
	sticker    map[uint16]PIN
	needMaster bool // no master code: unsecured until one is set
	tags       map[uint16]*slot
	weekDays   map[[2]uint16][]byte
	yearDays   map[[2]uint16][]byte
	holidays   map[uint16][]byte
	wrong      int
	lockedTill time.Time
	relock     *event

	// Button.
	held      bool
	heldSince time.Time // zero until the hold counts
	holdEnd   *event
	blink     *event
	confirm   string // what a reset still waits for
	pushes    int
	lastPush  time.Time

	// Network.
	net       network
	rx        link
	clock     time.Duration // zigbee time minus the wall clock's
	clockSet  bool
	typed     PIN // the last PIN typed, which one make tells
	seq       uint8
	tables    map[uint16]attributes
	binds     []binding
	reports   []*report
	checkIn   *event
	hour      *event
	joining   *event
	rejoining *event
	permits   time.Time // a router: open to new nodes until then
}

func newLock(h *Home, c LockConfig, f Family, b Behaviour) *Lock {
	l := &Lock{h: h, asked: c.Model, id: c.EUI64, model: f.modelID(c.Model), name: c.Name, f: f, b: b, bolt: Locked, charge: 100, powered: true}
	if l.name == "" {
		l.name = c.Model
	}
	if f.Defaults.Kind == "sticker" {
		l.sticker = map[uint16]PIN{masterBeside: h.digits(f.Defaults.StickerMaster), 0: h.digits(f.Defaults.StickerUser), 1: h.digits(f.Defaults.StickerUser)}
	}
	l.deadMotor, l.deadKeypad = b.DeadMotor, b.DeadKeypad
	l.rx.phase = time.Now().Add(-time.Duration(h.rng.Int64N(int64(max(h.scale(b.LongPoll), 1)))))
	l.factoryNew()
	return l
}

// masterBeside keeps a programming code that has no slot of its own: no slot number reaches it.
const masterBeside = 0xFFFE

// factoryNew gives the lock the memory it left the factory with. Network and body stay.
func (l *Lock) factoryNew() {
	l.codes = make(map[uint16]*slot)
	l.tags = make(map[uint16]*slot)
	l.weekDays, l.yearDays, l.holidays = make(map[[2]uint16][]byte), make(map[[2]uint16][]byte), make(map[uint16][]byte)
	l.wrong, l.lockedTill = 0, time.Time{}
	l.needMaster = l.f.Defaults.Kind == "master_first"
	for n, pin := range l.f.Defaults.Codes {
		l.codes[uint16(n)] = &slot{status: 1, typ: l.typeOf(uint16(n)), pin: PIN(pin)}
	}
	if m := l.f.Defaults.Master; m != "" {
		l.codes[masterBeside] = &slot{status: 1, typ: 3, pin: PIN(m)}
	}
	for n, pin := range l.sticker {
		l.codes[n] = &slot{status: 1, typ: l.typeOf(n), pin: slices.Clone(pin)}
	}
	l.makeAttributes()
}

func (l *Lock) typeOf(n uint16) uint8 {
	if n == masterBeside || l.f.isMaster(int(n)) {
		return 3
	}
	return 0
}

// ID is the lock's IEEE address.
func (l *Lock) ID() zigbee.EUI64 { return l.id }

// Model is the model id, as Basic 0x0005 says it.
func (l *Lock) Model() string { return l.model }

// Name is the label it was given.
func (l *Lock) Name() string { return l.name }

// Family is the lock's family.
func (l *Lock) Family() Family { return l.f }

// Behaviour returns a copy of the switches.
func (l *Lock) Behaviour() Behaviour {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return l.b
}

// Adjust changes switches. It must not call other methods of the home.
func (l *Lock) Adjust(fn func(*Behaviour)) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	fn(&l.b)
	l.deadMotor, l.deadKeypad = l.b.DeadMotor, l.b.DeadKeypad
}

// Bolt is where the bolt is, whatever the lock says of it.
func (l *Lock) Bolt() Bolt {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return l.bolt
}

// Joined tells whether the lock holds the keys of a network.
func (l *Lock) Joined() bool {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return l.net.joined
}

// NWK is the lock's network address; 0xFFFE if none.
func (l *Lock) NWK() zigbee.NWK {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if !l.net.joined {
		return zigbee.NWKUnknown
	}
	return l.net.nwk
}

// Battery is the charge in percent; zero while the batteries are out.
func (l *Lock) Battery() int {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if !l.powered {
		return 0
	}
	return l.charge
}

// NeedsMaster tells that the lock has no master code yet and is therefore unsecured: any entry opens it.
func (l *Lock) NeedsMaster() bool {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return l.needMaster
}

// History lists every physical movement of the bolt, oldest first.
func (l *Lock) History() []Move {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return slices.Clone(l.history)
}

// Indicators lists what the lock showed and sounded, oldest first.
func (l *Lock) Indicators() []Indication {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return slices.Clone(l.indications)
}

// Codes lists the slots that hold something or are not marked available, in order. A programming code without a slot stands under -1.
func (l *Lock) Codes() []Code {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return list(l.codes)
}

// Tags lists RFID tags and fingerprints in the same way; PIN is the tag's number.
func (l *Lock) Tags() []Code {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return list(l.tags)
}

func list(m map[uint16]*slot) []Code {
	var c []Code
	for _, n := range slices.Sorted(maps.Keys(m)) {
		s := m[n]
		k := Code{Slot: int(n), Status: s.status, Type: s.typ, PIN: slices.Clone(s.pin)}
		if n == masterBeside {
			k.Slot = -1
		}
		c = append(c, k)
	}
	return c
}

func (l *Lock) show(sign string) {
	if !l.powered {
		return
	}
	if len(l.indications) >= l.h.cfg.MoveLog {
		l.indications = slices.Delete(l.indications, 0, len(l.indications)/2)
	}
	l.indications = append(l.indications, Indication{At: time.Now(), Sign: sign})
}
