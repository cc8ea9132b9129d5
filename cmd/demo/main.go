// Command demo is a newcomer's first minute: the daemon, an emulated dongle and two emulated locks in one process, joined by real MT frames.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

type options struct {
	once, local, verbose bool
	http, state          string
}

const usage = `demo runs Latchkey with an emulated dongle and two emulated locks. Nothing but Go is needed.

  go run ./cmd/demo          prints the setup codes to scan with the Home app, and lets you play the person at the door
  go run ./cmd/demo --once   walks the main job once, unattended, on loopback; exit code 0 only if every step was seen

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) (err error) {
	var o options
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(errs)
	f.BoolVar(&o.once, "once", false, "walk the main job once and end")
	f.BoolVar(&o.local, "local", false, "listen on loopback only and advertise nothing; --once does so anyway")
	f.StringVar(&o.http, "http", "127.0.0.1:8440", "address of API and metrics; if it is taken, one that the system chooses")
	f.StringVar(&o.state, "state", "", "keep the daemon's state in this directory; a temporary one is removed at the end")
	f.BoolVar(&o.verbose, "verbose", false, "print the daemon's log")
	f.Usage = func() { fmt.Fprint(errs, usage); f.PrintDefaults() }
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is no option; see --help", f.Arg(0))
	}
	if o.state == "" {
		dir, err := os.MkdirTemp("", "latchkey-demo-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		o.state = dir
	}
	s, err := newScene(ctx, o, errs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if o.once {
		return s.tour(ctx, out)
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.welcome(out)
	return s.play(ctx, in, out)
}
