package bridge

import (
	"context"
	"sync"
)

// journal is the ring of the latest events. The bridge's mu guards it.
type journal struct {
	ring    []Event
	head    int    // index of the oldest
	n       int    // how many
	last    uint64 // Seq of the newest ever given
	flushed uint64 // up to here the store has everything that it keeps
	floor   uint64 // the store keeps nothing up to here
	changed chan struct{}
	waiting bool
}

func (j *journal) init(size int, last uint64) {
	j.ring = make([]Event, size)
	j.last = last
	j.changed = make(chan struct{})
}

// add gives the event its number.
func (j *journal) add(ev *Event) {
	j.last++
	ev.Seq = j.last
	if j.n < len(j.ring) {
		j.ring[(j.head+j.n)%len(j.ring)] = *ev
		j.n++
	} else {
		j.ring[j.head] = *ev
		j.head = (j.head + 1) % len(j.ring)
	}
	if j.waiting {
		close(j.changed)
		j.changed = make(chan struct{})
		j.waiting = false
	}
}

// oldest is the lowest number in the ring; last+1 when it is empty.
func (j *journal) oldest() uint64 { return j.last - uint64(j.n) + 1 }

// after gives the event that follows seq, if the ring has it.
func (j *journal) after(seq uint64) (Event, bool) {
	if seq >= j.last || seq+1 < j.oldest() {
		return Event{}, false
	}
	return j.ring[(j.head+int(seq+1-j.oldest()))%len(j.ring)], true
}

// wait gives a channel that is closed at the next event.
func (j *journal) wait() <-chan struct{} {
	j.waiting = true
	return j.changed
}

// readerBatch is how many entries a reader takes from the store at a time.
const readerBatch = 128

type reader struct {
	b *Bridge

	mu     sync.Mutex // Next may be called from one goroutine at a time only; this makes a mistake harmless
	cursor uint64
	old    []Event // from the store
	closed chan struct{}
	once   sync.Once
}

// Follow gives a reader of all events after a number: first from the store, as far as it still has them, then as they come. A number that was never given
// (from another store, or from before a crash) gets Lagged first.
func (b *Bridge) Follow(after uint64) Reader {
	return &reader{b: b, cursor: after, closed: make(chan struct{})}
}

// Close ends a waiting Next with ErrClosed.
func (r *reader) Close() { r.once.Do(func() { close(r.closed) }) }

func (r *reader) Next(ctx context.Context) (Event, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return Event{}, err
		}
		select {
		case <-r.closed:
			return Event{}, ErrClosed
		default:
		}
		if len(r.old) > 0 {
			ev := r.old[0]
			r.old = r.old[1:]
			r.cursor = ev.Seq
			return ev, nil
		}
		r.b.mu.Lock()
		j := &r.b.journal
		if ev, ok := j.after(r.cursor); ok {
			r.b.mu.Unlock()
			r.cursor = ev.Seq
			return ev, nil
		}
		last, oldest, flushed, floor := j.last, j.oldest(), j.flushed, j.floor
		if r.cursor == last {
			changed := j.wait()
			r.b.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-r.closed:
			case <-changed:
			}
			continue
		}
		r.b.mu.Unlock()
		if r.cursor > last {
			r.cursor = last
			return Event{Seq: last, Body: Lagged{}}, nil
		}
		// The ring no longer has it.
		if r.cursor < floor {
			return r.lag(floor), nil
		}
		upTo := min(flushed, oldest-1)
		if r.cursor >= upTo { // not in the store yet, and already out of the ring
			return r.lag(oldest - 1), nil
		}
		evs, err := r.b.store.Events(r.cursor, readerBatch)
		r.b.mu.Lock()
		floor = j.floor
		r.b.mu.Unlock()
		if err != nil || r.cursor < floor { // pruned meanwhile
			return r.lag(oldest - 1), nil
		}
		for i, ev := range evs {
			if ev.Seq > upTo {
				if _, hole := ev.Body.(Lagged); hole && i == 0 { // it reaches back into this stretch
					return r.lag(upTo), nil
				}
				evs = evs[:i]
				break
			}
		}
		if len(evs) == 0 {
			r.cursor = upTo // nothing of that stretch is kept: signs of life only
			continue
		}
		r.old = evs
	}
}

func (r *reader) lag(to uint64) Event {
	missed := to - r.cursor
	r.cursor = to
	return Event{Seq: to, Body: Lagged{Missed: missed}}
}

// History gives at most limit entries after a number, oldest first, without waiting.
func (b *Bridge) History(after uint64, limit int) ([]Event, error) {
	if limit <= 0 {
		return nil, nil
	}
	b.mu.Lock()
	last := b.journal.last
	b.mu.Unlock()
	r := b.Follow(after)
	defer r.Close()
	var out []Event
	for after < last && len(out) < limit {
		ev, err := r.Next(context.Background())
		if err != nil {
			return out, err
		}
		after = ev.Seq
		if _, lagged := ev.Body.(Lagged); !lagged {
			out = append(out, ev)
		}
	}
	return out, nil
}
