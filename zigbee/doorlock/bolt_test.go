package doorlock

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

func keypad(code zcl.OperationCode, user uint16) *zcl.OperationEvent {
	return &zcl.OperationEvent{Source: zcl.SourceKeypad, Code: code, User: user, PIN: zcl.PIN("1234"), Time: zcl.InvalidTime}
}

// One movement gives one BoltMoved with its cause, whichever of event and report comes first, as long as they are not too far apart.
func TestOneMovementOneCause(t *testing.T) {
	for _, c := range []struct {
		name       string
		eventFirst bool
		gap        time.Duration
	}{
		{"event first", true, time.Second}, {"event long before", true, 1900 * time.Millisecond},
		{"report first", false, 300 * time.Millisecond}, {"together", true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
				fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpUnlockFailedPIN, 0xFFFF)) // it sends events
				fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpLock, 1))
				time.Sleep(time.Minute)
				w.clear()
				event := func() { fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpUnlock, 5)) }
				report := func() { fl.reports(zcl.LockStateUnlocked) }
				first, second := event, report
				if !c.eventFirst {
					first, second = report, event
				}
				first()
				time.Sleep(c.gap)
				second()
				time.Sleep(time.Minute)
				evs := w.heard()
				if len(evs) != 1 || evs[0].Body != (bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked}) || evs[0].Cause.Source != bridge.SourceKeypad ||
					evs[0].Cause.Slot == nil || *evs[0].Cause.Slot != 5 {
					t.Errorf("told %+v", evs)
				}
			})
		})
	}
}

// A report is not held up for long: the cause that comes later follows without a second movement.
func TestLateCauseFollows(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
		fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpLock, 1))
		time.Sleep(time.Minute)
		w.clear()
		fl.reports(zcl.LockStateUnlocked)
		time.Sleep(causeWait)
		if b := of[bridge.BoltMoved](w); len(b) != 1 {
			t.Errorf("after %v: %v", causeWait, w.bodies())
		}
		time.Sleep(5 * time.Second)
		fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpUnlock, 5))
		time.Sleep(time.Minute)
		evs := w.heard()
		if len(evs) != 2 || evs[1].Body != (bridge.BoltRead{Bolt: bridge.Unlocked}) || evs[1].Cause.Source != bridge.SourceKeypad {
			t.Errorf("told %+v", evs)
		}
	})
}

// An event alone moves nothing: without a report the state is read, and what is read counts.
func TestEventAloneMovesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		state zcl.LockState
		moved int
	}{{"the bolt did not move", zcl.LockStateLocked, 0}, {"the report was lost", zcl.LockStateUnlocked, 1}} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
				fl.set(func() { fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrLockState] = zcl.Enum8(uint8(c.state)) })
				fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpUnlock, 5))
				time.Sleep(time.Second)
				if b := w.bodies(); len(b) != 0 {
					t.Errorf("told before the lock said so: %v", b)
				}
				time.Sleep(time.Minute)
				moved := of[bridge.BoltMoved](w)
				if len(moved) != c.moved {
					t.Errorf("told %v", w.bodies())
				}
				if c.moved == 1 && w.heard()[0].Cause.Source != bridge.SourceKeypad {
					t.Errorf("cause %+v", w.heard()[0].Cause)
				}
			})
		})
	}
}

func TestTransitIsNoJam(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
		fl.reports(zcl.LockStateNotFullyLocked)
		time.Sleep(6 * time.Second)
		fl.reports(zcl.LockStateUnlocked)
		time.Sleep(time.Minute)
		if b := w.bodies(); !slices.Equal(b, []bridge.Body{bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked}}) {
			t.Errorf("told %v", b)
		}
	})
}

