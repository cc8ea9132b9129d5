package refusals

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/daemon"
	"github.com/latchkeyd/latchkey/store"
)

// daemonProcess is this test binary as the daemon, in a process of its own whose files can be bounded.
func daemonProcess(config string) {
	signal.Ignore(syscall.SIGXFSZ) // a write beyond the bound fails instead
	if os.Getenv("REFUSALS_FULL") != "" {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Max: unix.RLIM_INFINITY}); err != nil {
			panic(err)
		}
	}
	os.Exit(cli.Run(context.Background(), "v1.2.3", []string{"run", "--config", config}, os.Stdin, os.Stdout, os.Stderr))
}

// process is a daemon of its own on a home's state.
type process struct {
	*home
	cmd    *exec.Cmd
	socket string
	out    logs
}

func (h *home) spawn(env ...string) *process {
	h.t.Helper()
	p := &process{home: h, socket: filepath.Join(h.state(), daemon.SocketName)}
	config := filepath.Join(h.dir, "l.yaml")
	c := h.house.Settings()
	text := fmt.Sprintf("radio: {port: %q}\nstate: %q\nhttp: {listen: \"127.0.0.1:0\"}\nhomekit: {address: 127.0.0.1, interfaces: [lo], ports: %d-%d}\nlog: {level: debug, format: text}\n",
		c.Radio.Port, c.State, c.HomeKit.Ports.First, c.HomeKit.Ports.Last)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(append(os.Environ(), "REFUSALS_DAEMON="+config, "RUNTIME_DIRECTORY="), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		p.end()
		if h.t.Failed() {
			h.t.Logf("the daemon's log:\n%s", p.out.bytes())
		}
	})
	return p
}

func (p *process) end() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
}

func (p *process) ask(stdin string, args ...string) (int, string, string) {
	p.t.Helper()
	var o, e strings.Builder
	for i, a := range args {
		args[i] = p.path(a)
	}
	code := cli.Run(p.within(30*time.Second), "v1.2.3", append([]string{"--socket", p.socket}, args...), strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

// bound makes n the most octets that a file of the daemon can have from now on; all writes beyond fail, as on a full disk.
func (p *process) bound(n uint64) {
	p.t.Helper()
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY}, nil); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) moves(what string) {
	p.t.Helper()
	for range 2 {
		word := p.other()
		if code, out, errs := p.ask("", word, "LOCK", "--timeout", "20s"); code != 0 {
			p.t.Fatalf("%s: %s: exit %d: %s%s\n%s", what, word, code, out, errs, p.out.bytes())
		}
	}
}

// TestFullDisk: while nothing can be written, edits are refused as a whole and the bolt moves; when there is room again, everything goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	h := open(t, yale, nil)
	h.stop()
	p := h.spawn()
	h.wait("the daemon", func() bool { code, _, _ := p.ask("", h.other(), "LOCK"); return code == 0 })
	p.bound(0)
	for _, a := range []struct {
		stdin string
		args  []string
	}{
		{"40618273\n", []string{"users", "add", "Cleo", "--all-locks"}},
		{"40618273\n", []string{"codes", "set", "LOCK", "Ann"}},
		{"", []string{"users", "rm", "Bob"}},
		{"", []string{"users", "change", "Ann", "--until", "2030-01-01"}},
		{"", []string{"codes", "rm", "LOCK", "Bob"}},
		{"", []string{"rename", "LOCK", "Back door"}},
		{"correct horse\n", []string{"password", "set"}},
	} {
		code, out, errs := p.ask(a.stdin, a.args...)
		if code != 1 || out != "" || !strings.Contains(errs, "could not be saved") && !strings.Contains(errs, "free space") || strings.Contains(errs, "40618273") {
			t.Errorf("%v: exit %d: %s%s", a.args, code, out, errs)
		}
		t.Logf("%v: exit %d: %s", a.args, code, errs)
	}
	p.moves("nothing can be written")
	if code, out, errs := p.ask("", "codes", "list"); code != 0 || strings.Count(out, "in sync") != 2 {
		t.Errorf("the list: %d %s%s", code, out, errs)
	}
	if on := h.stands(); len(on) != 2 || !on[people["Ann"]] || !on[people["Bob"]] {
		t.Errorf("%d codes stand", len(on))
	}
	if _, out, errs := p.ask("", "status"); !strings.Contains(out, "errors") {
		t.Errorf("the status does not tell of it: %s%s", out, errs)
	}
	p.bound(unix.RLIM_INFINITY)
	h.wait("room", func() bool { code, _, _ := p.ask("", "rename", "LOCK", "Back door"); return code == 0 })
	p.moves("there is room again")
	p.end()
	h.secretless("the log", p.out.bytes(), "40618273", people["Ann"], people["Bob"])
	h.start()
	h.settled()
	h.unharmed("after the full disk")
}

// TestFullDiskAtTheStart: the daemon starts on a disk that takes nothing, says so, and does what needs no writing.
func TestFullDiskAtTheStart(t *testing.T) {
	t.Parallel()
	h := inhabited(t, "phone")
	h.stop()
	before := h.file()
	p := h.spawn("REFUSALS_FULL=1")
	h.wait("the daemon", func() bool { code, _, _ := p.ask("", h.other(), "LOCK"); return code == 0 })
	p.moves("nothing can be written")
	if code, out, errs := p.ask("40618273\n", "users", "add", "Cleo", "--all-locks"); code != 1 || out != "" || !strings.Contains(errs, "can only be read since the start") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	code, out, errs := p.ask("", "status")
	if code != 0 || !strings.Contains(out, "the state can only be read") || !strings.Contains(out, "1 paired") {
		t.Errorf("the status: %d %s%s", code, out, errs)
	}
	t.Log(out)
	if code, out, errs := p.ask("", "codes", "list"); code != 0 || strings.Count(out, "in sync") != 2 {
		t.Errorf("the list: %d %s%s", code, out, errs)
	}
	p.end()
	if !slices.Equal(h.file(), before) {
		t.Error("the state was changed")
	}
	h.start()
	h.settled()
	h.unharmed("after the full disk")
}

// TestStateThatCannotBeWritten: the daemon says so at its start, and what to do.
func TestStateThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	noise := filepath.Join(dir, "noise")
	if err := os.Mkdir(noise, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{store.FileName: []byte(strings.Repeat("noise", 9000)), store.KeyFile: []byte(strings.Repeat("a7", 32))} {
		if err := os.WriteFile(filepath.Join(noise, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, state, says string }{
		{"a file stands where the directory belongs", filepath.Join(dir, "file"), "not a directory"},
		{"a file that is no state", noise, "restore a backup, or move the file away to begin anew"},
	} {
		config := filepath.Join(dir, "l.yaml")
		if err := os.WriteFile(config, []byte(fmt.Sprintf("radio: {port: \"tcp://127.0.0.1:1\"}\nstate: %q\nhttp: {listen: \"127.0.0.1:0\"}\nhomekit: {enabled: false}\n", tt.state)), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		code := cli.Run(t.Context(), "v1.2.3", []string{"run", "--config", config}, strings.NewReader(""), &out, &errs)
		if code != 1 || !strings.Contains(errs.String(), tt.says) {
			t.Errorf("%s: exit %d: %s", tt.name, code, errs.String())
		}
		t.Logf("%s: exit %d: %s", tt.name, code, errs.String())
	}
}
