package znp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// deaf is a Handler that hears nothing.
type deaf struct{}

func (*deaf) Frame(zigbee.Frame)                       {}
func (*deaf) Announced(zigbee.EUI64, zigbee.NWK, bool) {}
func (*deaf) Left(zigbee.EUI64)                        {}
func (*deaf) Dongle(zigbee.Dongle)                     {}
func (*deaf) PermitJoin(time.Duration)                 {}

// scribe is a Handler that writes down what it hears.
type scribe struct {
	deaf
	mu    sync.Mutex
	lines []string
}

func (s *scribe) write(format string, a ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, a...))
}

func (s *scribe) Frame(f zigbee.Frame) {
	s.write("frame %v %v %04x %d", f.Device, f.NWK, f.Cluster, len(f.Payload))
}
func (s *scribe) Announced(id zigbee.EUI64, nwk zigbee.NWK, joined bool) {
	s.write("announced %v %v %v", id, nwk, joined)
}
func (s *scribe) Left(id zigbee.EUI64)       { s.write("left %v", id) }
func (s *scribe) PermitJoin(d time.Duration) { s.write("permit %v", d) }
func (s *scribe) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines
	s.lines = nil
	return l
}

// hearing runs a test on a session whose events go to a scribe, with its watch running.
func hearing(t *testing.T, log *slog.Logger, answer func(d *fakeDongle, f mt.Frame), test func(t *testing.T, s *session, d *fakeDongle, h *scribe)) {
	t.Helper()
	atWork(t, answer, func(t *testing.T, s *session, d *fakeDongle) {
		if log != nil {
			s.c.log = log
		}
		h := &scribe{}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				ev, err := s.c.events.pop(ctx)
				if err != nil {
					return
				}
				s.c.dispatch(ctx, h, ev)
			}
		})
		wg.Go(func() { _ = s.watch(ctx) })
		test(t, s, d, h)
		cancel()
		s.end(context.Canceled)
		wg.Wait()
	})
}

// agreeable answers everything with success.
func agreeable(d *fakeDongle, f mt.Frame) {
	switch f.Command {
	case mt.SysPing:
		d.send(&mt.PingRsp{})
	case mt.UtilAddrmgrNwkAddrLookup:
		d.send(&mt.NwkAddrLookupRsp{IEEE: ^zigbee.EUI64(0)})
	default:
		if f.Command.Type() == mt.SREQ {
			d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
		}
	}
}

func TestEvents(t *testing.T) {
	other := zigbee.EUI64(0x0102030405060708)
	hearing(t, nil, agreeable, func(t *testing.T, s *session, d *fakeDongle, h *scribe) {
		for _, tc := range []struct {
			name string
			msg  mt.Message
			want []string
		}{
			{"joins", &mt.TCDevInd{NWK: 0x1111, IEEE: lockID, Parent: 0}, []string{"announced " + lockID.String() + " 0x1111 true"}},
			{"announces itself", &mt.EndDeviceAnnceInd{Src: 0x1111, NWK: 0x1111, IEEE: lockID, Capabilities: 0x80}, []string{"announced " + lockID.String() + " 0x1111 false"}},
			{"announces itself, raw", &mt.MsgCBIncoming{Src: 0x1111, Cluster: 0x0013, Data: append([]byte{0x11, 0x11}, append(lockID.AppendLE(nil), 0x80)...)}, nil},
			{"reports", &mt.IncomingMsg{Src: 0x1111, Cluster: 0x0101, Data: []byte{1, 2, 3}}, []string{"frame " + lockID.String() + " 0x1111 0101 3"}},
			{"reports, extended", &mt.IncomingMsgExt{Mode: 3, Src: lockID, Cluster: 0x0101, Length: 2, Data: []byte{1, 2, 9, 9, 9}}, []string{"frame " + lockID.String() + " 0x1111 0101 2"}},
			{"is heard under a new address", &mt.ConcentratorInd{Src: 0x2222, IEEE: lockID}, nil},
			{"reports again", &mt.IncomingMsg{Src: 0x2222, Cluster: 1}, []string{"frame " + lockID.String() + " 0x2222 0001 0"}},
			{"a stranger reports", &mt.IncomingMsg{Src: 0x3333, Cluster: 1}, []string{"frame " + zigbee.EUI64(0).String() + " 0x3333 0001 0"}},
			{"the stranger says who it is", &mt.NodeAddrRsp{Cmd: mt.ZDOIEEEAddrRsp, IEEE: other, NWK: 0x3333}, nil},
			{"the stranger reports again", &mt.IncomingMsg{Src: 0x3333, Cluster: 1}, []string{"frame " + other.String() + " 0x3333 0001 0"}},
			{"leaves to come back", &mt.LeaveInd{Src: 0x2222, IEEE: lockID, Rejoin: true}, nil},
			{"leaves", &mt.LeaveInd{Src: 0x2222, IEEE: lockID}, []string{"left " + lockID.String()}},
			{"cut short", &mt.StatusRsp{Cmd: mt.AFIncomingMsg}, nil},
		} {
			d.send(tc.msg)
			synctest.Wait()
			if got := h.heard(); !slices.Equal(got, tc.want) {
				t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
			}
		}
		if n := d.count(mt.ZDOIEEEAddrReq); n != 1 {
			t.Errorf("asked %d times who the stranger is", n)
		}
		if n := s.c.stats.unexpected.Load(); n != 1 {
			t.Errorf("%d unexpected", n)
		}
	})
}

