package bridgetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// Driver is a bridge.Driver over Locks.
type Driver struct {
	mu     sync.Mutex
	locks  map[bridge.LockID]*Lock
	queue  []bridge.Event
	bell   chan struct{}
	joins  []bridge.Join
	forgot []bridge.LockID
	fail   error // of Admit and Forget
}

var _ bridge.Driver = (*Driver)(nil)

// NewDriver is a driver that knows these locks.
func NewDriver(locks ...*Lock) *Driver {
	d := &Driver{locks: map[bridge.LockID]*Lock{}, bell: make(chan struct{}, 1)}
	for _, l := range locks {
		d.Add(l)
	}
	return d
}

// Add makes a lock known without a word.
func (d *Driver) Add(l *Lock) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locks[l.info.ID] = l
	l.d = d
}

// Join lets a lock in: LockJoined and LockReady.
func (d *Driver) Join(l *Lock) {
	d.mu.Lock()
	_, known := d.locks[l.info.ID]
	d.mu.Unlock()
	d.Add(l)
	d.Emit(bridge.Event{Lock: l.info.ID, Body: bridge.LockJoined{Known: known}})
	d.Emit(bridge.Event{Lock: l.info.ID, Body: bridge.LockReady{Info: l.Info()}})
}

// Emit queues an event; Run hands it on.
func (d *Driver) Emit(ev bridge.Event) {
	d.mu.Lock()
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	d.queue = append(d.queue, ev)
	d.mu.Unlock()
	select {
	case d.bell <- struct{}{}:
	default:
	}
}

// Fail makes Admit and Forget return err.
func (d *Driver) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = err
}

// Joins gives what was asked of Admit.
func (d *Driver) Joins() []bridge.Join {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.joins)
}

// Run implements bridge.Driver.
func (d *Driver) Run(ctx context.Context, emit func(bridge.Event)) error {
	emit(bridge.Event{At: time.Now(), Body: bridge.DongleMoved{Up: true, Product: "bridgetest"}})
	for {
		d.mu.Lock()
		q := d.queue
		d.queue = nil
		d.mu.Unlock()
		for _, ev := range q {
			emit(ev)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.bell:
		}
	}
}

// Lock implements bridge.Driver.
func (d *Driver) Lock(id bridge.LockID) (bridge.Lock, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.locks[id]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("bridgetest: %s: %w", id, bridge.ErrNoSuchLock)
}

// Locks implements bridge.Driver.
func (d *Driver) Locks() []bridge.LockID {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []bridge.LockID
	for id := range d.locks {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Admit implements bridge.Driver.
func (d *Driver) Admit(_ context.Context, j bridge.Join) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	d.joins = append(d.joins, j)
	return nil
}

// Forget implements bridge.Driver.
func (d *Driver) Forget(_ context.Context, id bridge.LockID, force bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil && !force {
		return d.fail
	}
	delete(d.locks, id)
	d.forgot = append(d.forgot, id)
	return nil
}
