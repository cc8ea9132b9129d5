package lockfw

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/zigbee"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDongleAnswers(t *testing.T) {
	tests := []struct {
		name        string
		sub, cmd    byte
		in          []byte
		out0, out1  byte
		want        []byte
		formedFirst bool
	}{
		{"ping", subSYS, 0x01, nil, 0x61, 0x01, []byte{0x59, 0x06}, false},
		{"version", subSYS, 0x02, nil, 0x61, 0x02, []byte{2, 1, 2, 7, 1, 0x6B, 0xB1, 0x34, 0x01}, false},
		{"NV length of NWKKEY: aligned", subSYS, 0x13, []byte{0x82, 0}, 0x61, 0x13, []byte{24, 0}, false},
		{"NV length of a missing item", subSYS, 0x13, []byte{0x34, 0x12}, 0x61, 0x13, []byte{0, 0}, false},
		{"NV read of a missing item", subSYS, 0x1C, []byte{0x34, 0x12, 0, 0}, 0x61, 0x1C, []byte{2, 0}, false},
		{"NV init creates", subSYS, 0x07, []byte{0x60, 0, 1, 0, 1, 0x55}, 0x61, 0x07, []byte{9}, false},
		{"NV init of what exists", subSYS, 0x07, []byte{0x03, 0, 1, 0, 1, 0x55}, 0x61, 0x07, []byte{0}, false},
		{"NV delete of a wrong length", subSYS, 0x12, []byte{0x82, 0, 9, 0}, 0x61, 0x12, []byte{0x0C}, false},
		{"NIB once formed", subSYS, 0x13, []byte{0x21, 0}, 0x61, 0x13, []byte{116, 0}, true},
		{"address manager entries", subSYS, 0x32, []byte{1, 1, 0, 0, 0}, 0x61, 0x32, []byte{12, 0, 0, 0}, false},
		{"register", subAF, 0x00, []byte{2, 4, 1, 5, 0, 0, 0, 0, 0}, 0x64, 0x00, []byte{0}, false},
		{"register again", subAF, 0x00, []byte{1, 4, 1, 5, 0, 0, 0, 0, 0}, 0x64, 0x00, []byte{0xB8}, true},
		{"data request from an endpoint that is none", subAF, 0x01, []byte{1, 1, 1, 9, 0, 0, 1, 0, 30, 0}, 0x64, 0x01, []byte{2}, true},
		{"permit join before the network is up", subZDO, 0x36, []byte{0x0F, 0xFC, 0xFF, 60, 0}, 0x65, 0x36, []byte{nwkInvalidReq}, false},
		{"network info", subZDO, 0x50, nil, 0x65, 0x50, []byte{0, 0, 9, 0x62, 0x1A, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 15}, true},
		{"no such child", subUTIL, 0x4A, make([]byte, 10), 0x67, 0x4A, bytes.Repeat([]byte{0xFF}, 36), true},
		{"no children", subUTIL, 0x49, []byte{0}, 0x67, 0x49, bytes.Repeat([]byte{0xFF}, 36), true},
		{"unknown subsystem", 0x0D, 0x01, nil, 0x60, 0x00, []byte{1, 0x2D, 0x01}, false},
		{"unknown command", subSYS, 0x99, nil, 0x60, 0x00, []byte{2, 0x21, 0x99}, false},
		{"too short", subZDO, 0x21, []byte{1}, 0x60, 0x00, []byte{4, 0x25, 0x21}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
				if tt.formedFirst {
					c.form()
				}
				c.write(sreq|tt.sub, tt.cmd, tt.in...)
				if got := c.await(tt.out0, tt.out1, nil); !bytes.Equal(got, tt.want) {
					t.Errorf("%x, want %x", got, tt.want)
				}
			})
		})
	}
}

