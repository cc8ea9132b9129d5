package znp

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// lockNode answers ZDO requests as a lock at nwk does.
func lockNode(d *fakeDongle, f mt.Frame, nwk zigbee.NWK) {
	m, err := mt.Parse(f)
	if err != nil {
		panic(err)
	}
	if f.Command.Type() != mt.SREQ {
		return
	}
	d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
	switch m := m.(type) {
	case *mt.NodeReq:
		if m.Dst != nwk {
			return
		}
		if m.Cmd == mt.ZDONodeDescReq {
			d.send(&mt.NodeDescRsp{Src: nwk, NWK: nwk, Type: 2, Capabilities: 0x80, Manufacturer: 0x1234})
		} else {
			d.send(&mt.EndpointsRsp{Cmd: mt.ZDOActiveEPRsp, Src: nwk, NWK: nwk, Endpoints: []byte{1, 2, 0, 241}})
		}
	case *mt.SimpleDescReq:
		if m.Endpoint == 2 {
			d.send(&mt.SimpleDescRsp{Src: nwk, Status: 0x83, NWK: nwk})
			return
		}
		d.send(&mt.SimpleDescRsp{Src: nwk, NWK: nwk, Endpoint: m.Endpoint, Profile: 0x0104, Device: 0x000A, In: []uint16{0, 0x0101}})
	}
}

func TestInterview(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer func(d *fakeDongle, f mt.Frame)
		want   error
		asked  int
		takes  time.Duration
	}{
		{"answers", func(d *fakeDongle, f mt.Frame) { lockNode(d, f, 0x1111) }, nil, 1, 0},
		{"answers the third time", func() func(d *fakeDongle, f mt.Frame) {
			n := 0
			return func(d *fakeDongle, f mt.Frame) {
				if f.Command == mt.ZDONodeDescReq {
					if n++; n < 3 {
						d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
						return
					}
				}
				lockNode(d, f, 0x1111)
			}
		}(), nil, 3, 20 * time.Second},
		{"never answers", func(d *fakeDongle, f mt.Frame) { d.send(&mt.StatusRsp{Cmd: f.Command.Reply()}) }, zigbee.ErrUnreachable, 3, 30 * time.Second},
		{"rejoins under another address", func(d *fakeDongle, f mt.Frame) {
			if f.Command == mt.ZDONodeDescReq && f.Payload[0] == 0x11 {
				d.send(&mt.EndDeviceAnnceInd{Src: 0x2222, NWK: 0x2222, IEEE: lockID})
			}
			lockNode(d, f, 0x2222)
		}, nil, 4, 30 * time.Second},
		{"is gone", func(d *fakeDongle, f mt.Frame) {
			d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
			d.send(&mt.NodeDescRsp{Src: 0x1111, Status: 0x81})
		}, zigbee.ErrUnknownNode, 1, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			hearing(t, nil, tc.answer, func(t *testing.T, s *session, d *fakeDongle, _ *scribe) {
				s.c.nodes.set(lockID, 0x1111)
				at := time.Now()
				n, err := s.c.Interview(t.Context(), lockID)
				if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
					t.Fatalf("%v, want %v", err, tc.want)
				}
				if d.count(mt.ZDONodeDescReq) != tc.asked || time.Since(at) != tc.takes {
					t.Errorf("asked %d times in %v", d.count(mt.ZDONodeDescReq), time.Since(at))
				}
				if err == nil && (n.ManufacturerCode != 0x1234 || n.RxOnWhenIdle || len(n.Endpoints) != 1 || len(n.Endpoints[0].In) != 2) {
					t.Errorf("%+v", n)
				}
			})
		})
	}
}

// TestBindHeardTwice: a response that comes in two forms is not taken for the response to the next request.
func TestBindHeardTwice(t *testing.T) {
	n := 0
	atWork(t, func(d *fakeDongle, f mt.Frame) {
		d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
		if f.Command == mt.ZDOBindReq {
			if n++; n == 1 {
				d.send(&mt.ZDOStatusRsp{Cmd: mt.ZDOBindRsp, Src: 0x1111})
				time.Sleep(time.Millisecond) // the next request is on its way by now
				d.send(&mt.MsgCBIncoming{Src: 0x1111, Cluster: 0x8021, Data: []byte{0}})
				return
			}
			d.send(&mt.ZDOStatusRsp{Cmd: mt.ZDOBindRsp, Src: 0x1111, Status: 0x8C})
		}
	}, func(t *testing.T, s *session, d *fakeDongle) {
		s.c.nodes.set(lockID, 0x1111)
		if err := s.c.Bind(t.Context(), lockID, 1, 0x0101); err != nil {
			t.Error(err)
		}
		if err := s.c.Bind(t.Context(), lockID, 1, 0x0001); !errors.Is(err, zigbee.ErrRefused) {
			t.Errorf("a full table: %v", err)
		}
	})
}

// TestRawOnly: firmware that sends responses only as raw messages is understood.
func TestRawOnly(t *testing.T) {
	atWork(t, func(d *fakeDongle, f mt.Frame) {
		d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
		if f.Command == mt.ZDOBindReq {
			d.send(&mt.MsgCBIncoming{Src: 0x1111, Cluster: 0x8021, Data: []byte{0}})
		}
	}, func(t *testing.T, s *session, d *fakeDongle) {
		s.c.nodes.set(lockID, 0x1111)
		if err := s.c.Bind(t.Context(), lockID, 1, 0x0101); err != nil {
			t.Error(err)
		}
	})
}