// TestLongMessage: data too long for an indication are fetched, in order and without the trailing bytes, and freed.
func TestLongMessage(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 18)[:277]
	freed := 0
	hearing(t, nil, func(d *fakeDongle, f mt.Frame) {
		var m mt.DataRetrieve
		if f.Command != mt.AFDataRetrieve || m.ParsePayload(f.Payload) != nil {
			agreeable(d, f)
			return
		}
		if m.Length == 0 {
			freed++
		}
		d.send(&mt.DataRetrieveRsp{Data: data[m.Index : int(m.Index)+int(m.Length)]})
	}, func(t *testing.T, s *session, d *fakeDongle, h *scribe) {
		s.c.nodes.set(lockID, 0x1111)
		d.send(&mt.IncomingMsgExt{Mode: 2, Src: 0x1111, Cluster: 0xFC00, Length: 277, Timestamp: 5, Data: []byte{0x11, 0x11, 30}})
		d.send(&mt.IncomingMsg{Src: 0x1111, Cluster: 1})
		synctest.Wait()
		id := lockID.String()
		if got, want := h.heard(), []string{"frame " + id + " 0x1111 fc00 277", "frame " + id + " 0x1111 0001 0"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if freed != 1 {
			t.Errorf("freed %d times", freed)
		}
	})
}

