package journeys

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

func TestMain(m *testing.M) {
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
	"phone":   func(p *play, _ *testscript.TestScript, a []string) error { return p.phone(a) },
	"bolt":    func(p *play, _ *testscript.TestScript, a []string) error { return p.bolt(a[0], a[1]) },
	"shown":   func(p *play, _ *testscript.TestScript, a []string) error { return p.shown(a[0], a[1]) },
	"mark":    func(p *play, _ *testscript.TestScript, a []string) error { return p.mark(a[0]) },
	"unmoved": func(p *play, _ *testscript.TestScript, a []string) error { return p.unmoved(a[0]) },
	"pause": func(_ *play, _ *testscript.TestScript, a []string) error {
		d, err := time.ParseDuration(a[0])
		time.Sleep(d)
		return err
	},
	// latchkey CODE ARGS…: the command line, which must end with that exit code. later does not wait; finish CODE does, the first first.
	"latchkey": func(p *play, ts *testscript.TestScript, a []string) error {
		out := p.cli(a[1:])
		fmt.Fprint(ts.Stdout(), out.out)
		fmt.Fprint(ts.Stderr(), out.err)
		return out.check(a[0])
	},
	"later": func(p *play, _ *testscript.TestScript, a []string) error {
		c := make(chan ended, 1)
		p.running = append(p.running, c)
		go func() { c <- p.cli(a) }()
		time.Sleep(200 * time.Millisecond) // until it is under way
		return nil
	},
	"finish": func(p *play, ts *testscript.TestScript, a []string) error {
		out := <-p.running[0]
		p.running = p.running[1:]
		fmt.Fprint(ts.Stdout(), out.out)
		fmt.Fprint(ts.Stderr(), out.err)
		return out.check(a[0])
	},
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
	dir     string
	defers  func(func())
	house   *house.House
	home    *house.Resident
	marks   map[string]int
	phones  map[string]*controller.Pairing
	running []chan ended
}

// patience is the longest that a word waits for something to come about.
const patience = 20 * time.Second

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// build makes the house: "house SPEED MODEL…", and starts the daemon in it.
func (p *play) build(_ *testscript.TestScript, a []string) error {
	speed, err := strconv.ParseFloat(a[0], 64)
	if err != nil {
		return err
	}
	h, err := house.New(house.Config{Dir: p.dir + "/state", Models: a[1:], Air: lockfw.Config{Speed: speed}})
	if err != nil {
		return err
	}
	p.house, p.marks, p.phones = h, map[string]int{}, map[string]*controller.Pairing{}
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
		if p.home, err = p.house.Start(ctx); err != nil {
			return err
		}
		return p.home.Online(ctx)
	case "stop":
		if p.home == nil {
			return nil
		}
		err = p.home.Stop()
		p.home = nil
		return err
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
		d.Unplug()
		return until(ctx, "the fault", func() bool { return !p.home.Bridge().Snapshot().Dongle.Up })
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

// phone is a HomeKit controller: "phone N pair", "phone N unlock STATUS", "phone N current VALUE", "phone N target VALUE",
// "phone N reads STATUS".
func (p *play) phone(a []string) error {
	ctx, cancel := within()
	defer cancel()
	l := p.lock(a[0])
	if a[1] == "pair" {
		pairing, err := p.home.Pair(ctx, l)
		p.phones[a[0]] = pairing
		return err
	}
	c, err := p.phones[a[0]].Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	ids, err := house.FindLock(ctx, c)
	if err != nil {
		return err
	}
	switch a[1] {
	case "lock", "unlock":
		value := map[string]int{"unlock": 0, "lock": 1}[a[1]]
		res, err := c.PutTimed(ctx, 5*time.Second, controller.Write{ID: ids.Target, Value: value})
		if err != nil {
			return err
		}
		got := 0
		if len(res) > 0 {
			got = res[0].Status
		}
		if want, err := strconv.Atoi(a[2]); err != nil || got != want {
			return fmt.Errorf("status %d, want %s", got, a[2])
		}
		return nil
	case "reads":
		return until(ctx, "status "+a[2]+" of a read", func() bool {
			got, err := c.Get(ctx, ids.Current)
			return err == nil && len(got) == 1 && strconv.Itoa(got[0].Status) == a[2]
		})
	case "current", "target":
		id := map[string]controller.ID{"current": ids.Current, "target": ids.Target}[a[1]]
		var last any
		return until(ctx, fmt.Sprintf("%s %s", a[1], a[2]), func() bool {
			got, err := c.Get(ctx, id)
			if err != nil || len(got) != 1 {
				return false
			}
			last = got[0].Value
			return fmt.Sprint(last) == a[2]
		})
	}
	return fmt.Errorf("phone %s?", a[1])
}

// bolt waits until the emulated bolt stands there.
func (p *play) bolt(n, want string) error {
	ctx, cancel := within()
	defer cancel()
	return until(ctx, "the bolt to be "+want, func() bool { return p.lock(n).Bolt().String() == want })
}

// shown waits until the bridge shows the bolt there.
func (p *play) shown(n, want string) error {
	ctx, cancel := within()
	defer cancel()
	return until(ctx, "the bolt to be shown "+want, func() bool {
		v, err := p.home.Bridge().Find(string(house.ID(p.lock(n))))
		return err == nil && v.Bolt.String() == want
	})
}

func (p *play) mark(n string) error { p.marks[n] = len(p.lock(n).History()); return nil }

func (p *play) unmoved(n string) error {
	if h := p.lock(n).History()[p.marks[n]:]; len(h) > 0 {
		return fmt.Errorf("the bolt moved: %+v", h)
	}
	return nil
}

// ended is what became of a run of the command line.
type ended struct {
	code     int
	out, err string
}

func (e ended) check(want string) error {
	if strconv.Itoa(e.code) != want {
		return fmt.Errorf("exit code %d, want %s\n%s%s", e.code, want, e.out, e.err)
	}
	return nil
}

func (p *play) cli(args []string) ended {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	if p.home != nil {
		args = append([]string{"--socket", p.home.SocketPath()}, args...)
	}
	code := cli.Run(ctx, "test", args, strings.NewReader(""), &out, &errs)
	return ended{code, out.String(), errs.String()}
}
