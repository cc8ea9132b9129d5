package doorlock

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// A bolt does not move after the deadline of the command that asked for it. For a lock that fetches its frames that must be seen to before they are sent.
const (
	// held is how long a parent keeps a frame for a sleeping child (macTransactionPersistenceTime, as Z-Stack sets it): so long before its deadline a
	// command that moves the bolt is handed to the radio at the latest, if the lock is not known to be awake.
	held = 7700 * time.Millisecond
	// heardNow is how long after it was heard a sleepy lock is known to be awake.
	heardNow = 2 * time.Second
	// tooLate is what must be left of the deadline even then.
	tooLate = 500 * time.Millisecond
	// atOnce is how long after it was asked for a command is sent that has less time than held altogether.
	atOnce = 500 * time.Millisecond
)

// notAfter is when the last attempt at a command that moves the bolt may begin; zero if its deadline alone counts. What waits at the lock's parent cannot be
// called back. try is how often the command has been handed to the radio before.
func (l *lock) notAfter(ctx context.Context, r *request, try int) (last time.Time) {
	end, ok := ctx.Deadline()
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.prio != actuation || !ok || !l.sleepy() {
		return last
	}
	last = end.Add(-held)
	asked := r.asked
	if try == 0 && end.Sub(asked) < held {
		last = asked.Add(atOnce)
	}
	if awake := l.lastHeard.Add(heardNow); awake.After(last) {
		last = awake
	}
	if limit := end.Add(-tooLate); limit.Before(last) {
		last = limit
	}
	return last
}

// untilAwake waits for a lock to which it is too late to send anything before it is heard.
func (l *lock) untilAwake(ctx context.Context, t *ticket) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < tooLate {
		return fmt.Errorf("%w: too little time is left for it to fetch the command", bridge.ErrAsleep)
	}
	l.mu.Lock()
	if time.Since(l.lastHeard) >= heardNow {
		l.box.park(t) // under l.mu, so that the lock is not heard in between
	} else {
		l.mu.Unlock()
		return nil
	}
	l.mu.Unlock()
	return l.turn(ctx, t)
}
