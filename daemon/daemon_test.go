package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/daemon/archive"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/store"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is an embedded daemon.
type house struct {
	t    *testing.T
	d    *Daemon
	stop context.CancelFunc
	done chan error
	http *http.Client
}

func config(t *testing.T) configs.Config {
	t.Helper()
	c := configs.Defaults()
	c.State, c.HTTP.Listen = filepath.Join(t.TempDir(), "s"), "127.0.0.1:0"
	c.HomeKit.Ports = configs.PortRange{First: 34000, Last: 34063}
	return c
}

func start(t *testing.T, opts Options) *house {
	t.Helper()
	opts.Advertiser = hap.Off
	d, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	h := &house{t: t, d: d, stop: cancel, done: make(chan error, 1)}
	go func() { h.done <- d.Run(ctx) }()
	t.Cleanup(h.end)
	select {
	case <-d.Ready():
	case err := <-h.done:
		h.done <- nil
		t.Fatalf("ended while starting: %v", err)
	}
	h.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", d.SocketPath())
	}}}
	return h
}

// end stops the daemon, once, and wants no error.
func (h *house) end() {
	h.stop()
	if err := <-h.done; err != nil {
		h.t.Errorf("Run: %v", err)
	}
	h.done <- nil
}

func (h *house) get(path string) (int, string) {
	h.t.Helper()
	resp, err := h.http.Get("http://latchkey" + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// emulator serves an emulated dongle, with one lock that has not joined yet.
func emulator(t *testing.T) (*lockfw.Home, *lockfw.Lock, func(context.Context) (znp.Port, error)) {
	t.Helper()
	home := lockfw.New(lockfw.Config{Seed: 7, Speed: 20})
	lock, err := home.AddLock(lockfw.LockConfig{Model: "YRD226 TSDB"})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = home.Run(ctx) })
	wg.Go(func() { _ = home.Dongle().ServeListener(ctx, ln) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return home, lock, func(ctx context.Context) (znp.Port, error) { return znp.Open(ctx, "tcp://"+ln.Addr().String()) }
}

// await follows the journal until want says yes.
func (h *house) await(what string, after uint64, want func(bridge.Event) bool) bridge.Event {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	r := h.d.Bridge().Follow(after)
	defer r.Close()
	for {
		ev, err := r.Next(ctx)
		if err != nil {
			h.t.Fatalf("%s was not seen: %v", what, err)
		}
		if want(ev) {
			return ev
		}
	}
}

func isUp(ev bridge.Event) bool {
	b, ok := ev.Body.(bridge.DongleMoved)
	return ok && b.Up
}

// TestReadyWithoutADongle: the daemon serves, and says what is wrong with the dongle.
func TestReadyWithoutADongle(t *testing.T) {
	c := config(t)
	c.Radio.Port = "/dev/serial/by-id/none"
	h := start(t, Options{Config: c, Version: "v1"})
	if status, body := h.get("/readyz"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	h.await("the fault", 0, func(ev bridge.Event) bool {
		b, ok := ev.Body.(bridge.DongleMoved)
		return ok && !b.Up && strings.Contains(b.Fault, "/dev/serial/by-id/none")
	})
	if _, body := h.get("/api/v1/status"); !strings.Contains(body, `"up":false,"fault":"There is no Zigbee dongle at`) {
		t.Errorf("%s", body)
	}
	if _, body := h.get("/metrics"); !strings.Contains(body, "latchkey_dongle_connected 0\n") || !strings.Contains(body, `latchkey_build_info{commit="",version="v1"} 1`) {
		t.Errorf("%s", body)
	}
	if err := h.d.alive(t.Context()); err != nil {
		t.Errorf("not alive: %v", err)
	}
	// The TCP listener of a machine's own.
	if host, _, _ := net.SplitHostPort(h.d.HTTPAddr()); host != "127.0.0.1" {
		t.Errorf("listens on %s", h.d.HTTPAddr())
	}
}

// TestFromDongleToBolt: form, join, move the bolt, lose the dongle, get it back, back up, restore elsewhere.
func TestFromDongleToBolt(t *testing.T) {
	home, lock, dial := emulator(t)
	c := config(t)
	h := start(t, Options{Config: c, Dial: dial, Version: "v1"})
	h.await("the dongle", 0, isUp)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := h.d.Bridge().Join(ctx, bridge.Join{Window: time.Minute}); err != nil {
		t.Fatal(err)
	}
	lock.PressJoin()
	ready := h.await("the lock", 0, func(ev bridge.Event) bool { _, ok := ev.Body.(bridge.LockReady); return ok })
	out, err := h.d.Bridge().Actuate(ctx, ready.Lock, bridge.Action{Kind: bridge.ActUnlock, Cause: bridge.Cause{Source: bridge.SourceAPI}})
	if err != nil || out.Stage != bridge.StageMoved {
		t.Fatalf("%+v, %v", out, err)
	}
	for len(h.d.HomeKit().Show()) == 0 { // it is published beside; each turn is a round trip
		if ctx.Err() != nil {
			t.Fatal("no HomeKit accessory")
		}
		h.get("/healthz")
	}
	moves := len(lock.History())

	before := h.d.Bridge().Snapshot().Seq
	home.Dongle().Crash()
	h.await("the dongle again", before, isUp)
	if got := len(lock.History()); got != moves {
		t.Errorf("the bolt moved %d times while the dongle came back", got-moves)
	}

	var backup bytes.Buffer
	if err := h.d.Backup(ctx, &backup, []byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	if _, body := h.get("/metrics"); strings.Contains(body, "latchkey_backup_last_success_timestamp_seconds 0\n") {
		t.Error("the backup is not noted")
	}
	saved, err := vault{h.d.radioKV}.Load()
	if err != nil || saved.Empty() {
		t.Fatalf("%+v, %v", saved, err)
	}
	if _, err := Restore(c.State, bytes.NewReader(backup.Bytes()), []byte("correct horse")); !errors.Is(err, store.ErrInUse) {
		t.Errorf("restored under a running daemon: %v", err)
	}
	h.end()
	restored(t, c.State, backup.Bytes(), saved)
}

// restored puts the backup back, and looks at what must have moved on.
func restored(t *testing.T, dir string, backup []byte, saved znp.Saved) {
	t.Helper()
	if _, err := Restore(dir, bytes.NewReader(backup), []byte("wrong")); !errors.Is(err, archive.ErrPassword) {
		t.Errorf("%v", err)
	}
	if _, err := Restore(dir, bytes.NewReader(backup[:len(backup)-100]), []byte("correct horse")); !errors.Is(err, archive.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, store.FileName)); err != nil {
		t.Errorf("a refused backup took the state away: %v", err)
	}
	out, err := Restore(dir, bytes.NewReader(backup), []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out.Kept, store.FileName)); err != nil {
		t.Errorf("the state of before is not kept: %v", err)
	}
	err = changeState(dir, "", func(kv *store.KV) error {
		now, err := vault{kv}.Load()
		if err != nil {
			return err
		}
		if now.FrameCounter < saved.FrameCounter+10000 || now.Key != saved.Key {
			t.Errorf("the frame counter went from %d to %d", saved.FrameCounter, now.FrameCounter)
		}
		if _, may, err := kv.Get(restoreKey); !may || err != nil {
			t.Errorf("the network may not be put on another dongle: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := configs.Defaults()
	c.State, c.HTTP.Listen, c.HomeKit.Enabled = dir, "", false
	d, err := New(Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := len(d.Bridge().Snapshot().Locks); n != 1 {
		t.Errorf("%d locks", n)
	}
	if d.form() != znp.FormRestore {
		t.Errorf("form is %q", d.form())
	}
}

func TestBumpNeverGoesBack(t *testing.T) {
	for _, since := range []time.Duration{-time.Hour, 0, time.Minute, 10 * 365 * 24 * time.Hour} {
		for _, c := range []uint32{0, 1, 1 << 20, 1<<32 - 1<<21} {
			if got := bump(c, since); got <= c && c < 1<<32-1<<20-10000 {
				t.Errorf("%d after %v becomes %d", c, since, got)
			}
		}
	}
}

func TestImportNetwork(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{}", "not json", `{"metadata":{"format":"something else"}}`} {
		if _, err := ImportNetwork(dir, "", strings.NewReader(text), false); err == nil {
			t.Errorf("%q was imported", text)
		}
	}
}

// TestSecondDaemon: the state belongs to one process.
func TestSecondDaemon(t *testing.T) {
	c := config(t)
	c.Radio.Port = "/dev/none"
	start(t, Options{Config: c})
	if _, err := New(Options{Config: c}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("%v", err)
	}
}

func TestReload(t *testing.T) {
	c := config(t)
	c.Radio.Port = "/dev/none"
	file := filepath.Join(t.TempDir(), "latchkey.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var logs bytes.Buffer
	level := new(slog.LevelVar)
	d := &Daemon{opts: Options{Config: c, ConfigFile: file, Level: level}, log: slog.New(slog.NewTextHandler(&logs, nil)), bridge: mustBridge(t)}
	write("log: {level: debug}\nradio: {port: /dev/other}\n")
	d.Reload()
	if level.Level() != slog.LevelDebug || !strings.Contains(logs.String(), "need a restart") || !strings.Contains(logs.String(), "radio") {
		t.Errorf("%v\n%s", level, &logs)
	}
	logs.Reset()
	write("log: {lvl: debug}\n")
	d.Reload()
	if !strings.Contains(logs.String(), "has errors") {
		t.Errorf("%s", &logs)
	}
}

func mustBridge(t *testing.T) *bridge.Bridge {
	t.Helper()
	b, err := bridge.New(bridge.Config{}, noDriver{}, noStore{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type noDriver struct{ bridge.Driver }

func (noDriver) Locks() []bridge.LockID { return nil }

type noStore struct{}

func (noStore) Load() (bridge.Saved, error)                { return bridge.Saved{}, nil }
func (noStore) Commit(bridge.Change) error                 { return nil }
func (noStore) Events(uint64, int) ([]bridge.Event, error) { return nil, nil }

// TestHTTPStaysHomeWithoutAPassword: a listener beyond loopback waits for a password.
func TestHTTPStaysHomeWithoutAPassword(t *testing.T) {
	c := config(t)
	c.Radio.Port, c.HTTP.Listen = "/dev/none", "0.0.0.0:0"
	h := start(t, Options{Config: c})
	if host, _, _ := net.SplitHostPort(h.d.HTTPAddr()); host != "127.0.0.1" {
		t.Errorf("listens on %s", h.d.HTTPAddr())
	}
}

// TestTasks: one that fails ends the others, and its error is told with its name; ready comes after the last.
func TestTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
		slow := newWorker("slow", func(ctx context.Context) error {
			time.Sleep(time.Second)
			return broken
		})
		ready := time.Time{}
		began := time.Now()
		err := runTasks(t.Context(), slog.New(slog.DiscardHandler), []task{newWorker("a", wait), slow, newWorker("b", wait)}, func() { ready = time.Now() })
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "slow") {
			t.Errorf("%v", err)
		}
		if ready.IsZero() || time.Since(began) != time.Second {
			t.Errorf("ready at %v, over after %v", ready, time.Since(began))
		}
		if err := runTasks(t.Context(), slog.New(slog.DiscardHandler), []task{newWorker("c", func(context.Context) error { return nil })}, func() {}); !errors.Is(err, errEnded) {
			t.Errorf("a task that ends by itself: %v", err)
		}
	})
}

func TestLoadConfig(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/home/x/state")
	t.Setenv("STATE_DIRECTORY", "")
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("state: /srv/latchkey\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, path, err := LoadConfig(file)
	if err != nil || c.State != "/srv/latchkey" || path != file {
		t.Errorf("%+v %s %v", c, path, err)
	}
	if _, _, err := LoadConfig(file + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if got := userState(); got != "/home/x/state/latchkey" {
		t.Errorf("%s", got)
	}
}

func TestJournald(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "8:1")
	var b bytes.Buffer
	log, level := NewLogger(&b, configs.Log{Level: "info", Format: "auto"})
	log.Debug("not shown")
	log.With("part", "x").Warn("two\nlines", "pin", mustPIN(t))
	level.Set(slog.LevelDebug)
	log.Debug("shown")
	log.Error("bad")
	want := "<4>msg=\"two\\nlines\" part=x pin=[PIN]\n<7>msg=shown\n<3>msg=bad\n"
	if b.String() != want {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	j, _ := NewLogger(&b, configs.Log{Level: "warn", Format: "json"})
	j.Info("no")
	j.Warn("yes")
	var rec map[string]any
	if err := json.Unmarshal(b.Bytes(), &rec); err != nil || rec["msg"] != "yes" {
		t.Errorf("%s %v", &b, err)
	}
}

func mustPIN(t *testing.T) bridge.PIN {
	t.Helper()
	p, err := bridge.NewPIN([]byte("314159"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
