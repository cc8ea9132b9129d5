package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// One test a row of the advice that the workflow follows, named after the row.

func TestResetRowThingsAtHand(t *testing.T) {
	texts := map[string]bool{}
	for _, family := range []string{"yale_assure", "kwikset", "schlage"} {
		inBubble(t, family, func(k *resetBench) {
			k.home()
			p := k.plan(ResetHands)
			if !p.Known || len(p.AtHand) < 3 || len(p.Steps) < 2 {
				k.t.Errorf("%s: plan %+v", family, p)
			}
			texts[fmt.Sprint(p.AtHand)] = true
		})
	}
	if len(texts) != 3 {
		t.Errorf("the plans of three families ask for the same things: %d", len(texts))
	}
	for _, family := range []string{"generic", "onesti", "wyze"} {
		inBubble(t, family, func(k *resetBench) {
			k.home()
			p := k.plan(ResetHands)
			if p.Known || len(p.Steps) != 1 || p.Steps[0].Seconds != 0 || !strings.Contains(p.Steps[0].Text, "not known") || !strings.Contains(p.Steps[0].Text, "manual") ||
				!strings.Contains(p.Steps[0].Text, "M1") {
				k.t.Errorf("%s: an unknown procedure must be said to be unknown, with maker and model: %+v", family, p.Steps)
			}
		})
	}
}

func TestResetRowLocateTheButton(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		p := k.plan(ResetHands)
		if len(p.Button) == 0 || p.Button[0].Source == "" || p.Button[0].Confidence == "" || !strings.Contains(p.Button[0].Text, "escutcheon") {
			k.t.Errorf("button: %+v", p.Button)
		}
	})
}

func TestResetRowPressAndHold(t *testing.T) {
	t.Run("a second too short", func(t *testing.T) {
		inBubble(t, "kwikset", func(k *resetBench) {
			k.home()
			k.person.holds = k.door.need - time.Second
			k.begin(ResetHands)
			s := k.asks("hand-2", true)
			if s.Step.Seconds != 30 || !slices.Equal(s.Step.Answers, []string{"start", "done"}) {
				k.t.Errorf("step %+v", s.Step)
			}
			k.mustAck("hand-2", "start")
			k.nap(time.Second)
			if left := time.Until(k.status().Countdown); left < 28*time.Second || left > 30*time.Second {
				k.t.Errorf("countdown: %v", left)
			}
			s = k.reaches(ResetStuck, true)
			if k.door.erasures() != 0 || s.StuckAt != ResetErasing || !strings.Contains(s.Why, "No reset was seen") || !strings.Contains(s.Why, "too early") ||
				!k.sawSign(s, signAnnounced) || !k.sawSign(s, signKept) || !s.CanCancel {
				k.t.Errorf("status %+v", s)
			}
			k.restored() // nothing was erased
			// Again, without a new plan, and long enough.
			k.person.holds, k.person.retries = k.door.need, 1
			k.reaches(ResetDone, true)
			if k.door.erasures() != 1 {
				k.t.Errorf("erased %d times", k.door.erasures())
			}
			k.restored()
		})
	})
	t.Run("long enough", func(t *testing.T) {
		inBubble(t, "kwikset", func(k *resetBench) {
			k.home()
			k.person.holds = k.door.need
			k.begin(ResetHands)
			k.reaches(ResetDone, true)
			if k.door.erasures() != 1 {
				k.t.Errorf("erased %d times", k.door.erasures())
			}
			k.restored()
		})
	})
}

