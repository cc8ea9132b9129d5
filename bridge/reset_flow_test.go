package bridge

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestResetPlanChangesNothing(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		k.nap(time.Minute)
		before, commits := len(k.disk.journal()), k.disk.written()
		p := k.plan("")
		if q := k.plan(""); q.Hash != p.Hash {
			k.t.Error("two plans of the same facts have different hashes")
		}
		synctest.Wait()
		if len(k.disk.journal()) != before || k.disk.written() != commits || len(k.disk.resets) != 0 {
			k.t.Error("planning left something behind")
		}
		if s := k.status(); s.Stage != ResetNotStarted {
			k.t.Errorf("stage %q", s.Stage)
		}
		if p.Expires.Sub(p.Made) != 10*time.Minute {
			k.t.Errorf("a plan lives for %v", p.Expires.Sub(p.Made))
		}
	})
}

func TestResetConfirm(t *testing.T) {
	confirm := func(k *resetBench, hash string) error {
		return k.b.ConfirmReset(k.t.Context(), doorID, hash, Cause{Source: SourceAPI})
	}
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		if err := confirm(k, "something"); !errors.Is(err, ErrExpired) {
			k.t.Errorf("without a plan: %v", err)
		}
		p := k.plan("")
		if err := confirm(k, ""); !errors.Is(err, ErrConflict) {
			k.t.Errorf("without a hash: %v", err)
		}
		if err := confirm(k, p.Hash+"0"); !errors.Is(err, ErrConflict) {
			k.t.Errorf("another hash: %v", err)
		}
		k.nap(10*time.Minute + time.Second)
		if err := confirm(k, p.Hash); !errors.Is(err, ErrExpired) {
			k.t.Errorf("after ten minutes: %v", err)
		}
		p = k.plan("")
		if _, err := k.b.AddUser(k.t.Context(), Cause{}, User{Name: "Cleo", PIN: pin(k.t, "12341234"), AllLocks: true}); err != nil {
			k.t.Fatal(err)
		}
		if err := confirm(k, p.Hash); !errors.Is(err, ErrConflict) {
			k.t.Errorf("after the facts changed: %v", err)
		}
		k.nap(time.Minute)
		p = k.plan("")
		if err := confirm(k, p.Hash); err != nil {
			k.t.Fatal(err)
		}
		if err := confirm(k, p.Hash); !errors.Is(err, ErrConflict) {
			k.t.Errorf("twice: %v", err)
		}
	})
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		p := k.plan("")
		k.disk.full = true
		if err := confirm(k, p.Hash); !errors.Is(err, ErrStore) {
			k.t.Errorf("with a full disk: %v", err)
		}
		k.disk.full = false
		if s := k.status(); s.Stage != ResetNotStarted {
			k.t.Errorf("stage %q", s.Stage)
		}
		if err := confirm(k, p.Hash); err != nil {
			k.t.Errorf("after the disk was seen to: %v", err)
		}
	})
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		if _, err := k.b.PlanReset(k.t.Context(), "00:00:00:00:00:00:00:01", ""); !errors.Is(err, ErrNoSuchLock) {
			k.t.Errorf("a lock that is not there: %v", err)
		}
	})
}

func TestResetCancel(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.door.battery = 10
		k.home()
		k.begin(ResetHands)
		k.asks("batteries", false)
		if err := k.b.CancelReset(k.t.Context(), doorID); err != nil {
			k.t.Fatal(err)
		}
		if s := k.status(); s.Stage != ResetCancelled {
			k.t.Errorf("stage %q", s.Stage)
		}
		if err := k.b.CancelReset(k.t.Context(), doorID); !errors.Is(err, ErrConflict) {
			k.t.Errorf("cancelled twice: %v", err)
		}
		if err := k.ack("batteries", "changed"); !errors.Is(err, ErrConflict) {
			k.t.Errorf("an answer after the end: %v", err)
		}
	})
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		k.begin(ResetHands)
		k.reaches(ResetErasing, false)
		if err := k.b.CancelReset(k.t.Context(), doorID); !errors.Is(err, ErrConflict) {
			k.t.Errorf("cancelled while a person may be erasing: %v", err)
		}
		if err := k.ack("hand-2", "done"); !errors.Is(err, ErrConflict) {
			k.t.Errorf("an answer to another step: %v", err)
		}
		if err := k.ack("hand-1", "perhaps"); !errors.Is(err, ErrConflict) {
			k.t.Errorf("an answer that is none: %v", err)
		}
		k.reaches(ResetDone, true)
	})
}

