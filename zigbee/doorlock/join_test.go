package doorlock

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestJoin(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(testLock, "Yale", "YRD256 TSDB", 1)
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(testLock, fl.node.NWK, true) }
		time.Sleep(time.Minute)
		kinds := []string{}
		for _, b := range w.bodies() {
			kinds = append(kinds, b.Kind())
		}
		if want := []string{"dongle_moved", "lock_joined", "bolt_read", "battery_read", "lock_ready"}; !slices.Equal(kinds, want) {
			t.Errorf("told %v", kinds)
		}
		l, err := w.d.Lock(lockName)
		if err != nil {
			t.Fatal(err)
		}
		i := l.Info()
		tr := i.Traits
		if i.Manufacturer != "Yale" || i.Model != "YRD256 TSDB" || i.Family != "yale_assure" || i.Firmware != "1.2" || !i.Ready {
			t.Errorf("info %+v", i)
		}
		if tr.Slots != 250 || tr.FirstSlot != 1 || tr.LastSlot != 249 || !slices.Equal(tr.MasterSlots, []bridge.Slot{0}) || tr.PINMin != 4 || tr.PINMax != 8 ||
			tr.ReadBack != bridge.ReadBackFull || !tr.Sleepy || !tr.AutoRelock || !tr.Sound || tr.DoorSensor {
			t.Errorf("traits %+v", tr)
		}
		if want := []uint16{zcl.ClusterDoorLock, zcl.ClusterPowerConfig, zcl.ClusterAlarms, zcl.ClusterPollControl}; !slices.Equal(w.r.bound(), want) {
			t.Errorf("bound %#x", w.r.bound())
		}
	})
}

// A lock that falls asleep in the middle of its interview is asked on when it is heard, and nothing is asked twice that was answered.
func TestInterviewSurvivesASleepyLock(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(testLock, "Yale", "YRD256 TSDB", 1)
		fl.ivFails = 2
		fl.asleep = true
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(testLock, fl.node.NWK, true) }
		time.Sleep(20 * time.Minute)
		if len(of[bridge.InterviewFailed](w)) == 0 || len(of[bridge.LockReady](w)) != 0 {
			t.Errorf("told %v", w.bodies())
		}
		fl.set(func() { fl.asleep = false })
		fl.tells(zcl.ClusterPollControl, &zcl.CheckIn{})
		time.Sleep(30 * time.Second)
		if len(of[bridge.LockReady](w)) != 1 {
			t.Errorf("told %v", w.bodies())
		}
	})
}

// A restart in the middle of an interview loses nothing; a restart after it asks nothing again.
func TestRestart(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(testLock, "Yale", "YRD256 TSDB", 1)
		fl.asleep = true
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(testLock, fl.node.NWK, true) }
		time.Sleep(30 * time.Second)
		w.stop()
		fl.set(func() { fl.asleep = false })
		w.begin()
		time.Sleep(time.Minute)
		if len(of[bridge.LockReady](w)) != 1 {
			t.Fatalf("told %v", w.bodies())
		}
		before, err := w.d.Lock(lockName)
		if err != nil {
			t.Fatal(err)
		}
		w.stop()
		n := w.r.count()
		w.begin()
		time.Sleep(time.Minute)
		after, err := w.d.Lock(lockName)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := after.Info(), before.Info(); a.Model != b.Model || a.Traits.LastSlot != b.Traits.LastSlot || !a.Ready {
			t.Errorf("%+v became %+v", b, a)
		}
		if !slices.Equal(w.d.Locks(), []bridge.LockID{lockName}) {
			t.Errorf("locks %v", w.d.Locks())
		}
		if w.r.count() != n {
			t.Errorf("%d frames were sent after a restart", w.r.count()-n)
		}
		if err := after.Actuate(deadline(w, 5*time.Second), bridge.Action{Kind: bridge.ActUnlock}); err != nil {
			t.Error(err)
		}
	})
}

