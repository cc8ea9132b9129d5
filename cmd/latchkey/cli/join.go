package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/bridge"
)

func (a *app) cmdJoin() *cobra.Command {
	var window time.Duration
	var installCode, device string
	var number int
	c := command("join", "Open the network to new locks, with a countdown", "  latchkey join\n  latchkey join --for 2m --count 2\n  latchkey join --install-code \"83FE D340 …\" --device 00:0d:6f:00:0a:90:69:e7", 0, 0,
		func(ctx context.Context, _ []string) error {
			switch {
			case window < time.Second || window > 254*time.Second:
				return usage("--for is 1s to 254s: a network is not left open")
			case installCode != "" && device == "":
				return usage("--install-code needs --device, the lock's address, which stands beside the code on its sticker")
			case number < 1:
				return usage("--count is at least 1")
			}
			return a.join(ctx, window, installCode, device, number)
		})
	c.Flags().DurationVar(&window, "for", time.Minute, "how long, at most 254s")
	c.Flags().StringVar(&installCode, "install-code", "", "the lock's install code, as its sticker says")
	c.Flags().StringVar(&device, "device", "", "the address that the install code belongs to")
	c.Flags().IntVar(&number, "count", 1, "close the network once so many locks are ready")
	return c
}

func (a *app) join(ctx context.Context, window time.Duration, installCode, device string, number int) error {
	// The journal's place is taken before the network opens, so that nothing is missed.
	var st struct {
		Events []bridge.Event
	}
	if err := a.call(ctx, "GET", "/events?limit=1", nil, &st.Events); err != nil {
		return err
	}
	q := url.Values{"since": {"1s"}}
	if n := len(st.Events); n > 0 {
		q.Set("since", fmt.Sprint(st.Events[n-1].Seq))
	}
	body := map[string]string{"for": window.String()}
	if installCode != "" {
		body["install_code"], body["device"] = installCode, device
	}
	if err := a.call(ctx, "POST", "/join", body, nil); err != nil {
		return err
	}
	defer func() { // whatever ended this, the network does not stay open
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		_ = a.call(end, "POST", "/join", map[string]string{"for": "0s"}, nil)
	}()
	watch, cancel := context.WithTimeout(ctx, window+10*time.Second) // an interview may outlast the window
	defer cancel()
	if !a.json {
		a.say("The network is open for %v. Put the lock into its joining mode now, as its manual says.", window)
		stop := a.countdown(watch, time.Now().Add(window), "still open for")
		defer stop()
	}
	ready, strangers, joined := 0, 0, map[bridge.LockID]bool{}
	names := map[bridge.LockID]string{}
	err := a.stream(watch, q, func(ev event) bool {
		switch b := ev.Body.(type) {
		case bridge.LockJoined:
			joined[ev.Lock] = true
		case bridge.LockReady:
			if joined[ev.Lock] {
				ready++
			}
		case bridge.StrangerRefused:
			strangers++
		case bridge.InterviewFailed, bridge.LockLeft:
		case bridge.PermitJoinMoved:
			return b.Remaining <= 0 && len(joined) <= ready
		default:
			return false
		}
		a.clearLine()
		a.showEvent(ev.Event, ev.Raw, names)
		return ready >= number
	})
	a.clearLine()
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return &coded{exitFailed, fmt.Errorf("stopped; the network is closed again")}
	case ready == 0 && strangers > 0 && len(joined) == 0:
		return &coded{exitNotSeen, fmt.Errorf("no lock has joined: what came is not the lock, and was sent away. %s",
			"Leave the other device alone while the network is open, put the lock into its joining mode as its manual says, and try again")}
	case ready == 0:
		return &coded{exitNotSeen, fmt.Errorf("no lock has joined%s. %s", ifText(len(joined) > 0, " completely"),
			"Move the lock nearer, reset its radio as its manual says (a lock that belongs to another network does not join), and try again")}
	}
	if !a.json {
		a.say("%s. Pair with Apple Home: latchkey homekit show", strings.TrimSpace(count(ready, "lock is ready", "locks are ready")))
	}
	return nil
}

// countdown writes the time left on one line of the terminal until stopped. Elsewhere it does nothing.
func (a *app) countdown(ctx context.Context, until time.Time, what string) (stop func()) {
	if tty(a.err) == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			if left := time.Until(until); left > 0 {
				fmt.Fprintf(a.err, "\r\x1b[K%s %v", what, left.Round(time.Second))
			}
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	}()
	return func() {
		cancel()
		<-done
		a.clearLine()
	}
}

// clearLine removes the countdown.
func (a *app) clearLine() {
	if tty(a.err) != nil {
		fmt.Fprint(a.err, "\r\x1b[K")
	}
}