func TestJam(t *testing.T) {
	jammed := bridge.Body(bridge.BoltMoved{From: bridge.Locked, To: bridge.Jammed})
	t.Run("with an alarm", func(t *testing.T) {
		inBubble(t, func(w *world) {
			fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
			fl.reports(zcl.LockStateNotFullyLocked)
			time.Sleep(time.Second)
			fl.tells(zcl.ClusterAlarms, &zcl.Alarm{Code: uint8(zcl.AlarmJammed), Cluster: zcl.ClusterDoorLock})
			synctest.Wait()
			if b := w.bodies(); len(b) < 2 || b[0] != (bridge.Alarmed{Alarm: bridge.AlarmJam}) || b[1] != jammed {
				t.Errorf("told %v", b)
			}
			time.Sleep(time.Minute)
			fl.reports(zcl.LockStateLocked)
			synctest.Wait()
			if b := of[bridge.BoltMoved](w); b[len(b)-1] != (bridge.BoltMoved{From: bridge.Jammed, To: bridge.Locked}) {
				t.Errorf("told %v", b)
			}
		})
	})
	t.Run("alarm first", func(t *testing.T) {
		inBubble(t, func(w *world) {
			fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
			fl.tells(zcl.ClusterAlarms, &zcl.Alarm{Code: uint8(zcl.AlarmJammed), Cluster: zcl.ClusterDoorLock})
			time.Sleep(time.Second)
			if b := of[bridge.BoltMoved](w); len(b) != 0 {
				t.Errorf("an alarm moved the bolt: %v", b)
			}
			fl.reports(zcl.LockStateNotFullyLocked)
			time.Sleep(time.Second)
			if b := of[bridge.BoltMoved](w); len(b) != 1 || b[0] != jammed {
				t.Errorf("told %v", b)
			}
		})
	})
	t.Run("without an alarm, after a command", func(t *testing.T) {
		inBubble(t, func(w *world) {
			fl, l := w.joined("Yale", "YRD256 TSDB", 1)
			if err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock}); err != nil {
				t.Fatal(err)
			}
			fl.reports(zcl.LockStateNotFullyLocked)
			time.Sleep(9 * time.Second)
			if b := w.bodies(); len(b) != 0 {
				t.Errorf("told too early: %v", b)
			}
			time.Sleep(3 * time.Second)
			if b := of[bridge.BoltMoved](w); len(b) != 1 || b[0] != jammed {
				t.Errorf("told %v", w.bodies())
			}
		})
	})
	t.Run("nobody moved it", func(t *testing.T) {
		inBubble(t, func(w *world) {
			fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
			fl.reports(zcl.LockStateNotFullyLocked)
			time.Sleep(time.Minute)
			if b := of[bridge.BoltMoved](w); len(b) != 1 || b[0] != (bridge.BoltMoved{From: bridge.Locked, To: bridge.Partial}) {
				t.Errorf("told %v", w.bodies())
			}
		})
	})
}

// Our own command is the cause of the movement that follows it, and its event by radio adds nothing.
func TestOwnCommandIsTheCause(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpLock, 1)) // it sends events
		time.Sleep(time.Minute)
		w.clear()
		slot := bridge.Slot(3)
		cause := bridge.Cause{Source: bridge.SourceHomeKit, Actor: "phone", Slot: &slot}
		if err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock, Cause: cause}); err != nil {
			t.Fatal(err)
		}
		fl.reports(zcl.LockStateUnlocked)
		synctest.Wait()
		if evs := w.heard(); len(evs) != 1 || evs[0].Cause != cause {
			t.Fatalf("told %+v", evs)
		}
		fl.tells(zcl.ClusterDoorLock, &zcl.OperationEvent{Source: zcl.SourceRF, Code: zcl.OpUnlock, User: 0xFFFF, Time: zcl.InvalidTime})
		time.Sleep(time.Minute)
		if evs := w.heard(); len(evs) != 1 {
			t.Errorf("told %+v", evs)
		}
	})
}

