// Package house is an emulated home with the real daemon in it, for tests, tours and measurements: lockfw's locks, air and dongle on one side of a byte
// stream of MT frames, the daemon with its store and its front-ends on the other.
package house

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/daemon"
	"github.com/latchkeyd/latchkey/homekit"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/lockfw"
)

// Config says what house to build.
type Config struct {
	Dir       string        // the daemon's state; needed
	Models    []string      // one lock each
	Air       lockfw.Config // seed, delays, losses, pace of the line
	Adjust    func(*lockfw.Behaviour)
	Slots     int                   // for PINs, of each lock; zero: the family's
	Configure func(*configs.Config) // after the house's own settings
	Advertise hap.Advertiser        // nil: nobody is told of the accessories
	MDNS      bool                  // tell the local network instead
	Logger    *slog.Logger          // the daemon's
	Version   string
}

// House is the building. The daemon can be started and stopped in it many times; locks, air and dongle go on meanwhile.
type House struct {
	cfg   Config
	Air   *lockfw.Home
	Locks []*lockfw.Lock
	Port  string // where the dongle is: tcp://host:port

	ln    net.Listener
	ports configs.PortRange // of the accessories; the same for every daemon in this house
}

// New builds the house. Nothing runs before Run.
func New(cfg Config) (*House, error) {
	h := &House{cfg: cfg, Air: lockfw.New(cfg.Air), ports: ports()}
	for i, m := range cfg.Models {
		l, err := h.Air.AddLock(lockfw.LockConfig{Model: m, Name: fmt.Sprintf("door %d", i+1), Adjust: cfg.Adjust, Slots: cfg.Slots})
		if err != nil {
			return nil, err
		}
		h.Locks = append(h.Locks, l)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.ln, h.Port = ln, "tcp://"+ln.Addr().String()
	return h, nil
}

// Run carries locks, air and dongle until ctx ends.
func (h *House) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	served := make(chan error, 1)
	wg.Go(func() { served <- h.Air.Dongle().ServeListener(ctx, h.ln) })
	lived := make(chan error, 1)
	wg.Go(func() { lived <- h.Air.Run(ctx) })
	var err error
	select {
	case err = <-served:
	case err = <-lived:
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Settings is the daemon's configuration in this house: every listener on loopback, on ports that the system chooses.
func (h *House) Settings() configs.Config {
	c := configs.Defaults()
	c.State = h.cfg.Dir
	c.Radio.Port = h.Port
	c.HomeKit.Address = netip.MustParseAddr("127.0.0.1")
	c.HomeKit.Ports = h.ports
	c.HTTP.Listen = "127.0.0.1:0"
	c.Matter.Enabled = false
	if h.cfg.Configure != nil {
		h.cfg.Configure(&c)
	}
	return c
}

// Resident is a daemon at work in the house.
type Resident struct {
	*daemon.Daemon
	stop context.CancelFunc
	done chan error
}

// Start starts the daemon and waits until it is ready.
func (h *House) Start(ctx context.Context) (*Resident, error) {
	adv := h.cfg.Advertise
	if adv == nil && !h.cfg.MDNS {
		adv = hap.Off
	}
	socket := filepath.Join(h.cfg.Dir, daemon.SocketName)
	if len(socket) > 100 { // the bound of sockaddr_un, with room
		dir, err := os.MkdirTemp("", "house")
		if err != nil {
			return nil, err
		}
		socket = filepath.Join(dir, daemon.SocketName)
	}
	d, err := daemon.New(daemon.Options{Config: h.Settings(), Logger: h.cfg.Logger, Version: h.cfg.Version, Advertiser: adv, Socket: socket})
	if err != nil {
		return nil, err
	}
	rctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Resident{Daemon: d, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- d.Run(rctx) }()
	select {
	case <-d.Ready():
		return r, nil
	case err := <-r.done:
		stop()
		if err == nil {
			err = errors.New("house: the daemon ended before it was ready")
		}
		return nil, err
	case <-ctx.Done():
		stop()
		<-r.done
		return nil, ctx.Err()
	}
}

// Stop ends the daemon and waits for it.
func (r *Resident) Stop() error {
	r.stop()
	err := <-r.done
	r.done <- err
	return err
}

// Await follows the journal from after until ok says so, and returns that event.
func (r *Resident) Await(ctx context.Context, after uint64, ok func(bridge.Event) bool) (bridge.Event, error) {
	reader := r.Bridge().Follow(after)
	defer reader.Close()
	for {
		ev, err := reader.Next(ctx)
		if err != nil {
			return ev, err
		}
		if ok(ev) {
			return ev, nil
		}
	}
}

// Online waits until the dongle works.
func (r *Resident) Online(ctx context.Context) error {
	for !r.Radio().Dongle().Up {
		if err := pause(ctx); err != nil {
			return fmt.Errorf("house: the dongle does not come up: %w", err)
		}
	}
	return nil
}

// Join opens the network, does at the door what its family asks for, and waits until the lock is interviewed.
func (r *Resident) Join(ctx context.Context, l *lockfw.Lock) (bridge.LockView, error) {
	if err := r.Online(ctx); err != nil {
		return bridge.LockView{}, err
	}
	if err := r.Bridge().Join(ctx, bridge.Join{Window: time.Minute}); err != nil {
		return bridge.LockView{}, err
	}
	if !l.Joined() {
		l.PressJoin()
	}
	return r.Known(ctx, l)
}

// ID is the lock's name in the bridge.
func ID(l *lockfw.Lock) bridge.LockID { return bridge.LockID(l.ID().String()) }

// Known waits until the bridge knows the lock whole and has heard where its bolt stands.
func (r *Resident) Known(ctx context.Context, l *lockfw.Lock) (bridge.LockView, error) {
	for {
		v, err := r.Bridge().Find(string(ID(l)))
		if err == nil && v.Info.Ready && v.Bolt != bridge.BoltUnknown {
			return v, nil
		}
		if perr := pause(ctx); perr != nil {
			return v, fmt.Errorf("house: %s is not interviewed: ready %v, bolt %v: %w", l.Name(), v.Info.Ready, v.Bolt, errors.Join(err, perr))
		}
	}
}

// Accessory waits until the lock is published to HomeKit.
func (r *Resident) Accessory(ctx context.Context, l *lockfw.Lock) (homekit.Accessory, error) {
	for {
		for _, a := range r.HomeKit().Show() {
			if a.LockID == ID(l) {
				return a, nil
			}
		}
		if err := pause(ctx); err != nil {
			return homekit.Accessory{}, fmt.Errorf("house: %s is not published: %w", l.Name(), err)
		}
	}
}

// Pair pairs a controller with the lock's accessory by its setup code.
func (r *Resident) Pair(ctx context.Context, l *lockfw.Lock) (*controller.Pairing, error) {
	a, err := r.Accessory(ctx, l)
	if err != nil {
		return nil, err
	}
	return controller.Pair(ctx, fmt.Sprintf("127.0.0.1:%d", a.Port), a.SetupCode)
}

func pause(ctx context.Context) error {
	t := time.NewTimer(2 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// ports is a range for HomeKit that houses of other processes are unlikely to use, below the range from which Linux gives ports to clients.
// No two houses of this process get the same one while there are others, and none gets one in which another process has a house.
func ports() configs.PortRange {
	const first, size, ranges = 18000, 250, 56
	taken.Lock()
	defer taken.Unlock()
	if len(taken.ranges) == ranges {
		taken.ranges = nil
	}
	for {
		n := rand.IntN(ranges)
		if slices.Contains(taken.ranges, n) {
			continue
		}
		taken.ranges = append(taken.ranges, n)
		r := configs.PortRange{First: first + uint16(n)*size, Last: first + uint16(n)*size + size - 1}
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", r.First))
		if err == nil {
			ln.Close()
		}
		if err == nil || len(taken.ranges) == ranges {
			return r
		}
	}
}

var taken struct {
	sync.Mutex
	ranges []int
}
