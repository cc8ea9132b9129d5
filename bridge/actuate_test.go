package bridge_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

func TestActuate(t *testing.T) {
	for name, tc := range map[string]struct {
		how    func(*bridgetest.Behaviour)
		info   func(*bridge.Info)
		kind   bridge.ActionKind
		err    error
		result bridge.Result
		stage  bridge.Stage
		moved  bool // the bolt really moved
		target bridge.Bolt
	}{
		"moves":              {kind: bridge.ActUnlock, result: bridge.ResultOK, stage: bridge.StageMoved, moved: true, target: bridge.Unlocked},
		"already there":      {kind: bridge.ActLock, result: bridge.ResultOK, stage: bridge.StageMoved, target: bridge.Locked},
		"slow":               {kind: bridge.ActUnlock, how: func(b *bridgetest.Behaviour) { b.Delay = 4 * time.Second }, result: bridge.ResultOK, stage: bridge.StageMoved, moved: true, target: bridge.Unlocked},
		"does not report":    {kind: bridge.ActUnlock, how: func(b *bridgetest.Behaviour) { b.Quiet = true }, result: bridge.ResultOK, stage: bridge.StageMoved, moved: true, target: bridge.Unlocked},
		"answer lost":        {kind: bridge.ActUnlock, how: func(b *bridgetest.Behaviour) { b.LoseAnswer = 1 }, result: bridge.ResultOK, stage: bridge.StageMoved, moved: true, target: bridge.Unlocked},
		"asleep":             {kind: bridge.ActUnlock, how: func(b *bridgetest.Behaviour) { b.Asleep = true }, err: bridge.ErrAsleep, result: bridge.ResultAsleep, stage: bridge.StageQueued, target: bridge.Locked},
		"lost on the way":    {kind: bridge.ActUnlock, how: func(b *bridgetest.Behaviour) { b.LoseRequest = 1 }, err: bridge.ErrUnreachable, result: bridge.ResultUnreachable, stage: bridge.StageQueued, target: bridge.Locked},
		"says yes and stays": {kind: bridge.ActUnlock, how: func(b *bridgetest.Behaviour) { b.Still = true }, err: bridge.ErrNotSeen, result: bridge.ResultNotSeen, stage: bridge.StageAccepted, target: bridge.Locked},
		"jams":               {kind: bridge.ActUnlock, how: func(b *bridgetest.Behaviour) { b.Jam = true }, err: bridge.ErrJammed, result: bridge.ResultJammed, stage: bridge.StageAccepted, target: bridge.Locked},
		"refused":            {kind: bridge.ActUnlock, how: func(b *bridgetest.Behaviour) { b.Refuse = bridge.ErrRejected }, err: bridge.ErrRejected, result: bridge.ResultRejected, stage: bridge.StageQueued, target: bridge.Locked},
		"read-only":          {kind: bridge.ActUnlock, info: func(i *bridge.Info) { i.Traits.Remote = bridge.RemoteNone }, err: bridge.ErrUnsupported, result: bridge.ResultUnsupported, target: bridge.Locked},
		"no lock command":    {kind: bridge.ActLock, info: func(i *bridge.Info) { i.Traits.Remote = bridge.RemoteUnlockOnly }, err: bridge.ErrUnsupported, result: bridge.ResultUnsupported, target: bridge.Locked},
		"wants a PIN":        {kind: bridge.ActUnlock, info: func(i *bridge.Info) { i.Traits.PINForRemote = true }, err: bridge.ErrNeedsPIN, result: bridge.ResultRejected, target: bridge.Locked},
		"toggle":             {kind: 7, err: bridge.ErrUnsupported, result: bridge.ResultUnsupported, target: bridge.Locked},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := bridgetest.NewLock(front)
				if tc.info != nil {
					l.SetInfo(tc.info)
				}
				h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
				settle(3 * time.Minute) // the scan of a new lock
				if tc.how != nil {
					l.Behave(tc.how)
				}
				was := l.Bolt()
				began := time.Now()
				out, err := h.Actuate(ctxFor(t, 10*time.Second), front, bridge.Action{Kind: tc.kind, Cause: api("test")})
				if !errors.Is(err, tc.err) || err != nil && tc.err == nil || out.Result != tc.result || out.Stage != tc.stage {
					t.Errorf("%v: %+v", err, out)
				}
				if time.Since(began) > 10*time.Second {
					t.Error("outlived its deadline:", time.Since(began))
				}
				if moved := l.Bolt() != was && l.Bolt() != bridge.Jammed; moved != tc.moved {
					t.Errorf("moved: %v", moved)
				}
				l.Behave(func(b *bridgetest.Behaviour) { *b = bridgetest.Behaviour{Still: b.Still, Jam: b.Jam} })
				settle(2 * time.Minute) // nothing comes later
				if moved := l.Bolt() != was && l.Bolt() != bridge.Jammed; moved != tc.moved {
					t.Errorf("moved later: %v", moved)
				}
				if v := h.lock(front); v.Target != tc.target || v.Pending != 0 {
					t.Errorf("target %v, pending %d", v.Target, v.Pending)
				}
				if tc.kind > bridge.ActUnlock {
					return
				}
				fin := events[bridge.CommandFinished](h)
				if len(fin) != 1 || fin[0].Result != tc.result || fin[0].Stage != tc.stage || fin[0].Command != tc.kind.String() || (fin[0].Why == "") != (tc.err == nil) {
					t.Errorf("%+v", fin)
				}
				if tc.moved {
					if v := h.lock(front); v.LastAction.Source != bridge.SourceAPI || v.LastAction.Actor != "test" {
						t.Errorf("attributed to %+v", v.LastAction)
					}
				}
			})
		})
	}
}

