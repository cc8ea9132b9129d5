package znp

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Form says when a Coordinator may put a network on a dongle.
type Form string

// Policies of forming. Whatever the policy, a dongle that has the known network is used as it is.
const (
	// FormAuto forms a network on a blank dongle while no network and no lock is known, and otherwise refuses. It is the default.
	FormAuto Form = "auto"
	// FormNever refuses every dongle but the one with the known network.
	FormNever Form = "never"
	// FormRestore puts the known network on a dongle that has none or another, and its address with it.
	FormRestore Form = "restore"
	// FormForce forms a new network where the known one is not found. Every node of the old one must be joined again.
	FormForce Form = "force"
	// FormAdopt takes the network that the dongle has as the known one, where none is known: what was saved of it cannot be read. It forms none.
	FormAdopt Form = "adopt"
)

// Config says which dongle to use and how. Its zero value has no dongle.
type Config struct {
	// Port is what Open opens: a path under /dev/serial/by-id, a pty, or tcp://host:port.
	Port string
	// Dial opens the port in place of Open.
	Dial func(ctx context.Context) (Port, error)
	// Vault keeps the network. Nil keeps it in memory.
	Vault Vault
	// Form says when to form a network; empty means FormAuto.
	Form Form
	// Locks counts the locks that are known, which a new network would orphan. Nil means none.
	Locks func() int

	// Channel of a network to be formed, 11–26; zero means 15.
	Channel uint8
	// PAN identifier of a network to be formed; zero means random.
	PAN uint16
	// ExtendedPAN identifier of a network to be formed; zero means random.
	ExtendedPAN zigbee.EUI64
	// TxPower in dBm; zero leaves the dongle's own.
	TxPower int8

	// Logger gets what happens, never a payload. Nil discards.
	Logger *slog.Logger
	// OnWrite, if set, is told of each frame immediately before it is written to the port. It is called on the path of every command.
	OnWrite func(cmd mt.Command, at time.Time)
}

// Coordinator is a dongle. It fulfils zigbee.Radio.
type Coordinator struct {
	cfg    Config
	log    *slog.Logger
	vault  Vault
	stats  counters
	events *queue[event]
	nodes  nodes
	join   joining

	mu     sync.Mutex
	cur    *session // nil while there is no working dongle
	dongle zigbee.Dongle
	saved  Saved
}

var _ zigbee.Radio = (*Coordinator)(nil)

// queueAlarm is how many indications may wait for the handler before that is logged.
const queueAlarm = 256

// New makes a Coordinator. Nothing happens before Run.
func New(cfg Config) *Coordinator {
	c := &Coordinator{cfg: cfg, log: cfg.Logger, vault: cfg.Vault, dongle: zigbee.Dongle{Port: cfg.Port, Fault: "The Zigbee dongle is being opened."}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.join.changed = make(chan struct{}, 1)
	if c.vault == nil {
		c.vault = &memoryVault{}
	}
	c.events = newQueue[event](queueAlarm, func(n int) { c.log.Warn("indications from the dongle pile up", "waiting", n) })
	return c
}

// event is something for the Handler.
type event struct {
	s      *session // of a frame
	frame  mt.Frame
	dongle *zigbee.Dongle
	permit time.Duration // for how long nodes may join, where isPermit

	isPermit bool
}

// Dongle implements zigbee.Radio.
func (c *Coordinator) Dongle() zigbee.Dongle {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dongle
}

// Stats returns the counters.
func (c *Coordinator) Stats() Stats {
	s := c.stats.snapshot()
	s.Queue, s.HighWater = c.events.level()
	return s
}

// Run implements zigbee.Radio. It returns nil when ctx ends, and a *Fault that says what to do when waiting cannot help.
func (c *Coordinator) Run(ctx context.Context, h zigbee.Handler) error {
	var err error
	stopped, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		err = c.supervise(ctx)
	})
	for {
		// pop gives what waits before it looks at the context, so that the handler hears everything up to the end.
		ev, end := c.events.pop(stopped)
		if end != nil {
			break
		}
		c.dispatch(stopped, h, ev)
	}
	wg.Wait()
	return err
}

// Pauses between attempts. Looking for a path is cheap, and a dongle should work at once when it is plugged in; one that is there but does not answer is
// given time.
const (
	firstPause     = 250 * time.Millisecond
	maxLinePause   = time.Second      // while there is no port, or it closes
	maxSilentPause = 10 * time.Second // while what is on the port is no use
	goodRun        = time.Minute      // a dongle that worked this long between restarts is not restarting all the time
)

// supervise opens the port and keeps a dongle working on it until ctx ends or a fault is fatal.
func (c *Coordinator) supervise(ctx context.Context) error {
	pause, last := firstPause, ""
	for {
		before := c.stats.connects.Load()
		port, err := c.dial(ctx)
		if err == nil {
			err = c.serve(ctx, port)
		}
		if ctx.Err() != nil {
			return nil
		}
		text := sentence(c.cfg.Port, err)
		c.down(text)
		if text != last {
			c.log.Error("Zigbee dongle is not working", "port", c.cfg.Port, "fault", text, "err", err)
			last = text
		}
		if fatal(err) {
			return err
		}
		if c.stats.connects.Load() != before {
			pause, last = firstPause, ""
		}
		if port == nil || errors.Is(err, zigbee.ErrDown) {
			pause = min(pause, maxLinePause)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, maxSilentPause)
	}
}

func (c *Coordinator) dial(ctx context.Context) (Port, error) {
	if c.cfg.Dial != nil {
		return c.cfg.Dial(ctx)
	}
	return Open(ctx, c.cfg.Port)
}

// up makes s the session that requests go to.
func (c *Coordinator) up(s *session, d zigbee.Dongle) {
	c.mu.Lock()
	c.cur, c.dongle = s, d
	c.mu.Unlock()
	c.stats.connects.Add(1)
	c.log.Info("Zigbee dongle is working", "port", d.Port, "product", d.Product, "revision", d.Revision, "channel", d.Network.Channel)
	c.events.push(event{dongle: &d}, s.link.done)
}

// down says that there is no working dongle, and why. It tells the handler once.
func (c *Coordinator) down(fault string) {
	c.mu.Lock()
	was := c.dongle
	c.cur = nil
	c.dongle.Up, c.dongle.Fault = false, fault
	d := c.dongle
	c.mu.Unlock()
	if was.Up {
		c.stats.disconnects.Add(1)
	}
	if d != was {
		c.events.push(event{dongle: &d}, nil)
	}
	c.closeJoin()
}

// session returns the working session.
func (c *Coordinator) session() (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cur == nil {
		return nil, zigbee.ErrDown
	}
	return c.cur, nil
}
