package reset

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/lockfw"
)

const (
	yale    = "YRD256 TSDB"
	kwikset = "SMARTCODE_DEADBOLT_10"
	schlage = "BE468"
	nimly   = "NimlyPRO"
)

func TestThingsAtHand(t *testing.T) {
	t.Parallel()
	for _, m := range []string{yale, kwikset, schlage} {
		t.Run(m, func(t *testing.T) {
			r := newRig(t, m, nil, bridge.LockSettings{})
			p := r.plan(bridge.ResetHands)
			if !p.Known || len(p.AtHand) < 3 || p.AtHand[0].Text != map[string]string{
				yale: "A screwdriver for the cover plate inside the door.", kwikset: "A screwdriver or the small tool that came with the lock, for the interior cover.",
				schlage: "The sticker with the default programming code and the two default user codes: on the back of the interior assembly, and on the front of the guide.",
			}[m] {
				t.Errorf("%s: %+v", m, p)
			}
		})
	}
	r := newRig(t, nimly, nil, bridge.LockSettings{})
	if p := r.plan(bridge.ResetHands); p.Known || !strings.Contains(p.Steps[0].Text, "not known") || !strings.Contains(p.Steps[0].Text, nimly) {
		t.Errorf("unknown procedure: %+v", p.Steps)
	}
}

func TestPressAndHold(t *testing.T) {
	t.Parallel()
	t.Run("N-1 seconds, then N without a new plan", func(t *testing.T) {
		r := newRig(t, yale, nil, bridge.LockSettings{})
		need := time.Duration(r.lock.Family().Reset.Hold)
		r.hold = need - time.Second
		r.begin(bridge.ResetHands)
		s := r.reaches(bridge.ResetStuck)
		if !strings.Contains(s.Why, "No reset was seen") || !strings.Contains(s.Why, "too early") || !saw(s, "announced") || r.resets() != 0 {
			t.Errorf("why %q, seen %+v, reset %d times", s.Why, s.Seen, r.resets())
		}
		r.restored()
		r.hold, r.retries = need+500*time.Millisecond, 1
		r.reaches(bridge.ResetDone)
		if r.resets() != 1 {
			t.Errorf("reset %d times", r.resets())
		}
		r.restored()
	})
	t.Run("a release too early where another press ends the gesture", func(t *testing.T) {
		r := newRig(t, kwikset, nil, bridge.LockSettings{})
		r.hold = time.Duration(r.lock.Family().Reset.Hold) - time.Second
		r.begin(bridge.ResetHands)
		s := r.reaches(bridge.ResetStuck)
		if !strings.Contains(s.Next, "30 seconds") || r.resets() != 0 {
			t.Errorf("next %q, reset %d times", s.Next, r.resets())
		}
	})
}

func TestWaitForFlashOrBeep(t *testing.T) {
	t.Parallel()
	for name, adjust := range map[string]func(*lockfw.Behaviour){
		"alarm, leave and join": func(b *lockfw.Behaviour) { b.ResetAlarm, b.ResetLeaves, b.RejoinByItself = true, true, true },
		"alarm alone":           func(b *lockfw.Behaviour) { b.ResetAlarm, b.ResetLeaves = true, false },
		"leave alone":           func(b *lockfw.Behaviour) { b.ResetAlarm, b.ResetLeaves, b.ResetSilent = false, true, false },
		"silence alone":         func(b *lockfw.Behaviour) { b.ResetAlarm, b.ResetLeaves, b.ResetSilent = false, true, true },
		"none, but empty slots": func(b *lockfw.Behaviour) { b.ResetAlarm, b.ResetLeaves = false, false },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, yale, adjust, bridge.LockSettings{})
			r.begin(bridge.ResetHands)
			r.reaches(bridge.ResetDone)
			if r.resets() != 1 {
				t.Errorf("reset %d times", r.resets())
			}
			r.restored()
		})
	}
	t.Run("beeps as if done, erases nothing", func(t *testing.T) {
		r := newRig(t, yale, func(b *lockfw.Behaviour) { b.ResetLies = true }, bridge.LockSettings{})
		r.begin(bridge.ResetHands)
		s := r.reaches(bridge.ResetStuck)
		if !strings.Contains(s.Why, "No reset was seen") || !s.CanCancel {
			t.Errorf("status %+v", s)
		}
		r.restored()
		if err := r.b.CancelReset(t.Context(), r.id); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody touches the button", func(t *testing.T) {
		r := newRig(t, yale, nil, bridge.LockSettings{})
		r.keeps = true
		r.begin(bridge.ResetHands)
		if s := r.reaches(bridge.ResetStuck); !strings.Contains(s.Why, "No reset was seen") || !strings.Contains(s.Next, "likely") {
			t.Errorf("why %q, next %q", s.Why, s.Next)
		}
	})
}