func TestDongleResynchronises(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		good := mtFrame(sreq|subSYS, 0x01, nil)
		bad := bytes.Clone(good)
		bad[len(bad)-1] ^= 1
		for _, junk := range [][]byte{{0xEF}, {0xFE, 0xFF}, {0xFE, 0xFE, 0xFE}, bad, {0xFE, 0x00, 0x21}} {
			_, _ = c.conn.Write(junk)
			_, _ = c.conn.Write(good)
			_, _ = c.conn.Write(good)
			c.await(srsp|subSYS, 0x01, nil)
		}
	})
}

func TestNoRouteAndFullBuffers(t *testing.T) {
	bubble(t, Config{Buffers: 2}, func(t *testing.T, h *Home, c *client) {
		c.form()
		req := func(trans, options byte) {
			if st := c.call(subAF, 0x01, 0x34, 0x12, 1, 1, 1, 1, trans, options, 30, 3, 0x11, 1, 1); st[0] != 0 {
				t.Fatalf("%02x", st)
			}
		}
		want := func(trans, status byte) {
			t.Helper()
			p := c.await(areq|subAF, 0x80, func(p []byte) bool { return p[2] == trans })
			if p[0] != status {
				t.Errorf("transaction %d: %02x, want %02x", trans, p[0], status)
			}
		}
		req(1, afAckRequest)
		req(2, afAckRequest)
		req(3, afAckRequest)
		want(3, afBufferFull)
		want(1, nwkNoRoute)
		want(2, nwkNoRoute)
		h.Dongle().FailNext(1, 0xE1)
		req(4, 0)
		want(4, 0xE1)
		h.Dongle().RefuseNext(1)
		if st := c.call(subAF, 0x01, 0x34, 0x12, 1, 1, 1, 1, 5, 0, 30, 3, 0x11, 1, 1); st[0] != 0x10 {
			t.Errorf("%02x", st)
		}
	})
}

func TestCrashUnplugReplug(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		d := h.Dongle()
		before := l.net.heard
		d.Crash()
		if p := c.await(areq|subSYS, 0x80, nil); p[0] != 2 {
			t.Errorf("reason %d", p[0])
		}
		if _, up := d.Network(); up {
			t.Error("the network is up by itself")
		}
		c.call(subZDO, 0x40, 100, 0)
		c.await(areq|subZDO, 0xC0, func(p []byte) bool { return p[0] == devCoordinator })
		c.register() // endpoints live in RAM
		c.command(l, cLock, 1)
		if l.net.heard <= before {
			t.Error("the frame counter went back")
		}
		d.Unplug()
		synctest.Wait()
		if _, err := c.conn.Write([]byte{1}); err == nil {
			t.Error("the line survived the unplugging")
		}
		if err := d.Serve(t.Context(), nopConn{}); !errors.Is(err, ErrUnplugged) {
			t.Errorf("serve while unplugged: %v", err)
		}
		d.Replug()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		a, b := net.Pipe()
		wg.Go(func() { _ = d.Serve(ctx, b) })
		k := newClient(t, a, &wg)
		k.call(subZDO, 0x40, 100, 0)
		k.await(areq|subZDO, 0xC0, func(p []byte) bool { return p[0] == devCoordinator })
		k.register()
		if _, body := k.command(l, cLock, 0); body[0] != 0 {
			t.Errorf("%x", body)
		}
		cancel()
		_ = a.Close()
		wg.Wait()
	})
}

type nopConn struct{}

func (nopConn) Read([]byte) (int, error)    { return 0, io.EOF }
func (nopConn) Write(b []byte) (int, error) { return len(b), nil }
func (nopConn) Close() error                { return nil }

func TestPacedLineTakesItsTime(t *testing.T) {
	bubble(t, Config{Baud: 115200}, func(t *testing.T, h *Home, c *client) {
		start := time.Now()
		for range 100 {
			c.call(subSYS, 0x01)
		}
		// 5 bytes there, 7 back, 10 bits each; the client looks every 5 ms at the earliest.
		if d := time.Since(start); d < 100*12*10*time.Second/115200 {
			t.Errorf("100 pings in %v", d)
		}
	})
}

