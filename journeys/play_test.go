package journeys

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/web"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // the scripts wait for emulated locks more than they work
	os.Exit(m.Run())
}

func TestJourneys(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Values[playKey{}] = &play{dir: e.WorkDir, defers: e.Defer}
			return nil
		},
		Cmds: commands(),
	})
}

// vocabulary is the scripts' words, by name. A file that has more of them adds them in its init.
var vocabulary = map[string]word{
	"house":   func(p *play, ts *testscript.TestScript, a []string) error { return p.build(ts, a) },
	"daemon":  func(p *play, _ *testscript.TestScript, a []string) error { return p.daemon(a[0]) },
	"join":    func(p *play, _ *testscript.TestScript, a []string) error { return p.join(a[0], a[1]) },
	"door":    func(p *play, _ *testscript.TestScript, a []string) error { return p.door(a) },
	"dongle":  func(p *play, _ *testscript.TestScript, a []string) error { return p.dongle(a[0]) },
	"bolt":    func(p *play, _ *testscript.TestScript, a []string) error { return p.bolt(a[0], a[1]) },
	"shown":   func(p *play, _ *testscript.TestScript, a []string) error { return p.shown(a[0], a[1]) },
	"mark":    func(p *play, _ *testscript.TestScript, a []string) error { return p.mark(a[0]) },
	"moves":   func(p *play, _ *testscript.TestScript, a []string) error { return p.moves(a[0], a[1:]...) },
	"unmoved": func(p *play, _ *testscript.TestScript, a []string) error { return p.moves(a[0]) },
	"code":    func(p *play, _ *testscript.TestScript, a []string) error { return p.code(a[0], a[1]) },
	"told":    func(p *play, _ *testscript.TestScript, a []string) error { return p.told(a[0]) },
	"pause": func(_ *play, _ *testscript.TestScript, a []string) error {
		d, err := time.ParseDuration(a[0])
		time.Sleep(d)
		return err
	},
	// latchkey CODE ARGS…: the command line, which must end with that exit code. later does not wait; finish CODE does, the first first, and with
	// a duration: no later than so long after the dongle was unplugged.
	"latchkey": func(p *play, ts *testscript.TestScript, a []string) error {
		return p.command(a[1:]...)().tell(ts, a[0])
	},
	"later": func(p *play, _ *testscript.TestScript, a []string) error { return p.later(a) },
	"finish": func(p *play, ts *testscript.TestScript, a []string) error {
		out := <-p.running[0]
		p.running = p.running[1:]
		if len(a) > 1 {
			if most, err := time.ParseDuration(a[1]); err != nil || out.at.Sub(p.unplugged) > most {
				return fmt.Errorf("ended %v after the dongle was unplugged, at most %s is allowed", out.at.Sub(p.unplugged), a[1])
			}
		}
		return out.tell(ts, a[0])
	},
	// typing TEXT: what the next latchkey reads from its standard input.
	"typing": func(p *play, _ *testscript.TestScript, a []string) error { p.typed = a[0] + "\n"; return nil },
}

// word is what a word of a script does. Every word must succeed; what must fail is said with an exit code or a status.
type word func(*play, *testscript.TestScript, []string) error

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	cmds := map[string]func(*testscript.TestScript, bool, []string){}
	for name, w := range vocabulary {
		cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg {
				ts.Fatalf("%s takes no !", name)
			}
			if err := w(ts.Value(playKey{}).(*play), ts, args); err != nil {
				ts.Fatalf("%s: %v", name, err)
			}
		}
	}
	return cmds
}

type playKey struct{}

// play is one script's world.
type play struct {
	dir       string
	defers    func(func())
	house     *house.House
	apart     bool            // the daemon is a process of its own
	home      *house.Resident // the daemon, if it is not
	process   *process
	marks     map[string]int
	phones    map[string]*phone
	settings  *settings // the pairing begun last
	running   []chan ended
	typed     string
	unplugged time.Time
}

// patience is the longest that a word waits for something to come about.
const patience = 20 * time.Second

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// build makes the house, "house SPEED MODEL… SWITCH=VALUE…", and starts the daemon in it. Switches are of the locks' behaviour, from the factory on;
// daemon=process makes the daemon a process of its own, which can be killed.
func (p *play) build(_ *testscript.TestScript, a []string) error {
	speed, err := strconv.ParseFloat(a[0], 64)
	if err != nil {
		return err
	}
	var models []string
	var wrong error
	switches := map[string]string{}
	for _, w := range a[1:] {
		if name, value, ok := strings.Cut(w, "="); ok {
			switches[name] = value
		} else {
			models = append(models, w)
		}
	}
	p.apart = switches["daemon"] == "process"
	delete(switches, "daemon")
	h, err := house.New(house.Config{Dir: p.dir + "/state", Models: models, Air: lockfw.Config{Speed: speed}, Adjust: func(b *lockfw.Behaviour) {
		for name, value := range switches {
			wrong = errors.Join(wrong, b.Set(name, value))
		}
	}})
	if err = errors.Join(err, wrong); err != nil {
		return err
	}
	p.house, p.marks, p.phones = h, map[string]int{}, map[string]*phone{}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = h.Run(ctx) })
	p.defers(func() { _ = p.daemon("stop"); stop(); wg.Wait() })
	return p.daemon("start")
}

