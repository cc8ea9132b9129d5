package doorlock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

func deadline(w *world, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	w.t.Cleanup(cancel)
	return ctx
}

func last[T any](s []T) T { return s[len(s)-1] }

// moves counts the frames that would move the bolt.
func moves(ms []zcl.Message) (locks, unlocks int) {
	for _, m := range ms {
		switch m.(type) {
		case *zcl.LockDoor:
			locks++
		case *zcl.UnlockDoor:
			unlocks++
		}
	}
	return
}

// An unlock asked of a sleeping lock dies at its deadline, and nothing is sent when the lock wakes half a minute later.
func TestUnlockOfASleepingLockDiesAtItsDeadline(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.asleep = true })
		start := time.Now()
		err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock})
		if !errors.Is(err, bridge.ErrAsleep) {
			t.Errorf("got %v, want asleep", err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("gave up after %v", took)
		}
		fl.set(func() { fl.asleep = false })
		n := w.r.count()
		time.Sleep(30 * time.Second)
		fl.tells(zcl.ClusterPollControl, &zcl.CheckIn{})
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, unlocks := moves(w.r.since(n)); unlocks != 0 {
			t.Errorf("%d unlocks were sent after the deadline", unlocks)
		}
		if _, unlocks := moves(fl.received()); unlocks != 0 {
			t.Errorf("the lock got %d unlocks", unlocks)
		}
	})
}

// A lock that wakes in time gets the command, once.
func TestUnlockReachesALockThatWakesInTime(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.asleep = true })
		done := make(chan error, 1)
		go func() { done <- l.Actuate(deadline(w, 20*time.Second), bridge.Action{Kind: bridge.ActUnlock}) }()
		time.Sleep(12 * time.Second) // the parent has dropped the frame
		fl.set(func() { fl.asleep = false })
		fl.tells(zcl.ClusterPollControl, &zcl.CheckIn{})
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, unlocks := moves(fl.received()); unlocks != 1 {
			t.Errorf("the lock got %d unlocks", unlocks)
		}
	})
}

func TestSecondThoughtTakesThePlaceOfAPendingUnlock(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.asleep = true })
		unlock, lock := make(chan error, 1), make(chan error, 1)
		go func() { unlock <- l.Actuate(deadline(w, 60*time.Second), bridge.Action{Kind: bridge.ActUnlock}) }()
		time.Sleep(10 * time.Second) // parked: the parent has dropped it
		go func() { lock <- l.Actuate(deadline(w, 50*time.Second), bridge.Action{Kind: bridge.ActLock}) }()
		if err := <-unlock; !errors.Is(err, bridge.ErrSuperseded) {
			t.Errorf("unlock: %v", err)
		}
		time.Sleep(10 * time.Second)
		fl.set(func() { fl.asleep = false })
		fl.tells(zcl.ClusterPollControl, &zcl.CheckIn{})
		if err := <-lock; err != nil {
			t.Errorf("lock: %v", err)
		}
		if locks, unlocks := moves(fl.received()); locks != 1 || unlocks != 0 {
			t.Errorf("the lock got %d locks and %d unlocks", locks, unlocks)
		}
	})
}

// An unlock that is at the parent when the second thought comes cannot be called back, but it is not sent again.
func TestSecondThoughtWhileTheUnlockIsAtTheParent(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.asleep = true })
		unlock, lock := make(chan error, 1), make(chan error, 1)
		go func() { unlock <- l.Actuate(deadline(w, 60*time.Second), bridge.Action{Kind: bridge.ActUnlock}) }()
		time.Sleep(2 * time.Second)
		go func() { lock <- l.Actuate(deadline(w, 60*time.Second), bridge.Action{Kind: bridge.ActLock}) }()
		if err := <-unlock; !errors.Is(err, bridge.ErrSuperseded) {
			t.Errorf("unlock: %v", err)
		}
		time.Sleep(10 * time.Second)
		fl.set(func() { fl.asleep = false })
		fl.tells(zcl.ClusterPollControl, &zcl.CheckIn{})
		if err := <-lock; err != nil {
			t.Errorf("lock: %v", err)
		}
		if _, unlocks := moves(fl.received()); unlocks != 0 {
			t.Errorf("the lock got %d unlocks", unlocks)
		}
	})
}

func TestLateAnswerMovesNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		var late []byte
		fl.handle = func(f zigbee.Frame, h zcl.Header, m zcl.Message) (zcl.Message, bool) {
			if _, ok := m.(*zcl.UnlockDoor); ok {
				late = zcl.Append(nil, h.Reply(), &zcl.UnlockDoorResponse{})
				return nil, true
			}
			return nil, false
		}
		err := l.Actuate(deadline(w, 4*time.Second), bridge.Action{Kind: bridge.ActUnlock})
		if !errors.Is(err, bridge.ErrUnreachable) {
			t.Errorf("got %v, want unreachable", err)
		}
		time.Sleep(3 * time.Second)
		w.clear()
		fl.say(zcl.ClusterDoorLock, late)
		time.Sleep(time.Minute)
		if b := of[bridge.BoltMoved](w); len(b) != 0 {
			t.Errorf("a late answer moved the bolt: %v", b)
		}
	})
}

// After a command that went unanswered the state is read before anything else is sent.
func TestStateIsReadAfterATimeOut(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.silent = true })
		_ = l.Actuate(deadline(w, 2*time.Second), bridge.Action{Kind: bridge.ActUnlock})
		n := w.r.count()
		fl.set(func() { fl.silent = false })
		if err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActLock}); err != nil {
			t.Fatal(err)
		}
		ms := w.r.since(n)
		read := slices.IndexFunc(ms, func(m zcl.Message) bool {
			r, ok := m.(*zcl.ReadAttributes)
			return ok && r.Attributes[0] == zcl.LockAttrLockState
		})
		lock := slices.IndexFunc(ms, func(m zcl.Message) bool { _, ok := m.(*zcl.LockDoor); return ok })
		if read < 0 || lock < 0 || read > lock {
			t.Errorf("sent %v", ms)
		}
	})
}

func TestStagesAreToldOnceAndInOrder(t *testing.T) {
	inBubble(t, func(w *world) {
		_, l := w.joined("Yale", "YRD256 TSDB", 1)
		var mu sync.Mutex
		var got []bridge.Stage
		err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock, Progress: func(s bridge.Stage) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
		}})
		want := []bridge.Stage{bridge.StageQueued, bridge.StageSent, bridge.StageWritten, bridge.StageDelivered, bridge.StageAccepted}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer zcl.Message
		want   error
	}{
		{"failure", &zcl.UnlockDoorResponse{Status: zcl.StatusFailure}, bridge.ErrRejected},
		{"not authorised", &zcl.UnlockDoorResponse{Status: zcl.StatusNotAuthorized}, bridge.ErrNeedsPIN},
		{"unsupported", &zcl.DefaultResponse{Command: zcl.CmdUnlockDoor, Status: zcl.StatusUnsupClusterCommand}, bridge.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, l := w.joined("Yale", "YRD256 TSDB", 1)
				fl.handle = func(_ zigbee.Frame, _ zcl.Header, m zcl.Message) (zcl.Message, bool) {
					_, ok := m.(*zcl.UnlockDoor)
					return c.answer, ok
				}
				if err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock}); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		})
	}
}

func TestRadioErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"down", zigbee.ErrDown, bridge.ErrDown},
		{"unreachable", zigbee.ErrUnreachable, bridge.ErrUnreachable},
		{"unknown node", zigbee.ErrUnknownNode, bridge.ErrUnreachable},
		{"refused", zigbee.ErrRefused, bridge.ErrRejected},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				_, l := w.joined("Yale", "YRD256 TSDB", 1)
				w.r.mu.Lock()
				w.r.sendErr = func(int) error { return c.err }
				w.r.mu.Unlock()
				n := w.r.count()
				if err := l.Actuate(deadline(w, 5*time.Second), bridge.Action{Kind: bridge.ActUnlock}); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if _, unlocks := moves(w.r.since(n)); unlocks != 1 {
					t.Errorf("%d unlocks were sent", unlocks)
				}
			})
		})
	}
}

// A congested network has sent nothing: the command is tried again within its deadline.
func TestBusyIsTriedAgain(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		n, fails := w.r.count(), 3
		w.r.mu.Lock()
		w.r.sendErr = func(i int) error {
			if i > n && i <= n+fails {
				return zigbee.ErrBusy
			}
			return nil
		}
		w.r.mu.Unlock()
		if err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock}); err != nil {
			t.Error(err)
		}
		if _, unlocks := moves(fl.received()); unlocks != 1 {
			t.Errorf("the lock got %d unlocks", unlocks)
		}
	})
}