// TestLongWindow: a window longer than the radio knows is opened again in time, counted down, and closed.
func TestLongWindow(t *testing.T) {
	hearing(t, nil, agreeable, func(t *testing.T, s *session, d *fakeDongle, h *scribe) {
		if err := s.c.PermitJoin(t.Context(), 600*time.Second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(700 * time.Second)
		var durations []byte
		d.mu.Lock()
		for _, f := range d.got {
			if f.Command == mt.ZDOMgmtPermitJoinReq {
				durations = append(durations, f.Payload[3])
			}
		}
		d.mu.Unlock()
		if n := len(durations); n != 4 || durations[0] != 254 || durations[1] != 254 || durations[2] == 0 || durations[3] != 0 {
			t.Errorf("opened for %v", durations)
		}
		l := h.heard()
		if len(l) < 595 || l[0] != "permit 10m0s" || l[len(l)-1] != "permit 0s" {
			t.Errorf("%d steps, from %s to %s", len(l), l[0], l[len(l)-1])
		}
		_ = s.c.PermitJoin(t.Context(), time.Minute)
		synctest.Wait()
		h.heard()
		if err := s.c.PermitJoin(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if l := h.heard(); !slices.Equal(l, []string{"permit 0s"}) {
			t.Errorf("closing told as %v", l)
		}
	})
}

// TestAdmit: while joining is restricted to one node, another is sent away and not announced, and one that is known may come back.
func TestAdmit(t *testing.T) {
	stranger, friend := zigbee.EUI64(0x0102030405060708), zigbee.EUI64(0x1112131415161718)
	hearing(t, nil, agreeable, func(t *testing.T, s *session, d *fakeDongle, h *scribe) {
		s.c.nodes.set(friend, 0x0F0F)
		if err := s.c.Admit(t.Context(), lockID); err != nil {
			t.Fatal(err)
		}
		d.send(&mt.TCDevInd{NWK: 0x4444, IEEE: stranger})
		d.send(&mt.EndDeviceAnnceInd{Src: 0x4444, NWK: 0x4444, IEEE: stranger})
		d.send(&mt.TCDevInd{NWK: 0x0E0E, IEEE: friend})
		d.send(&mt.TCDevInd{NWK: 0x5555, IEEE: lockID})
		synctest.Wait()
		want := []string{"announced " + friend.String() + " 0x0e0e false", "announced " + lockID.String() + " 0x5555 true"}
		if got := h.heard(); !slices.Equal(got, want) || d.count(mt.ZDOMgmtLeaveReq) != 1 {
			t.Errorf("%q, %d sent away", got, d.count(mt.ZDOMgmtLeaveReq))
		}
		if err := s.c.Admit(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		d.send(&mt.TCDevInd{NWK: 0x4444, IEEE: stranger})
		synctest.Wait()
		if got := h.heard(); len(got) != 1 {
			t.Errorf("after the restriction: %q", got)
		}
	})
}

func TestInstallCode(t *testing.T) {
	// The example of the Zigbee Base Device Behavior specification, section 10.1.
	code := []byte{0x83, 0xFE, 0xD3, 0x40, 0x7A, 0x93, 0x97, 0x23, 0xA5, 0xC6, 0x39, 0xB2, 0x69, 0x16, 0xD5, 0x05, 0xC3, 0xB5}
	if h := hashMMO(code); fmt.Sprintf("%x", h) != "66b6900981e1ee3ca4206b6b861c02bb" {
		t.Errorf("key %x", h)
	}
	hearing(t, nil, agreeable, func(t *testing.T, s *session, d *fakeDongle, h *scribe) {
		bad := bytes.Clone(code)
		bad[3] ^= 1
		for _, b := range [][]byte{bad, code[:17], nil} {
			if err := s.c.AddInstallCode(t.Context(), lockID, b); err == nil {
				t.Errorf("%x accepted", b)
			}
		}
		if err := s.c.AddInstallCode(t.Context(), lockID, code); err != nil {
			t.Error(err)
		}
		short := []byte{0x83, 0xFE, 0xD3, 0x40, 0x7A, 0x93, 0xFF, 0x2B} // 6 bytes; CRC below
		crc := crcX25(short[:6])
		short[6], short[7] = byte(crc), byte(crc>>8)
		if err := s.c.AddInstallCode(t.Context(), lockID, short); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		var formats []byte
		d.mu.Lock()
		for _, f := range d.got {
			if f.Command == mt.AppCnfAddInstallCode {
				formats = append(formats, f.Payload[0], byte(len(f.Payload)-9))
			}
		}
		d.mu.Unlock()
		if !bytes.Equal(formats, []byte{1, 18, 2, 16}) {
			t.Errorf("sent as %v", formats)
		}
		// With a code on record the dongle itself keeps others out.
		if err := s.c.Admit(t.Context(), lockID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		d.mu.Lock()
		last := d.got[len(d.got)-1]
		d.mu.Unlock()
		if last.Command != mt.AppCnfSetJoinUsesInstall || last.Payload[0] != 1 {
			t.Errorf("%v %x", last.Command, last.Payload)
		}
	})
}

// TestLogsHaveNoPayload: a message that cannot be used is logged without its bytes, which may hold a PIN.
func TestLogsHaveNoPayload(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	hearing(t, log, agreeable, func(t *testing.T, s *session, d *fakeDongle, h *scribe) {
		b, _ := mt.AppendFrame(nil, mt.AFIncomingMsg, []byte("\x00\x00\x01\x01\x11\x11\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x30918273"))
		_, _ = d.conn.Write(b)
		synctest.Wait()
	})
	if s := out.String(); !strings.Contains(s, "AF_INCOMING_MSG") || strings.Contains(s, "918273") || strings.Contains(s, "393138") {
		t.Errorf("log %q", s)
	}
}
