package znp

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

const lockID = zigbee.EUI64(0x000D6F0003A1B2C4)

// radioScript answers data requests with the statuses of its list, one after another, and everything else with success.
type radioScript struct {
	confirms []mt.Status // the last repeats
	srsp     mt.Status
	delay    time.Duration // between request and confirm
	child    bool          // the dongle believes to be the node's parent
	moved    zigbee.NWK    // where the node is when the network is asked; zero: no answer

	mu    sync.Mutex
	tries []zigbee.NWK
}

func (r *radioScript) answer(d *fakeDongle, f mt.Frame) {
	switch f.Command {
	case mt.AFDataRequest:
		var m mt.DataRequest
		_ = m.ParsePayload(f.Payload)
		r.mu.Lock()
		n := len(r.tries)
		r.tries = append(r.tries, m.Dst)
		r.mu.Unlock()
		d.send(&mt.StatusRsp{Cmd: f.Command.Reply(), Status: r.srsp})
		if r.srsp != mt.Success {
			return
		}
		st := r.confirms[min(n, len(r.confirms)-1)]
		time.AfterFunc(r.delay, func() { d.send(&mt.DataConfirm{Status: st, Endpoint: 1, Transaction: m.Transaction}) })
	case mt.UtilAssocGetWithAddress:
		if r.child {
			d.send(&mt.AssocGetRsp{NWK: 0x3F1A, Relation: 1})
		} else {
			d.send(&mt.AssocGetRsp{NWK: 0xFFFE, Relation: 0xFF})
		}
	case mt.ZDONwkAddrReq:
		d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
		r.mu.Lock()
		moved := r.moved
		r.mu.Unlock()
		if moved != 0 {
			d.send(&mt.NodeAddrRsp{Cmd: mt.ZDONwkAddrRsp, IEEE: lockID, NWK: moved})
		}
	case mt.UtilAddrmgrExtAddrLookup:
		d.send(&mt.ExtAddrLookupRsp{NWK: 0xFFFE})
	default:
		d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
	}
}

func TestSendByConsequence(t *testing.T) {
	const (
		assocRemove = mt.UtilAssocRemove
		assocAdd    = mt.UtilAssocAdd
		route       = mt.ZDOExtRouteDisc
		search      = mt.ZDONwkAddrReq
	)
	type counts map[mt.Command]int
	for _, tc := range []struct {
		name   string
		script *radioScript
		want   error
		tries  int
		atMost time.Duration
		extra  counts
	}{
		{"delivered", &radioScript{confirms: []mt.Status{0}}, nil, 1, 0, counts{route: 0}},
		{"congested once", &radioScript{confirms: []mt.Status{0xE1, 0}}, nil, 2, 2 * time.Second, counts{route: 0}},
		{"congested for good", &radioScript{confirms: []mt.Status{0x1A}}, zigbee.ErrBusy, 6, 10 * time.Second, counts{route: 0}},
		{"buffer full", &radioScript{confirms: []mt.Status{0x11, 0x11, 0}}, nil, 3, 4 * time.Second, nil},
		{"no memory for the request", &radioScript{srsp: 0x10}, zigbee.ErrBusy, 6, 10 * time.Second, nil},
		{"refused", &radioScript{srsp: 0x02}, zigbee.ErrRefused, 1, 0, nil},
		{"no ack once", &radioScript{confirms: []mt.Status{0xE9, 0}}, nil, 2, 0, counts{route: 0}},
		{"route found", &radioScript{confirms: []mt.Status{0xCD, 0xCD, 0}}, nil, 3, 3 * time.Second, counts{route: 1, search: 0}},
		{"moved", &radioScript{confirms: []mt.Status{0xCD, 0xCD, 0xCD, 0}, moved: 0x7777}, nil, 4, 3 * time.Second, counts{route: 1, search: 1}},
		{"not moved", &radioScript{confirms: []mt.Status{0xCD}, moved: 0x3F1A}, zigbee.ErrUnreachable, 3, 3 * time.Second, counts{search: 1}},
		{"gone", &radioScript{confirms: []mt.Status{0xB7}}, zigbee.ErrUnreachable, 3, 8 * time.Second, counts{route: 1, search: 1}},
		{"child with another parent", &radioScript{confirms: []mt.Status{0xF0, 0xF0, 0}, child: true}, nil, 3, 0, counts{assocRemove: 1, assocAdd: 0}},
		{"child asleep", &radioScript{confirms: []mt.Status{0xF0, 0xF0, 0xCD, 0xF0}, child: true}, zigbee.ErrAsleep, 4, 8 * time.Second, counts{assocRemove: 1, assocAdd: 1, route: 1, search: 1}},
		{"asleep elsewhere", &radioScript{confirms: []mt.Status{0xF0}}, zigbee.ErrAsleep, 3, 8 * time.Second, counts{assocRemove: 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			atWork(t, tc.script.answer, func(t *testing.T, s *session, d *fakeDongle) {
				s.c.nodes.set(lockID, 0x3F1A)
				at := time.Now()
				err := s.c.Send(t.Context(), zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101, Payload: []byte{0x11, 1, 0}})
				if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
					t.Errorf("error %v, want %v", err, tc.want)
				}
				if n := len(tc.script.tries); n != tc.tries {
					t.Errorf("%d attempts, want %d", n, tc.tries)
				}
				if dur := time.Since(at); dur > tc.atMost {
					t.Errorf("took %v, more than %v", dur, tc.atMost)
				}
				synctest.Wait()
				for cmd, n := range tc.extra {
					if got := d.count(cmd); got != n {
						t.Errorf("%v sent %d times, want %d", cmd, got, n)
					}
				}
				if len(s.slots) != cap(s.slots) {
					t.Errorf("%d of %d slots came back", len(s.slots), cap(s.slots))
				}
				if tc.script.moved == 0x7777 && tc.script.tries[3] != 0x7777 {
					t.Errorf("sent to %v", tc.script.tries)
				}
			})
		})
	}
}

