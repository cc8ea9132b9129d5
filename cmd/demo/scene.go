package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/homekit"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// The two locks are of different families: one reports its master-less start, the other has default codes.
var models = []string{"YRD256 TSDB", "SMARTCODE_DEADBOLT_10"}

var names = []string{"Front door", "Back door"}

// How much faster than the clock the emulated house lives: a network takes seconds to form, and a lock seconds to be interviewed.
const (
	tourSpeed = 20 // while nobody watches
	playSpeed = 4
)

// scene is the emulated house with the daemon in it.
type scene struct {
	house *house.House
	home  *house.Resident
	stop  context.CancelFunc
	done  chan error
}

func newScene(ctx context.Context, o options, errs io.Writer) (*scene, error) {
	cfg := house.Config{
		Dir: o.state, Models: models, Version: "demo",
		// Locks that poll quickly make a demonstration that answers quickly.
		Adjust: func(b *lockfw.Behaviour) { b.ShortPoll, b.LongPoll = 20*time.Millisecond, 250*time.Millisecond },
		Configure: func(c *configs.Config) {
			c.HTTP.Listen = freeAddress(o.http)
			if !o.once && !o.local {
				c.HomeKit.Address = netip.Addr{}
				c.HomeKit.Ports = configs.Defaults().HomeKit.Ports
			}
		},
	}
	cfg.Air.Speed = playSpeed
	if o.once {
		cfg.Air.Speed = tourSpeed
	}
	cfg.MDNS = !o.once && !o.local
	if o.verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	h, err := house.New(cfg)
	if err != nil {
		return nil, err
	}
	hctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &scene{house: h, stop: stop, done: make(chan error, 1)}
	go func() { s.done <- h.Run(hctx) }()
	// Yale's locks stay unsecured until somebody makes a master code.
	for _, l := range h.Locks {
		if l.NeedsMaster() {
			if err := l.SetMaster("", masterCode); err != nil {
				stop()
				return nil, err
			}
		}
	}
	if s.home, err = h.Start(ctx); err != nil {
		stop()
		<-s.done
		return nil, err
	}
	return s, nil
}

func freeAddress(want string) string {
	ln, err := net.Listen("tcp", want)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = ln.Close()
	return want
}

func (s *scene) close() error {
	err := s.home.Stop()
	s.stop()
	if herr := <-s.done; err == nil {
		err = herr
	}
	return err
}

// settle lets both locks join and gives them names.
func (s *scene) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := s.home.Online(ctx); err != nil {
		return err
	}
	if err := s.home.Bridge().Join(ctx, bridge.Join{Window: time.Minute}); err != nil {
		return err
	}
	for _, l := range s.house.Locks {
		l.PressJoin()
	}
	for i, l := range s.house.Locks {
		if err := s.named(ctx, l, names[i]); err != nil {
			return err
		}
	}
	return s.home.Bridge().Join(ctx, bridge.Join{})
}

// join lets one lock join.
func (s *scene) join(ctx context.Context, l *lockfw.Lock, name string) error {
	if _, err := s.home.Join(ctx, l); err != nil {
		return err
	}
	if err := s.named(ctx, l, name); err != nil {
		return err
	}
	return s.home.Bridge().Join(ctx, bridge.Join{})
}

// named waits until the lock is known and published, and gives it a name.
func (s *scene) named(ctx context.Context, l *lockfw.Lock, name string) error {
	v, err := s.home.Known(ctx, l)
	if err != nil {
		return err
	}
	if v.Name != name {
		if err := s.home.Bridge().Rename(ctx, v.ID, name); err != nil {
			return err
		}
	}
	for {
		a, err := s.home.Accessory(ctx, l)
		if err != nil || a.Lock == name {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is published as %s: %w", name, a.Lock, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

func (s *scene) welcome(out io.Writer) {
	fmt.Fprintln(out, "Latchkey runs with an emulated dongle and two emulated locks. In the Home app: Add Accessory, More options, or scan a code.")
	for _, a := range s.home.HomeKit().Show() {
		fmt.Fprintf(out, "\n%s: setup code %s, port %d\n", a.Lock, a.SetupCode, a.Port)
		if err := homekit.QRText(out, a.SetupURI); err != nil {
			fmt.Fprintln(out, a.SetupURI)
		}
	}
	fmt.Fprintf(out, "\nAPI and metrics: http://%s/metrics   command line: go run ./cmd/latchkey --socket %s status\n", s.home.HTTPAddr(), s.home.SocketPath())
}
