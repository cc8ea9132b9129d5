package homekit

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// relockSeconds is a relock time as LockManagementAutoSecurityTimeout counts it (1A): whole seconds, zero for off.
func relockSeconds(d time.Duration) int {
	return int(min(max(0, (d+time.Second-1)/time.Second), math.MaxInt32))
}

// readRelock gives what the lock last said.
func (l *lock) readRelock(context.Context, hap.Request) (any, hap.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view.AutoRelock == nil {
		return nil, hap.StatusUnreachable
	}
	return relockSeconds(*l.view.AutoRelock), hap.StatusOK
}

// writeRelock sets the lock's own timer, and answers when the lock has it.
func (l *lock) writeRelock(ctx context.Context, r hap.Request, value any) (any, hap.Status) {
	if !r.Admin {
		return nil, hap.StatusInsufficientPrivileges
	}
	seconds, ok := value.(int)
	if !ok || seconds < 0 || seconds > math.MaxInt32 {
		return nil, hap.StatusInvalidValue
	}
	ctx, cancel := context.WithTimeout(ctx, l.a.times.answer)
	defer cancel()
	d := time.Duration(seconds) * time.Second
	err := l.a.b.ChangeSettings(ctx, cause(r), l.id, bridge.Settings{AutoRelock: &d})
	switch {
	case errors.Is(err, bridge.ErrRejected):
		return nil, hap.StatusInvalidValue
	case errors.Is(err, bridge.ErrConflict):
		return nil, hap.StatusBusy
	}
	return nil, actuateStatus(err)
}
