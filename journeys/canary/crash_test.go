package canary

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// panicOnSignal is the child's: SIGUSR1 makes a goroutine panic in the middle of the daemon's work, with a PIN and a person in its value.
func panicOnSignal() {
	planted := os.Getenv(panicEnv)
	if len(planted) >= 8 {
		go careless([8]byte([]byte(planted)))
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	<-c
	if planted != "" {
		panic("planted: " + planted)
	}
	p, err := bridge.NewPIN([]byte("98989889"))
	if err != nil {
		panic(err)
	}
	panic(fmt.Errorf("a person %+v with %#v, %s: %w", bridge.User{Name: "Anna", PIN: p}, p, bridge.Quote("98989889"), os.ErrInvalid))
}

// careless takes digits by value, as nothing in the daemon does: they stand in its frame, and so in a dump of stacks.
//
//go:noinline
func careless(digits [8]byte) {
	<-make(chan struct{})
	os.Exit(int(digits[7]))
}

// wreck is a house whose daemon is a process of its own, and dies.
type wreck struct {
	pins
	places
	t     *testing.T
	ctx   context.Context
	house *house.House
	lock  *lockfw.Lock
	dir   string
	file  string

	unlocked chan struct{} // closed when the command that was under way has ended
}

// TestCrashText kills the daemon's process, with codes in its memory and codes on their way, by the signals and the panic at which Go writes every
// goroutine's stack.
func TestCrashText(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w := &wreck{t: t, ctx: ctx, dir: t.TempDir()}
	h, err := house.New(house.Config{Dir: w.dir, Models: []string{"ID Lock 150"}, Air: lockfw.Config{Seed: 9, Speed: speed, Delay: time.Millisecond}, Adjust: func(b *lockfw.Behaviour) { b.RFNeedsPIN = true }})
	if err != nil {
		t.Fatal(err)
	}
	w.house, w.lock = h, h.Locks[0]
	hctx, stop := context.WithCancel(ctx)
	running := make(chan error, 1)
	go func() { running <- h.Run(hctx) }()
	t.Cleanup(func() { stop(); <-running })
	w.all = append(w.all, "98989889") // the child's own
	ports := h.Settings().HomeKit.Ports
	w.file = filepath.Join(w.dir, "latchkey.yaml")
	text := fmt.Sprintf("state: %q\nradio: {port: %q}\nhttp: {listen: \"127.0.0.1:0\"}\nhomekit: {address: 127.0.0.1, ports: %d-%d, interfaces: [lo]}\nlog: {level: debug}\n",
		filepath.Join(w.dir, "state"), h.Port, ports.First, ports.Last)
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var es []expectation
	for i, c := range []struct {
		name, traceback string
		signal          syscall.Signal
		holds           []string
	}{
		{"SIGQUIT", "all", syscall.SIGQUIT, []string{"SIGQUIT: quit"}},
		{"SIGABRT", "system", syscall.SIGABRT, []string{"SIGABRT: abort"}},
		{"SIGABRT, as for a core file", "crash", syscall.SIGABRT, []string{"SIGABRT: abort"}},
		{"a panic", "all", syscall.SIGUSR1, []string{"panic: ", "a person {", "[PIN]", "Anna"}},
	} {
		w.dies(c.name, c.traceback, c.signal, i == 0, "")
		es = append(es, expectation{c.name, false, append(c.holds, `<6>msg="latchkey is ready"`, "goroutine ", "bridge.(*Bridge)", "doorlock.")})
	}
	es = append(es, expectation{"process", false, []string{"run\x00--config\x00", "users\x00add\x00Anna\x00", "GOTRACEBACK="}}, expectation{inCLI, false, []string{"Anna is added"}},
		expectation{"sd_notify", false, []string{"READY=1", "STATUS=1 lock"}})
	w.scanned(t, es, w.given())

	pin := w.next(8)
	w.m = map[string][]byte{}
	w.dies("a panic", "all", syscall.SIGUSR1, false, pin)
	w.dies("SIGQUIT", "all", syscall.SIGQUIT, false, pin)
	w.dies("SIGABRT", "system", syscall.SIGABRT, false, pin)
	w.planted(t, []expectation{{name: "a panic"}, {name: "SIGQUIT"}, {name: "SIGABRT"}, {name: "process"}, {name: "sd_notify"}}, pin)
}

// command is this program as latchkey.
func (w *wreck) command(args ...string) *exec.Cmd {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	c := exec.CommandContext(w.ctx, self, args...)
	c.Dir = w.dir
	c.Env = append(os.Environ(), childEnv+"=1")
	return c
}

// proc captures what everybody on the machine may read of a process.
func (w *wreck) proc(pid int) {
	w.t.Helper()
	w.until("the arguments", func() bool { // a process that was just started has none for a moment
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err != nil || len(b) > 0
	})
	for _, f := range []string{"cmdline", "environ", "status"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, f))
		if err != nil {
			w.t.Fatal(err)
		}
		w.add("process", append(b, '\n'))
	}
}