func TestEnterTheDefaultCodeAndChangeIt(t *testing.T) {
	t.Parallel()
	for _, m := range []string{kwikset, schlage} {
		t.Run(m, func(t *testing.T) {
			r := newRig(t, m, nil, bridge.LockSettings{})
			r.begin(bridge.ResetHands)
			s := r.asks("master")
			if !s.Dangerous {
				t.Error("the dangerous minute is not said")
			}
			s = r.reaches(bridge.ResetDone)
			if !contains(s.Report.Verified, "Default codes are gone") || !contains(s.Report.Verified, "master code was changed") {
				t.Errorf("report %+v", s.Report)
			}
			for _, c := range r.defaults() {
				if r.lock.Keypad(c) == nil {
					t.Error("a default code opens the lock")
				}
			}
			r.restored()
		})
	}
	t.Run("cannot be proven on this model", func(t *testing.T) {
		r := newRig(t, nimly, nil, bridge.LockSettings{})
		r.begin(bridge.ResetHands)
		if s := r.reaches(bridge.ResetDone); !contains(s.Report.Unverifiable, "cannot be proven") {
			t.Errorf("report %+v", s.Report)
		}
		r.restored()
	})
}

func TestTestIt(t *testing.T) {
	t.Parallel()
	t.Run("motor fails after the reset", func(t *testing.T) {
		r := newRig(t, yale, func(b *lockfw.Behaviour) { b.DeadMotorReset = true }, bridge.LockSettings{})
		r.begin(bridge.ResetHands)
		if s := r.reaches(bridge.ResetStuck); s.StuckAt != bridge.ResetTesting || !strings.Contains(s.Why, "bolt") {
			t.Errorf("status %+v", s)
		}
		r.restored()
	})
	t.Run("keypad fails after the reset", func(t *testing.T) {
		r := newRig(t, yale, func(b *lockfw.Behaviour) { b.DeadPadReset = true }, bridge.LockSettings{})
		r.begin(bridge.ResetHands)
		r.asks("master")
		r.answered["master"] = "done" // a dead keypad takes no master code
		r.asks("test-keypad")
		if err := r.ack("test-keypad", "refused"); err != nil {
			t.Fatal(err)
		}
		s := r.until("the codes written anew", func(s bridge.ResetStatus) bool {
			return s.Stage == bridge.ResetRestoring || s.Step != nil && s.Step.ID == "test-keypad"
		})
		r.asks("test-keypad")
		if err := r.ack("test-keypad", "skip"); err != nil {
			t.Fatal(err, s)
		}
		if s := r.reaches(bridge.ResetDone); !contains(s.Report.Failed, "refused at the keypad") || !contains(s.Report.Unverifiable, "skipped") {
			t.Errorf("report %+v", s.Report)
		}
	})
	t.Run("nothing moves unasked", func(t *testing.T) {
		r := newRig(t, yale, nil, bridge.LockSettings{})
		before := len(r.lock.History())
		r.begin(bridge.ResetHands)
		r.asks("test-motor")
		time.Sleep(500 * time.Millisecond)
		if n := len(r.lock.History()); n != before {
			t.Errorf("the bolt moved %d times before anybody asked for it", n-before)
		}
	})
}

func TestFreshBatteriesFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t, yale, nil, bridge.LockSettings{})
	r.lock.SetBattery(12)
	r.wait("the low battery's report", func() bool { v := r.view(); return v.Battery != nil && *v.Battery < 30 })
	r.begin(bridge.ResetHands)
	r.until("the batteries", func(s bridge.ResetStatus) bool { return s.Step != nil && s.Step.ID == "batteries" })
	if err := r.ack("batteries", "changed"); err != nil { // which is not so
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if s := r.status(); s.Stage != bridge.ResetConfirmed {
		t.Fatalf("went on to %q with an empty battery", s.Stage)
	}
	r.lock.FitBatteries(100) // rising
	r.reaches(bridge.ResetErasing)
}

func TestKeepItSafeAndForgottenAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, yale, nil, bridge.LockSettings{})
	r.begin(bridge.ResetHands)
	s := r.reaches(bridge.ResetDone)
	if !contains(s.Report.Offers, "backup") || !contains(s.Report.Offers, "card") {
		t.Errorf("offers %q", s.Report.Offers)
	}
	for _, u := range r.b.Users() {
		p, err := r.b.Reveal(r.id, u.ID)
		if err != nil || !p.Equal(pin(t, map[string]string{"Ann": annCode, "Bob": bobCode}[u.Name])) {
			t.Errorf("%s's code cannot be seen again: %v", u.Name, err)
		}
	}
}

