package bridge_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

func relocker(mode func(bridge.Settings) bridge.Settings) *bridgetest.Lock {
	l := bridgetest.NewLock(front).SetInfo(func(in *bridge.Info) { in.Traits.AutoRelock, in.Traits.Sound = true, true })
	zero, loud := time.Duration(0), uint8(2)
	l.SetSettings(bridge.Settings{AutoRelock: &zero, Sound: &loud}, mode)
	return l
}

// said are the settings events so far.
func (h *house) said() (out []bridge.SettingsMoved) {
	h.t.Helper()
	evs, err := h.History(0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, ev := range evs {
		if s, ok := ev.Body.(bridge.SettingsMoved); ok {
			out = append(out, s)
		}
	}
	return out
}

func writes(l *bridgetest.Lock) (n int) {
	for _, what := range l.Asked() {
		if what == "write settings" {
			n++
		}
	}
	return n
}

func TestConfiguredRelockReachesTheLock(t *testing.T) {
	half, minute := 30*time.Second, time.Minute
	for _, c := range []struct {
		name string
		lock func(bridge.Settings) bridge.Settings // what the lock makes of what is written
		want time.Duration                         // what it has in the end
		why  string
	}{
		{"taken", nil, half, ""},
		{"rounded", func(s bridge.Settings) bridge.Settings { s.AutoRelock = &minute; return s }, minute,
			"time until it locks by itself: asked for 30s, the lock has 1m0s"},
		{"not kept", func(s bridge.Settings) bridge.Settings { s.AutoRelock = new(time.Duration); return s }, 0,
			"time until it locks by itself: asked for 30s, the lock has 0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := relocker(c.lock)
				cfg := bridge.Config{Location: time.UTC, Locks: map[bridge.LockID]bridge.LockSettings{front: {Relock: &half}}}
				h := run(t, cfg, bridgetest.NewDriver(l), bridgetest.NewStore())
				settle(24 * time.Hour)
				if n := writes(l); n != 1 {
					t.Errorf("written %d times in a day", n)
				}
				said := h.said()
				if len(said) != 1 || said[0].Why != c.why {
					t.Errorf("%+v", said)
				}
				if v, err := h.Find(string(front)); err != nil || v.AutoRelock == nil || *v.AutoRelock != c.want {
					t.Errorf("%v %v", v.AutoRelock, err)
				}
				h.restart(cfg)
				settle(time.Hour)
				if n := writes(l); c.why == "" && n != 0 || c.why != "" && n != 1 {
					t.Errorf("written %d times after a restart", n)
				}
			})
		})
	}
}

func TestConfiguredRelockWaitsForASleepingLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, half := relocker(nil), 30*time.Second
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
		h := run(t, bridge.Config{Locks: map[bridge.LockID]bridge.LockSettings{front: {Relock: &half}}}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(24 * time.Hour)
		if n := len(l.Asked()); n > 400 {
			t.Errorf("asked %d times in a day", n)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		settle(2 * time.Hour)
		if s := l.Settings(); s.AutoRelock == nil || *s.AutoRelock != half || *s.Sound != 2 {
			t.Errorf("%+v", s)
		}
		if said := h.said(); len(said) != 1 || said[0].Why != "" {
			t.Errorf("%+v", said)
		}
	})
}

func TestChangeSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := relocker(nil)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(time.Minute)
		half, quiet := 30*time.Second, uint8(0)
		if err := h.ChangeSettings(ctxFor(t, time.Minute), api("t"), front, bridge.Settings{AutoRelock: &half, Sound: &quiet}); err != nil {
			t.Fatal(err)
		}
		if s, err := h.Settings(ctxFor(t, time.Minute), front); err != nil || *s.AutoRelock != half || *s.Sound != 0 {
			t.Errorf("%+v %v", s, err)
		}
		if said := h.said(); len(said) != 1 || said[0].Why != "" || *said[0].Settings.AutoRelock != half {
			t.Errorf("%+v", said)
		}
		if err := h.ChangeSettings(ctxFor(t, time.Minute), api("t"), "00:00:00:00:00:00:00:01", bridge.Settings{AutoRelock: &half}); !errors.Is(err, bridge.ErrNoSuchLock) {
			t.Error(err)
		}
		l.SetSettings(l.Settings(), func(bridge.Settings) bridge.Settings { return bridge.Settings{AutoRelock: &half, Sound: &quiet} })
		never := time.Duration(0)
		if err := h.ChangeSettings(ctxFor(t, time.Minute), api("t"), front, bridge.Settings{AutoRelock: &never}); !errors.Is(err, bridge.ErrRejected) {
			t.Errorf("a lock that does not take it: %v", err)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
		if err := h.ChangeSettings(ctxFor(t, time.Minute), api("t"), front, bridge.Settings{AutoRelock: &never}); !errors.Is(err, bridge.ErrAsleep) {
			t.Errorf("a sleeping lock: %v", err)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		l.Say(bridge.Alarmed{Alarm: bridge.AlarmFactoryReset, Code: 1})
		settle(time.Minute)
		if err := h.ChangeSettings(ctxFor(t, time.Minute), api("t"), front, bridge.Settings{AutoRelock: &never}); !errors.Is(err, bridge.ErrConflict) {
			t.Errorf("a lock that looks as if it had been reset: %v", err)
		}
	})
}
