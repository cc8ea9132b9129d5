package journeys

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/web"
)

func init() {
	vocabulary["boot"] = func(p *play, _ *testscript.TestScript, _ []string) error { return p.boot() }
	vocabulary["fault"] = func(p *play, ts *testscript.TestScript, a []string) error { return p.fault(ts, a[0]) }
	vocabulary["online"] = func(p *play, _ *testscript.TestScript, _ []string) error { return p.online() }
	vocabulary["configure"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.configure(a) }
	vocabulary["unreadable"] = func(_ *play, ts *testscript.TestScript, a []string) error { return unreadable(ts.MkAbs(a[0])) }
	vocabulary["metric"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.metric(a) }
	vocabulary["memory"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.memory(a) }
	vocabulary["stranger"] = func(p *play, ts *testscript.TestScript, a []string) error { return p.stranger(ts, a) }
	vocabulary["doctor"] = func(p *play, ts *testscript.TestScript, a []string) error { return p.doctor(ts, a[0]) }
	vocabulary["run"] = func(p *play, ts *testscript.TestScript, a []string) error { return p.run(ts, a[0], a[1]) }
}

// bads is what the words of these files keep beside a play.
var bads sync.Map

type bad struct {
	wire    *wire
	flood   *flood
	readers *readers
	others  []*lockfw.Lock
	rss     int // kB when it was marked
}

func (p *play) bad() *bad {
	b, found := bads.LoadOrStore(p, &bad{})
	if !found {
		p.defers(func() { bads.Delete(p) })
	}
	return b.(*bad)
}

