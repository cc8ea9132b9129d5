package systemd

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tool finds a program. CI has all that the tests here need, so there a missing one is a failure.
func tool(t *testing.T, name string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed here; CI runs this", name)
	}
	return p
}

// unitFile writes the unit with a program that exists in place of the packaged one, because verify looks for it.
func unitFile(t *testing.T) string {
	t.Helper()
	b, err := fs.ReadFile(Files, Unit)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(b), "/usr/bin/latchkey", "/usr/bin/true")
	p := filepath.Join(t.TempDir(), "latchkey.service")
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestUnitVerify(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unitFile(t)).CombinedOutput()
	if err != nil || strings.Contains(string(out), "latchkey.service") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestUnitExposure: exposure at most 1.2, as systemd counts it (the threshold is in tenths).
func TestUnitExposure(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=12", "--no-pager", unitFile(t)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestUdevRule(t *testing.T) {
	b, err := fs.ReadFile(Files, Udev)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, `idProduct}=="ea60"`) && !strings.Contains(line, "ATTRS{product}") {
			t.Errorf("claims every device with this chip: %s", line)
		}
	}
	if !strings.Contains(string(b), `GROUP="latchkey", MODE="0660"`) {
		t.Error("the dongle is not given to the daemon's group")
	}
}

func TestNamesExist(t *testing.T) {
	for _, name := range []string{Unit, Sysusers, Modules, Udev} {
		if b, err := fs.ReadFile(Files, name); err != nil || len(b) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

func notifySocket(t *testing.T) *net.UnixConn {
	t.Helper()
	p := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: p, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", p)
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 512)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestNotify(t *testing.T) {
	c := notifySocket(t)
	if err := Ready("1 lock\nno dongle"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); got != "READY=1\nSTATUS=1 lock no dongle" {
		t.Errorf("%q", got)
	}
	if err := Reloading(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("%q", got)
	}
	if err := Stopping(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); got != "STOPPING=1" {
		t.Errorf("%q", got)
	}
}

func TestNotifyOutsideSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Ready("x"); err != nil {
		t.Error(err)
	}
}

// TestWatchdog: fed while alive, silent while not.
func TestWatchdog(t *testing.T) {
	c := notifySocket(t)
	ctx, cancel := context.WithCancel(t.Context())
	hung := errors.New("the store does not answer")
	failures := make(chan error, 16)
	calls := 0
	done := make(chan error, 1)
	go func() {
		done <- Watchdog(ctx, 40*time.Millisecond, func(context.Context) error {
			calls++
			if calls == 1 {
				return hung
			}
			return nil
		}, func(err error) { failures <- err })
	}()
	if got := read(t, c); got != "WATCHDOG=1" {
		t.Errorf("%q", got)
	}
	if err := <-failures; !errors.Is(err, hung) {
		t.Errorf("%v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if calls < 2 {
		t.Errorf("asked %d times", calls)
	}
}