// A lock that does not report is read after each sign that its bolt may have moved.
func TestFamiliesThatHaveToBeRead(t *testing.T) {
	for _, c := range []struct {
		name, manufacturer, model string
		cluster                   uint16
		sign                      zcl.Message
		source                    bridge.Source
	}{
		{"YRD256-TSDB", "Yale", "YRD256-TSDB", zcl.ClusterAlarms, &zcl.Alarm{Code: uint8(zcl.AssaManualUnlock), Cluster: zcl.ClusterAssaC4}, bridge.SourceManual},
		{"Control4 module", "Yale", "ZYA-C4-MOD-S", zcl.ClusterAlarms, &zcl.Alarm{Code: uint8(zcl.AssaKeypadUnlock), Cluster: zcl.ClusterAssaC4}, bridge.SourceKeypad},
		{"YMC420", "Yale", "YMC420", zcl.ClusterDoorLock, zcl.NewOpaque(zcl.Route{Cluster: zcl.ClusterDoorLock, Type: zcl.ClusterSpecific, Direction: zcl.ToClient,
			Command: zcl.CmdOperationEvent}, []byte{zcl.YMCRFIDUnlock, 2, 6}), bridge.SourceRFID},
		{"SOLIS01", "Yale", "SOLIS01", zcl.ClusterDoorLock, &zcl.OperationEvent{Source: zcl.SourceKeypad, Code: zcl.OpUnlock, User: 2, Missing: 3}, bridge.SourceKeypad},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, _ := w.joined(c.manufacturer, c.model, 1)
				n := w.r.count()
				fl.set(func() { fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrLockState] = zcl.Enum8(2) })
				fl.tells(c.cluster, c.sign)
				time.Sleep(5 * time.Second)
				reads := 0
				for _, m := range w.r.since(n) {
					if r, ok := m.(*zcl.ReadAttributes); ok && r.Attributes[0] == zcl.LockAttrLockState {
						reads++
					}
				}
				if reads != 1 {
					t.Errorf("LockState was read %d times", reads)
				}
				i := slices.IndexFunc(w.heard(), func(e bridge.Event) bool {
					return e.Body == (bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked})
				})
				if i < 0 || w.heard()[i].Cause.Source != c.source {
					t.Errorf("told %+v", w.heard())
				}
			})
		})
	}
}

// Danalock answers before it moves: the state is read five seconds later unless it was reported.
func TestStateIsReadAfterACommandWithoutAReport(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Danalock", "V3-BTZB", 1)
		if err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock, Cause: bridge.Cause{Source: bridge.SourceAPI}}); err != nil {
			t.Fatal(err)
		}
		fl.set(func() { fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrLockState] = zcl.Enum8(2) })
		time.Sleep(4 * time.Second)
		if b := w.bodies(); len(b) != 0 {
			t.Errorf("told %v", b)
		}
		time.Sleep(2 * time.Second)
		if evs := w.heard(); len(evs) != 1 || evs[0].Body != (bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked}) || evs[0].Cause.Source != bridge.SourceAPI {
			t.Errorf("told %+v", evs)
		}
	})
}

func TestWyzeTellsItsBoltInItsOwnFrames(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(testLock, "Wyze", "Ford", 1)
		w.join(fl)
		frame := func(seq, state byte) {
			b := make([]byte, 85)
			b[0], b[1], b[2], b[3], b[80] = 0x0D, 0x34, 0x12, seq, state
			fl.say(zcl.ClusterWyze, b)
		}
		fl.tells(zcl.ClusterDoorLock, &zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: 0, Value: zcl.Enum8(1)}}}) // says so every hour
		frame(10, 0)
		frame(9, 3) // overtaken
		synctest.Wait()
		if b := w.bodies(); !slices.Equal(b, []bridge.Body{bridge.BoltRead{Bolt: bridge.Unlocked}}) {
			t.Errorf("told %v", b)
		}
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(testLock, 1, false) } // rebooted: it counts from the start
		frame(1, 3)
		synctest.Wait()
		if b := of[bridge.BoltMoved](w); len(b) != 1 || b[0].To != bridge.Locked {
			t.Errorf("told %v", w.bodies())
		}
	})
}

