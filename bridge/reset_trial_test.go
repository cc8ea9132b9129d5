package bridge

import (
	"strings"
	"testing"
	"time"
)

// TestTrialOfABoltThatIsNotKnown: a lock that tells of its bolt only when it moves is told to lock when it is locked, and says nothing. That is no failure,
// it is said, and the bolt moves only after “go”.
func TestTrialOfABoltThatIsNotKnown(t *testing.T) {
	begin := func(k *resetBench) {
		k.door.tellsMoves = true
		k.home()
		if v, err := k.b.Find(string(doorID)); err != nil || v.Bolt != BoltUnknown {
			k.t.Fatalf("the bolt is known: %+v %v", v.Bolt, err)
		}
		k.begin(ResetHands)
		k.asks("test-motor", true)
		k.nap(time.Hour)
		if k.door.unlocks != 0 {
			k.t.Fatal("unlocked unasked")
		}
	}
	t.Run("thrown", func(t *testing.T) {
		inBubble(t, "wyze", func(k *resetBench) {
			begin(k)
			k.mustAck("test-motor", "go")
			k.nap(10 * time.Second)
			if s := k.status(); s.Stage != ResetTesting || !strings.Contains(s.Why, "Nothing is known of this bolt") {
				k.t.Errorf("%q: %s", s.Stage, s.Why)
			}
			s := k.reaches(ResetDone, true)
			if !contains(s.Report.Verified, "nothing at the first “lock”") || k.door.unlocks != 1 || k.door.bolt != Unlocked { // by the code at the keypad
				k.t.Errorf("unlocked %d times, %v, report %+v", k.door.unlocks, k.door.bolt, s.Report)
			}
		})
	})
	t.Run("drawn", func(t *testing.T) {
		inBubble(t, "wyze", func(k *resetBench) {
			k.door.bolt = Unlocked
			begin(k)
			s := k.reaches(ResetDone, true)
			if !contains(s.Report.Verified, "the bolt reported each position.") {
				k.t.Errorf("report %+v", s.Report)
			}
		})
	})
	t.Run("it does not move at all", func(t *testing.T) {
		inBubble(t, "wyze", func(k *resetBench) {
			begin(k)
			k.door.still = true
			s := k.reaches(ResetStuck, true)
			if s.StuckAt != ResetTesting || !strings.Contains(s.Why, "did not follow “unlock”") {
				k.t.Errorf("%+v", s)
			}
			if k.door.unlocks != 1 {
				k.t.Errorf("asked to unlock %d times", k.door.unlocks)
			}
			k.mustAck("retry", "retry")
			k.nap(time.Hour)
			if s := k.status(); s.Step == nil || s.Step.ID != "test-motor" || k.door.unlocks != 1 {
				k.t.Errorf("a retry moved the bolt before a person agreed again: %d, %+v", k.door.unlocks, s)
			}
		})
	})
	t.Run("a refusal is no silence", func(t *testing.T) {
		inBubble(t, "wyze", func(k *resetBench) {
			begin(k)
			k.door.motorFails = true
			if s := k.reaches(ResetStuck, true); !strings.Contains(s.Why, "did not follow “lock”") || k.door.unlocks != 0 {
				k.t.Errorf("%+v", s)
			}
		})
	})
	t.Run("it can only be unlocked", func(t *testing.T) {
		inBubble(t, "wyze", func(k *resetBench) {
			k.door.bolt, k.door.info.Traits.Remote = Unlocked, RemoteUnlockOnly
			begin(k)
			s := k.reaches(ResetDone, true)
			if !contains(s.Report.Unverifiable, "said yes to “unlock” and reported nothing") {
				k.t.Errorf("report %+v", s.Report)
			}
		})
	})
	t.Run("a known bolt that does not report", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			k.door.mu.Lock()
			k.door.say(Cause{Source: SourceManual}, BoltMoved{To: Locked})
			k.door.still, k.door.tellsMoves = true, true
			k.door.mu.Unlock()
			k.begin(ResetHands)
			if s := k.reaches(ResetStuck, true); s.StuckAt != ResetTesting || k.door.unlocks != 1 {
				k.t.Errorf("%+v", s)
			}
		})
	})
}
