package bridge

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

// doubted brings a basic reset of a lock that hides its codes to the point where the person has seen nothing.
func (k *resetBench) doubted(wipes bool) {
	k.t.Helper()
	k.door.info.Traits.ReadBack, k.door.alarm, k.door.leave, k.door.stay = ReadBackNone, false, false, true
	k.door.wipes, k.door.noRewrite = wipes, true
	k.home()
	k.begin(ResetBasic)
	k.asks("saw", false)
	k.mustAck("saw", "no")
	k.nap(time.Second)
	s := k.status()
	if s.Stage != ResetStuck || s.StuckAt != ResetErasing || !s.CanCancel || !strings.Contains(s.Why, "they may stand on it, or be gone") || !strings.Contains(s.Next, "by hands") ||
		s.Step == nil || len(s.Step.Answers) != 2 || s.Step.Answers[1] != "restore" {
		k.t.Fatalf("%+v %+v", s, s.Step)
	}
	k.perhaps(2)
}

// perhaps checks how many codes say that they may be gone.
func (k *resetBench) perhaps(want int) {
	k.t.Helper()
	codes, err := k.b.Codes(doorID)
	if err != nil {
		k.t.Fatal(err)
	}
	n := 0
	for _, c := range codes {
		if c.State == CodeUnverifiable && strings.Contains(c.Reason, "perhaps gone") && strings.Contains(c.Reason, "set it again") {
			n++
		}
	}
	if n != want {
		k.t.Errorf("%d codes say that they may be gone, want %d: %+v", n, want, codes)
	}
}

// TestResetThatNobodySaw: a lock that hides its codes was asked to reset itself, and the person saw nothing. That proves nothing, neither way.
func TestResetThatNobodySaw(t *testing.T) {
	for name, wipes := range map[string]bool{"and was one": true, "and was none": false} {
		t.Run(name, func(t *testing.T) {
			t.Run("restore", func(t *testing.T) {
				inBubble(t, "onesti", func(k *resetBench) {
					k.doubted(wipes)
					k.mustAck("retry", "restore")
					s := k.reaches(ResetDone, true)
					k.restored()
					k.perhaps(0)
					if k.door.asked != 1 || !contains(s.Report.Unverifiable, "nobody saw it") || !contains(s.Report.Erased, "perhaps") || len(s.Report.Erased) != 1 || len(s.Report.Failed) != 0 {
						k.t.Errorf("asked %d times, report %+v", k.door.asked, s.Report)
					}
				})
			})
			t.Run("cancelled, and written anew", func(t *testing.T) {
				inBubble(t, "onesti", func(k *resetBench) {
					k.doubted(wipes)
					k.stop()
					k.boot()
					k.nap(time.Second)
					k.perhaps(2)
					if err := k.b.CancelReset(k.t.Context(), doorID); err != nil {
						k.t.Fatal(err)
					}
					if s := k.reaches(ResetCancelled, false); !strings.Contains(s.Why, "nobody saw it") {
						k.t.Errorf("%+v", s)
					}
					before := k.door.codes()
					k.nap(24 * time.Hour)
					if !maps.Equal(before, k.door.codes()) {
						k.t.Error("codes were written unasked")
					}
					k.perhaps(2)
					if err := k.b.Reconcile(k.t.Context(), doorID); err != nil {
						k.t.Fatal(err)
					}
					k.nap(10 * time.Minute)
					k.perhaps(0)
					k.restored()
				})
			})
		})
	}
	t.Run("one is set again", func(t *testing.T) {
		inBubble(t, "onesti", func(k *resetBench) {
			k.doubted(true)
			if err := k.b.CancelReset(k.t.Context(), doorID); err != nil {
				k.t.Fatal(err)
			}
			k.reaches(ResetCancelled, false)
			for _, u := range k.b.Users() {
				if u.Name == "Ann" {
					if err := k.b.SetCode(k.t.Context(), Cause{}, doorID, u.ID, pin(k.t, annCode)); err != nil {
						k.t.Fatal(err)
					}
				}
			}
			k.nap(10 * time.Minute)
			k.perhaps(1)
			if c := k.door.codes(); len(c) != 1 {
				k.t.Errorf("%d codes", len(c))
			}
		})
	})
	t.Run("the code is typed", func(t *testing.T) {
		inBubble(t, "onesti", func(k *resetBench) {
			k.doubted(false)
			if err := k.b.CancelReset(k.t.Context(), doorID); err != nil {
				k.t.Fatal(err)
			}
			k.reaches(ResetCancelled, false)
			if !k.door.enter(annCode) {
				k.t.Fatal("refused")
			}
			k.nap(time.Minute)
			k.perhaps(1)
		})
	})
	t.Run("once more", func(t *testing.T) {
		inBubble(t, "onesti", func(k *resetBench) {
			k.doubted(false)
			k.nap(time.Hour)
			if k.door.asked != 1 {
				k.t.Fatalf("asked %d times unasked", k.door.asked)
			}
			k.mustAck("retry", "retry")
			k.asks("saw", false)
			if k.door.asked != 2 {
				k.t.Errorf("asked %d times", k.door.asked)
			}
			if err := k.b.CancelReset(k.t.Context(), doorID); !errors.Is(err, ErrConflict) {
				k.t.Errorf("cancelled while it may be erased: %v", err)
			}
			k.mustAck("saw", "yes")
			k.reaches(ResetDone, true)
			k.perhaps(0)
			k.restored()
		})
	})
}
