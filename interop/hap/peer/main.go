// Command peer serves the HomeKit front-end on a real bridge, before locks that exist in memory, for controllers that are not ours to try. It prints a JSON
// line when it is ready, takes commands as JSON lines on its standard input, and answers each with one line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
	"github.com/latchkeyd/latchkey/homekit"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// command is a line of the standard input.
type command struct {
	Do   string `json:"do"`
	Lock int    `json:"lock"`
	On   bool   `json:"on"`
	Name string `json:"name"`
	Code string `json:"code"`
}

type peer struct {
	b     *bridge.Bridge
	hk    *homekit.Adapter
	locks []*bridgetest.Lock
	drv   *bridgetest.Driver
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	n := flag.Int("locks", 2, "how many locks")
	timed := flag.String("timed-writes", "accept", "accept or require")
	mode := flag.String("mode", "accessories", "accessories or bridge")
	port := flag.Int("port", 21700, "the first port")
	verbose := flag.Bool("verbose", false, "log everything")
	flag.Parse()
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))

	p := &peer{drv: bridgetest.NewDriver()}
	b, err := bridge.New(bridge.Config{Logger: log}, p.drv, bridgetest.NewStore())
	if err != nil {
		return err
	}
	p.b = b
	p.hk = homekit.New(homekit.Config{
		Mode: homekit.Mode(*mode), Address: "127.0.0.1", FirstPort: *port, LastPort: *port + 63, AcceptPlainWrites: *timed == "accept",
		CountCodes: true, Advertiser: hap.Off, Version: "0.0.1", Logger: log,
	}, b)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.Run(ctx) })
	g.Go(func() error { return p.hk.Run(ctx) })
	g.Go(func() error { return p.serve(ctx, *n) })
	return g.Wait()
}

// serve hangs the locks up and does what it is told until the standard input ends.
func (p *peer) serve(ctx context.Context, n int) error {
	for i := range n {
		id := bridge.LockID(fmt.Sprintf("00:0d:6f:00:0a:90:69:%02x", i))
		l := bridgetest.NewLock(id).SetInfo(func(in *bridge.Info) { in.Traits.Slots, in.Traits.LastSlot, in.Traits.DoorSensor = 6, 6, true })
		p.locks = append(p.locks, l)
		p.drv.Add(l)
		p.drv.Emit(bridge.Event{Lock: id, Body: bridge.LockReady{Info: l.Info()}})
		p.drv.Emit(bridge.Event{Lock: id, Body: bridge.BoltRead{Bolt: bridge.Locked}})
		p.drv.Emit(bridge.Event{Lock: id, Body: bridge.BatteryRead{Percent: 87}})
	}
	for want := n; ; time.Sleep(5 * time.Millisecond) {
		if len(p.hk.Show()) == want || len(p.hk.Show()) == 1 && len(p.b.Snapshot().Locks) == n {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]any{"accessories": p.hk.Show()}); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c command
		answer := map[string]any{}
		err := json.Unmarshal(lines.Bytes(), &c)
		if err == nil {
			answer["answer"], err = p.do(ctx, c)
		}
		if err != nil {
			answer["error"] = err.Error()
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return context.Canceled
}

func (p *peer) do(ctx context.Context, c command) (any, error) {
	if c.Lock < 0 || c.Lock >= len(p.locks) {
		return nil, fmt.Errorf("no lock %d", c.Lock)
	}
	l := p.locks[c.Lock]
	id := l.ID()
	switch c.Do {
	case "show":
		return p.hk.Show(), nil
	case "qr": // as the terminal and the page show it
		a := p.hk.Show()[0]
		var text, svg strings.Builder
		err := errors.Join(homekit.QRText(&text, a.SetupURI), homekit.QRSVG(&svg, a.SetupURI))
		return map[string]string{"uri": a.SetupURI, "text": text.String(), "svg": svg.String()}, err
	case "asleep":
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = c.On })
		return nil, nil
	case "asked":
		return append([]string{}, l.Asked()...), nil
	case "turn":
		l.Turn(map[bool]bridge.Bolt{true: bridge.Locked, false: bridge.Unlocked}[c.On])
		return nil, nil
	case "keypad": // true if the lock opened
		return l.Enter(c.Code), nil
	case "add-user":
		pin, err := bridge.NewPIN([]byte(c.Code))
		if err != nil {
			return nil, err
		}
		return p.b.AddUser(ctx, bridge.Cause{Source: bridge.SourceAPI}, bridge.User{Name: c.Name, PIN: pin, Locks: []bridge.LockID{id}})
	case "users":
		var names []string
		for _, u := range p.b.Users() {
			names = append(names, u.Name)
		}
		return names, nil
	case "slots": // what stands on the lock, once it is in step
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		codes, err := p.b.Codes(id)
		for _, code := range codes {
			if err == nil && code.User != 0 {
				if code, err = p.b.WaitSync(ctx, id, code.User); err != nil {
					err = fmt.Errorf("slot %d is %s (%s): %w", code.Slot, code.State, code.Reason, err)
				}
			}
		}
		return l.Codes(), err
	}
	return nil, fmt.Errorf("no command %q", c.Do)
}
