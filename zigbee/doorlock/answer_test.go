package doorlock

import (
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // the test needs no zones of the machine

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// asks sends a request of the lock and gives our answer.
func (w *world) asks(fl *fakeLock, cluster uint16, h zcl.Header, m zcl.Message) (zcl.Header, zcl.Message) {
	w.t.Helper()
	n := w.r.count()
	fl.seq++
	h.Seq = fl.seq
	fl.say(cluster, zcl.Append(nil, h, m))
	time.Sleep(time.Second)
	synctest.Wait()
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	if len(w.r.sent) == n {
		return zcl.Header{}, nil
	}
	f := w.r.sent[n].frame
	if f.Cluster != cluster || f.DstEndpoint != 1 || f.SrcEndpoint != 1 {
		w.t.Errorf("answered to %+v", f)
	}
	ah, am, err := zcl.Parse(cluster, f.Payload)
	if err != nil || ah.Seq != h.Seq {
		w.t.Errorf("answer %x: %v", f.Payload, err)
	}
	return ah, am
}

func TestLocksAskTheTime(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
		_, m := w.asks(fl, zcl.ClusterTime, zcl.Header{}, &zcl.ReadAttributes{Attributes: []zcl.AttributeID{zcl.TimeTime, zcl.TimeLocalTime, zcl.TimeStatus, 0x00FF}})
		res, ok := m.(*zcl.ReadAttributesResponse)
		if !ok || len(res.Records) != 4 {
			t.Fatalf("answer %#v", m)
		}
		utc, _ := res.Records[0].Value.Uint()
		local, _ := res.Records[1].Value.Uint()
		if now := uint64(zcl.UTCOf(time.Now())); utc > now || utc < now-2 || local != utc+3600 {
			t.Errorf("UTC %d, local %d, now %d", utc, local, now)
		}
		if res.Records[3].Status != zcl.StatusUnsupportedAttribute {
			t.Errorf("status %v", res.Records[3].Status)
		}
	})
}

func TestClockWithDaylightSaving(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	utc := func(y int, m time.Month, d, h int) uint64 {
		return uint64(zcl.UTCOf(time.Date(y, m, d, h, 0, 0, 0, time.UTC)))
	}
	for _, c := range []struct {
		name                        string
		now                         time.Time
		zone, shift                 int64
		start, end, standard, local uint64
	}{
		{"summer", time.Date(2026, 7, 1, 12, 0, 0, 0, berlin), 3600, 3600, utc(2026, 3, 29, 1), utc(2026, 10, 25, 1), utc(2026, 7, 1, 11), utc(2026, 7, 1, 12)},
		{"winter", time.Date(2026, 1, 1, 12, 0, 0, 0, berlin), 3600, 3600, utc(2026, 3, 29, 1), utc(2026, 10, 25, 1), utc(2026, 1, 1, 12), utc(2026, 1, 1, 12)},
		{"without", time.Date(2026, 1, 1, 12, 0, 0, 0, time.FixedZone("x", -18000)), -18000, 0, zcl.InvalidTime, zcl.InvalidTime, utc(2026, 1, 1, 12), utc(2026, 1, 1, 12)},
	} {
		t.Run(c.name, func(t *testing.T) {
			num := func(id zcl.AttributeID) uint64 {
				v, _ := clock(c.now, id)
				n, _ := v.Uint()
				return n
			}
			zone, _ := clock(c.now, zcl.TimeZone)
			shift, _ := clock(c.now, zcl.TimeDstShift)
			z, _ := zone.Int()
			s, _ := shift.Int()
			if z != c.zone || s != c.shift || num(zcl.TimeDstStart) != c.start || num(zcl.TimeDstEnd) != c.end || num(zcl.TimeStandardTime) != c.standard ||
				num(zcl.TimeLocalTime) != c.local {
				t.Errorf("zone %d shift %d start %d end %d standard %d local %d", z, s, num(zcl.TimeDstStart), num(zcl.TimeDstEnd), num(zcl.TimeStandardTime), num(zcl.TimeLocalTime))
			}
		})
	}
}

func TestCheckInWithNothingWaiting(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
		_, m := w.asks(fl, zcl.ClusterPollControl, zcl.Header{Direction: zcl.ToClient}, &zcl.CheckIn{})
		if r, ok := m.(*zcl.CheckInResponse); !ok || r.StartFastPolling {
			t.Errorf("answer %#v", m)
		}
	})
}

// What is asked for because the lock checked in still finds it awake; when all is done the lock is let go to sleep.
func TestCheckInWithSomethingWaiting(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.delay = 300 * time.Millisecond })
		n := w.r.count()
		go func() {
			time.Sleep(10 * time.Millisecond)
			_, _ = l.ReadSlot(deadline(w, time.Minute), 1)
		}()
		fl.tells(zcl.ClusterPollControl, &zcl.CheckIn{})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		var fast, stop bool
		for _, m := range w.r.since(n) {
			switch m := m.(type) {
			case *zcl.CheckInResponse:
				fast = m.StartFastPolling && m.FastPollTimeout == 40
			case *zcl.FastPollStop:
				stop = fast
			}
		}
		if !fast || !stop {
			t.Errorf("fast %v, stop %v: %v", fast, stop, w.r.since(n))
		}
	})
}

func TestOTAQueryIsToldThatThereIsNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Danalock", "V3-BTZB", 1)
		_, m := w.asks(fl, zcl.ClusterOTA, zcl.Header{}, &zcl.QueryNextImage{Manufacturer: 0x115C})
		if r, ok := m.(*zcl.QueryNextImageResponse); !ok || r.Status != zcl.StatusNoImageAvailable {
			t.Errorf("answer %#v", m)
		}
	})
}

func TestDefaultResponses(t *testing.T) {
	for _, c := range []struct {
		name   string
		h      zcl.Header
		m      zcl.Message
		answer zcl.Message
	}{
		{"event that wants one", zcl.Header{}, keypad(zcl.OpUnlockFailedPIN, 1), &zcl.DefaultResponse{Command: 0x20}},
		{"event that wants none", zcl.Header{DisableDefaultResponse: true}, keypad(zcl.OpUnlockFailedPIN, 1), nil},
		{"report that wants one", zcl.Header{Direction: zcl.ToClient}, &zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: 0, Value: zcl.Enum8(1)}}}, &zcl.DefaultResponse{Command: 0x0A}},
		{"unknown command", zcl.Header{}, zcl.NewOpaque(zcl.Route{Type: zcl.ClusterSpecific, Direction: zcl.ToServer, Command: 0x77}, nil),
			&zcl.DefaultResponse{Command: 0x77, Status: zcl.StatusUnsupClusterCommand}},
		{"default response", zcl.Header{Direction: zcl.ToClient}, &zcl.DefaultResponse{Command: 1}, nil},
		{"late answer", zcl.Header{}, &zcl.UnlockDoorResponse{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
				_, m := w.asks(fl, zcl.ClusterDoorLock, c.h, c.m)
				got, _ := m.(*zcl.DefaultResponse)
				want, _ := c.answer.(*zcl.DefaultResponse)
				if (got == nil) != (want == nil) || got != nil && *got != *want {
					t.Errorf("answer %#v, want %#v", m, c.answer)
				}
			})
		})
	}
}

// A node that floods is cut off; an answer that is waited for still comes through, and what is kept stays bounded.
func TestFlood(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		n := w.r.count()
		for i := range 900 {
			fl.seq = uint8(i)
			fl.tells(zcl.ClusterDoorLock, &zcl.OperationEvent{Source: zcl.SourceKeypad, Code: zcl.OpUnlockFailedPIN, User: uint16(i), Time: zcl.InvalidTime})
		}
		if err := l.Actuate(deadline(w, 5*time.Second), bridge.Action{Kind: bridge.ActUnlock}); err != nil {
			t.Error(err)
		}
		if got := len(of[bridge.EntryRefused](w)); got < 50 || got > burst+10 {
			t.Errorf("%d of 900 events were told", got)
		}
		if sent := w.r.count() - n; sent > 3 {
			t.Errorf("%d frames were sent", sent)
		}
		time.Sleep(time.Minute)
		w.clear()
		fl.reports(zcl.LockStateUnlocked)
		time.Sleep(time.Second)
		if len(of[bridge.BoltMoved](w)) != 1 {
			t.Errorf("not heard again: %v", w.bodies())
		}
	})
}

func TestRepetitionsAreDropped(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
		frame := zcl.Append(nil, zcl.Header{Seq: 77, DisableDefaultResponse: true}, keypad(zcl.OpUnlockFailedPIN, 1))
		fl.say(zcl.ClusterDoorLock, frame)
		time.Sleep(time.Second)
		fl.say(zcl.ClusterDoorLock, frame)
		fl.say(zcl.ClusterDoorLock, zcl.Append(nil, zcl.Header{Seq: 78, DisableDefaultResponse: true}, keypad(zcl.OpUnlockFailedPIN, 1)))
		synctest.Wait()
		if got := len(of[bridge.EntryRefused](w)); got != 2 {
			t.Errorf("%d refusals were told", got)
		}
	})
}

func TestOtherEndpointsAndBroadcastsAreNotHeard(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Yale", "YRD256 TSDB", 1)
		report := func(seq uint8) []byte {
			return zcl.Append(nil, zcl.Header{Seq: seq, Direction: zcl.ToClient, DisableDefaultResponse: true},
				&zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: 0, Value: zcl.Enum8(2)}}})
		}
		fl.sayFrom(7, zcl.ClusterDoorLock, report(1))
		w.r.inbox <- func(h zigbee.Handler) {
			h.Frame(zigbee.Frame{Device: testLock, SrcEndpoint: 1, Cluster: zcl.ClusterDoorLock, Payload: report(2), Broadcast: true})
			h.Frame(zigbee.Frame{SrcEndpoint: 1, Cluster: zcl.ClusterDoorLock, Payload: report(3)})
			h.Frame(zigbee.Frame{Device: otherLock, SrcEndpoint: 1, Cluster: zcl.ClusterDoorLock, Payload: report(4)})
		}
		time.Sleep(time.Minute)
		if b := w.bodies(); len(b) != 0 {
			t.Errorf("told %v", b)
		}
	})
}
