package znp

import (
	"context"
	"sync"
)

// queueLimit is how many entries may wait before push does. It bounds memory without dropping anything: the reader of the line stops, and the line's own
// flow control holds the sender.
const queueLimit = 1 << 16

// queue is a first-in-first-out list between one reader of the line and one caller of the handler.
type queue[T any] struct {
	mu     sync.Mutex
	items  []T
	head   int
	high   int
	ready  chan struct{} // holds a token while something waits
	room   chan struct{} // holds a token after room was made
	limit  int
	alarm  int               // length at which onHigh is called once
	onHigh func(waiting int) // may be nil
	raised bool
}

func newQueue[T any](alarm int, onHigh func(int)) *queue[T] {
	return &queue[T]{ready: make(chan struct{}, 1), room: make(chan struct{}, 1), limit: queueLimit, alarm: alarm, onHigh: onHigh}
}

// push appends v. It waits for room, until done is closed; then v is lost with the line that brought it.
func (q *queue[T]) push(v T, done <-chan struct{}) bool {
	for {
		q.mu.Lock()
		n := len(q.items) - q.head
		if n < q.limit {
			break
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-done:
			return false
		}
	}
	q.items = append(q.items, v)
	n := len(q.items) - q.head
	q.high = max(q.high, n)
	raise := n >= q.alarm && !q.raised
	if raise {
		q.raised = true
	}
	q.mu.Unlock()
	signal(q.ready)
	if raise && q.onHigh != nil {
		q.onHigh(n)
	}
	return true
}

// pop takes the oldest entry, waiting for one until ctx ends.
func (q *queue[T]) pop(ctx context.Context) (v T, err error) {
	for {
		q.mu.Lock()
		if q.head < len(q.items) {
			break
		}
		q.mu.Unlock()
		select {
		case <-q.ready:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
	var zero T
	v, q.items[q.head] = q.items[q.head], zero
	q.head++
	if q.head == len(q.items) {
		q.items, q.head, q.raised = q.items[:0], 0, false
		if cap(q.items) > 1024 {
			q.items = nil
		}
	} else if q.head >= 1024 && q.head*2 >= len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.mu.Unlock()
	signal(q.room)
	return v, nil
}

// level returns how many entries wait, and the most that ever did.
func (q *queue[T]) level() (waiting, high int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) - q.head, q.high
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
