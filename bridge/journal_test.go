package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

func TestJournalIsToldAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(time.Minute)
		r := h.Follow(h.Snapshot().Seq)
		l.Turn(bridge.Unlocked)
		ev, err := r.Next(t.Context())
		if m, ok := ev.Body.(bridge.BoltMoved); err != nil || !ok || m.To != bridge.Unlocked || ev.Lock != front || ev.Seq == 0 || ev.At.IsZero() {
			t.Fatalf("%+v %v", ev, err)
		}
		if h.Snapshot().Locks[0].Bolt != bridge.Unlocked {
			t.Error("told before it is shown")
		}
		settle(time.Second) // durable by itself
		crashed := h.store.Copy()
		h.stop()
		clean := h.restart(bridge.Config{})
		if got := events[bridge.BoltMoved](clean); len(got) != 1 {
			t.Error("after a restart:", got)
		}
		evs, err := clean.History(0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i, ev := range evs {
			if _, heard := ev.Body.(bridge.Heard); heard {
				t.Error("signs of life are not kept")
			}
			if i > 0 && ev.Seq <= evs[i-1].Seq {
				t.Error("numbers do not rise")
			}
		}
		last := ev.Seq
		d := bridgetest.NewDriver(bridgetest.NewLock(front))
		after := run(t, bridge.Config{}, d, crashed)
		settle(time.Second)
		if s := after.Snapshot().Seq; s <= last {
			t.Errorf("after a crash a number was given again: %d, %d", s, last)
		}
		if got := events[bridge.BoltMoved](after); len(got) != 1 {
			t.Error("after a crash:", got)
		}
		// Nobody waits for ever.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		q := after.Follow(after.Snapshot().Seq)
		if _, err := q.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		go q.Close()
		if _, err := q.Next(t.Context()); !errors.Is(err, bridge.ErrClosed) {
			t.Error(err)
		}
		far := after.Follow(1 << 40)
		if ev, err := far.Next(t.Context()); err != nil || ev.Body.Kind() != "lagged" || ev.Seq != after.Snapshot().Seq {
			t.Error(ev, err)
		}
	})
}

// TestJournalCursors: any mix of a publisher, readers of any speed and a failing disk gives each reader a rising sequence in which nothing is missing that
// no Lagged stands for.
func TestJournalCursors(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bubble(t, func() {
			l := bridgetest.NewLock(front).SetInfo(func(i *bridge.Info) { i.Traits.Slots = 0 })
			d, s := bridgetest.NewDriver(l), bridgetest.NewStore()
			b, err := bridge.New(bridge.Config{Journal: rapid.IntRange(4, 40).Draw(rt, "ring"), Retention: rapid.IntRange(600, 2000).Draw(rt, "kept")}, d, s)
			if err != nil {
				rt.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- b.Run(ctx) }()
			defer func() {
				cancel()
				if err := <-done; err != nil {
					rt.Error(err)
				}
			}()
			<-b.Ready()
			type cursor struct {
				r    bridge.Reader
				last uint64 // number of the last one
				n    int    // the last percentage seen; -1: none since a lag
			}
			var readers []*cursor
			sent := 0
			for range rapid.IntRange(5, 60).Draw(rt, "steps") {
				switch rapid.IntRange(0, 5).Draw(rt, "step") {
				case 0:
					after := uint64(0)
					if rapid.Bool().Draw(rt, "live") {
						after = b.Snapshot().Seq
					}
					readers = append(readers, &cursor{r: b.Follow(after), last: after, n: -1})
				case 1:
					s.Fail(bridge.ErrStore)
				case 2:
					s.Fail(nil)
					settle(11 * time.Second)
				case 3:
					settle(time.Duration(rapid.IntRange(0, 2000).Draw(rt, "ms")) * time.Millisecond)
				default:
					for range rapid.IntRange(1, 80).Draw(rt, "burst") {
						l.Say(bridge.LockRenamed{Name: fmt.Sprint(sent)}) // a body that the bridge only passes on
						sent++
						if rapid.IntRange(0, 3).Draw(rt, "heard") == 0 {
							l.Say(bridge.Heard{LQI: 1})
						}
					}
					synctest.Wait()
				}
				for _, c := range readers {
					for range rapid.IntRange(0, 100).Draw(rt, "reads") {
						if c.last == b.Snapshot().Seq {
							break
						}
						ev, err := c.r.Next(ctx)
						if err != nil {
							rt.Fatal(err)
						}
						if ev.Seq < c.last {
							rt.Fatalf("went back from %d to %d", c.last, ev.Seq)
						}
						c.last = ev.Seq
						switch body := ev.Body.(type) {
						case bridge.Lagged:
							c.n = -1
						case bridge.LockRenamed:
							var n int
							if _, err := fmt.Sscan(body.Name, &n); err != nil {
								rt.Fatal(err)
							}
							if c.n >= 0 && n != c.n+1 {
								rt.Fatalf("%d follows %d without a word", n, c.n)
							}
							c.n = n
						}
					}
				}
			}
		})
	})
}

func TestJournalIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{Journal: 64, Retention: 1000}, bridgetest.NewDriver(l), bridgetest.NewStore())
		for range 60 {
			for range 50 {
				l.Say(bridge.EntryRefused{Action: bridge.ActUnlock, Why: "wrong code"})
			}
			settle(time.Second)
		}
		evs, err := h.store.Events(0, 1<<20)
		if err != nil || len(evs) > 1000+600 || len(evs) < 1000 {
			t.Error(len(evs), err)
		}
		if c := h.store.Commits(); c > 300 {
			t.Errorf("%d commits for 60 bursts", c)
		}
	})
}
