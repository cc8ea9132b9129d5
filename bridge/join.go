package bridge

import (
	"context"
	"fmt"
	"time"
)

// JoinLimit is the longest that a network can be open at a time (Permit Duration, Zigbee 2.4.3.3.7; 255 would mean for ever).
const JoinLimit = 254 * time.Second

// Join opens the network for a while, or closes it with a zero window. It returns when the dongle has said yes.
func (b *Bridge) Join(ctx context.Context, j Join) error {
	if j.Window < 0 || j.Window > JoinLimit {
		return fmt.Errorf("bridge: the network opens for at most %v at a time: %w", JoinLimit, ErrUnsupported)
	}
	if len(j.InstallCode) > 0 && j.Device == "" {
		return fmt.Errorf("bridge: an install code belongs to one device; say which: %w", ErrConflict)
	}
	ctx, cancel := b.withDeadline(ctx)
	defer cancel()
	if err := b.drv.Admit(ctx, j); err != nil {
		return fmt.Errorf("bridge: open the network: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	until := now.Add(j.Window)
	told := b.permit.Sub(until).Abs() < 2*time.Second || j.Window == 0 && !b.permit.After(now)
	if j.Window == 0 {
		until = time.Time{}
	}
	if !told || j.Window == 0 && !b.permit.IsZero() { // the driver has not said so itself
		b.permit = until
		b.publish(Event{At: now, Body: PermitJoinMoved{Remaining: j.Window}})
	}
	ring(b.joinBell)
	return nil
}

// watch notices what does not happen: a network that closes when its time is over, locks that have fallen silent.
func (b *Bridge) watch(ctx context.Context) {
	for {
		b.mu.Lock()
		now := time.Now()
		next := now.Add(min(time.Hour, b.cfg.SilentAfter))
		if !b.permit.IsZero() {
			if !b.permit.After(now) {
				b.permit = time.Time{}
				b.publish(Event{At: now, Body: PermitJoinMoved{}})
			} else if b.permit.Before(next) {
				next = b.permit
			}
		}
		for _, l := range b.locks {
			if !l.reachable || !l.here() {
				continue
			}
			silent := l.lastSeen.Add(b.cfg.SilentAfter)
			if !silent.After(now) {
				b.lose(l, now)
			} else if silent.Before(next) {
				next = silent
			}
		}
		b.mu.Unlock()
		t := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-b.joinBell:
		case <-t.C:
		}
		t.Stop()
	}
}