// TestResetWritesNothingMeanwhile: the reconciler leaves a lock alone that is being erased, and goes on after it.
func TestResetWritesNothingMeanwhile(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		k.begin(ResetHands)
		k.reaches(ResetErasing, false)
		if _, err := k.b.AddUser(k.t.Context(), Cause{}, User{Name: "Cleo", PIN: pin(k.t, "12341234"), AllLocks: true}); err != nil {
			k.t.Fatal(err)
		}
		k.nap(10 * time.Minute)
		if n := len(k.door.codes()); n != 2 {
			k.t.Errorf("a code was written into a lock that is being erased: %d", n)
		}
		k.asks("test-motor", true)
		if n := len(k.door.codes()); n != 3 {
			k.t.Errorf("%d codes after the restore", n)
		}
	})
}

func TestResetStranger(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		k.door.strayer, k.door.rejoins = "00:11:22:33:44:55:66:77", false
		k.begin(ResetHands)
		k.reaches(ResetRejoining, true)
		k.nap(2 * time.Second)
		s := k.status()
		if !k.sawSign(s, signStranger) {
			k.t.Errorf("the stranger was not told: %+v", s.Seen)
		}
		k.door.mu.Lock()
		first := k.door.admitted[len(k.door.admitted)-1]
		k.door.mu.Unlock()
		if first.Only != doorID || first.Window != time.Minute {
			k.t.Errorf("the network was opened for %+v", first)
		}
		// Nobody presses the join button in time.
		k.nap(2 * time.Minute)
		s = k.status()
		if s.Stage != ResetStuck || s.StuckAt != ResetRejoining || !strings.Contains(s.Why, "did not come back") {
			k.t.Fatalf("status %+v", s)
		}
		k.person.retries = 1
		k.reaches(ResetDone, true)
		if last := k.door.admitted[len(k.door.admitted)-1]; last.Window != 0 {
			k.t.Errorf("the network was left open: %+v", last)
		}
		if k.door.erasures() != 1 {
			k.t.Errorf("erased %d times", k.door.erasures())
		}
	})
}