func TestRefusedEntriesAndProgramming(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
		fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpUnlockFailedPIN, 0xFFFF))
		fl.tells(zcl.ClusterDoorLock, keypad(zcl.OpUnlockFailedSchedule, 7))
		fl.tells(zcl.ClusterDoorLock, &zcl.ProgrammingEvent{Source: zcl.SourceKeypad, Code: zcl.ProgPINAdded, User: 0x0500, PIN: zcl.PIN("1234"), Data: zcl.PIN("1234")})
		fl.tells(zcl.ClusterAlarms, &zcl.Alarm{Code: uint8(zcl.AlarmWrongCodeLimit), Cluster: zcl.ClusterDoorLock})
		time.Sleep(time.Minute)
		evs := w.heard()
		if len(evs) != 4 {
			t.Fatalf("told %+v", evs)
		}
		if evs[0].Body != (bridge.EntryRefused{Action: bridge.ActUnlock, Why: refusedCode}) || evs[0].Cause.Source != bridge.SourceKeypad || evs[0].Cause.Slot != nil {
			t.Errorf("wrong code: %+v", evs[0])
		}
		if evs[1].Body != (bridge.EntryRefused{Action: bridge.ActUnlock, Why: refusedSchedule}) || *evs[1].Cause.Slot != 7 {
			t.Errorf("schedule: %+v", evs[1])
		}
		if p := evs[2].Body.(bridge.LockProgrammed); p.Change != bridge.ProgPINAdded || *p.Slot != 5 || p.Ours {
			t.Errorf("programming: %+v", p)
		}
		if a := evs[3].Body.(bridge.Alarmed); a.Alarm != bridge.AlarmWrongCodeLimit || a.Code != 4 {
			t.Errorf("alarm: %+v", a)
		}
	})
}

func TestBatteryScale(t *testing.T) {
	type step struct {
		raw  uint8
		want float64 // -1: nothing is told
	}
	for _, c := range []struct {
		name, manufacturer, model string
		boot                      bool
		steps                     []step
	}{
		{"half percent", "Yale", "YRD256 TSDB", false, []step{{178, 89}, {200, 100}, {254, 100}}},
		{"percent", "Yale", "YRD210 PB DB", false, []step{{58, 58}, {100, 100}}},
		{"percent that proves to be half", "Yale", "YRD210 PB DB", false, []step{{90, 90}, {178, -1}, {176, 88}, {90, 45}}},
		{"adaptive", "Onesti Products AS", "NimlyPRO", false, []step{{60, 60}, {180, -1}, {60, 60}, {180, 90}, {60, 30}}},
		{"the first after a boot does not count", "Yale", "YRD210 PB DB", true, []step{{200, -1}, {178, -1}, {178, 89}}},
		{"placeholder after a boot", "Yale", "SOLIS01", true, []step{{0, -1}, {77, 77}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := battery{p: profileOf(c.manufacturer, c.model, 0), booted: c.boot}
			for i, s := range c.steps {
				got, ok, _ := b.value(s.raw)
				if ok != (s.want >= 0) || ok && got != s.want {
					t.Errorf("step %d, %d: %v %v, want %v", i, s.raw, got, ok, s.want)
				}
			}
		})
	}
}

// The proof that a lock counts half percents outlives the process.
func TestBatteryScaleIsKept(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(testLock, "Onesti Products AS", "NimlyPRO", 11)
		fl.attrs[zcl.ClusterPowerConfig][zcl.PowerBatteryPercentageRemaining] = zcl.Uint8(60)
		w.join(fl)
		report := func(n uint8) {
			fl.tells(zcl.ClusterPowerConfig, &zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: zcl.PowerBatteryPercentageRemaining, Value: zcl.Uint8(n)}}})
			synctest.Wait()
		}
		report(180)
		report(178)
		w.stop()
		w.begin()
		w.clear()
		report(60)
		if b := of[bridge.BatteryRead](w); len(b) != 1 || b[0].Percent != 30 {
			t.Errorf("told %v", w.bodies())
		}
	})
}
