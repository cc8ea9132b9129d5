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
	type op struct{ Kind, N, Reads int }
	ops := rapid.Custom(func(t *rapid.T) op {
		return op{rapid.IntRange(0, 6).Draw(t, "kind"), rapid.IntRange(0, 80).Draw(t, "n"), rapid.IntRange(0, 100).Draw(t, "reads")}
	})
	rapid.Check(t, func(rt *rapid.T) {
		size, kept := rapid.IntRange(4, 40).Draw(rt, "ring"), rapid.IntRange(600, 2000).Draw(rt, "kept")
		n := rapid.IntRange(5, 60).Draw(rt, "steps")
		steps := rapid.SliceOfN(ops, n, n).Draw(rt, "step")
		bubble(t, func() {
			l := bridgetest.NewLock(front).SetInfo(func(i *bridge.Info) { i.Traits.Slots = 0 })
			d, s := bridgetest.NewDriver(l), bridgetest.NewStore()
			b, err := bridge.New(bridge.Config{Journal: size, Retention: kept}, d, s)
			if err != nil {
				panic(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- b.Run(ctx) }()
			defer func() {
				cancel()
				if err := <-done; err != nil {
					panic(err)
				}
			}()
			<-b.Ready()
			type cursor struct {
				r    bridge.Reader
				last uint64 // number of the last one
				n    int    // of the last event seen; -1: none since a lag
			}
			var readers []*cursor
			sent := 0
			for _, op := range steps {
				switch op.Kind {
				case 0:
					readers = append(readers, &cursor{r: b.Follow(0), n: -1})
				case 1:
					seq := b.Snapshot().Seq
					readers = append(readers, &cursor{r: b.Follow(seq), last: seq, n: -1})
				case 2:
					s.Fail(bridge.ErrStore)
				case 3:
					s.Fail(nil)
					settle(11 * time.Second)
				case 4:
					settle(time.Duration(op.N) * 25 * time.Millisecond)
				default:
					for i := range op.N {
						l.Say(bridge.LockRenamed{Name: fmt.Sprint(sent)}) // a body that the bridge only passes on
						sent++
						if i%4 == 3 {
							l.Say(bridge.Heard{LQI: 1})
						}
					}
					synctest.Wait()
				}
				for i, c := range readers {
					for range op.Reads * (i + 1) % 101 {
						if c.last == b.Snapshot().Seq {
							break
						}
						ev, err := c.r.Next(ctx)
						if err != nil {
							panic(err)
						}
						if ev.Seq < c.last {
							panic(fmt.Sprintf("went back from %d to %d", c.last, ev.Seq))
						}
						c.last = ev.Seq
						switch body := ev.Body.(type) {
						case bridge.Lagged:
							c.n = -1
						case bridge.LockRenamed:
							var n int
							if _, err := fmt.Sscan(body.Name, &n); err != nil {
								panic(err)
							}
							if c.n >= 0 && n != c.n+1 {
								panic(fmt.Sprintf("%d follows %d without a word", n, c.n))
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