func TestRecordsOfTheFutureAreRefused(t *testing.T) {
	for _, rec := range []string{`{"version":2}`, `{`, `{"version":0}`} {
		s := &memory{m: map[zigbee.EUI64][]byte{testLock: []byte(rec)}}
		if _, err := New(Config{Store: s}, newRadio()); err == nil {
			t.Errorf("%s was taken", rec)
		}
	}
}

func TestStrangersAreSentAway(t *testing.T) {
	lamp := func(w *world) *fakeLock {
		fl := w.r.add(otherLock, "IKEA", "lamp", 1)
		fl.node.Router = true
		fl.node.Endpoints[0].DeviceType, fl.node.Endpoints[0].In = 0x0100, []uint16{0, 3, 6, 8}
		return fl
	}
	plug := func(w *world) *fakeLock { // it says no more than that it is something
		fl := lamp(w)
		fl.node.Router = false
		return fl
	}
	for name, make := range map[string]func(*world) *fakeLock{"lamp": lamp, "sleepy sensor": plug} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				make(w)
				w.r.inbox <- func(h zigbee.Handler) { h.Announced(otherLock, 5, true) }
				time.Sleep(time.Minute)
				if s := of[bridge.StrangerRefused](w); len(s) != 1 || s[0].Address != otherLock.String() {
					t.Errorf("told %v", w.bodies())
				}
				if !slices.Equal(w.r.sentAway(), []zigbee.EUI64{otherLock}) || len(w.d.Locks()) != 0 || len(of[bridge.LockJoined](w)) != 0 {
					t.Errorf("evicted %v, locks %v", w.r.sentAway(), w.d.Locks())
				}
				if m, _ := w.store.Records(); len(m) != 0 {
					t.Error("a record was kept")
				}
			})
		})
	}
}

// A lock that hides the Door Lock cluster is known by its name.
func TestLockWithoutTheCluster(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(testLock, "JAVIS", "JAVISLOCK", 1)
		fl.node.Endpoints[0].DeviceType, fl.node.Endpoints[0].In = 0, []uint16{0, 1, 3}
		l := w.join(fl)
		if i := l.Info(); i.Family != "javis" || !i.Traits.SelfMovesOnly || i.Traits.Remote != bridge.RemoteNone {
			t.Errorf("%+v", i)
		}
		fl.tells(zcl.ClusterBasic, &zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: zcl.BasicAttrJAVIS, Value: zcl.CharString("!\"#\x09$\x03")}}})
		time.Sleep(time.Minute)
		if b := of[bridge.BoltMoved](w); len(b) != 0 {
			t.Errorf("an entry moved the bolt: %v", b)
		}
	})
}

func TestOnlyTheAwaitedLockIsLetIn(t *testing.T) {
	inBubble(t, func(w *world) {
		w.r.add(otherLock, "Yale", "YRD256 TSDB", 1)
		fl := w.r.add(testLock, "Yale", "YRD256 TSDB", 1)
		if err := w.d.Admit(w.t.Context(), bridge.Join{Window: time.Minute, Only: lockName}); err != nil {
			t.Fatal(err)
		}
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(otherLock, 5, true) }
		time.Sleep(5 * time.Second)
		if !slices.Equal(w.r.sentAway(), []zigbee.EUI64{otherLock}) || len(of[bridge.StrangerRefused](w)) != 1 {
			t.Errorf("evicted %v, told %v", w.r.sentAway(), w.bodies())
		}
		w.join(fl)
		time.Sleep(2 * time.Minute)
		w.clear()
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(otherLock, 5, true) } // later, and asked for
		time.Sleep(time.Minute)
		if len(of[bridge.LockReady](w)) != 1 {
			t.Errorf("told %v", w.bodies())
		}
	})
}

