package journeys

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/lockfw"
)

func init() {
	vocabulary["air"] = func(p *play, _ *testscript.TestScript, a []string) error {
		loss, err := strconv.ParseFloat(a[1], 64)
		if a[0] != "loses" || err != nil {
			return fmt.Errorf("air %s %s?", a[0], a[1])
		}
		p.house.Air.SetLoss(loss)
		return nil
	}
	vocabulary["quiet"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.quiet(a[0]) }
	vocabulary["commands"] = func(p *play, ts *testscript.TestScript, a []string) error {
		return p.commands(ts, a[0], a[1], a[2], a[3])
	}
	vocabulary["reconnects"] = func(p *play, ts *testscript.TestScript, a []string) error { return p.reconnects(ts, a[0], a[1], a[2]) }
}

// quiet waits until nothing was sent to the dongle for so long.
func (p *play) quiet(long string) error {
	d, err := time.ParseDuration(long)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience+d)
	defer cancel()
	sent, since := uint64(0), time.Now()
	return until(ctx, "quiet on the line", func() bool {
		if n := p.home.Radio().Stats().Sent.SREQ; n != sent {
			sent, since = n, time.Now()
		}
		return time.Since(since) >= d
	})
}

// turns are commands that are given one after another, each for the other position than the last, and what became of them.
type turns struct {
	p            *play
	lock         *lockfw.Lock
	name         string
	to           lockfw.Bolt
	done, failed int
}

func (p *play) turns(n, name string) *turns {
	l := p.lock(n)
	return &turns{p: p, lock: l, name: name, to: l.Bolt()}
}

// next gives the next command. The bolt may follow it once, or not at all if the command is told as failed; nothing else may move it.
func (t *turns) next(timeout string) error {
	before := len(t.lock.History())
	word := "lock"
	if t.to = lockfw.Locked + lockfw.Unlocked - t.to; t.to == lockfw.Unlocked {
		word = "unlock"
	}
	e := t.p.command(word, t.name, "--timeout", timeout)()
	moved := t.lock.History()[before:]
	switch {
	case len(moved) > 1 || len(moved) == 1 && (moved[0].Bolt != t.to || moved[0].Cause != "radio"):
		return fmt.Errorf("%s was asked for once, and the bolt moved: %+v", word, moved)
	case e.code == 0 && t.lock.Bolt() != t.to:
		return fmt.Errorf("%s is told as done, and the bolt is %v", word, t.lock.Bolt())
	case e.code == 0:
		t.done++
	case (e.code == 3 || e.code == 5) && strings.TrimSpace(e.err) != "":
		t.failed++
	default:
		return fmt.Errorf("%s: exit code %d: %s%s", word, e.code, e.out, e.err)
	}
	return nil
}

// commands gives a lock so many commands: "commands N NAME TIMES TIMEOUT".
func (p *play) commands(ts *testscript.TestScript, n, name, times, timeout string) error {
	count, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	t := p.turns(n, name)
	for i := range count {
		if err := t.next(timeout); err != nil {
			return fmt.Errorf("command %d: %w", i+1, err)
		}
	}
	fmt.Fprintf(ts.Stdout(), "%d commands: %d done, %d told as failed\n", count, t.done, t.failed)
	return nil
}

// reconnects takes the dongle away and lets it come back so many times, or LATCHKEY_RECONNECTS times, by restart, broken line and unplugging in turn:
// "reconnects N NAME TIMES". Ten times on the way a command is given; between them the bolt must not move, and it must be known.
func (p *play) reconnects(ts *testscript.TestScript, n, name, times string) error {
	if more := os.Getenv("LATCHKEY_RECONNECTS"); more != "" {
		times = more
	}
	count, err := strconv.Atoi(times)
	if err != nil || count < 10 {
		return fmt.Errorf("reconnects %s: at least 10 (%w)", times, err)
	}
	t := p.turns(n, name)
	replug := func() error { return p.replug(t) }
	ways := []func() error{p.crash, p.crash, p.crash, p.crash, p.drop, p.crash, p.crash, p.crash, p.crash, replug}
	began, moves := time.Now(), len(t.lock.History())
	for i := range count {
		ctx, cancel := within()
		connects := p.home.Radio().Stats().Connects
		err := ways[i%len(ways)]()
		if err == nil {
			err = until(ctx, "the dongle to come back", func() bool { return p.home.Radio().Stats().Connects > connects && p.home.Radio().Dongle().Up })
		}
		cancel()
		if err != nil {
			return fmt.Errorf("reconnect %d: %w", i+1, err)
		}
		if got := len(t.lock.History()); got != moves {
			return fmt.Errorf("reconnect %d: the bolt moved: %+v", i+1, t.lock.History()[moves:])
		}
		if (i+1)%(count/10) == 0 {
			if err := t.next("20s"); err != nil {
				return fmt.Errorf("after reconnect %d: %w", i+1, err)
			}
			if moves++; t.failed > 0 {
				return fmt.Errorf("after reconnect %d: a command failed", i+1)
			}
			if err := p.shown(n, t.to.String()); err != nil {
				return err
			}
		}
	}
	st := p.home.Radio().Stats()
	fmt.Fprintf(ts.Stdout(), "%d reconnects in %v: %d commands done, %d movements; the dongle went down %d times, %d of them by a restart of its own\n",
		count, time.Since(began).Round(100*time.Millisecond), t.done, len(t.lock.History()), st.Disconnects, st.Resets)
	return nil
}

func (p *play) crash() error { p.house.Air.Dongle().Crash(); return nil }

// drop breaks the line: a dongle behind TCP serves who spoke last.
func (p *play) drop() error {
	c, err := net.Dial("tcp", strings.TrimPrefix(p.house.Port, "tcp://"))
	if err != nil {
		return err
	}
	defer c.Close()
	down := p.home.Radio().Stats().Disconnects
	if _, err := c.Write([]byte{0}); err != nil {
		return err
	}
	ctx, cancel := within()
	defer cancel()
	return until(ctx, "the line to break", func() bool { return p.home.Radio().Stats().Disconnects > down })
}

// replug pulls the dongle and puts it back. A command given meanwhile is refused, and must not be carried out afterwards.
func (p *play) replug(t *turns) error {
	down := p.home.Radio().Stats().Disconnects
	p.house.Air.Dongle().Unplug()
	ctx, cancel := within()
	defer cancel()
	if err := until(ctx, "the fault", func() bool { return p.home.Radio().Stats().Disconnects > down }); err != nil {
		return err
	}
	word := map[lockfw.Bolt]string{lockfw.Locked: "unlock", lockfw.Unlocked: "lock"}[t.lock.Bolt()]
	if e := p.command(word, t.name, "--timeout", "5s")(); e.code != 3 || !strings.Contains(e.err, "dongle") {
		return fmt.Errorf("%s without a dongle: exit code %d: %s%s", word, e.code, e.out, e.err)
	}
	p.house.Air.Dongle().Replug()
	return nil
}