func (p *play) daemon(what string) (err error) {
	switch what {
	case "start":
		ctx, cancel := within()
		defer cancel()
		if p.apart {
			return p.launch(ctx)
		}
		if p.home, err = p.house.Start(ctx); err != nil {
			return err
		}
		return p.home.Online(ctx)
	case "stop":
		if p.home != nil {
			err = p.home.Stop()
		}
		p.home = nil
		return errors.Join(err, p.end(syscall.SIGTERM))
	case "kill":
		return p.end(syscall.SIGKILL)
	}
	return fmt.Errorf("daemon %s?", what)
}

func (p *play) lock(n string) *lockfw.Lock {
	i, err := strconv.Atoi(n)
	if err != nil || i < 1 || i > len(p.house.Locks) {
		panic("no door " + n)
	}
	return p.house.Locks[i-1]
}

func (p *play) join(n, name string) error {
	ctx, cancel := within()
	defer cancel()
	l := p.lock(n)
	if l.NeedsMaster() {
		if err := l.SetMaster("", "11112222"); err != nil {
			return err
		}
	}
	if p.home == nil {
		return p.joinApart(ctx, l, name)
	}
	v, err := p.home.Join(ctx, l)
	if err != nil {
		return err
	}
	return p.home.Bridge().Rename(ctx, v.ID, name)
}

func (p *play) door(a []string) error {
	l, arg := p.lock(a[0]), ""
	if len(a) > 2 {
		arg = a[2]
	}
	switch a[1] {
	case "turn":
		l.TurnThumb(arg == "lock")
	case "key":
		l.Key(arg == "lock")
	case "type":
		return l.Keypad(arg)
	case "jam":
		l.Jam(arg == "on")
	case "away":
		l.Off(arg == "on")
	case "switch":
		var err error
		l.Adjust(func(b *lockfw.Behaviour) { err = b.Set(arg, a[3]) })
		return err
	default:
		return fmt.Errorf("door %s?", a[1])
	}
	return nil
}

func (p *play) dongle(what string) error {
	d := p.house.Air.Dongle()
	ctx, cancel := within()
	defer cancel()
	switch what {
	case "unplug":
		p.unplugged = time.Now()
		d.Unplug()
		if err := until(ctx, "the fault", func() bool { return !p.home.Bridge().Snapshot().Dongle.Up }); err != nil {
			return err
		}
		// It should take less than a second; what else this machine does must not fail a script.
		if took := time.Since(p.unplugged); took > 5*time.Second {
			return fmt.Errorf("the fault was told after %v", took)
		}
		return nil
	case "replug":
		d.Replug()
		return p.home.Online(ctx)
	case "crash":
		d.Crash()
		if err := until(ctx, "the fault", func() bool { return !p.home.Radio().Dongle().Up }); err != nil {
			return err
		}
		return p.home.Online(ctx)
	}
	return fmt.Errorf("dongle %s?", what)
}

func until(ctx context.Context, what string, ok func() bool) error {
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

// bolt waits until the emulated bolt stands there.
func (p *play) bolt(n, want string) error {
	ctx, cancel := within()
	defer cancel()
	return until(ctx, "the bolt to be "+want, func() bool { return p.lock(n).Bolt().String() == want })
}

// shown waits until the daemon shows the bolt there.
func (p *play) shown(n, want string) error {
	ctx, cancel := within()
	defer cancel()
	last := ""
	err := until(ctx, "the bolt to be shown "+want, func() bool {
		v, err := p.view(ctx, p.lock(n))
		last = v.Bolt
		return err == nil && last == want
	})
	if err != nil {
		return fmt.Errorf("%w; it is shown %s", err, last)
	}
	return nil
}

// code waits until a code opens at the keypad's side: it stands in the lock's memory.
func (p *play) code(n, pin string) error {
	ctx, cancel := within()
	defer cancel()
	return until(ctx, "the code in the lock", func() bool {
		return slices.ContainsFunc(p.lock(n).Codes(), func(c lockfw.Code) bool { return string(c.PIN) == pin && c.Status == 1 })
	})
}

// told waits until the journal, as the command line shows it, has a line that matches.
func (p *play) told(pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	ctx, cancel := within()
	defer cancel()
	return until(ctx, "an event that matches "+pattern, func() bool {
		return slices.ContainsFunc(strings.Split(p.command("events")().out, "\n"), re.MatchString)
	})
}

// view is a lock as the daemon shows it.
func (p *play) view(ctx context.Context, l *lockfw.Lock) (web.Lock, error) {
	if p.home != nil {
		v, err := p.home.Bridge().Find(string(house.ID(l)))
		return web.Lock{ID: v.ID, Bolt: v.Bolt.String(), Ready: v.Info.Ready}, err
	}
	var locks []web.Lock
	if err := p.ask(ctx, &locks, "locks"); err != nil {
		return web.Lock{}, err
	}
	for _, v := range locks {
		if v.ID == house.ID(l) {
			return v, nil
		}
	}
	return web.Lock{}, bridge.ErrNoSuchLock
}

func (p *play) mark(n string) error { p.marks[n] = len(p.lock(n).History()); return nil }

// moves holds against what is said how the bolt has moved since the mark: "moves N POSITION…".
func (p *play) moves(n string, want ...string) error {
	var got []string
	for _, m := range p.lock(n).History()[p.marks[n]:] {
		got = append(got, m.Bolt.String())
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the bolt moved %q, want %q", got, want)
	}
	return nil
}
