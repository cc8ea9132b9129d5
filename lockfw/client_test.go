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

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// client is a Z-Stack host of bytes: it sends commands as written and keeps everything that comes.
type client struct {
	t    *testing.T
	conn net.Conn

	mu     sync.Mutex
	frames []mtGot
	seq    uint8
}

type mtGot struct {
	cmd0, cmd1 byte
	p          []byte
}

// bubble runs fn in a synctest bubble with a home, its dongle served over a pipe.
func bubble(t *testing.T, cfg Config, fn func(t *testing.T, h *Home, c *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = h.Run(ctx) })
		a, b := net.Pipe()
		wg.Go(func() { _ = h.Dongle().Serve(ctx, b) })
		c := newClient(t, a, &wg)
		fn(t, h, c)
		cancel()
		_ = a.Close()
		wg.Wait()
	})
}

// notOurs are answers to commands that our drivers do not send, but other hosts do.
var notOurs = map[uint16]string{
	0x6749: "UTIL_ASSOC_FIND_DEVICE",
	0x6526: "ZDO_NETWORK_DISCOVERY_REQ",
	0x45C7: "ZDO_NWK_DISCOVERY_CNF",
}

func newClient(t *testing.T, conn net.Conn, wg *sync.WaitGroup) *client {
	c := &client{t: t, conn: conn}
	wg.Go(func() {
		var p mtParser
		buf := make([]byte, 512)
		for {
			n, err := conn.Read(buf)
			p.feed(buf[:n], func(cmd0, cmd1 byte, payload []byte, _ int) {
				// Each frame must mean something to the codec that the drivers use, too.
				if _, others := notOurs[uint16(cmd0)<<8|uint16(cmd1)]; others {
				} else if m, perr := mt.Parse(mt.Frame{Command: mt.Command(uint16(cmd0)<<8 | uint16(cmd1)), Payload: payload}); perr != nil {
					t.Errorf("the drivers' codec cannot read %02x %02x %x: %v", cmd0, cmd1, payload, perr)
				} else if in, ok := m.(*mt.IncomingMsg); ok {
					if _, _, zerr := zcl.Parse(in.Cluster, in.Data); zerr != nil && !vendorFrame(in.Cluster, in.Data) {
						t.Errorf("the drivers' codec cannot read %04x %x: %v", in.Cluster, in.Data, zerr)
					}
				}
				c.mu.Lock()
				c.frames = append(c.frames, mtGot{cmd0, cmd1, payload})
				c.mu.Unlock()
			})
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("read: %v", err)
				}
				return
			}
		}
	})
	return c
}

// vendorFrame tells the short operation events, which are read by their vendor's own decoder.
func vendorFrame(cluster uint16, b []byte) bool {
	return cluster == cLock && len(b) >= 3 && b[0] == 9 && b[2] == 0x20 && len(b) < 14
}

func (c *client) write(cmd0, cmd1 byte, p ...byte) {
	c.t.Helper()
	if _, err := c.conn.Write(mtFrame(cmd0, cmd1, p)); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// take removes and returns the first frame of a kind; nil if there is none.
func (c *client) take(cmd0, cmd1 byte, accept func(p []byte) bool) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.frames {
		if f.cmd0 == cmd0 && f.cmd1 == cmd1 && (accept == nil || accept(f.p)) {
			c.frames = append(c.frames[:i:i], c.frames[i+1:]...)
			return append([]byte{}, f.p...)
		}
	}
	return nil
}

func (c *client) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = nil
}

// await waits up to a minute and a half of emulated time for a frame.
func (c *client) await(cmd0, cmd1 byte, accept func(p []byte) bool) []byte {
	c.t.Helper()
	p := c.until(90*time.Second, cmd0, cmd1, accept)
	if p == nil {
		c.t.Fatalf("no %02x %02x came", cmd0, cmd1)
	}
	return p
}

func (c *client) until(d time.Duration, cmd0, cmd1 byte, accept func(p []byte) bool) []byte {
	for end := time.Now().Add(d); ; time.Sleep(5 * time.Millisecond) {
		synctest.Wait()
		if p := c.take(cmd0, cmd1, accept); p != nil {
			return p
		}
		if !time.Now().Before(end) {
			return nil
		}
	}
}