func TestResetRowWaitForFlashOrBeep(t *testing.T) {
	for name, set := range map[string]func(*fakeDoor){
		"alarm alone":            func(d *fakeDoor) { d.leave, d.stay = false, true },
		"leave alone":            func(d *fakeDoor) { d.alarm = false },
		"silence alone":          func(d *fakeDoor) { d.alarm, d.leave = false, false },
		"alarm, leave and join":  func(d *fakeDoor) {},
		"none, but empty slots":  func(d *fakeDoor) { d.alarm, d.leave, d.stay = false, false, true },
		"none, and hidden slots": func(d *fakeDoor) { d.alarm, d.leave, d.stay, d.info.Traits.ReadBack = false, false, true, ReadBackNone },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "yale_assure", func(k *resetBench) {
				set(k.door)
				k.home()
				k.begin(ResetHands)
				s := k.reaches(ResetDone, true)
				if k.door.erasures() != 1 || len(s.Seen) == 0 {
					k.t.Errorf("erased %d times, seen %+v", k.door.erasures(), s.Seen)
				}
				k.restored()
			})
		})
	}
	t.Run("nothing at all", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			k.person.keeps = true
			k.begin(ResetHands)
			s := k.reaches(ResetStuck, true)
			if !strings.Contains(s.Why, "No reset was seen") || !strings.Contains(s.Next, "likely") {
				k.t.Errorf("why %q, next %q", s.Why, s.Next)
			}
			if err := k.b.CancelReset(k.t.Context(), doorID); err != nil {
				k.t.Errorf("nothing was erased, so it can be cancelled: %v", err)
			}
			k.reaches(ResetCancelled, false)
			k.restored()
		})
	})
	t.Run("what to expect is said", func(t *testing.T) {
		inBubble(t, "kwikset", func(k *resetBench) {
			k.home()
			if p := k.plan(ResetHands); len(p.Expect) == 0 || !strings.Contains(p.Expect[0].Text, "beep") {
				k.t.Errorf("expect: %+v", p.Expect)
			}
		})
	})
}

func TestResetRowEnterTheDefaultCode(t *testing.T) {
	for family, kind := range map[string]string{"yale_assure": "none", "kwikset": "fixed", "schlage": "sticker", "onesti": "unknown"} {
		inBubble(t, family, func(k *resetBench) {
			k.home()
			p := k.plan(ResetHands)
			if p.Default.Kind != kind || p.Default.Text == "" || p.Default.Source == "" {
				k.t.Errorf("%s: default %+v", family, p.Default)
			}
			for _, e := range k.disk.journal() {
				for _, c := range procedureFor(family, "", "").Default.Codes {
					if b, err := json.Marshal(e); err == nil && strings.Contains(string(b), `"`+c+`"`) {
						k.t.Errorf("a default code stands in an event: %s", e.Body.Kind())
					}
				}
			}
		})
	}
}

func TestResetRowChangeIt(t *testing.T) {
	t.Run("each default slot is read back", func(t *testing.T) {
		inBubble(t, "kwikset", func(k *resetBench) {
			k.home()
			k.begin(ResetHands)
			k.asks("master", true)
			if s := k.status(); !s.Dangerous {
				k.t.Errorf("the dangerous minute is not said: %+v", s)
			}
			if _, there := k.door.codes()[0]; there {
				k.t.Error("the default user's slot was not cleared before anything else")
			}
			s := k.reaches(ResetDone, true)
			if !contains(s.Report.Verified, "Default codes are gone") || s.Dangerous {
				k.t.Errorf("report %+v", s.Report)
			}
			k.restored()
		})
	})
	t.Run("tried and refused where slots cannot be read", func(t *testing.T) {
		inBubble(t, "kwikset", func(k *resetBench) {
			k.door.info.Traits.ReadBack, k.door.clearLies = ReadBackNone, true
			k.home()
			k.begin(ResetHands)
			// The person changes the master code, and the default user's code is still in its slot: the lock opens.
			k.asks("default-tried", true)
			k.door.enter(k.door.defaultCode())
			k.nap(time.Second)
			if s := k.status(); s.Stage != ResetSecuring || !s.Dangerous || !strings.Contains(s.Why, "default code") {
				k.t.Fatalf("the default code opened, and the workflow is at %q (%s)", s.Stage, s.Why)
			}
			k.asks("master", true)
			k.door.mu.Lock()
			delete(k.door.slots, 0) // the person deletes it at the keypad
			k.door.mu.Unlock()
			s := k.reaches(ResetDone, true)
			if !contains(s.Report.Verified, "refused") {
				k.t.Errorf("report %+v", s.Report)
			}
		})
	})
	t.Run("cannot be proven, and said so", func(t *testing.T) {
		inBubble(t, "onesti", func(k *resetBench) {
			k.door.info.Traits.ReadBack, k.door.mute = ReadBackNone, true
			k.home()
			k.begin(ResetHands)
			s := k.reaches(ResetDone, true)
			if !contains(s.Report.Unverifiable, "cannot be proven") {
				k.t.Errorf("report %+v", s.Report)
			}
		})
	})
	t.Run("the programming event is watched", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			k.begin(ResetHands)
			k.asks("master", true)
			k.door.makeMaster("13572468")
			k.nap(time.Second)
			s := k.reaches(ResetDone, true)
			if !contains(s.Report.Verified, "master code was changed") {
				k.t.Errorf("report %+v", s.Report)
			}
		})
	})
}

func contains(list []string, part string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
}