// boot starts the daemon and does not wait for its dongle.
func (p *play) boot() (err error) {
	ctx, cancel := within()
	defer cancel()
	if !p.apart {
		p.home, err = p.house.Start(ctx)
		return err
	}
	client := p.client()
	go func() { // launch waits for the dongle, or for the end of its context
		for ctx.Err() == nil {
			if resp, err := client.Get("http://latchkey/readyz"); err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					cancel()
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	if err := p.launch(ctx); err != nil && p.process == nil {
		return err
	}
	return nil
}

// fault waits until the daemon says what is wrong with its dongle, in these words; online, until nothing is.
func (p *play) fault(ts *testscript.TestScript, want string) error {
	re, err := regexp.Compile(want)
	if err != nil {
		return err
	}
	ctx, cancel := within()
	defer cancel()
	var st web.Status
	err = until(ctx, "the fault", func() bool {
		time.Sleep(20 * time.Millisecond)
		return p.ask(ctx, &st, "status") == nil && !st.Dongle.Up && re.MatchString(st.Dongle.Fault)
	})
	if err != nil {
		return fmt.Errorf("%w; it is %q", err, st.Dongle.Fault)
	}
	fmt.Fprintln(ts.Stdout(), st.Dongle.Fault)
	return nil
}

func (p *play) online() error {
	ctx, cancel := within()
	defer cancel()
	var st web.Status
	err := until(ctx, "the dongle", func() bool {
		time.Sleep(20 * time.Millisecond)
		return p.ask(ctx, &st, "status") == nil && st.Dongle.Up
	})
	if err != nil {
		return fmt.Errorf("%w; it says %q", err, st.Dongle.Fault)
	}
	return nil
}

// configure changes the settings of the daemons to be started: "radio.form WORD", "homekit.ports own N" leaves the one port that the accessory of lock N has,
// "homekit.ports all" gives all of them back.
func (p *play) configure(a []string) error {
	switch {
	case a[0] == "radio.form":
		p.house.Configure(func(c *configs.Config) { c.Radio.Form = a[1] })
	case a[0] == "homekit.ports" && a[1] == "own":
		_, port, err := net.SplitHostPort(p.phones[a[2]].Address)
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return err
		}
		p.house.Configure(func(c *configs.Config) { c.HomeKit.Ports = configs.PortRange{First: uint16(n), Last: uint16(n)} })
	case a[0] == "homekit.ports" && a[1] == "all":
		p.house.Configure(nil)
	default:
		return fmt.Errorf("configure %s?", a[0])
	}
	return nil
}

// unreadable makes a file one that this user cannot read. Root may read whatever has a mode: a link to what gives an error stands in for it.
func unreadable(path string) error {
	if err := os.Chmod(path, 0); err != nil {
		return err
	}
	if _, err := os.ReadFile(path); err != nil {
		return nil
	}
	return errors.Join(os.Remove(path), os.Symlink("/proc/self/mem", path))
}

// run is "latchkey run" in the foreground with a configuration: it must end with the exit code.
func (p *play) run(ts *testscript.TestScript, code, file string) error {
	home, apart := p.home, p.apart
	defer func() { p.home, p.apart = home, apart }()
	p.home, p.apart = nil, false // the socket is the configuration's
	return p.command("--config", ts.MkAbs(file), "run")().tell(ts, code)
}

// doctor is "latchkey doctor" where no daemon runs.
func (p *play) doctor(ts *testscript.TestScript, code string) error {
	c := p.house.Settings()
	text := fmt.Sprintf("radio: {port: %q}\nstate: %q\nhomekit: {address: %s, ports: %d-%d}\nhttp: {listen: \"\"}\n",
		c.Radio.Port, c.State, c.HomeKit.Address, c.HomeKit.Ports.First, c.HomeKit.Ports.Last)
	file := ts.MkAbs("doctor.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	return p.command("--config", file, "doctor")().tell(ts, code)
}

// client speaks HTTP over the daemon's socket.
func (p *play) client() *http.Client {
	path := p.socket()
	if p.home != nil {
		path = p.home.SocketPath()
	}
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

// metric waits until a metric of the daemon is as said: "metric NAME{LABELS} OP VALUE".
func (p *play) metric(a []string) error {
	want, err := strconv.ParseFloat(a[2], 64)
	if err != nil {
		return err
	}
	ctx, cancel := within()
	defer cancel()
	var got float64
	holds := map[string]func() bool{"==": func() bool { return got == want }, ">=": func() bool { return got >= want }, "<=": func() bool { return got <= want }}[a[1]]
	for {
		if got, err = p.read(ctx, a[0]); err == nil && holds() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is %v, want %s %v: %w", a[0], got, a[1], want, errors.Join(err, ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *play) read(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://latchkey/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := p.client().Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(v, 64)
		}
	}
	return 0, errors.Join(fmt.Errorf("no metric %s", name), lines.Err())
}

// memory: "memory mark" notes how much of it the daemon's process holds and has the kernel forget the most that it ever held; "memory grown MB" says that it
// never held more than so much above that.
func (p *play) memory(a []string) error {
	if p.process == nil {
		return errors.New("the daemon is not a process of its own")
	}
	dir := fmt.Sprintf("/proc/%d/", p.process.cmd.Process.Pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return err
	}
	kB := func(key string) int {
		_, v, _ := strings.Cut(string(status), "\n"+key+":")
		n, _ := strconv.Atoi(strings.Fields(v)[0])
		return n
	}
	if a[0] == "mark" {
		p.bad().rss = kB("VmRSS")
		return os.WriteFile(dir+"clear_refs", []byte("5"), 0) // proc_pid_clear_refs(5)
	}
	most, err := strconv.Atoi(a[1])
	if err != nil {
		return err
	}
	if raced {
		most *= 8 // the detector shadows every word of memory with four, and each goroutine with a clock
	}
	if grown := kB("VmHWM") - p.bad().rss; grown > most<<10 {
		return fmt.Errorf("grown by %d kB from %d kB, at most %d MB is allowed", grown, p.bad().rss, most)
	}
	return nil
}

// stranger opens the network by the command line, has nodes that are no locks join, and waits for its end: "stranger CODE KIND…". "stranger gone" waits until
// none of them is in the network.
func (p *play) stranger(ts *testscript.TestScript, a []string) error {
	ctx, cancel := within()
	defer cancel()
	b := p.bad()
	if a[0] == "gone" {
		for _, l := range b.others {
			if err := until(ctx, "a stranger to go", func() bool { return !l.Joined() }); err != nil {
				return err
			}
		}
		return nil
	}
	open := make(chan ended, 1)
	join := p.command("join", "--for", "3s")
	go func() { open <- join() }()
	if err := until(ctx, "the network to open", p.house.Air.Dongle().PermitsJoin); err != nil {
		return err
	}
	for _, kind := range a[1:] {
		l, err := p.house.Air.AddLock(lockfw.LockConfig{Model: kind})
		if err != nil {
			return err
		}
		b.others = append(b.others, l)
		l.PressJoin()
		if err := until(ctx, "the stranger to join", l.Joined); err != nil {
			return err
		}
	}
	return (<-open).tell(ts, a[0])
}