// call sends an SREQ and returns its SRSP.
func (c *client) call(sub, cmd byte, p ...byte) []byte {
	c.t.Helper()
	c.write(sreq|sub, cmd, p...)
	return c.await(srsp|sub, cmd, nil)
}

func (c *client) writeNV(id uint16, v ...byte) {
	c.t.Helper()
	if n := c.call(subSYS, 0x13, put16(nil, id)...); n[0] == 0 && n[1] == 0 {
		c.call(subSYS, 0x07, append(append(put16(put16(nil, id), uint16(len(v))), byte(len(v))), v...)...)
	}
	if st := c.call(subSYS, 0x1D, append(put16(put16(put16(nil, id), 0), uint16(len(v))), v...)...); st[0] != 0 {
		c.t.Fatalf("NV write %04x: status %02x", id, st[0])
	}
}

var (
	testKey  = []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	testEPID = zigbee.EUI64(0x1122334455667788)
)

// form makes a network as any host does, and registers endpoint 1.
func (c *client) form() {
	c.t.Helper()
	c.writeNV(nvStartupOption, 3)
	c.write(areq|subSYS, 0, 1)
	c.await(areq|subSYS, 0x80, nil)
	c.writeNV(nvPANID, 0x62, 0x1A)
	c.writeNV(nvExtendedPAN, testEPID.AppendLE(nil)...)
	c.writeNV(nvUseExtPAN, testEPID.AppendLE(nil)...)
	c.writeNV(nvPreKey, testKey...)
	c.call(subAPPCNF, 0x08, 1, 0, 0x80, 0, 0)
	c.call(subAPPCNF, 0x05, 4)
	c.await(areq|subZDO, 0xC0, func(p []byte) bool { return p[0] == devCoordinator })
	c.register()
}

func (c *client) register() {
	c.t.Helper()
	if st := c.call(subAF, 0x00, 1, 0x04, 0x01, 0x05, 0, 0, 0, 0, 0); st[0] != 0 {
		c.t.Fatalf("register: %02x", st[0])
	}
}

// join opens the network and presses the lock's join button, until the lock announces itself.
func (c *client) join(l *Lock) zigbee.NWK {
	c.t.Helper()
	c.call(subZDO, 0x36, 0x0F, 0xFC, 0xFF, 60, 1)
	l.PressJoin()
	p := c.await(areq|subZDO, 0xCA, func(p []byte) bool { return zigbee.EUI64FromLE(p[2:]) == l.ID() })
	nwk := zigbee.NWK((&reader{b: p}).u16())
	c.await(areq|subZDO, 0xC1, func(p []byte) bool { return zigbee.EUI64FromLE(p[4:]) == l.ID() })
	return nwk
}

// bind binds clusters of the lock to endpoint 1.
func (c *client) bind(h *Home, l *Lock, clusters ...uint16) {
	c.t.Helper()
	for _, cluster := range clusters {
		p := l.ID().AppendLE(put16(nil, uint16(l.NWK())))
		p = append(put16(append(p, l.f.Endpoint), cluster), 3)
		c.call(subZDO, 0x21, append(h.Dongle().ID().AppendLE(p), 1)...)
		if st := c.await(areq|subZDO, 0xA1, nil); st[2] != 0 {
			c.t.Fatalf("bind %04x: %02x", cluster, st[2])
		}
	}
}

// send puts a ZCL frame on its way and returns the confirmation's status.
func (c *client) send(l *Lock, cluster uint16, payload []byte) uint8 {
	c.t.Helper()
	trans := c.post(l, cluster, payload)
	return c.await(areq|subAF, 0x80, func(p []byte) bool { return p[2] == trans })[0]
}

func (c *client) post(l *Lock, cluster uint16, payload []byte) (trans uint8) {
	c.t.Helper()
	c.seq++
	p := append(put16(nil, uint16(l.NWK())), l.f.Endpoint, 1)
	p = append(put16(p, cluster), c.seq, afAckRequest, 30, byte(len(payload)))
	if st := c.call(subAF, 0x01, append(p, payload...)...); st[0] != 0 {
		c.t.Fatalf("data request: %02x", st[0])
	}
	return c.seq
}

