package znp_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vault is a Vault that counts.
type vault struct {
	mu    sync.Mutex
	saved znp.Saved
	saves int
	full  error // what Save says
}

func (v *vault) Load() (znp.Saved, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.saved, nil
}

func (v *vault) get() znp.Saved {
	s, _ := v.Load()
	return s
}

func (v *vault) Save(s znp.Saved) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.full != nil {
		return v.full
	}
	v.saved = s
	v.saves++
	return nil
}

type announcement struct {
	id     zigbee.EUI64
	joined bool
}

// listener is a Handler that keeps what it hears.
type listener struct {
	mu        sync.Mutex
	frames    []zigbee.Frame
	announced []announcement
	left      []zigbee.EUI64
	dongles   []zigbee.Dongle
	permits   []time.Duration
}

func (l *listener) Frame(f zigbee.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames = append(l.frames, f)
}
func (l *listener) Announced(id zigbee.EUI64, _ zigbee.NWK, joined bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.announced = append(l.announced, announcement{id, joined})
}
func (l *listener) Left(id zigbee.EUI64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = append(l.left, id)
}
func (l *listener) Dongle(d zigbee.Dongle) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dongles = append(l.dongles, d)
}
func (l *listener) PermitJoin(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.permits = append(l.permits, d)
}

func (l *listener) lastDongle() (d zigbee.Dongle) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.dongles); n > 0 {
		d = l.dongles[n-1]
	}
	return d
}

// house is an emulated home with a Coordinator on its dongle, in a bubble.
type house struct {
	t    *testing.T
	home *lockfw.Home
	c    *znp.Coordinator
	l    *listener
	v    *vault
	err  chan error
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
}

func newHome(seed uint64) *lockfw.Home { return lockfw.New(lockfw.Config{Seed: seed}) }

// enter starts a Coordinator on home, whose Run the caller's bubble runs.
func enter(t *testing.T, home *lockfw.Home, cfg znp.Config, v *vault) *house {
	h := &house{t: t, home: home, l: &listener{}, v: v, err: make(chan error, 1)}
	h.ctx, h.stop = context.WithCancel(context.Background())
	cfg.Port = "emulated"
	cfg.Vault = v
	cfg.Dial = func(ctx context.Context) (znp.Port, error) {
		near, far := net.Pipe()
		h.wg.Go(func() { _ = home.Dongle().Serve(h.ctx, far) })
		return near, nil
	}
	h.c = znp.New(cfg)
	h.wg.Go(func() { h.err <- h.c.Run(h.ctx, h.l) })
	return h
}

func (h *house) leave() {
	h.stop()
	h.wg.Wait()
}

func (h *house) wantUp() {
	h.t.Helper()
	for range 600 {
		if h.c.Dongle().Up {
			return
		}
		select {
		case err := <-h.err:
			h.t.Fatalf("Run returned %v", err)
		default:
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.t.Fatalf("the dongle did not come up: %+v", h.c.Dongle())
}

func inHome(t *testing.T, seed uint64, f func(t *testing.T, home *lockfw.Home)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		home := newHome(seed)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = home.Run(ctx) })
		defer wg.Wait()
		defer cancel()
		f(t, home)
	})
}

func TestFormAndResume(t *testing.T) {
	inHome(t, 1, func(t *testing.T, home *lockfw.Home) {
		v := &vault{}
		h := enter(t, home, znp.Config{Channel: 20}, v)
		h.wantUp()
		d := h.c.Dongle()
		n, up := home.Dongle().Network()
		if !up || d.Network != n || n.Channel != 20 || d.Product != "Z-Stack 3.x.0" {
			t.Errorf("dongle %+v, network %+v up %v", d, n, up)
		}
		h.leave()
		if err := <-h.err; err != nil {
			t.Errorf("Run: %v", err)
		}
		if v.get().Network != n || v.get().Empty() || v.get().TCLKSeed == (mt.Key{}) {
			t.Errorf("saved %+v", v.get())
		}
		home.Dongle().Unplug()
		home.Dongle().Replug()
		h = enter(t, home, znp.Config{Form: znp.FormNever}, v)
		defer h.leave()
		h.wantUp()
		if again := h.c.Dongle().Network; again != n {
			t.Errorf("resumed %+v, want %+v", again, n)
		}
	})
}

