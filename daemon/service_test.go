package daemon

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap"
)

// TestService is the life of the service as systemd sees it: READY without a dongle, the watchdog fed, SIGHUP, SIGTERM.
func TestService(t *testing.T) {
	dir := t.TempDir()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	until := func(prefix string) string {
		t.Helper()
		b := make([]byte, 1024)
		for {
			n, err := c.Read(b)
			if err != nil {
				t.Fatalf("%s never came: %v", prefix, err)
			}
			if strings.HasPrefix(string(b[:n]), prefix) {
				return string(b[:n])
			}
		}
	}
	t.Setenv("NOTIFY_SOCKET", c.LocalAddr().String())
	t.Setenv("WATCHDOG_USEC", "200000")
	t.Setenv("WATCHDOG_PID", "")
	t.Setenv("RUNTIME_DIRECTORY", dir)
	cfg := config(t)
	cfg.Radio.Port = "/dev/none"
	file := filepath.Join(dir, "latchkey.yaml")
	if err := os.WriteFile(file, []byte("log: {level: debug}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	level := new(slog.LevelVar)
	d, err := New(Options{Config: cfg, ConfigFile: file, Level: level, Service: true, Advertiser: hap.Off})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- d.Run(context.Background()) }()
	if ready := until("READY=1"); !strings.Contains(ready, "STATUS=0 locks") {
		t.Errorf("%q", ready)
	}
	if d.SocketPath() != filepath.Join(dir, SocketName) {
		t.Errorf("the socket is at %s", d.SocketPath())
	}
	until("WATCHDOG=1")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until("RELOADING=1\nMONOTONIC_USEC=")
	until("READY=1")
	if level.Level() != slog.LevelDebug {
		t.Errorf("the log level is %v after SIGHUP", level.Level())
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until("STOPPING=1")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAliveHangs: a loop that hangs is noticed by its silence.
func TestAliveHangs(t *testing.T) {
	cfg := config(t)
	cfg.Radio.Port = "/dev/none"
	h := start(t, Options{Config: cfg})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.d.alive(ctx); err == nil {
		t.Error("alive although nobody answers in time")
	}
}
