package doorlock

import (
	"slices"
	"sync"
)

// priority orders those who wait for a lock: a person at the door first, reading in the background last.
type priority uint8

const (
	actuation priority = iota
	command
	background
)

// ticket is a place in a lock's mailbox.
type ticket struct {
	prio   priority
	turn   chan struct{} // receives when the ticket's turn has come
	hurry  chan struct{} // receives while it has the turn and an actuation comes
	over   chan struct{} // closed when a later actuation took this one's place
	dead   bool          // over is closed
	sent   bool          // handed to the radio, and not known not to have arrived
	asleep bool          // waits for the lock to be heard
}

// mailbox lets one transaction at a time go to a lock. A transaction that found the lock asleep gives the turn back until the lock is heard, so that what was
// asked for meanwhile can overtake it.
type mailbox struct {
	mu    sync.Mutex
	turn  *ticket
	queue []*ticket // without the one whose turn it is, oldest first
}

// enter takes a place. An actuation takes the place of all earlier ones that have not been sent.
func (m *mailbox) enter(p priority) *ticket {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &ticket{prio: p, turn: make(chan struct{}, 1), hurry: make(chan struct{}, 1), over: make(chan struct{})}
	if p == actuation {
		if m.turn != nil && m.turn.prio != actuation {
			select {
			case m.turn.hurry <- struct{}{}:
			default:
			}
		}
		for _, q := range append(m.queue, m.turn) {
			if q != nil && q.prio == actuation && !q.dead {
				q.dead = true
				if !q.sent {
					close(q.over)
				}
			}
		}
	}
	m.queue = append(m.queue, t)
	m.next()
	return t
}

// leave gives the place up.
func (m *mailbox) leave(t *ticket) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.turn == t {
		m.turn = nil
	}
	if i := slices.Index(m.queue, t); i >= 0 {
		m.queue = slices.Delete(m.queue, i, i+1)
	}
	m.next()
}

// send claims the moment of sending. It is false if a later actuation has taken the place of this one.
func (m *mailbox) send(t *ticket) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.dead {
		return false
	}
	t.sent = true
	return true
}

// unsent takes the claim back: the frame did not arrive. It is false if a later actuation came meanwhile.
func (m *mailbox) unsent(t *ticket) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.sent = false
	return !t.dead
}

// park gives the turn back until the lock is heard.
func (m *mailbox) park(t *ticket) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.turn == t {
		m.turn = nil
		m.queue = append([]*ticket{t}, m.queue...)
	}
	t.asleep = true
	m.next()
}

// yield gives the turn to whoever is more urgent, if anybody is; the ticket has its turn again at once otherwise.
func (m *mailbox) yield(t *ticket) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.turn == t {
		m.turn = nil
		m.queue = append([]*ticket{t}, m.queue...)
	}
	m.next()
}

// heard lets those who waited for the lock go on.
func (m *mailbox) heard() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.queue {
		t.asleep = false
	}
	m.next()
}

// waiting is how many transactions wait or are under way.
func (m *mailbox) waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.queue)
	if m.turn != nil {
		n++
	}
	return n
}

// next gives the turn to the most urgent, oldest first. The caller holds m.mu.
func (m *mailbox) next() {
	if m.turn != nil {
		return
	}
	best := -1
	for i, t := range m.queue {
		if !t.asleep && (best < 0 || t.prio < m.queue[best].prio) {
			best = i
		}
	}
	if best < 0 {
		return
	}
	m.turn = m.queue[best]
	m.queue = slices.Delete(m.queue, best, best+1)
	m.turn.turn <- struct{}{}
}