func TestRefusals(t *testing.T) {
	inHome(t, 2, func(t *testing.T, home *lockfw.Home) {
		refuse := func(name string, home *lockfw.Home, cfg znp.Config, v *vault) {
			t.Helper()
			h := enter(t, home, cfg, v)
			err := <-h.err
			h.leave()
			var f *znp.Fault
			if !errors.As(err, &f) || !f.Fatal || len(f.Sentence) < 40 {
				t.Errorf("%s: Run returned %v", name, err)
			}
			if d := h.l.lastDongle(); d.Up || f != nil && d.Fault != f.Sentence {
				t.Errorf("%s: told %+v", name, d)
			}
			t.Logf("%s: %v", name, err)
		}
		refuse("blank, never", home, znp.Config{Form: znp.FormNever}, &vault{})
		refuse("blank, locks known", home, znp.Config{Locks: func() int { return 2 }}, &vault{})
		home.Dongle().Pretend(0, 20190608)
		refuse("too old", home, znp.Config{}, &vault{})
		home.Dongle().Pretend(1, 20240710)

		v := &vault{}
		h := enter(t, home, znp.Config{}, v)
		h.wantUp()
		h.leave()
		refuse("formed elsewhere", home, znp.Config{}, &vault{})
		known := v.get()
		known.Devices = []znp.SavedDevice{{ID: 5, NWK: 7}}
		lost := &vault{saved: known}
		lost.saved.Network.PAN ^= 1
		refuse("another network", home, znp.Config{}, lost)
		moved := &vault{saved: known}
		moved.saved.Network.Coordinator++
		refuse("another dongle with the network", home, znp.Config{}, moved)
	})
}

func (h *house) join(model string) *lockfw.Lock {
	h.t.Helper()
	l, err := h.home.AddLock(lockfw.LockConfig{Model: model})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.c.PermitJoin(h.ctx, time.Minute); err != nil {
		h.t.Fatal(err)
	}
	l.PressJoin()
	for range 300 {
		time.Sleep(100 * time.Millisecond)
		h.l.mu.Lock()
		in := slices.Contains(h.l.announced, announcement{l.ID(), true})
		h.l.mu.Unlock()
		if in {
			return l
		}
	}
	h.t.Fatalf("%s did not join", model)
	return nil
}