// TestNothingAfterTheDeadline: whatever a send was doing when its time was over, nothing is written for it afterwards, and the error says why it had not
// succeeded by then.
func TestNothingAfterTheDeadline(t *testing.T) {
	for _, tc := range []struct {
		name   string
		script *radioScript
		within time.Duration
		want   error
		tries  int
	}{
		{"before it began", &radioScript{confirms: []mt.Status{0}}, 0, context.DeadlineExceeded, 0},
		{"while the air was busy", &radioScript{confirms: []mt.Status{0xE1}}, time.Second, zigbee.ErrBusy, 1},
		{"while a route was looked for", &radioScript{confirms: []mt.Status{0xCD}}, time.Second, zigbee.ErrUnreachable, 2},
		{"while the lock slept", &radioScript{confirms: []mt.Status{0xF0}, delay: 7500 * time.Millisecond}, 10 * time.Second, zigbee.ErrAsleep, 2},
		{"before the confirm", &radioScript{confirms: []mt.Status{0}, delay: time.Minute}, time.Second, context.DeadlineExceeded, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			atWork(t, tc.script.answer, func(t *testing.T, s *session, d *fakeDongle) {
				s.c.nodes.set(lockID, 0x3F1A)
				ctx, cancel := context.WithTimeout(t.Context(), tc.within)
				defer cancel()
				at := time.Now()
				err := s.c.Send(ctx, zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101})
				if !errors.Is(err, tc.want) || !errors.Is(err, context.DeadlineExceeded) || time.Since(at) != tc.within {
					t.Errorf("%v after %v", err, time.Since(at))
				}
				time.Sleep(2 * time.Minute)
				if n := d.count(mt.AFDataRequest); n != tc.tries {
					t.Errorf("%d requests, want %d", n, tc.tries)
				}
				if len(s.slots) != cap(s.slots) {
					t.Errorf("%d of %d slots came back", len(s.slots), cap(s.slots))
				}
			})
		})
	}
}

// TestNotAfter: no attempt begins after the frame's last moment, also one that waited for a slot, although the sender still waits.
func TestNotAfter(t *testing.T) {
	for _, tc := range []struct {
		name  string
		left  time.Duration
		full  bool
		want  error
		tries int
	}{
		{"before it began", -time.Second, false, zigbee.ErrBusy, 0},
		{"while the lock slept", 2300 * time.Millisecond, false, zigbee.ErrAsleep, 1},
		{"while others were under way", time.Second, true, zigbee.ErrBusy, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			script := &radioScript{confirms: []mt.Status{0xF0}, delay: 7500 * time.Millisecond}
			atWork(t, script.answer, func(t *testing.T, s *session, d *fakeDongle) {
				s.c.nodes.set(lockID, 0x3F1A)
				if tc.full {
					taken := cap(s.slots)
					for range taken {
						<-s.slots
					}
					time.AfterFunc(2*time.Second, func() {
						for range taken {
							s.slots <- struct{}{}
						}
					})
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := s.c.Send(ctx, zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101, NotAfter: time.Now().Add(tc.left)})
				if !errors.Is(err, tc.want) {
					t.Errorf("%v, want %v", err, tc.want)
				}
				time.Sleep(2 * time.Minute)
				if n := d.count(mt.AFDataRequest); n != tc.tries {
					t.Errorf("%d requests, want %d", n, tc.tries)
				}
				if len(s.slots) != cap(s.slots) {
					t.Errorf("%d of %d slots came back", len(s.slots), cap(s.slots))
				}
			})
		})
	}
}

