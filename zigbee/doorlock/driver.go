package doorlock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
)

// Config of a Driver. The zero value works.
type Config struct {
	Logger   *slog.Logger   // nil: discard
	Location *time.Location // for the locks' clocks and schedules; nil: time.Local
	Store    Store          // nil: nothing outlives the process
}

// Driver brings Zigbee locks to the domain.
type Driver struct {
	cfg   Config
	log   *slog.Logger
	radio zigbee.Radio

	mu        sync.Mutex
	locks     map[zigbee.EUI64]*lock
	only      zigbee.EUI64 // the one lock that may join until onlyUntil
	onlyUntil time.Time
	openUntil time.Time // the network is open to new nodes
	start     func(*lock)
	later     func(func(context.Context)) // runs something beside; nil while not running

	out  outbox[bridge.Event]
	kept outbox[keeping]
}

var (
	_ bridge.Driver  = (*Driver)(nil)
	_ zigbee.Handler = (*Driver)(nil)
)

// New makes a driver and loads the locks it knows. Nothing runs before Run.
func New(cfg Config, radio zigbee.Radio) (*Driver, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Location == nil {
		cfg.Location = time.Local
	}
	if cfg.Store == nil {
		cfg.Store = noStore{}
	}
	d := &Driver{cfg: cfg, log: cfg.Logger, radio: radio, locks: map[zigbee.EUI64]*lock{}}
	d.out.bell, d.kept.bell = make(chan struct{}, 1), make(chan struct{}, 1)
	records, err := cfg.Store.Records()
	if err != nil {
		return nil, fmt.Errorf("doorlock: load the locks: %w", err)
	}
	for id, b := range records {
		if len(b) == 0 {
			d.log.Warn("the record of a lock cannot be read; it is interviewed anew", "lock", id)
			l := newLock(d, record{Address: id, Info: bridge.Info{ID: bridge.LockID(id.String())}})
			d.locks[id] = l
			l.save()
			continue
		}
		r, err := parseRecord(id, b)
		if err != nil {
			return nil, err
		}
		d.locks[id] = newLock(d, r)
	}
	return d, nil
}

// Run implements bridge.Driver: it runs the radio, the locks' workers and the writer of records until ctx ends, and joins them all.
func (d *Driver) Run(ctx context.Context, emit func(bridge.Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	d.mu.Lock()
	if d.start != nil {
		d.mu.Unlock()
		return errors.New("doorlock: Run was called twice")
	}
	d.start = func(l *lock) {
		wg.Go(func() { l.work(ctx) })
		wg.Go(func() { l.deliverMail(ctx) })
	}
	d.later = func(f func(context.Context)) { wg.Go(func() { f(ctx) }) }
	for _, l := range d.locks {
		d.start(l)
	}
	d.mu.Unlock()

	var fault error
	wg.Go(func() {
		defer cancel()
		if err := d.radio.Run(ctx, d); err != nil {
			fault = fmt.Errorf("doorlock: radio: %w", err)
		}
	})
	wg.Go(func() { d.out.drain(ctx, emit) })
	wg.Go(func() { d.kept.drain(ctx, d.write) })
	<-ctx.Done()
	d.mu.Lock()
	d.start, d.later = func(*lock) {}, nil
	locks := d.locks
	for _, l := range locks {
		l.mu.Lock()
		l.stopTimers()
		l.mu.Unlock()
	}
	d.mu.Unlock()
	wg.Wait()
	d.out.rest(emit)
	d.kept.rest(d.write)
	return fault
}

// emit queues an event.
func (d *Driver) emit(ev bridge.Event) { d.out.put(ev) }

// keeping is a record to be written, or with nil bytes to be deleted.
type keeping struct {
	id  zigbee.EUI64
	rec []byte
}

func (d *Driver) keep(id zigbee.EUI64, rec []byte) { d.kept.put(keeping{id, rec}) }

func (d *Driver) write(k keeping) {
	var err error
	if k.rec == nil {
		err = d.cfg.Store.Delete(k.id)
	} else {
		err = d.cfg.Store.Put(k.id, k.rec)
	}
	if err != nil {
		d.log.Error("record of a lock could not be saved; after a restart it is interviewed again", "lock", k.id, "error", err)
	}
}

// outbox is a queue without a bound: what fills it is bounded by the guards of the nodes.
type outbox[T any] struct {
	mu    sync.Mutex
	items []T
	bell  chan struct{}
}

func (o *outbox[T]) put(v T) {
	o.mu.Lock()
	o.items = append(o.items, v)
	o.mu.Unlock()
	ring(o.bell)
}

func (o *outbox[T]) take() []T {
	o.mu.Lock()
	defer o.mu.Unlock()
	items := o.items
	o.items = nil
	return items
}

func (o *outbox[T]) drain(ctx context.Context, f func(T)) {
	for {
		for _, v := range o.take() {
			f(v)
		}
		select {
		case <-o.bell:
		case <-ctx.Done():
			return
		}
	}
}

func (o *outbox[T]) rest(f func(T)) {
	for _, v := range o.take() {
		f(v)
	}
}

// all lists the locks in the order of their addresses.
func (d *Driver) all() []*lock {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]*lock, 0, len(d.locks))
	for _, l := range d.locks {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *lock) int { return strings.Compare(string(a.name), string(b.name)) })
	return out
}