func TestJoinInterviewBindEvict(t *testing.T) {
	inHome(t, 4, func(t *testing.T, home *lockfw.Home) {
		v := &vault{}
		h := enter(t, home, znp.Config{}, v)
		defer h.leave()
		h.wantUp()
		l := h.join("YRD226/246 TSDB")
		ctx, cancel := context.WithTimeout(h.ctx, time.Minute)
		defer cancel()
		n, err := h.c.Interview(ctx, l.ID())
		if err != nil || len(n.Endpoints) == 0 || n.Router || n.RxOnWhenIdle {
			t.Fatalf("interview %+v, %v", n, err)
		}
		ep := n.Endpoints[0]
		if ep.Profile != 0x0104 || ep.DeviceType != 0x000A || !slices.Contains(ep.In, 0x0101) {
			t.Errorf("endpoint %+v", ep)
		}
		if err := h.c.Bind(ctx, l.ID(), ep.ID, 0x0101); err != nil {
			t.Errorf("bind: %v", err)
		}
		// Read LockState, whose answer comes as a frame.
		err = h.c.Send(ctx, zigbee.Frame{Device: l.ID(), DstEndpoint: ep.ID, Cluster: 0x0101, Payload: []byte{0x00, 0x55, 0x00, 0x00, 0x00}})
		if err != nil {
			t.Errorf("send: %v", err)
		}
		time.Sleep(2 * time.Second)
		h.l.mu.Lock()
		answered := slices.ContainsFunc(h.l.frames, func(f zigbee.Frame) bool {
			return f.Device == l.ID() && f.Cluster == 0x0101 && len(f.Payload) == 8 && f.Payload[1] == 0x55 && f.Payload[2] == 0x01
		})
		h.l.mu.Unlock()
		if !answered {
			t.Error("no answer to a read")
		}
		time.Sleep(2 * time.Minute)
		h.l.mu.Lock()
		permits := slices.Clone(h.l.permits)
		h.l.mu.Unlock()
		if len(permits) < 55 || permits[len(permits)-1] != 0 || home.Dongle().PermitsJoin() {
			t.Errorf("countdown of %d steps %v, open %v", len(permits), permits, home.Dongle().PermitsJoin())
		}
		if d := v.get().Devices; len(d) != 1 || d[0].ID != l.ID() {
			t.Errorf("saved devices %+v", d)
		}
		ctx, cancel = context.WithTimeout(h.ctx, time.Minute)
		defer cancel()
		if err := h.c.Evict(ctx, l.ID()); err != nil {
			t.Errorf("evict: %v", err)
		}
		time.Sleep(5 * time.Second)
		h.l.mu.Lock()
		left := slices.Clone(h.l.left)
		h.l.mu.Unlock()
		if l.Joined() || len(left) != 1 || left[0] != l.ID() {
			t.Errorf("after evict: joined %v, told %v", l.Joined(), left)
		}
		if len(v.get().Devices) != 0 {
			t.Errorf("devices saved after the last left: %+v", v.get().Devices)
		}
	})
}

func TestUnplugAndReplug(t *testing.T) {
	inHome(t, 5, func(t *testing.T, home *lockfw.Home) {
		h := enter(t, home, znp.Config{}, &vault{})
		defer h.leave()
		h.wantUp()
		for range 200 {
			at := time.Now()
			home.Dongle().Unplug()
			synctest.Wait()
			if h.c.Dongle().Up || h.l.lastDongle().Up || time.Since(at) > time.Second {
				t.Fatal("an unplugged dongle is shown as working")
			}
			if err := h.c.Send(h.ctx, zigbee.Frame{Device: 1}); !errors.Is(err, zigbee.ErrDown) {
				t.Errorf("send without a dongle: %v", err)
			}
			time.Sleep(5 * time.Second)
			home.Dongle().Replug()
			at = time.Now()
			h.wantUp()
			if d := time.Since(at); d > 2*time.Second {
				t.Errorf("working %v after it was plugged in", d)
			}
		}
	})
}

func TestCrash(t *testing.T) {
	inHome(t, 6, func(t *testing.T, home *lockfw.Home) {
		h := enter(t, home, znp.Config{}, &vault{})
		defer h.leave()
		h.wantUp()
		home.Dongle().Crash()
		synctest.Wait()
		time.Sleep(30 * time.Second)
		h.wantUp()
		if s := h.c.Stats(); s.Resets != 1 || s.Connects != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestOlderFirmware: the other stack, and builds that lack the newer commands, work as well.
func TestOlderFirmware(t *testing.T) {
	for _, fw := range []struct {
		product  uint8
		revision uint32
		name     string
	}{{2, 20211222, "Z-Stack 3.0.x"}, {1, 20200101, "Z-Stack 3.x.0"}} {
		inHome(t, 40, func(t *testing.T, home *lockfw.Home) {
			home.Dongle().Pretend(fw.product, fw.revision)
			h := enter(t, home, znp.Config{TxPower: 9}, &vault{})
			defer h.leave()
			h.wantUp()
			if d := h.c.Dongle(); d.Product != fw.name || d.Revision != fw.revision {
				t.Errorf("%+v", d)
			}
			l := h.join("YRD226/246 TSDB")
			if _, err := h.c.Interview(h.ctx, l.ID()); err != nil {
				t.Error(err)
			}
		})
	}
}