func TestResetRowTestIt(t *testing.T) {
	t.Run("no bolt moves before a person says so", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			k.begin(ResetHands)
			k.asks("test-motor", true)
			k.nap(time.Hour)
			if k.door.unlocks != 0 || k.door.bolt != Locked {
				k.t.Fatalf("the bolt moved unasked: %d unlocks, %v", k.door.unlocks, k.door.bolt)
			}
			k.reaches(ResetDone, true)
			if k.door.unlocks != 1 {
				k.t.Errorf("unlocked %d times", k.door.unlocks)
			}
		})
	})
	t.Run("motor fails", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			k.door.motorFails = true
			k.begin(ResetHands)
			s := k.reaches(ResetStuck, true)
			if s.StuckAt != ResetTesting || !strings.Contains(s.Why, "bolt") {
				k.t.Fatalf("status %+v", s)
			}
			k.door.motorFails = false
			k.person.retries = 1
			k.reaches(ResetDone, true)
		})
	})
	t.Run("keypad refuses a restored code", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			k.begin(ResetHands)
			k.asks("test-keypad", true)
			k.door.mu.Lock()
			clear(k.door.slots) // the lock has lost them again
			k.door.mu.Unlock()
			k.door.enter(annCode)
			k.nap(100 * time.Millisecond)
			if s := k.status(); s.Stage != ResetRestoring {
				k.t.Fatalf("a refused code leads to %q", s.Stage)
			}
			s := k.reaches(ResetDone, true)
			k.restored()
			if !contains(s.Report.Verified, "Entry by keypad") {
				k.t.Errorf("report %+v", s.Report)
			}
		})
	})
}

func TestResetRowFreshBatteriesFirst(t *testing.T) {
	t.Run("below", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.door.battery = 12
			k.home()
			if p := k.plan(ResetHands); !contains(p.Blockers, "below 30") {
				k.t.Errorf("blockers %q", p.Blockers)
			}
			k.begin(ResetHands)
			k.asks("batteries", false)
			k.mustAck("batteries", "changed") // it does not show yet
			k.nap(2 * time.Minute)
			if s := k.status(); s.Stage != ResetConfirmed {
				k.t.Fatalf("went on to %q with an empty battery", s.Stage)
			}
			k.door.setBattery(45) // rising
			k.reaches(ResetErasing, false)
		})
	})
	t.Run("the bound is set by the lock's configuration", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			bound := 10.0
			k.cfg.Locks = map[LockID]LockSettings{doorID: {MinBatteryForReset: &bound}}
			k.door.battery = 12
			k.home()
			k.begin(ResetHands)
			k.reaches(ResetErasing, false)
		})
	})
	t.Run("stale", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.home()
			k.door.mu.Lock()
			k.door.asleep = true
			k.door.mu.Unlock()
			k.nap(25 * time.Hour)
			if p := k.plan(ResetHands); !contains(p.Blockers, "older than a day") {
				k.t.Errorf("blockers %q", p.Blockers)
			}
			k.begin(ResetHands)
			k.nap(5 * time.Minute)
			if s := k.status(); s.Stage != ResetConfirmed || !slices.Contains(s.Awaiting, "a fresh battery report") {
				k.t.Fatalf("status %+v", s)
			}
			k.door.mu.Lock()
			k.door.asleep = false
			k.door.mu.Unlock()
			k.reaches(ResetErasing, false)
		})
	})
}

func TestResetRowOpenDoor(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.door.info.Traits.DoorSensor, k.door.doorPos = true, DoorClosed
		k.home()
		k.begin(ResetHands)
		k.nap(time.Minute)
		if s := k.status(); s.Stage != ResetConfirmed || !strings.Contains(s.Next, "Open the door") {
			k.t.Fatalf("status %+v", s)
		}
		k.door.mu.Lock()
		k.door.doorPos = DoorOpen
		k.door.say(Cause{}, DoorMoved{To: DoorOpen})
		k.door.mu.Unlock()
		k.reaches(ResetErasing, false)
	})
}

func TestResetRowKeepTheNewCodeSafe(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		k.begin(ResetHands)
		s := k.reaches(ResetDone, true)
		if !contains(s.Report.Offers, "backup") || !contains(s.Report.Offers, "card") {
			k.t.Errorf("offers %q", s.Report.Offers)
		}
		if codes := k.disk.reset().Codes; len(codes) != 0 {
			k.t.Errorf("captured codes outlived the workflow: %d", len(codes))
		}
	})
}