// TestInFlight: no more data requests are on their way than the dongle holds, and transactions that their senders left are not used again too early.
func TestInFlight(t *testing.T) {
	script := &radioScript{confirms: []mt.Status{0}, delay: 5 * time.Second}
	atWork(t, script.answer, func(t *testing.T, s *session, d *fakeDongle) {
		s.c.nodes.set(lockID, 0x3F1A)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				ctx := t.Context()
				if i%3 == 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, time.Second)
					defer cancel()
				}
				err := s.c.Send(ctx, zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101})
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Second)
		if n := d.count(mt.AFDataRequest); n != 16 {
			t.Errorf("%d requests at once", n)
		}
		wg.Wait()
		seen := map[byte]bool{}
		for _, f := range d.got {
			if f.Command == mt.AFDataRequest {
				id := f.Payload[6]
				if id == 0 || seen[id] {
					t.Errorf("transaction %d", id)
				}
				seen[id] = true
			}
		}
		if s.c.Stats().Errors != (ErrorCounts{}) || len(s.slots) != cap(s.slots) {
			t.Errorf("stats %+v, %d slots", s.c.Stats(), len(s.slots))
		}
	})
}

// TestChildIsPutBack: a child that was taken off the dongle's list in vain is put back even when the sender's time is over; it could not be reached again
// otherwise.
func TestChildIsPutBack(t *testing.T) {
	script := &radioScript{confirms: []mt.Status{0xF0}, delay: 7 * time.Second, child: true}
	atWork(t, script.answer, func(t *testing.T, s *session, d *fakeDongle) {
		s.c.nodes.set(lockID, 0x3F1A)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		if err := s.c.Send(ctx, zigbee.Frame{Device: lockID, DstEndpoint: 1}); !errors.Is(err, zigbee.ErrAsleep) {
			t.Error(err)
		}
		synctest.Wait()
		if d.count(mt.UtilAssocRemove) != 1 || d.count(mt.UtilAssocAdd) != 1 {
			t.Errorf("taken off %d times, put back %d times", d.count(mt.UtilAssocRemove), d.count(mt.UtilAssocAdd))
		}
	})
}

func TestUnknownNode(t *testing.T) {
	script := &radioScript{confirms: []mt.Status{0}}
	atWork(t, script.answer, func(t *testing.T, s *session, d *fakeDongle) {
		if err := s.c.Send(t.Context(), zigbee.Frame{Device: lockID}); !errors.Is(err, zigbee.ErrUnknownNode) {
			t.Errorf("%v", err)
		}
		script.mu.Lock()
		script.moved = 0x1234
		script.mu.Unlock()
		if err := s.c.Send(t.Context(), zigbee.Frame{Device: lockID}); err != nil || script.tries[0] != 0x1234 {
			t.Errorf("%v, sent to %v", err, script.tries)
		}
	})
}

func TestUnplugWhileSending(t *testing.T) {
	script := &radioScript{confirms: []mt.Status{0}, delay: time.Hour}
	atWork(t, script.answer, func(t *testing.T, s *session, d *fakeDongle) {
		s.c.nodes.set(lockID, 0x3F1A)
		time.AfterFunc(time.Second, func() { _ = d.conn.Close() })
		at := time.Now()
		if err := s.c.Send(t.Context(), zigbee.Frame{Device: lockID}); !errors.Is(err, zigbee.ErrDown) || time.Since(at) != time.Second {
			t.Errorf("%v after %v", err, time.Since(at))
		}
	})
}

// TestWritten: a sender is told each time that the bytes are on the line, and not for what was never written.
func TestWritten(t *testing.T) {
	script := &radioScript{confirms: []mt.Status{0xE9, 0}, delay: time.Second}
	atWork(t, script.answer, func(t *testing.T, s *session, d *fakeDongle) {
		s.c.nodes.set(lockID, 0x3F1A)
		var at []time.Duration
		began := time.Now()
		f := zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101, Written: func() { at = append(at, time.Since(began)) }}
		if err := s.c.Send(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if len(at) != 2 || at[0] != 0 || at[1] < time.Second || d.count(mt.AFDataRequest) != 2 {
			t.Errorf("told at %v, %d requests", at, d.count(mt.AFDataRequest))
		}
		<-s.link.turn // another request has the line for three seconds
		time.AfterFunc(3*time.Second, func() { s.link.turn <- struct{}{} })
		at, began = nil, time.Now()
		if err := s.c.Send(t.Context(), f); err != nil || len(at) != 1 || at[0] != 3*time.Second {
			t.Errorf("behind another request: told at %v, %v", at, err)
		}
		at = nil
		f.NotAfter = time.Now().Add(-time.Second)
		if err := s.c.Send(t.Context(), f); err == nil || len(at) != 0 {
			t.Errorf("too late: told at %v, %v", at, err)
		}
	})
}
