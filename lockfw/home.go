package lockfw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// Config is how a home is made. The zero value is a home at normal speed with perfect air.
type Config struct {
	Seed  uint64        // of addresses, keys, sticker codes and losses; the same seed gives the same home
	Speed float64       // emulated seconds per second of the clock; zero means 1
	Delay time.Duration // of one hop through the air; zero means 8 ms, negative none
	Loss  float64       // part of the frames that the air loses after the MAC's own retries, 0 to 1
	Baud  int           // pace of the dongle's serial line in bits per second, 10 bits a byte; zero means unpaced
	// Buffers is how many data requests the dongle holds at once before it answers "buffer full"; zero means 16, as on a CC2652.
	Buffers int
	// MoveLog, if positive, bounds the physical history kept per lock; zero means 1024.
	MoveLog int
	Log     *slog.Logger // nil discards
}

// Home is locks, air and a dongle. Its methods and those of its parts are safe for concurrent use.
type Home struct {
	cfg    Config
	log    *slog.Logger
	mu     sync.Mutex
	agenda agenda
	wake   chan struct{}
	rng    *rand.Rand
	locks  []*Lock
	byNWK  map[zigbee.NWK]*Lock
	dongle *Dongle
	router bool // a router between dongle and the locks that joined through it is on
}

// New makes a home with a dongle fresh from the factory and no locks. Nothing runs before Run.
func New(cfg Config) *Home {
	if cfg.Speed <= 0 {
		cfg.Speed = 1
	}
	switch {
	case cfg.Delay == 0:
		cfg.Delay = 8 * time.Millisecond
	case cfg.Delay < 0:
		cfg.Delay = 0
	}
	if cfg.Buffers <= 0 {
		cfg.Buffers = 16
	}
	if cfg.MoveLog <= 0 {
		cfg.MoveLog = 1024
	}
	h := &Home{cfg: cfg, log: cfg.Log, wake: make(chan struct{}, 1), byNWK: make(map[zigbee.NWK]*Lock), router: true}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], cfg.Seed)
	copy(seed[8:], "latchkey lock firmware")
	h.rng = rand.New(rand.NewChaCha8(seed))
	h.dongle = newDongle(h)
	return h
}

// LockConfig is how a lock is made.
type LockConfig struct {
	Model  string       // a model id of families.json, or a family's name for those without
	Name   string       // a label for people; the model if empty
	EUI64  zigbee.EUI64 // zero: from the seed
	Slots  int          // for PINs, of a lock whose kind says nothing about them; zero: the family's
	Adjust func(*Behaviour)
}

// AddLock hangs a factory-new lock on a door: bolt thrown, fresh batteries, not on any network.
func (h *Home) AddLock(c LockConfig) (*Lock, error) {
	f, err := FamilyOf(c.Model)
	if err != nil {
		return nil, err
	}
	b, err := f.behaviour(c.Model)
	if err != nil {
		return nil, err
	}
	if c.Adjust != nil {
		c.Adjust(&b)
	}
	if c.Slots > 0 {
		f.Slots, f.Last = c.Slots, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.EUI64 == 0 {
		c.EUI64 = h.newEUI64(0x000D6F)
	}
	for _, l := range h.locks {
		if l.id == c.EUI64 {
			return nil, fmt.Errorf("lockfw: %w: %v", errTwice, c.EUI64)
		}
	}
	l := newLock(h, c, f, b)
	h.locks = append(h.locks, l)
	return l, nil
}

var errTwice = errors.New("there is a lock with that address already")

// Locks lists the locks in the order they were added.
func (h *Home) Locks() []*Lock {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*Lock(nil), h.locks...)
}

// Lock finds a lock by its address; nil if there is none.
func (h *Home) Lock(id zigbee.EUI64) *Lock {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.find(id)
}

func (h *Home) find(id zigbee.EUI64) *Lock {
	for _, l := range h.locks {
		if l.id == id {
			return l
		}
	}
	return nil
}

// Dongle is the coordinator.
func (h *Home) Dongle() *Dongle { return h.dongle }

// RouterOff switches the router between the dongle and the locks behind it off or on.
func (h *Home) RouterOff(off bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.router = !off
}

// SetLoss changes how much the air loses, 0 to 1.
func (h *Home) SetLoss(p float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cfg.Loss = min(max(p, 0), 1)
}

func (h *Home) newEUI64(oui uint32) zigbee.EUI64 {
	return zigbee.EUI64(uint64(oui)<<40 | h.rng.Uint64()&0xFFFFFFFFFF)
}

func (h *Home) newNWK() zigbee.NWK {
	for {
		n := zigbee.NWK(1 + h.rng.UintN(0xFFF6))
		if _, taken := h.byNWK[n]; !taken && n != routerNWK {
			return n
		}
	}
}

func (h *Home) digits(n int) PIN {
	p := make(PIN, n)
	for i := range p {
		p[i] = '0' + byte(h.rng.UintN(10))
	}
	return p
}

func (h *Home) lost() bool { return h.cfg.Loss > 0 && h.rng.Float64() < h.cfg.Loss }