// incoming waits for a ZCL frame that accept takes.
func (c *client) incoming(l *Lock, cluster uint16, accept func(z []byte) bool) []byte {
	c.t.Helper()
	z := c.maybe(90*time.Second, l, cluster, accept)
	if z == nil {
		c.t.Fatalf("nothing on cluster %04x", cluster)
	}
	return z
}

func (c *client) maybe(d time.Duration, l *Lock, cluster uint16, accept func(z []byte) bool) []byte {
	p := c.until(d, areq|subAF, 0x81, func(p []byte) bool {
		return (&reader{b: p[2:]}).u16() == cluster && p[6] == l.f.Endpoint && accept(p[17:17+int(p[16])])
	})
	if p == nil {
		return nil
	}
	return p[17 : 17+int(p[16])]
}

// command sends a cluster command and returns the answer's payload: its own response, or a Default Response.
func (c *client) command(l *Lock, cluster uint16, cmd uint8, payload ...byte) (rsp uint8, body []byte) {
	c.t.Helper()
	z := append([]byte{0x11, c.seq + 1, cmd}, payload...)
	seq := c.seq + 1
	if st := c.send(l, cluster, z); st != 0 {
		c.t.Fatalf("command %02x: confirm %02x", cmd, st)
	}
	z = c.incoming(l, cluster, func(z []byte) bool {
		return z[1] == seq && (z[0]&3 == 0 && z[2] == 0x0B && z[3] == cmd || z[0]&3 == 1 && z[2] == cmd)
	})
	if z[0]&3 == 0 {
		return 0x0B, z[3:]
	}
	return z[2], z[3:]
}

// read reads one attribute; nil value: the status is the error.
func (c *client) read(l *Lock, cluster, id uint16) (status uint8, val []byte) {
	c.t.Helper()
	seq := c.seq + 1
	c.send(l, cluster, append([]byte{0x10, seq, 0x00}, put16(nil, id)...))
	z := c.incoming(l, cluster, func(z []byte) bool { return z[1] == seq && z[2] == 0x01 })
	if z[5] != 0 {
		return z[5], nil
	}
	return 0, z[7:]
}

// report configures reporting of one attribute and returns the status.
func (c *client) report(l *Lock, cluster, id uint16, typ uint8, least, most uint16, change ...byte) uint8 {
	c.t.Helper()
	seq := c.seq + 1
	b := append(put16([]byte{0x10, seq, 0x06, 0}, id), typ)
	c.send(l, cluster, append(put16(put16(b, least), most), change...))
	return c.incoming(l, cluster, func(z []byte) bool { return z[1] == seq && z[2] == 0x07 })[3]
}

func isReport(id uint16, val ...byte) func(z []byte) bool {
	return func(z []byte) bool {
		return z[2] == 0x0A && z[0]&3 == 0 && len(z) > 5 && (&reader{b: z[3:]}).u16() == id && bytes.HasPrefix(z[6:], val)
	}
}

func isEvent(cmd, source, code uint8) func(z []byte) bool {
	return func(z []byte) bool { return z[0] == 9 && z[2] == cmd && len(z) > 4 && z[3] == source && z[4] == code }
}

// ready is a home with a formed network and one lock on it, bound and reporting where its family can.
func ready(t *testing.T, model string, adjust func(*Behaviour), fn func(t *testing.T, h *Home, c *client, l *Lock)) {
	t.Helper()
	bubble(t, Config{Seed: 42}, func(t *testing.T, h *Home, c *client) {
		l, err := h.AddLock(LockConfig{Model: model, Adjust: adjust})
		if err != nil {
			t.Fatal(err)
		}
		c.form()
		c.join(l)
		if l.hasCluster(cLock) {
			c.bind(h, l, cLock)
			c.report(l, cLock, aLockState, tEnum8, 0, 3600)
		}
		if l.hasCluster(cAlarms) {
			c.bind(h, l, cAlarms)
		}
		c.drop()
		fn(t, h, c, l)
	})
}
