package lockfw

import (
	"container/heap"
	"context"
	"time"
)

// event is one thing due at a time. Its fn runs with the home's mutex held.
type event struct {
	at    time.Time
	seq   uint64
	index int // -1 once taken out
	fn    func()
}

type agenda struct {
	items []*event
	seq   uint64
}

func (a *agenda) Len() int { return len(a.items) }
func (a *agenda) Less(i, j int) bool {
	if !a.items[i].at.Equal(a.items[j].at) {
		return a.items[i].at.Before(a.items[j].at)
	}
	return a.items[i].seq < a.items[j].seq
}
func (a *agenda) Swap(i, j int) {
	a.items[i], a.items[j] = a.items[j], a.items[i]
	a.items[i].index, a.items[j].index = i, j
}
func (a *agenda) Push(x any) {
	e := x.(*event)
	e.index = len(a.items)
	a.items = append(a.items, e)
}
func (a *agenda) Pop() any {
	n := len(a.items) - 1
	e := a.items[n]
	a.items[n] = nil
	a.items = a.items[:n]
	e.index = -1
	return e
}

// scale turns a duration of the emulated world into one of the clock.
func (h *Home) scale(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	if h.cfg.Speed == 1 {
		return d
	}
	return time.Duration(float64(d) / h.cfg.Speed)
}

// after runs fn once d of emulated time has passed. The mutex must be held; fn runs with it held.
func (h *Home) after(d time.Duration, fn func()) *event { return h.at(time.Now().Add(h.scale(d)), fn) }

// soon is after, but without a detour through the agenda when there is nothing to wait for.
func (h *Home) soon(d time.Duration, fn func()) {
	if d <= 0 {
		fn()
		return
	}
	h.after(d, fn)
}

// at runs fn at a time of the clock.
func (h *Home) at(t time.Time, fn func()) *event {
	h.agenda.seq++
	e := &event{at: t, seq: h.agenda.seq, fn: fn}
	heap.Push(&h.agenda, e)
	if e.index == 0 {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
	return e
}

// cancel takes an event out; nil and past events are fine.
func (h *Home) cancel(e *event) {
	if e != nil && e.index >= 0 {
		heap.Remove(&h.agenda, e.index)
	}
}

// Run carries time forward until ctx ends, and returns its error. One Run at a time.
func (h *Home) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		h.mu.Lock()
		wait := time.Hour
		for len(h.agenda.items) > 0 && ctx.Err() == nil {
			next := h.agenda.items[0]
			if d := time.Until(next.at); d > 0 {
				wait = d
				break
			}
			heap.Pop(&h.agenda)
			next.fn()
		}
		h.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-h.wake:
		}
	}
}
