// Command locksim serves an emulated Zigbee dongle, with emulated locks in its air, to any program that speaks TI's Z-Stack MT protocol.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/latchkeyd/latchkey/lockfw"
)

type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

type options struct {
	tcp, link, control, state string
	pty, paced, verbose       bool
	locks                     int
	models                    list
	seed                      uint64
	speed, loss               float64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "locksim:", err)
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("locksim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.tcp, "tcp", "", "serve the dongle on this address; 127.0.0.1:6638 unless --pty is given")
	f.BoolVar(&o.pty, "pty", false, "serve the dongle on a pseudo-terminal")
	f.StringVar(&o.link, "link", "", "with --pty: keep a symbolic link with this name to the port")
	f.StringVar(&o.control, "control", "", "serve the door-side HTTP API on this address")
	f.StringVar(&o.state, "state", "", "keep the state of dongle and locks in this file")
	f.IntVar(&o.locks, "locks", 1, "how many locks hang in the house; models that are not named are YRD226 TSDB")
	f.Var(&o.models, "model", "a lock's model id, or a family's name; may be repeated")
	f.BoolVar(&o.paced, "paced", false, "pace the serial line at 115200 baud")
	f.Uint64Var(&o.seed, "seed", 1, "seed of addresses, keys, sticker codes and losses")
	f.Float64Var(&o.speed, "speed", 1, "emulated seconds per second")
	f.Float64Var(&o.loss, "loss", 0, "part of the frames that the air loses, 0 to 1")
	f.BoolVar(&o.verbose, "verbose", false, "log what happens")
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
		fmt.Fprint(stderr, controlHelp)
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is no option; see --help", f.Arg(0))
	}
	if o.tcp == "" && !o.pty {
		o.tcp = "127.0.0.1:6638"
	}
	return o, nil
}

const usage = `locksim serves an emulated CC2652 dongle (Z-Stack 3.x.0) with emulated locks in its air.

  locksim --tcp 127.0.0.1:6638 --locks 2 --model "YRD226 TSDB" --model V3-BTZB --control 127.0.0.1:6639

`

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelDebug
	}
	cfg := lockfw.Config{Seed: o.seed, Speed: o.speed, Loss: o.loss, Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))}
	if o.paced {
		cfg.Baud = 115200
	}
	home := lockfw.New(cfg)
	if err := furnish(home, o); err != nil {
		return err
	}
	for i, l := range home.Locks() {
		fmt.Fprintf(stdout, "lock %d: %s, model %q, address %v\n", i+1, l.Name(), l.Model(), l.ID())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return home.Run(ctx) })
	if o.control != "" {
		ln, err := net.Listen("tcp", o.control)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "control: http://%v\n", ln.Addr())
		srv := &http.Server{Handler: control(home), ReadHeaderTimeout: 5 * time.Second}
		g.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return ctx.Err()
		})
		context.AfterFunc(ctx, func() { _ = srv.Close() })
	}
	if o.tcp != "" {
		ln, err := net.Listen("tcp", o.tcp)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "dongle: tcp://%v\n", ln.Addr())
		g.Go(func() error { return home.Dongle().ServeListener(ctx, ln) })
	}
	if o.pty {
		g.Go(func() error {
			return home.Dongle().ServePTY(ctx, func(path string) error {
				if o.link != "" {
					_ = os.Remove(o.link + ".new")
					if err := os.Symlink(path, o.link+".new"); err != nil {
						return err
					}
					if err := os.Rename(o.link+".new", o.link); err != nil {
						return err
					}
					path = o.link
				}
				fmt.Fprintf(stdout, "dongle: %s\n", path)
				return nil
			})
		})
	}
	if o.state != "" {
		g.Go(func() error { return keep(ctx, home, o.state) })
	}
	return g.Wait()
}

// furnish loads the state, or hangs new locks.
func furnish(home *lockfw.Home, o options) error {
	if o.state != "" {
		b, err := os.ReadFile(o.state)
		if err == nil {
			return home.Load(b)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for i := range max(o.locks, len(o.models)) {
		model := "YRD226 TSDB"
		if i < len(o.models) {
			model = o.models[i]
		}
		if _, err := home.AddLock(lockfw.LockConfig{Model: model}); err != nil {
			return err
		}
	}
	return nil
}

// keep writes the state every second, and at the end.
func keep(ctx context.Context, home *lockfw.Home, file string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		done := false
		select {
		case <-ctx.Done():
			done = true
		case <-tick.C:
		}
		b, err := home.Save()
		if err == nil {
			err = os.WriteFile(file+".new", b, 0o600)
		}
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			return fmt.Errorf("keep the state: %w", err)
		}
		if done {
			return ctx.Err()
		}
	}
}
