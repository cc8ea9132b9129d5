package homekit

import (
	"context"
	"errors"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// writeTarget moves the bolt (LockTargetState, R2 9.56). It answers when the bolt was seen where it was asked to be, or a little after the lock accepted, or
// with the reason why not; never later than times.answer. The command dies at that time wherever it is, even if the connection went before: a bolt that moves
// after "No Response" is a break-in.
func (l *lock) writeTarget(ctx context.Context, r hap.Request, value any) (any, hap.Status) {
	kind, want := bridge.ActLock, targetSecured
	if value == targetUnsecured {
		kind, want = bridge.ActUnlock, targetUnsecured
	}
	// The person has pressed already: a phone that goes out of reach now does not take it back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.a.times.answer)
	l.begin(want)
	accepted := make(chan struct{})
	done := make(chan hap.Status, 1)
	ok := l.a.spawn(ctx, cancel, l.gone, func() {
		defer cancel()
		_, err := l.a.b.Actuate(ctx, l.id, bridge.Action{
			Kind:  kind,
			Cause: cause(r),
			Progress: func(s bridge.Stage) {
				if s == bridge.StageAccepted {
					close(accepted)
				}
			},
		})
		l.end()
		done <- actuateStatus(err)
	})
	if !ok {
		cancel()
		l.end()
		return nil, hap.StatusUnreachable
	}
	var grace <-chan time.Time
	for {
		select {
		case s := <-done:
			return nil, s
		case <-l.gone:
			return nil, hap.StatusUnreachable
		case <-accepted:
			accepted = nil
			timer := time.NewTimer(l.a.times.grace)
			defer timer.Stop()
			grace = timer.C
		case <-grace:
			return nil, hap.StatusOK
		}
	}
}

func (l *lock) begin(want int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underway++
	l.asked, l.target = want, want
}

// end shows the bolt as it is now. If the command came to nothing the target goes back with it.
func (l *lock) end() {
	l.mu.Lock()
	l.underway--
	l.mu.Unlock()
	l.refresh()
}

// actuateStatus says in HAP's words how a command ended.
func actuateStatus(err error) hap.Status {
	switch {
	case err == nil:
		return hap.StatusOK
	case errors.Is(err, bridge.ErrSuperseded):
		return hap.StatusBusy
	case errors.Is(err, bridge.ErrUnsupported):
		return hap.StatusReadOnly // this lock's bolt cannot be sent there
	case errors.Is(err, bridge.ErrNeedsPIN):
		return hap.StatusNotAuthorized
	case errors.Is(err, bridge.ErrAsleep), errors.Is(err, bridge.ErrUnreachable), errors.Is(err, bridge.ErrDown):
		return hap.StatusUnreachable
	case errors.Is(err, bridge.ErrNotSeen), errors.Is(err, bridge.ErrExpired), isContextError(err):
		return hap.StatusTimedOut
	}
	return hap.StatusUnreachable
}

func isContextError(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func cause(r hap.Request) bridge.Cause {
	return bridge.Cause{Source: bridge.SourceHomeKit, Actor: r.Controller}
}
