package metrics

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// TestCauseThatComesLate: a movement is counted once, by what moved the bolt, also when the lock tells that seconds after the movement.
func TestCauseThatComesLate(t *testing.T) {
	unlocked, locked := bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked}, bridge.BoltMoved{From: bridge.Unlocked, To: bridge.Locked}
	keypad, manual, nobody, remote := bridge.Cause{Source: bridge.SourceKeypad}, bridge.Cause{Source: bridge.SourceManual}, bridge.Cause{}, bridge.Cause{Source: bridge.SourceRemote}
	type said struct {
		after time.Duration
		cause bridge.Cause
		body  bridge.Body
	}
	for name, c := range map[string]struct {
		said []said
		wait time.Duration
		want map[string]string // action and source: how often
	}{
		"late":                     {[]said{{0, nobody, unlocked}, {8 * time.Second, keypad, bridge.BoltRead{Bolt: bridge.Unlocked}}}, 0, map[string]string{"unlock keypad": "1"}},
		"late, and told again":     {[]said{{0, nobody, unlocked}, {time.Second, keypad, bridge.BoltRead{Bolt: bridge.Unlocked}}, {time.Second, keypad, bridge.BoltRead{Bolt: bridge.Unlocked}}}, time.Minute, map[string]string{"unlock keypad": "1"}},
		"by radio, as it seemed":   {[]said{{0, remote, unlocked}, {time.Second, keypad, bridge.BoltRead{Bolt: bridge.Unlocked}}}, 0, map[string]string{"unlock keypad": "1"}},
		"never":                    {[]said{{0, nobody, unlocked}}, 11 * time.Second, map[string]string{"unlock unknown": "1"}},
		"not yet":                  {[]said{{0, nobody, unlocked}}, 9 * time.Second, nil},
		"too late":                 {[]said{{0, nobody, unlocked}, {11 * time.Second, keypad, bridge.BoltRead{Bolt: bridge.Unlocked}}}, 0, map[string]string{"unlock unknown": "1"}},
		"known at once":            {[]said{{0, keypad, unlocked}, {time.Second, keypad, bridge.BoltRead{Bolt: bridge.Unlocked}}}, 0, map[string]string{"unlock keypad": "1"}},
		"read, without a cause":    {[]said{{0, nobody, unlocked}, {time.Second, nobody, bridge.BoltRead{Bolt: bridge.Unlocked}}}, time.Minute, map[string]string{"unlock unknown": "1"}},
		"of another position":      {[]said{{0, nobody, unlocked}, {time.Second, manual, bridge.BoltRead{Bolt: bridge.Locked}}}, time.Minute, map[string]string{"unlock unknown": "1"}},
		"moved again before":       {[]said{{0, nobody, unlocked}, {time.Second, nobody, locked}, {time.Second, manual, bridge.BoltRead{Bolt: bridge.Locked}}}, 0, map[string]string{"unlock unknown": "1", "lock manual": "1"}},
		"a read and no movement":   {[]said{{0, keypad, bridge.BoltRead{Bolt: bridge.Unlocked}}}, time.Minute, nil},
		"it stops before the time": {[]said{{0, nobody, unlocked}}, -1, map[string]string{"unlock unknown": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := aHome(time.Now())
				e := New(Config{Bridge: f})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- e.Run(ctx) }()
				<-e.Ready()
				for _, s := range c.said {
					time.Sleep(s.after)
					f.emit(time.Now(), front, s.cause, s.body)
					synctest.Wait()
				}
				if c.wait >= 0 {
					time.Sleep(c.wait)
					synctest.Wait()
				} else {
					cancel()
					if err := <-done; err != nil {
						t.Error(err)
					}
					done <- nil
				}
				got := scrape(t, e)
				for _, action := range actions {
					for _, source := range sources {
						want := c.want[action+" "+source]
						if want == "" {
							want = "0"
						}
						if line := `latchkey_lock_operations_total{action="` + action + `",lock="front-door",source="` + source + `"} ` + want + "\n"; !strings.Contains(got, line) {
							t.Errorf("not there: %s", line)
						}
					}
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