// Locks implements bridge.Driver. A node whose interview has not yet shown that it is a lock is none.
func (d *Driver) Locks() []bridge.LockID {
	var out []bridge.LockID
	for _, l := range d.all() {
		if l.Info().Family != "" {
			out = append(out, l.name)
		}
	}
	return out
}

// Lock implements bridge.Driver.
func (d *Driver) Lock(id bridge.LockID) (bridge.Lock, error) {
	l, err := d.find(id)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (d *Driver) find(id bridge.LockID) (*lock, error) {
	a, err := zigbee.ParseEUI64(string(id))
	if err != nil {
		return nil, fmt.Errorf("doorlock: %q: %w", id, bridge.ErrNoSuchLock)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.locks[a]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("doorlock: %v: %w", a, bridge.ErrNoSuchLock)
}

// meet takes a node that joined for a lock, until its interview shows otherwise.
func (d *Driver) meet(id zigbee.EUI64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locks[id] != nil {
		return
	}
	l := newLock(d, record{Address: id, Info: bridge.Info{ID: bridge.LockID(id.String())}})
	d.locks[id] = l
	l.mu.Lock()
	l.save()
	l.lastHeard = time.Now()
	l.mu.Unlock()
	if d.start != nil {
		d.start(l)
	}
}

// forget drops a lock from memory and store.
func (d *Driver) forget(l *lock) {
	d.mu.Lock()
	known := d.locks[l.id] == l
	if known {
		delete(d.locks, l.id)
	}
	d.mu.Unlock()
	if !known {
		return
	}
	l.mu.Lock()
	l.stopTimers()
	l.mu.Unlock()
	close(l.gone)
	d.keep(l.id, nil)
}

// refuse sends a node away.
func (d *Driver) refuse(id zigbee.EUI64, why string) {
	d.emit(bridge.Event{At: time.Now(), Body: bridge.StrangerRefused{Address: id.String(), Why: why}})
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.later == nil {
		return
	}
	d.later(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, jobTime)
		defer cancel()
		if err := d.radio.Evict(ctx, id); err != nil {
			d.log.Warn("a device that is not a lock could not be sent away", "device", id, "error", err)
		}
	})
}

// Admit implements bridge.Driver.
func (d *Driver) Admit(ctx context.Context, j bridge.Join) error {
	fail := func(err error) error { return fmt.Errorf("doorlock: admit: %w", err) }
	var only, device zigbee.EUI64
	var err error
	if j.Only != "" {
		if only, err = zigbee.ParseEUI64(string(j.Only)); err != nil {
			return fail(err)
		}
	}
	if len(j.InstallCode) > 0 {
		if device, err = zigbee.ParseEUI64(string(j.Device)); err != nil {
			return fail(err)
		}
		if err := d.radio.AddInstallCode(ctx, device, j.InstallCode); err != nil {
			return fail(consequence(err))
		}
	}
	if err := d.radio.Admit(ctx, only); err != nil && !errors.Is(err, zigbee.ErrUnsupported) {
		return fail(consequence(err))
	}
	d.mu.Lock()
	d.only, d.onlyUntil, d.openUntil = only, time.Now().Add(j.Window+joinSlack), time.Now().Add(j.Window)
	d.mu.Unlock()
	if err := d.radio.PermitJoin(ctx, j.Window); err != nil {
		return fail(consequence(err))
	}
	return nil
}

// joinSlack is how long after the network has closed a join may still be told.
const joinSlack = 5 * time.Second

// Forget implements bridge.Driver.
func (d *Driver) Forget(ctx context.Context, id bridge.LockID, force bool) error {
	l, err := d.find(id)
	if err != nil {
		return err
	}
	if err := d.radio.Evict(ctx, l.id); err != nil && !force {
		return fmt.Errorf("doorlock: forget %s: %w", id, consequence(err))
	}
	d.forget(l)
	return nil
}