// TestDongleGoesBeforeTheReport: a command that the lock accepted does not wait for a report that cannot come any more.
func TestDongleGoesBeforeTheReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(3 * time.Minute)
		l.Behave(func(b *bridgetest.Behaviour) { b.Still = true })
		time.AfterFunc(5*time.Second, func() { h.d.Emit(bridge.Event{Body: bridge.DongleMoved{Fault: "unplugged"}}) })
		began := time.Now()
		out, err := h.Actuate(ctxFor(t, 20*time.Second), front, bridge.Action{Kind: bridge.ActUnlock, Cause: api("test")})
		if !errors.Is(err, bridge.ErrDown) || out.Result != bridge.ResultDown || out.Stage != bridge.StageAccepted || time.Since(began) > 6*time.Second {
			t.Errorf("%v after %v: %+v", err, time.Since(began), out)
		}
		if v := h.lock(front); v.Bolt != bridge.Locked || v.Target != bridge.Locked {
			t.Errorf("shown %v, target %v", v.Bolt, v.Target)
		}
	})
}

func TestActuateOverDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(time.Minute)
		l.Asked()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		out, err := h.Actuate(ctx, front, bridge.Action{Kind: bridge.ActUnlock})
		if !errors.Is(err, bridge.ErrExpired) || out.Result != bridge.ResultCancelled {
			t.Error(out, err)
		}
		if a := l.Asked(); slices.Contains(a, "unlock") {
			t.Error("sent after its deadline:", a)
		}
		if _, err := h.Actuate(t.Context(), back, bridge.Action{Kind: bridge.ActLock}); !errors.Is(err, bridge.ErrNoSuchLock) {
			t.Error(err)
		}
	})
}

func TestActuateBeforeRun(t *testing.T) {
	b, err := bridge.New(bridge.Config{}, bridgetest.NewDriver(), bridgetest.NewStore())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Actuate(t.Context(), front, bridge.Action{Kind: bridge.ActLock}); !errors.Is(err, bridge.ErrNoSuchLock) {
		t.Error(err)
	}
}

func TestLaterCommandTakesThePlaceOfOneNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(3 * time.Minute)
		l.Asked()
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
		type result struct {
			out bridge.Outcome
			err error
		}
		unlock, lock := make(chan result, 1), make(chan result, 1)
		go func() {
			out, err := h.Actuate(ctxFor(t, 30*time.Second), front, bridge.Action{Kind: bridge.ActUnlock})
			unlock <- result{out, err}
		}()
		settle(time.Second)
		if v := h.lock(front); v.Target != bridge.Unlocked || v.Pending != 1 {
			t.Errorf("%v %d", v.Target, v.Pending)
		}
		go func() {
			out, err := h.Actuate(ctxFor(t, 30*time.Second), front, bridge.Action{Kind: bridge.ActLock})
			lock <- result{out, err}
		}()
		settle(time.Second)
		if r := <-unlock; !errors.Is(r.err, bridge.ErrSuperseded) || r.out.Result != bridge.ResultSuperseded {
			t.Error(r)
		}
		if v := h.lock(front); v.Target != bridge.Locked {
			t.Error(v.Target)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		if r := <-lock; r.err != nil {
			t.Error(r)
		}
		settle(time.Minute)
		if a := l.Asked(); slices.Contains(a, "unlock") || l.Bolt() != bridge.Locked {
			t.Error(a)
		}
	})
}

func TestNothingMovesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(time.Minute)
		for range 50 {
			h = h.restart(bridge.Config{})
			h.d.Emit(bridge.Event{Body: bridge.DongleMoved{Up: false, Fault: "unplugged"}})
			settle(time.Second)
			h.d.Emit(bridge.Event{Body: bridge.DongleMoved{Up: true}})
			settle(time.Minute)
		}
		for _, a := range l.Asked() {
			if a == "lock" || a == "unlock" {
				t.Fatal("moved without being asked")
			}
		}
	})
}
