package journeys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/store"
)

func init() {
	vocabulary["setup"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.setup(a[0], a[1]) }
	vocabulary["settled"] = func(p *play, ts *testscript.TestScript, a []string) error {
		paired, err := p.settled(a[0])
		fmt.Fprintln(ts.Stdout(), map[bool]string{true: "paired", false: "not paired"}[paired])
		return err
	}
	vocabulary["killed-at-M5"] = func(p *play, ts *testscript.TestScript, a []string) error { return p.killedAtM5(ts, a[0], a[1]) }
	vocabulary["wrong"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.wrong(a[0], a[1]) }
}

// Pairing errors (R2 table 5-5).
const (
	wrongCode   = controller.PairingError(2)
	maxTries    = controller.PairingError(5)
	unavailable = controller.PairingError(6)
)

// settings is a pairing that a phone has begun.
type settings struct {
	id      controller.Identity
	steps   *controller.Setup
	pairing *controller.Pairing // after M6
}

// begin opens a connection for a pairing and takes it to the end of M2.
func (p *play) begin(ctx context.Context, n string) (*settings, string, error) {
	x, err := p.accessory(ctx, n)
	if err != nil {
		return nil, "", err
	}
	c, err := controller.Dial(ctx, address(x))
	if err != nil {
		return nil, "", err
	}
	p.defers(func() { c.Close() })
	s := &settings{id: controller.NewIdentity()}
	s.steps = c.Setup(s.id)
	return s, x.SetupCode, s.steps.Start(ctx)
}

// setup takes a new pairing of a phone's to the end of M2, M4 or M6: "setup N M4". "setup N refused" is one that is refused for too many wrong codes.
func (p *play) setup(n, until string) error {
	ctx, cancel := within()
	defer cancel()
	s, code, err := p.begin(ctx, n)
	if until == "refused" {
		if !errors.Is(err, maxTries) {
			return fmt.Errorf("%v, want %w", err, maxTries)
		}
		return nil
	}
	if err == nil && until != "M2" {
		err = s.steps.Prove(ctx, code)
	}
	if err == nil && until == "M6" {
		s.pairing, err = s.steps.Exchange(ctx)
	}
	p.settings = s
	return err
}

// settled holds a lock's accessory to what may be left of the pairing that was begun last: all of it, so that its phone is at home there and nobody else
// can pair, or nothing, so that the code pairs. It leaves the accessory unpaired.
func (p *play) settled(n string) (paired bool, err error) {
	ctx, cancel := within()
	defer cancel()
	x, err := p.accessory(ctx, n)
	if err != nil {
		return false, err
	}
	if !x.Paired {
		if p.settings.pairing != nil {
			return false, errors.New("a pairing that was acknowledged is lost")
		}
		pairing, err := controller.Pair(ctx, address(x), x.SetupCode)
		if err != nil {
			return false, fmt.Errorf("not paired, and cannot be: %w", err)
		}
		return false, p.atHome(ctx, n, pairing)
	}
	// A phone that has not heard M6 does not know the accessory's key: this one does, from another time.
	known := *p.phones[n].Pairing
	known.Controller = p.settings.id
	if got := p.settings.pairing; got != nil && string(got.AccessoryLTPK) != string(known.AccessoryLTPK) {
		return true, errors.New("the accessory has another key")
	}
	known.Address = address(x)
	return true, p.atHome(ctx, n, &known)
}

// atHome makes sure that a phone's pairing is the only one and works, and takes it away.
func (p *play) atHome(ctx context.Context, n string, pairing *controller.Pairing) error {
	if _, err := controller.Pair(ctx, pairing.Address, "123-45-678"); !errors.Is(err, unavailable) {
		return fmt.Errorf("paired, and another phone that wants to pair gets %v, not %w", err, unavailable)
	}
	c, err := pairing.Connect(ctx)
	if err != nil {
		return fmt.Errorf("paired, and its phone is not let in: %w", err)
	}
	defer c.Close()
	list, err := c.ListPairings(ctx)
	if err != nil || len(list) != 1 || !list[0].Admin || list[0].ID != pairing.Controller.ID {
		return fmt.Errorf("pairings %+v, %w", list, err)
	}
	if err := c.RemovePairing(ctx, pairing.Controller.ID); err != nil {
		return err
	}
	return until(ctx, "the accessory to be unpaired", func() bool {
		x, err := p.accessory(ctx, n)
		return err == nil && !x.Paired
	})
}

// killedAtM5 kills the daemon at any moment after it was sent M5, so many times; LATCHKEY_CRASH, if set, says how many times ten.
func (p *play) killedAtM5(ts *testscript.TestScript, n, times string) error {
	rounds, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	if more, err := strconv.Atoi(os.Getenv("LATCHKEY_CRASH")); err == nil && more > 0 {
		rounds = 10 * more
	}
	var acknowledged, kept, lost int
	for round := range rounds {
		if err := p.setup(n, "M4"); err != nil {
			return err
		}
		s := p.settings
		commit := p.committing()
		heard := make(chan error, 1)
		go func() {
			ctx, cancel := within()
			defer cancel()
			pairing, err := s.steps.Exchange(ctx)
			if err == nil {
				s.pairing = pairing
			}
			heard <- err
		}()
		// M6 comes after one commit to the disk, a few milliseconds: the kill goes from before it to behind it. Every second one waits for the commit to
		// begin, so that some fall between it and M6.
		if round%2 == 1 {
			commit()
		}
		time.Sleep(time.Duration(round/2%10) * 500 * time.Microsecond)
		if err := p.end(syscall.SIGKILL); err != nil {
			return err
		}
		<-heard
		if err := p.daemon("start"); err != nil {
			return err
		}
		paired, err := p.settled(n)
		if err != nil {
			return fmt.Errorf("kill %d: %w", round, err)
		}
		switch {
		case s.pairing != nil:
			acknowledged++
		case paired:
			kept++
		default:
			lost++
		}
	}
	fmt.Fprintf(ts.Stdout(), "%d kills: %d pairings acknowledged and kept, %d kept whole although nobody was told, %d not kept\n", rounds, acknowledged, kept, lost)
	return nil
}

// committing gives what waits until the daemon's store is written to, a second at most.
func (p *play) committing() (wait func()) {
	file := filepath.Join(p.house.Settings().State, store.FileName)
	stamp := func() time.Time {
		st, err := os.Stat(file)
		if err != nil {
			return time.Time{}
		}
		return st.ModTime()
	}
	before := stamp()
	return func() {
		for began := time.Now(); stamp().Equal(before) && time.Since(began) < time.Second; {
			runtime.Gosched()
		}
	}
}

// wrong tries wrong codes, so many times: "wrong N TIMES".
func (p *play) wrong(n, times string) error {
	tries, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	for i := range tries {
		err := func() error {
			ctx, cancel := within()
			defer cancel()
			x, err := p.accessory(ctx, n)
			if err != nil {
				return err
			}
			_, err = controller.Pair(ctx, address(x), "123-45-678")
			return err
		}()
		if !errors.Is(err, wrongCode) {
			return fmt.Errorf("wrong code %d: %v, want %w", i+1, err, wrongCode)
		}
	}
	return nil
}
