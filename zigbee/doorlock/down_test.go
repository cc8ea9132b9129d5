package doorlock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/lockfw"
)

// TestUnpluggedMidway: a command ends when the dongle goes, wherever it is: with the dongle, which holds it for a lock that sleeps; while a route is looked
// for; waiting until the lock is heard; behind another one; at the lock. It is told as that, and is not carried out when the dongle is back.
func TestUnpluggedMidway(t *testing.T) {
	for _, tc := range []struct {
		name  string
		away  bool
		after time.Duration
	}{
		{"held for the lock", true, time.Second},
		{"while a route is looked for", true, 17 * time.Second},
		{"until the lock is heard", true, 40 * time.Second},
		{"at the lock", false, 6 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onAStack(t, func(s *stack) {
				door, l := s.join("YRD226 TSDB")
				time.Sleep(2 * time.Minute)
				door.Adjust(func(b *lockfw.Behaviour) { b.Deaf = !tc.away })
				door.Off(tc.away)
				ask := func() chan error {
					done := make(chan error, 1)
					go func() {
						ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
						defer cancel()
						done <- l.Actuate(ctx, bridge.Action{Kind: bridge.ActUnlock})
					}()
					return done
				}
				asked := ask()
				read := make(chan error, 1)
				go func() { // behind the command
					ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
					defer cancel()
					read <- l.Refresh(ctx)
				}()
				time.Sleep(tc.after)
				at := time.Now()
				s.home.Dongle().Unplug()
				in := func(done chan error) {
					s.t.Helper()
					if err := <-done; !errors.Is(err, bridge.ErrDown) || errors.Is(err, bridge.ErrAsleep) || time.Since(at) > time.Second {
						s.t.Errorf("%v after %v", err, time.Since(at))
					}
				}
				in(asked)
				in(read)
				in(ask()) // one that comes later
				time.Sleep(5 * time.Second)
				door.Adjust(func(b *lockfw.Behaviour) { b.Deaf = false })
				door.Off(false)
				s.home.Dongle().Replug()
				time.Sleep(2 * time.Minute)
				if h := door.History(); len(h) != 0 {
					s.t.Errorf("the bolt moved: %v", h)
				}
			})
		})
	}
}
