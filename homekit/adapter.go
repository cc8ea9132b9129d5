package homekit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// Adapter is the HomeKit front-end.
type Adapter struct {
	cfg   Config
	times times
	b     Bridge
	log   *slog.Logger
	host  *hap.Host
	ready chan struct{}
	down  atomic.Bool // the dongle is gone
	logs  logbook

	mu      sync.Mutex
	reg     *registry   // nil before Run
	hub     *hap.Server // the bridge accessory's server in bridge mode
	locks   map[bridge.LockID]*lock
	waiting map[bridge.LockID]string // could not be published, and the sentence that says why
	count   map[string]int           // pairings by server, to tell what changed
	stopped bool

	stop  chan struct{}  // closed when Run ends
	tasks sync.WaitGroup // commands under way
}

// New returns an adapter. Nothing starts before Run.
func New(cfg Config, b Bridge) *Adapter {
	cfg = cfg.withDefaults()
	writes := hap.RequireTimedWrites
	if cfg.AcceptPlainWrites {
		writes = hap.AcceptPlainWrites
	}
	return &Adapter{
		cfg: cfg, times: defaultTimes, b: b, log: cfg.Logger, ready: make(chan struct{}),
		host: hap.NewHost(hap.Config{
			Address: cfg.Address, Interfaces: cfg.Interfaces, TimedWrites: writes, Advertiser: cfg.Advertiser, Logger: cfg.Logger, Limits: cfg.Limits,
		}),
		locks: make(map[bridge.LockID]*lock), waiting: make(map[bridge.LockID]string), count: make(map[string]int), stop: make(chan struct{}),
	}
}

func (a *Adapter) String() string { return "homekit" }

// Ready is closed once the locks that were known at the start answer controllers.
func (a *Adapter) Ready() <-chan struct{} { return a.ready }

// Run publishes the bridge's locks and follows its journal until ctx ends.
func (a *Adapter) Run(ctx context.Context) error {
	reg, err := openRegistry(a.cfg.KV, a.log)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.reg = reg
	a.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	defer a.tasks.Wait()
	// Before the host ends, which waits for its handlers, which wait for their commands.
	defer context.AfterFunc(ctx, a.stopTasks)()
	g.Go(func() error {
		if err := a.host.Run(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("homekit: %w", err)
		}
		return ctx.Err()
	})
	g.Go(func() error {
		snap := a.b.Snapshot()
		reader := a.b.Follow(snap.Seq)
		defer reader.Close()
		if a.cfg.Mode == BridgeMode {
			if err := a.openHub(); err != nil {
				return err
			}
		}
		a.takeAll(snap)
		close(a.ready)
		return a.follow(ctx, reader)
	})
	if err := g.Wait(); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// follow keeps what is shown up with the journal.
func (a *Adapter) follow(ctx context.Context, r bridge.Reader) error {
	for {
		next, cancel := context.WithTimeout(ctx, a.times.retry)
		ev, err := r.Next(next)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			a.retryWaiting()
		case err != nil:
			return fmt.Errorf("homekit: follow the journal: %w", err)
		default:
			a.take(ev)
		}
	}
}

// take lets one fact show.
func (a *Adapter) take(ev bridge.Event) {
	switch body := ev.Body.(type) {
	case bridge.Heard, bridge.PairingChanged, bridge.PermitJoinMoved:
	case bridge.Lagged:
		a.takeAll(a.b.Snapshot())
	case bridge.DongleMoved:
		a.down.Store(!body.Up)
	case bridge.LockForgotten:
		a.forget(ev.Lock)
	case bridge.UserChanged:
		for _, l := range a.published() {
			l.refresh()
		}
	default:
		if ev.Lock == "" {
			return
		}
		v, err := a.b.Find(string(ev.Lock))
		if err != nil {
			return // forgotten meanwhile: its own entry follows
		}
		a.takeLock(v)
		if l := a.lock(ev.Lock); l != nil {
			l.noteLogs(ev)
		}
	}
}

// takeAll publishes what is there and retires what is not. Locks that were published before come first, so that they find their ports free, and before all
// others those whose port they may still have.
func (a *Adapter) takeAll(snap bridge.Snapshot) {
	a.down.Store(!snap.Dongle.Up)
	here := make(map[bridge.LockID]bool, len(snap.Locks))
	for _, v := range snap.Locks {
		here[v.ID] = true
	}
	for _, id := range a.reg.locks() {
		if !here[id] {
			a.forget(id)
		}
	}
	views := slices.Clone(snap.Locks)
	rank := make(map[bridge.LockID]int, len(views))
	for _, v := range views {
		p := hap.LastPort(lockKey(v.ID), a.cfg.KV)
		rank[v.ID] = boolToInt(!a.reg.known(v.ID)) + boolToInt(p == 0 || p < a.cfg.FirstPort || p > a.cfg.LastPort)
	}
	slices.SortStableFunc(views, func(x, y bridge.LockView) int { return rank[x.ID] - rank[y.ID] })
	for _, v := range views {
		a.takeLock(v)
	}
}

// takeLock shows one lock, publishing it first if it is ready and was not, and anew if it has come to other services.
func (a *Adapter) takeLock(v bridge.LockView) {
	if l := a.lock(v.ID); l != nil {
		sh := a.shapeOf(v)
		if sh == l.m.shape {
			l.show(v)
			return
		}
		a.log.Info("the lock's HomeKit services change", "lock", v.ID)
		a.withdraw(l)
	} else if !v.Info.Ready && !a.reg.known(v.ID) {
		return // not before its interview: Apple Home reads services once and keeps them
	}
	err := a.publish(v)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		delete(a.waiting, v.ID)
		return
	}
	if why := a.missing(v.Name, err); a.waiting[v.ID] != why {
		a.waiting[v.ID] = why
		a.log.Error("a lock is not in HomeKit; it is tried again every half minute", "lock", v.ID, "err", err, "what", why)
	}
}

func (a *Adapter) retryWaiting() {
	a.mu.Lock()
	ids := make([]bridge.LockID, 0, len(a.waiting))
	for id := range a.waiting {
		ids = append(ids, id)
	}
	a.mu.Unlock()
	for _, id := range ids {
		if v, err := a.b.Find(string(id)); err == nil {
			a.takeLock(v)
		}
	}
}

func (a *Adapter) lock(id bridge.LockID) *lock {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.locks[id]
}

func (a *Adapter) published() []*lock {
	a.mu.Lock()
	defer a.mu.Unlock()
	ls := make([]*lock, 0, len(a.locks))
	for _, l := range a.locks {
		ls = append(ls, l)
	}
	return ls
}

func (a *Adapter) dongleUp() bool { return !a.down.Load() }

// spawn runs f beside the caller, unless Run has ended. cancel is called if Run or the lock goes before ctx ends; Run waits for f.
func (a *Adapter) spawn(ctx context.Context, cancel context.CancelFunc, gone <-chan struct{}, f func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return false
	}
	a.tasks.Go(f)
	a.tasks.Go(func() {
		select {
		case <-a.stop:
			cancel()
		case <-gone:
			cancel()
		case <-ctx.Done():
		}
	})
	return true
}

// stopTasks cancels the commands under way and lets no more begin.
func (a *Adapter) stopTasks() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stopped {
		a.stopped = true
		close(a.stop)
	}
}
