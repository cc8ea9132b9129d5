package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/homekit"
	"github.com/latchkeyd/latchkey/metrics"
	"github.com/latchkeyd/latchkey/store"
	"github.com/latchkeyd/latchkey/systemd"
	"github.com/latchkeyd/latchkey/web"
	"github.com/latchkeyd/latchkey/zigbee/doorlock"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// Daemon is the whole: store, radio, driver, bridge, front-ends. Make it with New, run it once with Run.
type Daemon struct {
	opts    Options
	log     *slog.Logger
	started time.Time

	store  *store.Store
	sealed *sealed // nil: the state is open

	readOnly error // why the state can only be read; nil: it can be written
	radioKV  *store.KV
	coord    *znp.Coordinator
	bridge   *bridge.Bridge
	homekit  *homekit.Adapter // nil: switched off
	web      *web.Server
	metrics  *metrics.Exporter

	tried   atomic.Pointer[string] // path of the dongle that "auto" opened last
	ready   chan struct{}
	isReady atomic.Bool
	reload  chan struct{}
}

// New opens the state and builds every part. Nothing runs before Run. Whoever does not call Run calls Close.
func New(opts Options) (d *Daemon, err error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	d = &Daemon{opts: opts, log: opts.Logger, started: time.Now(), ready: make(chan struct{}), reload: make(chan struct{}, 1)}
	if err := checkState(opts.Config.State); err != nil {
		return nil, err
	}
	if err := d.openState(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.closeState())
			d = nil
		}
	}()
	return d, d.build()
}

// checkState makes the state directory, private to this user.
func checkState(dir string) error {
	if dir == "" {
		return errors.New("daemon: no state directory; set state in the configuration")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("daemon: the state directory %s cannot be made by this user; run as the user latchkey, or set state in the configuration: %w", dir, err)
		}
		return fmt.Errorf("daemon: state directory: %w", err)
	}
	return nil
}

func (d *Daemon) part(name string) *slog.Logger { return d.log.With("part", name) }

func (d *Daemon) build() error {
	cfg := d.opts.Config
	d.radioKV = d.store.KV(radioSpace)
	dial := d.opts.Dial
	if dial == nil {
		dial = d.dial
	}
	d.coord = znp.New(znp.Config{
		Port: cfg.Radio.Port, Dial: dial, Vault: vault{d.radioKV}, Form: d.form(), Channel: uint8(cfg.Radio.Channel), Logger: d.part("znp"),
		Locks: func() int { return d.lockCount() },
	})
	driver, err := doorlock.New(doorlock.Config{Logger: d.part("doorlock"), Store: records{d.store.KV(recordsSpace), d.knownLocks()}}, patient{d.coord, d.part("znp")})
	if err != nil {
		return err
	}
	d.bridge, err = bridge.New(bridge.Config{Logger: d.part("bridge"), Locks: lockSettings(cfg.Locks)}, driver, d.store)
	if err != nil {
		return err
	}
	if cfg.HomeKit.Enabled && d.sealed == nil { // under another identity Apple Home would not know it
		d.homekit = homekit.New(d.homekitConfig(), d.bridge)
	}
	version, commit := d.opts.Version, d.opts.Commit
	d.metrics = metrics.New(metrics.Config{Bridge: d.bridge, Version: version, Commit: commit, Runtime: true, Logger: d.part("metrics"), Sources: d.sources()})
	// What of password and tokens cannot be read is set aside here, and told as that, instead of failing somebody's request.
	if err := d.store.KV("web").Each(func(string, []byte) error { return nil }); err != nil {
		return err
	}
	listen, err := d.httpListen()
	if err != nil {
		return err
	}
	d.web = web.New(web.Config{
		Socket: d.opts.socket(), Listen: listen, MetricsListen: cfg.Metrics.Listen, Hosts: cfg.HTTP.Hosts,
		Bridge: d.bridge, KV: d.store.KV("web"), HomeKit: d.homekitPort(), Metrics: d.metrics.Handler(), Observer: d.metrics,
		Facts: d.facts, Ready: d.readiness, Backup: d.Backup, Sealed: d.sealedWhy(), Logger: d.part("web"),
	})
	d.metrics.Routes(d.web.Routes())
	return nil
}