func TestRemoteReset(t *testing.T) {
	t.Parallel()
	t.Run("offered only where known", func(t *testing.T) {
		r := newRig(t, nimly, nil, bridge.LockSettings{})
		p := r.plan("")
		for _, w := range []bridge.ResetWay{bridge.ResetClearCodes, bridge.ResetBasic, bridge.ResetLeave} {
			_, err := r.b.PlanReset(t.Context(), r.id, w)
			if slices.Contains(p.Ways, w) != (err == nil) || err != nil && !errors.Is(err, bridge.ErrUnsupported) {
				t.Errorf("%s: %v, offered %v", w, err, p.Ways)
			}
		}
	})
	for _, way := range []bridge.ResetWay{bridge.ResetClearCodes, bridge.ResetBasic, bridge.ResetLeave} {
		t.Run(string(way), func(t *testing.T) {
			r := newRig(t, yale, nil, bridge.LockSettings{})
			if !slices.Contains(r.plan("").Ways, way) {
				if _, err := r.b.PlanReset(t.Context(), r.id, way); !errors.Is(err, bridge.ErrUnsupported) {
					t.Errorf("not offered, and %v", err)
				}
				return
			}
			r.begin(way)
			s := r.reaches(bridge.ResetDone)
			if way == bridge.ResetClearCodes && (len(s.Report.Erased) == 0 || !contains(s.Report.Erased, "gone") && !contains(s.Report.Erased, "event")) {
				t.Errorf("report %+v", s.Report)
			}
			r.restored()
		})
	}
	t.Run("says yes and erases nothing", func(t *testing.T) {
		r := newRig(t, yale, func(b *lockfw.Behaviour) { b.ClearPINLies = true }, bridge.LockSettings{})
		r.begin(bridge.ResetClearCodes)
		if s := r.reaches(bridge.ResetStuck); !strings.Contains(s.Why, "said yes and erased nothing") {
			t.Errorf("why %q", s.Why)
		}
		r.restored()
	})
}

func TestEverythingIsErased(t *testing.T) {
	t.Parallel()
	r := newRig(t, yale, nil, bridge.LockSettings{})
	if err := r.lock.AddUser("11112222", 9, "7531"); err != nil {
		t.Fatal(err)
	}
	r.wait("the code of other hands", func() bool {
		codes, err := r.b.Codes(r.id)
		return err == nil && slices.ContainsFunc(codes, func(c bridge.Code) bool { return c.Slot == 9 && c.State == bridge.CodeNotOurs })
	})
	p := r.plan(bridge.ResetHands)
	if !contains(p.Losses, "slots 9") || !contains(p.Losses, "never seen") || !contains(p.Returns, "Ann, Bob") {
		t.Errorf("losses %q, returns %q", p.Losses, p.Returns)
	}
	r.answered["others"] = "restore"
	r.begin(bridge.ResetHands)
	r.reaches(bridge.ResetDone)
	r.restored()
	if !slices.ContainsFunc(r.lock.Codes(), func(c lockfw.Code) bool { return string(c.PIN) == "7531" }) {
		t.Error("the code of other hands did not come back, though it was asked for")
	}
}

func TestResetNobodyAskedFor(t *testing.T) {
	t.Parallel()
	t.Run("asks first", func(t *testing.T) {
		r := newRig(t, yale, nil, bridge.LockSettings{})
		<-r.lock.ResetByHand()
		r.wait("the notice", func() bool { return r.view().Tampered && r.view().ResetStage == string(bridge.ResetSecuring) })
		time.Sleep(time.Second)
		if slices.ContainsFunc(r.lock.Codes(), func(c lockfw.Code) bool { return string(c.PIN) == annCode }) {
			t.Fatal("a code was written silently into a lock that somebody reset")
		}
		if err := r.b.Join(t.Context(), bridge.Join{Window: time.Minute}); err != nil {
			t.Fatal(err)
		}
		r.lock.PressJoin()
		r.reaches(bridge.ResetDone)
		r.restored()
	})
	t.Run("restore auto", func(t *testing.T) {
		r := newRig(t, yale, func(b *lockfw.Behaviour) { b.ResetLeaves = false }, bridge.LockSettings{RestoreAuto: true})
		<-r.lock.ResetByHand()
		r.wait("the codes", func() bool {
			n := 0
			for _, c := range r.lock.Codes() {
				if string(c.PIN) == annCode || string(c.PIN) == bobCode {
					n++
				}
			}
			return n == 2
		})
		if !r.view().Tampered {
			t.Error("nobody was told")
		}
	})
}
