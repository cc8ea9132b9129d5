package doorlock_test

import (
	"context"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/lockfw"
)

// Given up is given up: with the deadlines of our own front-ends, whenever a lock that was out of reach comes back after the deadline, and whenever it went
// out of reach before the command, its bolt does not move. A lock that comes back in time is still reached.
func TestGivenUpIsGivenUp(t *testing.T) {
	for _, model := range []string{"YRD226 TSDB", "V3-BTZB", "easyCodeTouch_v1"} {
		t.Run(model, func(t *testing.T) {
			onAStack(t, func(s *stack) {
				door, l := s.join(model)
				time.Sleep(2 * time.Minute)
				for _, kind := range []bridge.ActionKind{bridge.ActUnlock, bridge.ActLock} {
					for _, limit := range []time.Duration{8 * time.Second, 10 * time.Second, 20 * time.Second, 60 * time.Second} {
						for _, late := range []time.Duration{time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 5 * time.Second, 7 * time.Second, 28 * time.Second} {
							if kind == bridge.ActUnlock {
								door.TurnThumb(true)
							} else {
								door.TurnThumb(false)
							}
							time.Sleep(time.Minute)
							n := len(door.History())
							door.Off(true)
							ctx, cancel := context.WithTimeout(context.Background(), limit)
							err := l.Actuate(ctx, bridge.Action{Kind: kind})
							<-ctx.Done()
							cancel()
							if err == nil {
								s.t.Errorf("%v: no error", kind)
							}
							time.Sleep(late)
							door.Off(false)
							time.Sleep(time.Minute)
							if h := door.History()[n:]; len(h) != 0 {
								s.t.Errorf("%v with %v, back %v after that: the bolt moved: %v", kind, limit, late, h)
							}
						}
					}
				}
				door.TurnThumb(true)
				time.Sleep(time.Minute)
				door.Off(true)
				time.AfterFunc(6*time.Second, func() { door.Off(false) })
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				if err := l.Actuate(ctx, bridge.Action{Kind: bridge.ActUnlock}); err != nil || door.Bolt() == lockfw.Locked {
					time.Sleep(5 * time.Second)
					if err != nil || door.Bolt() != lockfw.Unlocked {
						s.t.Errorf("back in time: %v, bolt %v", err, door.Bolt())
					}
				}
			})
		})
	}
}
