package znp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// pty opens a pseudo terminal and returns the far end and the path of the near one.
func pty(t testing.TB) (*os.File, string) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { f.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return f, fmt.Sprintf("/dev/pts/%d", n)
}

func TestSerialPort(t *testing.T) {
	far, path := pty(t)
	link := filepath.Join(t.TempDir(), "usb-Some_Dongle-if00-port0")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	p, err := znp.Open(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	// A pty has no modem lines and refuses their ioctls, which is no fault.
	if err := p.(interface{ SetModemLines(dtr, rts bool) error }).SetModemLines(false, true); err != nil {
		t.Errorf("modem lines of a pty: %v", err)
	}
	// Every byte passes as it is, in both directions: the line is raw.
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, dir := range []struct {
		from io.Writer
		to   io.Reader
	}{{p, far}, {far, p}} {
		if _, err := dir.from.Write(all); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 256)
		if _, err := io.ReadFull(dir.to, got); err != nil || string(got) != string(all) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	var f *znp.Fault
	if _, err := znp.Open(t.Context(), path); !errors.As(err, &f) || f.Fatal {
		t.Errorf("a port that is in use: %v", err)
	}
	// Closing ends a read that waits.
	ended := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 1))
		ended <- err
	}()
	p.Close()
	if err := <-ended; err == nil {
		t.Error("a read outlived its port")
	}
	again, err := znp.Open(t.Context(), path)
	if err != nil {
		t.Fatalf("a port that was closed: %v", err)
	}
	// And so does the far end's going away.
	go func() {
		_, err := again.Read(make([]byte, 1))
		ended <- err
	}()
	far.Close()
	if err := <-ended; err == nil {
		t.Error("a read outlived the far end")
	}
	again.Close()
}

func TestOpenFaults(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "tcp://" + l.Addr().String()
	l.Close()
	for _, tc := range []struct {
		path  string
		fatal bool
	}{
		{"", true}, {file, true}, {dir, true}, {"/dev/null", true}, {filepath.Join(dir, "none"), false},
		{"tcp://", true}, {"tcp://host", true}, {"tcp://:6638", true}, {"udp://host:1", true}, {closed, false},
	} {
		p, err := znp.Open(t.Context(), tc.path)
		var f *znp.Fault
		if !errors.As(err, &f) || f.Fatal != tc.fatal {
			t.Errorf("%q: port %v, error %v", tc.path, p, err)
			continue
		}
		t.Logf("%q: %s", tc.path, f.Sentence)
	}
}

// TestOverTheLine runs a network over a pty and over TCP, and pulls the plug.
func TestOverTheLine(t *testing.T) {
	for _, kind := range []string{"pty", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			home := newHome(20)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			wg.Go(func() { _ = home.Run(ctx) })
			path := filepath.Join(t.TempDir(), "usb-Some_Dongle-if00-port0")
			appear := func() {
				far, name := pty(t)
				wg.Go(func() { _ = home.Dongle().Serve(ctx, far) })
				if err := os.Symlink(name, path); err != nil {
					t.Fatal(err)
				}
			}
			if kind == "pty" {
				appear()
			} else {
				path = listen(ctx, t, &wg, home)
			}
			l := &listener{}
			c := znp.New(znp.Config{Port: path, Vault: &vault{}})
			wg.Go(func() {
				if err := c.Run(ctx, l); err != nil {
					t.Errorf("Run: %v", err)
				}
			})
			within(t, 20*time.Second, "working", func() bool { return c.Dongle().Up && l.lastDongle().Up })
			home.Dongle().Unplug()
			within(t, time.Second, "shown as unplugged", func() bool { return !c.Dongle().Up && !l.lastDongle().Up })
			if err := c.Send(ctx, zigbee.Frame{Device: 1}); !errors.Is(err, zigbee.ErrDown) {
				t.Errorf("send: %v", err)
			}
			if kind == "pty" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				within(t, 2*time.Second, "told to plug it in", func() bool { return strings.Contains(c.Dongle().Fault, "There is no Zigbee dongle") })
			}
			home.Dongle().Replug()
			if kind == "pty" {
				appear()
			}
			within(t, 2*time.Second, "working again", func() bool { return c.Dongle().Up })
		})
	}
}

func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s within %v", what, d)
		}
	}
}

// listen serves home's dongle on TCP until ctx ends.
func listen(ctx context.Context, t *testing.T, wg *sync.WaitGroup, home *lockfw.Home) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { l.Close() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _ = home.Dongle().Serve(ctx, conn) })
		}
	})
	return "tcp://" + l.Addr().String()
}