func TestLossyAirStillDelivers(t *testing.T) {
	bubble(t, Config{Seed: 5}, func(t *testing.T, h *Home, c *client) {
		l, _ := h.AddLock(LockConfig{Model: yale})
		c.form()
		c.join(l)
		h.SetLoss(0.3)
		ok := 0
		for i := range 20 {
			if c.send(l, cLock, []byte{0x11, byte(i), byte(i) & 1}) == 0 {
				ok++
			}
		}
		if ok < 18 {
			t.Errorf("%d of 20", ok)
		}
	})
}

func TestTwoHundredAndFiftyLocks(t *testing.T) {
	bubble(t, Config{Buffers: 300}, func(t *testing.T, h *Home, c *client) {
		c.form()
		for range 250 {
			l, err := h.AddLock(LockConfig{Model: yale})
			if err != nil {
				t.Fatal(err)
			}
			c.join(l)
		}
		for _, l := range h.Locks() {
			c.post(l, cLock, []byte{0x11, 1, 1})
		}
		settle()
		for _, l := range h.Locks() {
			if l.Bolt() != Unlocked {
				t.Fatalf("%v is %v", l.ID(), l.Bolt())
			}
		}
		if n := len(h.Dongle().nv.children()); n != 250 {
			t.Errorf("%d children in the table", n)
		}
	})
}

func FuzzDongle(f *testing.F) {
	f.Add(mtFrame(sreq|subSYS, 0x01, nil))
	f.Add(mtFrame(sreq|subAF, 0x01, []byte{0x34, 0x12, 1, 1, 1, 1, 1, 0, 30, 3, 0x11, 1, 1}))
	f.Add(append(mtFrame(sreq|subZDO, 0x21, make([]byte, 23)), mtFrame(areq|subSYS, 0, []byte{1})...))
	f.Add(append(mtFrame(sreq|subSYS, 0x35, []byte{1, 1, 0, 0, 0, 1, 9}), mtFrame(sreq|subZDO, 0x40, []byte{0, 0})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		h := New(Config{})
		l, err := h.AddLock(LockConfig{Model: yale})
		if err != nil {
			t.Fatal(err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		d := h.dongle
		d.form()
		d.load()
		d.state = devCoordinator
		l.associate(zigbee.Coordinator)
		var p mtParser
		p.feed(b, func(cmd0, cmd1 byte, payload []byte, _ int) {
			d.handle(cmd0, cmd1, payload)
			drain(h)
		})
		if len(p.buf) > 2*mtMaxLen+len(b) {
			t.Errorf("kept %d bytes", len(p.buf))
		}
	})
}

func FuzzLock(f *testing.F) {
	f.Add(uint16(cLock), []byte{0x11, 1, 5, 1, 0, 1, 0, 4, 0x31, 0x32, 0x33, 0x34})
	f.Add(uint16(cBasic), []byte{0x10, 1, 0, 4, 0, 5, 0})
	f.Add(uint16(cLock), []byte{0x10, 1, 6, 0, 0, 0, 0x30, 0, 0, 0x10, 0x0E})
	f.Add(uint16(cPoll), []byte{0x11, 1, 2, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, cluster uint16, b []byte) {
		h := New(Config{})
		h.mu.Lock()
		h.dongle.form()
		h.dongle.load()
		h.dongle.state = devCoordinator
		h.mu.Unlock()
		for _, model := range []string{yale, "NimlyPRO", "ID Lock 150", "ZB-ZL01", "yale_c4"} {
			l, err := h.AddLock(LockConfig{Model: model})
			if err != nil {
				t.Fatal(err)
			}
			h.mu.Lock()
			l.associate(zigbee.Coordinator)
			l.deliver(&frame{profile: profileHA, cluster: cluster, src: 1, dst: l.f.Endpoint, payload: b})
			l.deliver(&frame{cluster: cluster, payload: b})
			drain(h)
			h.mu.Unlock()
		}
	})
}

// drain runs a bounded number of due and future events at once.
func drain(h *Home) {
	for range 64 {
		if h.agenda.Len() == 0 {
			return
		}
		e := h.agenda.items[0]
		h.cancel(e)
		e.fn()
	}
}
