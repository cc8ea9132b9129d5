package doorlock

import (
	"context"
	"errors"

	"github.com/latchkeyd/latchkey/bridge"
)

// unreachable notes that something was sent and not answered.
func (l *lock) unreachable(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubtful(r)
	l.tell(bridge.Reached{Reachable: false}, bridge.Cause{})
}

// abandon notes that nobody waits any longer for the answer to what was sent. Only where the time for it was over does that say something of the lock: who
// asked may have learned what he wanted to know in another way.
func (l *lock) abandon(ctx context.Context, r *request) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		l.unreachable(r)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubtful(r)
}

// doubtful puts the state in doubt if what was not answered could have moved the bolt or changed a code. The caller holds l.mu.
func (l *lock) doubtful(r *request) {
	if r.once {
		l.doubt = true
		l.schedule(jobState, 0, false)
	}
}
