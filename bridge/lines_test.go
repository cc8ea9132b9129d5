package bridge

import (
	"slices"
	"testing"
	"time"
)

// resetStory is what the journal on the disk tells of the lock's reset.
func (k *resetBench) resetStory() (story []string) {
	for _, ev := range k.disk.journal() {
		switch b := ev.Body.(type) {
		case ResetMoved:
			story = append(story, b.Stage)
		case CommandFinished:
			if b.Command == "reset" { // the others move the bolt
				story = append(story, b.Command+" "+string(b.Result))
			}
		case ResetNoticed:
			story = append(story, "noticed")
		}
	}
	return story
}

// TestResetToldOnce: whenever the process dies, the journal tells each stage once: what is durable is told, and nothing is told twice.
func TestResetToldOnce(t *testing.T) {
	for _, c := range []struct {
		family string
		way    ResetWay
	}{{"kwikset", ResetHands}, {"yale_assure", ResetClearCodes}} {
		var want []string
		inBubble(t, c.family, func(k *resetBench) {
			k.home()
			k.begin(c.way)
			k.reaches(ResetDone, true)
			k.stop()
			want = k.resetStory()
		})
		if len(want) < 8 {
			t.Fatalf("%s: %q", c.family, want)
		}
		for _, stage := range want[:len(want)-1] {
			for _, when := range []string{"before", "after"} {
				for _, next := range []string{stage, "other"} { // at the stage's record, or at the first flush after it
					inBubble(t, c.family, func(k *resetBench) {
						k.home()
						x := k.withKiller(when+" record "+stage, 0)
						if next != stage {
							x = k.dieAfter("record "+stage, when+" record other")
						}
						if !k.tryBegin(x, c.way) {
							k.stop()
							x = k.withKiller("", 0)
							k.boot()
							if k.status().Stage == ResetNotStarted {
								k.begin(c.way)
							}
						}
						k.carryOn(x)
						k.stop()
						if got := withoutRetry(k.resetStory()); !slices.Equal(got, want) {
							t.Errorf("%s: died %s %q (%s): the journal tells %q, want %q", c.family, when, stage, next, got, want)
						}
					})
				}
			}
		}
	}
}

// withoutRetry leaves out that a person had to ask again: a flush may come, and with it death, just when the lock was asked and had not done it.
func withoutRetry(story []string) []string {
	retry := []string{"stuck", "erasing", "waiting for signs"}
	for i := range story {
		if i > 0 && story[i-1] == "waiting for signs" && len(story) >= i+3 && slices.Equal(story[i:i+3], retry) {
			return slices.Delete(slices.Clone(story), i, i+3)
		}
	}
	return story
}

// dieAfter lets the next bridge die at a point, the first time that it comes there after another.
func (k *resetBench) dieAfter(first, then string) *killer {
	x := k.withKiller("", 0)
	point := func(name string) {
		if name == "after "+first {
			x.mu.Lock()
			x.at = then
			x.mu.Unlock()
		}
		x.point(name)
	}
	k.door.point, k.disk.point = point, point
	return x
}

// TestUnaskedResetToldOnce: the same of a reset that nobody asked for.
func TestUnaskedResetToldOnce(t *testing.T) {
	for _, at := range []string{"before record securing", "after record securing"} {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.door.leave, k.door.stay = false, true
			k.home()
			x := k.withKiller(at, 0)
			k.door.hold(k.door.need)
			<-x.death
			k.stop()
			k.withKiller("", 0)
			k.boot()
			if at == "before record securing" { // the alarm was heard, and is lost with the process: the empty slots tell as much
				if err := k.b.Reconcile(k.t.Context(), doorID); err != nil {
					t.Fatal(err)
				}
			}
			k.nap(10 * time.Minute)
			k.stop()
			if got, want := k.resetStory(), []string{"noticed", "securing"}; !slices.Equal(got, want) {
				t.Errorf("died %s: the journal tells %q, want %q", at, got, want)
			}
		})
	}
}