func TestResetRowForgottenAgain(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.home()
		k.begin(ResetHands)
		k.reaches(ResetDone, true)
		for _, u := range k.b.Users() {
			p, err := k.b.Reveal(doorID, u.ID)
			if err != nil || !p.Equal(pin(k.t, map[string]string{"Ann": annCode, "Bob": bobCode}[u.Name])) {
				k.t.Errorf("%s's code cannot be seen again: %v", u.Name, err)
			}
		}
	})
}

func TestResetRowRemoteReset(t *testing.T) {
	t.Run("offered only where known", func(t *testing.T) {
		inBubble(t, "generic", func(k *resetBench) {
			k.door.info.Traits.RemoteResets = nil
			k.home()
			if p := k.plan(""); !slices.Equal(p.Ways, []ResetWay{ResetHands}) {
				k.t.Errorf("ways %v", p.Ways)
			}
			if _, err := k.b.PlanReset(k.t.Context(), doorID, ResetBasic); !errors.Is(err, ErrUnsupported) {
				k.t.Errorf("an unknown way: %v", err)
			}
		})
	})
	for way, erased := range map[ResetWay]int{ResetClearCodes: 1, ResetBasic: 1, ResetLeave: 0} {
		t.Run(string(way), func(t *testing.T) {
			inBubble(t, "yale_assure", func(k *resetBench) {
				k.home()
				k.begin(way)
				k.reaches(ResetDone, true)
				if k.door.erasures() != erased || k.door.asked != 1 {
					k.t.Errorf("erased %d times, asked %d times", k.door.erasures(), k.door.asked)
				}
				k.restored()
			})
		})
	}
	for _, way := range []ResetWay{ResetClearCodes, ResetBasic} {
		t.Run("says yes and erases nothing: "+string(way), func(t *testing.T) {
			inBubble(t, "yale_assure", func(k *resetBench) {
				k.door.claims = true
				k.home()
				k.begin(way)
				s := k.reaches(ResetStuck, true)
				if !strings.Contains(s.Why, "said yes and erased nothing") || k.door.asked != 1 {
					k.t.Errorf("asked %d times, why %q", k.door.asked, s.Why)
				}
				k.restored()
			})
		})
	}
	t.Run("half way", func(t *testing.T) {
		inBubble(t, "yale_assure", func(k *resetBench) {
			k.door.partial = true
			k.home()
			k.begin(ResetClearCodes)
			s := k.reaches(ResetStuck, true)
			if !strings.Contains(s.Why, "half way") || s.CanCancel {
				k.t.Errorf("why %q, can cancel %v", s.Why, s.CanCancel)
			}
			k.door.partial = false
			k.person.retries = 1
			k.reaches(ResetDone, true)
			k.restored()
		})
	})
}

func TestResetRowEverythingIsErased(t *testing.T) {
	inBubble(t, "yale_assure", func(k *resetBench) {
		k.door.info.Traits.RFID, k.door.rfid = true, 2
		k.home()
		k.door.mu.Lock()
		k.door.slots[7] = "11223344" // set at the keypad
		k.door.say(Cause{Source: SourceKeypad}, LockProgrammed{Change: ProgPINAdded, Slot: ptr(Slot(7))})
		k.door.mu.Unlock()
		k.nap(5 * time.Minute)
		p := k.plan(ResetHands)
		if !contains(p.Losses, "RFID") || !contains(p.Losses, "slots 7") || !contains(p.Losses, "never seen") || !contains(p.Losses, "master") {
			k.t.Errorf("losses %q", p.Losses)
		}
		if !contains(p.Returns, "Ann, Bob") || !contains(p.Returns, "settings") || !contains(p.Hands, "RFID") || !contains(p.Hands, "master code") {
			k.t.Errorf("returns %q, hands %q", p.Returns, p.Hands)
		}
		k.person.foreign = "restore"
		k.begin(ResetHands)
		k.reaches(ResetDone, true)
		k.nap(time.Minute)
		have := map[string]bool{}
		for _, c := range k.door.codes() {
			have[c] = true
		}
		if !have[annCode] || !have[bobCode] || !have["11223344"] || len(have) != 3 {
			k.t.Errorf("%d codes on the lock", len(have))
		}
		if s := k.door.settings; s.AutoRelock == nil || *s.AutoRelock != 30*time.Second || *s.Sound != 2 {
			k.t.Errorf("settings were not brought back: %+v", s)
		}
	})
}

func ptr[T any](v T) *T { return &v }