func TestResetNobodyAskedFor(t *testing.T) {
	noticed := func(k *resetBench) bool {
		return slices.ContainsFunc(k.disk.journal(), func(e Event) bool { return e.Body.Kind() == "reset_noticed" })
	}
	thief := func(k *resetBench) { k.door.hold(k.door.need) }
	rejoin := func(k *resetBench) {
		if err := k.b.Join(k.t.Context(), Join{Window: time.Minute}); err != nil {
			k.t.Fatal(err)
		}
		k.door.press()
	}
	for name, set := range map[string]func(*fakeDoor){
		"alarm": func(d *fakeDoor) { d.leave, d.stay = false, true },
		"join":  func(d *fakeDoor) { d.alarm = false },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "yale_assure", func(k *resetBench) {
				set(k.door)
				k.home()
				thief(k)
				k.nap(time.Second)
				if !k.door.stay {
					rejoin(k)
				}
				k.nap(time.Minute)
				v, err := k.b.Find(string(doorID))
				if err != nil {
					k.t.Fatal(err)
				}
				s := k.status()
				if !noticed(k) || !v.Tampered || v.ResetStage != string(ResetSecuring) || !s.Unasked || !s.Dangerous || s.Step == nil || s.Step.ID != "unasked" {
					k.t.Fatalf("noticed %v, view %+v, status %+v", noticed(k), v, s)
				}
				k.nap(24 * time.Hour)
				if n := len(k.door.codes()); n != 0 {
					k.t.Fatalf("%d codes were written silently into a lock that somebody reset", n)
				}
				if err := k.b.AckTamper(k.t.Context(), doorID); err != nil {
					k.t.Fatal(err)
				}
				if v, _ := k.b.Find(string(doorID)); v.Tampered || len(k.door.codes()) != 0 {
					k.t.Errorf("after the acknowledgement: tampered %v, %d codes", v.Tampered, len(k.door.codes()))
				}
				k.reaches(ResetDone, true)
				k.restored()
			})
		})
	}
	t.Run("over a restart", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			thief(k)
			k.nap(time.Second)
			rejoin(k)
			k.nap(time.Minute)
			k.stop()
			k.boot()
			k.nap(10 * time.Minute)
			if v, _ := k.b.Find(string(doorID)); !v.Tampered || len(k.door.codes()) != 0 {
				k.t.Fatalf("after a restart: tampered %v, %d codes", v.Tampered, len(k.door.codes()))
			}
			k.reaches(ResetDone, true)
			k.restored()
		})
	})
	t.Run("while the daemon was off", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.door.leave, k.door.stay = false, true
			k.home()
			k.stop()
			thief(k)
			k.boot()
			if err := k.b.Reconcile(k.t.Context(), doorID); err != nil {
				k.t.Fatal(err)
			}
			k.nap(10 * time.Minute)
			if v, _ := k.b.Find(string(doorID)); !noticed(k) || !v.Tampered || len(k.door.codes()) != 0 {
				k.t.Fatalf("slots found empty: noticed %v, tampered %v, %d codes", noticed(k), v.Tampered, len(k.door.codes()))
			}
		})
	})
	t.Run("restore auto", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.cfg.Locks = map[LockID]LockSettings{doorID: {RestoreAuto: true}}
			k.home()
			thief(k)
			k.nap(time.Second)
			rejoin(k)
			k.nap(5 * time.Minute)
			if v, _ := k.b.Find(string(doorID)); !noticed(k) || !v.Tampered {
				k.t.Errorf("noticed %v, tampered %v", noticed(k), v.Tampered)
			}
			k.restored()
			if k.door.unlocks != 0 {
				k.t.Error("the bolt was moved")
			}
		})
	})
	t.Run("fresh batteries are no reset", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			k.door.hold(time.Second) // power back
			k.door.mu.Lock()
			k.door.say(Cause{}, LockJoined{Known: true}) // a rejoin, with everything in its place
			k.door.mu.Unlock()
			k.nap(5 * time.Minute)
			if v, _ := k.b.Find(string(doorID)); noticed(k) || v.Tampered || v.ResetStage != "" {
				k.t.Errorf("noticed %v, view %+v", noticed(k), v)
			}
		})
	})
	t.Run("a person says that it was none", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.door.leave, k.door.stay = false, true
			k.home()
			thief(k)
			k.nap(time.Minute)
			k.person.unasked = "ignore"
			k.reaches(ResetCancelled, true)
			k.nap(5 * time.Minute)
			k.restored() // a person has looked: the ordinary work goes on
		})
	})
}

// TestResetEarlyHands: a person who resets the lock before the guard let it pass finds the workflow where the lock is.
func TestResetEarlyHands(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.door.battery = 10
		k.home()
		k.begin(ResetHands)
		k.asks("batteries", false)
		k.door.hold(k.door.need) // the person does not wait
		k.nap(2 * time.Second)
		s := k.reaches(ResetDone, true)
		if k.door.erasures() != 1 || len(s.Report.Erased) == 0 {
			k.t.Errorf("erased %d times, report %+v", k.door.erasures(), s.Report)
		}
		k.restored()
	})
}