func (d *Daemon) lockCount() int {
	if d.bridge == nil {
		return 0
	}
	return len(d.bridge.Snapshot().Locks)
}

// lockSettings translates the configuration's entries.
func lockSettings(locks map[string]configs.Lock) map[bridge.LockID]bridge.LockSettings {
	out := make(map[bridge.LockID]bridge.LockSettings, len(locks))
	for id, l := range locks {
		battery := l.MinBatteryForReset
		out[bridge.LockID(id)] = bridge.LockSettings{Name: l.Name, MinBatteryForReset: &battery, RestoreAuto: l.Restore == configs.RestoreAuto, Relock: l.Relock}
	}
	return out
}

func (d *Daemon) homekitConfig() homekit.Config {
	c := d.opts.Config.HomeKit
	h := homekit.Config{
		Mode: homekit.Mode(c.Mode), Interfaces: c.Interfaces, FirstPort: int(c.Ports.First), LastPort: int(c.Ports.Last),
		AcceptPlainWrites: c.TimedWrites == configs.TimedAccept, ResetSwitches: c.ResetSwitches, CountCodes: c.CodeState,
		KV: d.store.KV("homekit"), Version: d.opts.Version, Advertiser: d.opts.Advertiser, Logger: d.part("homekit"),
	}
	if c.Address.IsValid() {
		h.Address = c.Address.String()
	}
	return h
}

// Run works until ctx ends or a part fails that the daemon cannot do without, then ends everything and closes the state.
func (d *Daemon) Run(ctx context.Context) (err error) {
	defer func() {
		if cerr := d.closeState(); err == nil {
			err = cerr
		}
	}()
	tasks := []task{d.bridge, d.metrics, d.web, newWorker("store", d.store.Run), newWorker("dongle", d.followDongle)}
	if d.homekit != nil {
		tasks = append(tasks, d.homekit)
	}
	if d.opts.Service {
		tasks = append(tasks, newWorker("signals", d.signals), newWorker("watchdog", d.watchdog), newWorker("memory", d.tidy))
	}
	err = runTasks(ctx, d.log, tasks, d.becomeReady)
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// Close lets go of the state of a daemon that is not run.
func (d *Daemon) Close() error { return d.closeState() }

func (d *Daemon) becomeReady() {
	d.isReady.Store(true)
	close(d.ready)
	d.log.Info("latchkey is ready", "version", d.opts.Version, "locks", d.lockCount(), "socket", d.SocketPath(), "http", d.HTTPAddr(),
		"after", time.Since(d.started).Round(time.Millisecond))
	if d.opts.Service {
		if err := systemd.Ready(d.statusLine()); err != nil {
			d.log.Warn("systemd is not told", "err", err)
		}
	}
}

// Ready is closed once every part does what it is for. A missing dongle does not hold it up.
func (d *Daemon) Ready() <-chan struct{} { return d.ready }

// SocketPath is the API's Unix socket.
func (d *Daemon) SocketPath() string { return d.opts.socket() }

// HTTPAddr is the address of the TCP listener, once Ready; empty if there is none.
func (d *Daemon) HTTPAddr() string { return d.web.Addr() }

// MetricsAddr is the address of the listener for /metrics alone.
func (d *Daemon) MetricsAddr() string { return d.web.MetricsAddr() }

// Bridge is the domain.
func (d *Daemon) Bridge() *bridge.Bridge { return d.bridge }

// HomeKit is the HomeKit face, nil if it is switched off.
func (d *Daemon) HomeKit() *homekit.Adapter { return d.homekit }

// Radio is the coordinator.
func (d *Daemon) Radio() *znp.Coordinator { return d.coord }