func TestDevicesThatWereNotLetInAreNotListenedTo(t *testing.T) {
	inBubble(t, func(w *world) {
		fl := w.r.add(otherLock, "Yale", "YRD256 TSDB", 1)
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(otherLock, 5, false) }
		fl.reports(zcl.LockStateUnlocked)
		fl.tells(zcl.ClusterTime, &zcl.ReadAttributes{Attributes: []zcl.AttributeID{0}})
		time.Sleep(time.Minute)
		if w.r.count() != 0 || len(w.bodies()) != 1 {
			t.Errorf("%d frames were sent; told %v", w.r.count(), w.bodies())
		}
	})
}

// A lock that comes back with a fresh key was reset or taken out: it is interviewed anew, and its bindings are made again.
func TestRejoin(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
		n := len(w.r.bound())
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(testLock, fl.node.NWK, true) }
		time.Sleep(time.Minute)
		if j := of[bridge.LockJoined](w); len(j) != 1 || !j[0].Known || len(of[bridge.LockReady](w)) != 1 {
			t.Errorf("told %v", w.bodies())
		}
		if len(w.r.bound()) != 2*n {
			t.Errorf("bound %#x", w.r.bound())
		}
	})
}

func TestForget(t *testing.T) {
	inBubble(t, func(w *world) {
		_, l := w.joined("Yale", "YRD256 TSDB", 1)
		if err := w.d.Forget(w.t.Context(), lockName, false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := w.d.Lock(lockName); !errors.Is(err, bridge.ErrNoSuchLock) {
			t.Errorf("still there: %v", err)
		}
		if m, _ := w.store.Records(); len(m) != 0 {
			t.Error("the record was kept")
		}
		if err := l.Actuate(deadline(w, time.Second), bridge.Action{Kind: bridge.ActUnlock}); !errors.Is(err, bridge.ErrUnreachable) {
			t.Errorf("a forgotten lock: %v", err)
		}
	})
}

func TestGenericLockIsProbed(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fakeLock)
		want   bridge.ReadBack
		slots  int
	}{
		{"codes come back", func(*fakeLock) {}, bridge.ReadBackFull, 30},
		{"codes are hidden", func(fl *fakeLock) { fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrSendPINOverTheAir] = zcl.Bool(false) }, bridge.ReadBackStatus, 30},
		{"no such command", func(fl *fakeLock) {
			fl.handle = func(_ zigbee.Frame, h zcl.Header, m zcl.Message) (zcl.Message, bool) {
				_, ok := m.(*zcl.GetPINCode)
				return &zcl.DefaultResponse{Command: h.Command, Status: zcl.StatusUnsupClusterCommand}, ok
			}
		}, bridge.ReadBackNone, 30},
		{"no codes", func(fl *fakeLock) { delete(fl.attrs[zcl.ClusterDoorLock], zcl.LockAttrPINUsers) }, bridge.ReadBackNone, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl := w.r.add(testLock, "Nobody", "Knows 1", 3)
				fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrPINUsers] = zcl.Uint16(30)
				fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrMaxPINLength] = zcl.Uint8(10)
				c.change(fl)
				tr := w.join(fl).Info().Traits
				if tr.ReadBack != c.want || tr.Slots != c.slots || tr.PINMax != 10 {
					t.Errorf("%+v", tr)
				}
			})
		})
	}
}

// A node that joins and never says what it is does not stay for ever.
func TestANodeThatNeverTellsIsForgotten(t *testing.T) {
	inBubble(t, func(w *world) {
		w.r.inbox <- func(h zigbee.Handler) { h.Announced(otherLock, 5, true) }
		time.Sleep(time.Hour)
		if m, _ := w.store.Records(); len(m) != 1 || len(w.d.Locks()) != 0 {
			t.Errorf("%d records, locks %v", len(m), w.d.Locks())
		}
		time.Sleep(4 * 24 * time.Hour)
		synctest.Wait()
		if m, _ := w.store.Records(); len(m) != 0 {
			t.Error("still kept")
		}
		if f := of[bridge.InterviewFailed](w); len(f) != 1 {
			t.Errorf("told %d times", len(f))
		}
	})
}