func TestUnpluggedWhileWaiting(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.silent = true })
		done := make(chan error, 1)
		go func() { done <- l.Actuate(deadline(w, 30*time.Second), bridge.Action{Kind: bridge.ActUnlock}) }()
		time.Sleep(time.Second)
		w.r.inbox <- func(h zigbee.Handler) { h.Dongle(zigbee.Dongle{Fault: "unplugged"}) }
		start := time.Now()
		if err := <-done; !errors.Is(err, bridge.ErrDown) || time.Since(start) > time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// The state that the lock reports while its answer is lost is as good as an answer.
func TestReportStandsForALostAnswer(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.silent = true })
		done := make(chan error, 1)
		go func() {
			done <- l.Actuate(deadline(w, 30*time.Second), bridge.Action{Kind: bridge.ActUnlock, Cause: bridge.Cause{Source: bridge.SourceHomeKit}})
		}()
		time.Sleep(time.Second)
		fl.reports(zcl.LockStateUnlocked)
		if err := <-done; err != nil {
			t.Error(err)
		}
		evs := w.heard()
		if len(evs) != 1 || evs[0].Cause.Source != bridge.SourceHomeKit || evs[0].Body != (bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked}) {
			t.Errorf("told %+v", evs)
		}
	})
}

// An actuation goes before what waits in the background, and one frame is in flight at a time.
func TestActuationGoesFirst(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.delay = time.Second })
		n := w.r.count()
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() { _, _ = l.ReadSlot(deadline(w, time.Minute), bridge.Slot(i+1)) })
		}
		time.Sleep(500 * time.Millisecond)
		wg.Go(func() { _ = l.Actuate(deadline(w, time.Minute), bridge.Action{Kind: bridge.ActUnlock}) })
		wg.Wait()
		if _, second := w.r.since(n)[1].(*zcl.UnlockDoor); !second {
			t.Errorf("sent %T second", w.r.since(n)[1])
		}
		w.r.mu.Lock()
		defer w.r.mu.Unlock()
		for i := n + 1; i < len(w.r.sent); i++ {
			if gap := w.r.sent[i].at.Sub(w.r.sent[i-1].at); gap < time.Second {
				t.Errorf("frame %d came %v after the one before", i, gap)
			}
		}
	})
}

func TestTraitsBeforeTheRadio(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(testLock, "LUMI", "lumi.lock.aq1", 1)
		l := w.join(fl)
		n := w.r.count()
		if err := l.Actuate(deadline(w, time.Second), bridge.Action{Kind: bridge.ActUnlock}); !errors.Is(err, bridge.ErrUnsupported) {
			t.Errorf("read-only lock: %v", err)
		}
		other := w.r.add(otherLock, "SAMSUNG SDS", "", 1)
		s := w.join(other)
		if err := s.Actuate(deadline(w, time.Second), bridge.Action{Kind: bridge.ActLock}); !errors.Is(err, bridge.ErrUnsupported) {
			t.Errorf("a lock without a lock command: %v", err)
		}
		if _, u := moves(w.r.since(n)); u != 0 {
			t.Error("something was sent")
		}
	})
}

func TestPINForRemoteOperation(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(testLock, "Yale", "YRD256 TSDB", 1)
		fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrRequirePINForRF] = zcl.Bool(true)
		l := w.join(fl)
		if !l.Info().Traits.PINForRemote {
			t.Fatal("not noticed")
		}
		n := w.r.count()
		if err := l.Actuate(deadline(w, time.Second), bridge.Action{Kind: bridge.ActUnlock}); !errors.Is(err, bridge.ErrNeedsPIN) || w.r.count() != n {
			t.Errorf("without a PIN: %v", err)
		}
		p, _ := bridge.NewPIN([]byte("4711"))
		if err := l.Actuate(deadline(w, time.Second), bridge.Action{Kind: bridge.ActUnlock, PIN: p}); err != nil {
			t.Error(err)
		}
		if m := last(fl.received()).(*zcl.UnlockDoor); !m.PIN.Equal(zcl.PIN("4711")) {
			t.Error("another PIN was sent")
		}
	})
}