func (w *wreck) until(what string, ok func() bool) {
	w.t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(3 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("waited in vain for %s", what)
}

// says runs a command in this process until what it prints holds a text.
func (w *wreck) says(want, stdin string, args ...string) {
	w.t.Helper()
	last := ""
	defer func() { w.add(inCLI, []byte(last)) }()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(3 * time.Millisecond) {
		var out bytes.Buffer
		cli.Run(w.ctx, "v0.0.0", append([]string{"--config", w.file}, args...), strings.NewReader(stdin), &out, &out)
		if last = out.String(); strings.Contains(last, want) {
			return
		}
	}
	w.t.Fatalf("waited in vain for %q: %s", want, last)
}

// dies starts a daemon, lets it know codes and have some on their way, and ends it by a signal. Its standard error is captured under the name.
func (w *wreck) dies(name, traceback string, sig syscall.Signal, first bool, planted string) {
	w.t.Helper()
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(w.dir, "notify"), Net: "unixgram"})
	if err != nil {
		w.t.Fatal(err)
	}
	c := w.command("run", "--config", w.file)
	c.Env = append(c.Env, "GOTRACEBACK="+traceback, "JOURNAL_STREAM=8:1", "NOTIFY_SOCKET="+told.LocalAddr().String(), panicEnv+"="+planted)
	c.Stderr = w.to(name)
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		b := make([]byte, 4096)
		for {
			n, err := told.Read(b)
			if err != nil {
				return
			}
			w.add("sd_notify", append(b[:n:n], '\n'))
		}
	}()
	if planted != "" {
		if _, err := told.WriteTo([]byte("STATUS="+planted), told.LocalAddr()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.until("the daemon", w.has(name, "latchkey is ready"))
	w.until("the dongle", w.has(name, "Zigbee dongle is working"))
	w.proc(c.Process.Pid)
	if first {
		w.furnish()
	}
	w.says("in sync", "", "codes", "list") // a code that stood before, for the command that needs one
	w.unlocked = make(chan struct{})
	w.busy()
	if err := c.Process.Signal(sig); err != nil {
		w.t.Fatal(err)
	}
	_ = c.Wait() // by the signal
	<-w.unlocked
	_ = told.Close()
	_ = os.Remove(filepath.Join(w.dir, "notify"))
	<-heard
	w.lock.Off(false)
}

// furnish lets the lock join, and adds a person by a process whose arguments are looked at while it waits for the PIN.
func (w *wreck) furnish() {
	w.t.Helper()
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		w.says("is ready", "", "join", "--for", "60s")
	}()
	w.until("the open network", w.house.Air.Dongle().PermitsJoin)
	w.lock.PressJoin()
	<-joined
	c := w.command("--config", w.file, "users", "add", "Anna", "--all-locks")
	c.Stdout, c.Stderr = w.to(inCLI), w.to(inCLI)
	in, err := c.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.proc(c.Process.Pid)
	if _, err := io.WriteString(in, w.next(8)+"\n"); err != nil {
		w.t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		w.t.Error(err)
	}
}

// busy leaves PINs where the daemon works on them: a code that waits for a lock which does not answer, a command that needs a PIN, half a request.
func (w *wreck) busy() {
	w.t.Helper()
	w.lock.Off(true)
	go func() { // ends with the daemon
		var out bytes.Buffer
		cli.Run(w.ctx, "v0.0.0", []string{"--config", w.file, "unlock", string(house.ID(w.lock))}, strings.NewReader(""), &out, &out)
		w.add(inCLI, out.Bytes())
		close(w.unlocked)
	}()
	w.says(`"pending":1`, "", "locks", "--json")
	w.says("written as soon as the lock is reached", w.next(8)+"\n", "codes", "set", string(house.ID(w.lock)), "Anna", "--wait", "100ms")
	c, err := new(net.Dialer).DialContext(w.ctx, "unix", filepath.Join(w.dir, "state", "latchkey.sock"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	body := fmt.Sprintf(`{"name":"Bert","pin":%q`, w.next(8))
	if _, err := fmt.Fprintf(c, "POST /api/v1/users HTTP/1.1\r\nHost: latchkey\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body)+1, body); err != nil {
		w.t.Fatal(err)
	}
}
