package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Defaults of Config.
const (
	DefaultCommandTimeout = 10 * time.Second
	DefaultSilentAfter    = 2*time.Hour + 10*time.Minute // two check-ins of an hour (Poll Control, ZCL 3.16.4.1), and room
	DefaultJournal        = 4096
	DefaultRetention      = 100_000
)

// Bridge holds the locks, the people and the journal. Its state changes by events of the driver and by calls of front-ends; each change is told in the
// journal. It is safe for concurrent use.
//
// Lock order: commitMu, then mu, then whatever the workflows hold. mu is never held over the disk or the radio.
type Bridge struct {
	*resets

	cfg   Config
	log   *slog.Logger
	drv   Driver
	store Store

	commitMu sync.Mutex // held over every Commit, so that no older record overtakes a newer one

	mu         sync.Mutex
	journal    journal
	locks      map[LockID]*lockState
	users      map[UserID]*User
	lastID     UserID
	counters   map[string]uint64
	dongle     DongleMoved
	dongleUp   bool // false only once the driver said so
	permit     time.Time
	unsaved    []Event // journal entries that are not durable yet
	dirty      map[LockID]bool
	dirtyUsers map[UserID]bool
	lines      map[LockID]resetLines
	storeBad   bool
	spawn      func(*lockState) // starts a lock's worker; nil while not running
	running    bool
	drift      time.Duration // only tests move the wall clock
	clock      clockWatch

	ready     chan struct{}
	flushBell chan struct{}
	joinBell  chan struct{}
}

// New loads the state. Nothing runs before Run.
func New(cfg Config, d Driver, s Store) (*Bridge, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Location == nil {
		cfg.Location = time.Local
	}
	cfg.CommandTimeout = orDefault(cfg.CommandTimeout, DefaultCommandTimeout)
	cfg.SilentAfter = orDefault(cfg.SilentAfter, DefaultSilentAfter)
	cfg.Journal = orDefault(cfg.Journal, DefaultJournal)
	cfg.Retention = orDefault(cfg.Retention, DefaultRetention)
	saved, err := s.Load()
	if err != nil {
		return nil, fmt.Errorf("bridge: load the state: %w", err)
	}
	b := &Bridge{
		cfg: cfg, log: cfg.Logger, drv: d, store: s, dongleUp: true,
		locks: map[LockID]*lockState{}, users: map[UserID]*User{}, counters: map[string]uint64{}, dirty: map[LockID]bool{}, dirtyUsers: map[UserID]bool{},
		lines:  map[LockID]resetLines{},
		lastID: saved.LastID, ready: make(chan struct{}), flushBell: make(chan struct{}, 1), joinBell: make(chan struct{}, 1),
	}
	maps.Copy(b.counters, saved.Counter)
	b.journal.init(cfg.Journal, max(saved.LastSeq, b.counters[counterReserved]))
	b.journal.flushed, b.journal.floor = b.journal.last, b.counters[counterFloor]
	for _, l := range saved.Locks {
		b.locks[l.ID] = newLockState(l)
	}
	for _, u := range saved.Users {
		b.users[u.ID] = &u
		b.lastID = max(b.lastID, u.ID)
	}
	for _, sl := range saved.Slots {
		if l := b.locks[sl.Lock]; l != nil {
			l.slots[sl.Slot] = &sl
		}
	}
	b.resets = newResets(b, cfg.Logger, cfg.Speed)
	b.resets.load(saved.Resets)
	b.loadLines(saved.Resets)
	b.adoptOrphans(saved.Slots, saved.Lost)
	for _, id := range saved.LostResets {
		b.resets.lost(id)
	}
	b.applyConfigNames()
	return b, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Ready is closed once the bridge takes calls and the driver runs.
func (b *Bridge) Ready() <-chan struct{} { return b.ready }

// String names the task.
func (b *Bridge) String() string { return "bridge" }

// Run runs the driver, the journal's writer, the reconciler of codes and the reset workflows until ctx ends, and returns nil then. It can be called once.
func (b *Bridge) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var tasks sync.WaitGroup
	fail := func(what string, err error) {
		if ctx.Err() == nil {
			cancel(fmt.Errorf("bridge: %s: %w", what, orDefault(err, errStopped)))
		}
	}
	known := map[LockID]Info{}
	for _, id := range b.drv.Locks() {
		if dl, err := b.drv.Lock(id); err == nil {
			known[id] = dl.Info()
		}
	}
	b.mu.Lock()
	if b.running {
		b.mu.Unlock()
		return errors.New("bridge: Run was called before")
	}
	b.running = true
	b.spawn = func(l *lockState) { tasks.Go(func() { b.work(ctx, l) }) }
	for id, info := range known {
		if l := b.meet(id); info.Ready || !l.saved.Info.Ready {
			b.learn(l, info)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.locks)) {
		b.start(b.locks[id])
		b.suspectAgain(b.locks[id])
	}
	b.mu.Unlock()

	tasks.Go(func() { fail("driver", b.drv.Run(ctx, b.emit)) })
	tasks.Go(func() { fail("reset workflows", b.resets.run(ctx)) })
	tasks.Go(func() { b.watch(ctx) })
	tasks.Go(func() { b.keepTime(ctx) })
	stopWriter := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { b.write(stopWriter) })
	close(b.ready)

	<-ctx.Done()
	b.mu.Lock()
	b.spawn = nil
	b.mu.Unlock()
	tasks.Wait()
	close(stopWriter) // after the last event
	writer.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

var errStopped = errors.New("stopped by itself")

// start gives a lock its worker. The caller holds b.mu.
func (b *Bridge) start(l *lockState) {
	if b.spawn != nil && !l.started {
		l.started = true
		b.spawn(l)
	}
}

// wall is the time of day without the monotonic reading: schedules follow the wall clock, whatever it does.
func (b *Bridge) wall() time.Time { return time.Now().Round(0).Add(b.drift) }
