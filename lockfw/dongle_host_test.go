package lockfw

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// The behaviours here are those that hosts other than Latchkey ask for: what they send, and what the part answers.

func (c *client) readNV(id uint16) []byte {
	c.t.Helper()
	p := c.call(subSYS, 0x1C, put16(put16(nil, id), 0)...)
	if p[0] != 0 {
		return nil
	}
	return p[2:]
}

func (c *client) reset() {
	c.t.Helper()
	c.write(areq|subSYS, 0, 1)
	c.await(areq|subSYS, 0x80, nil)
}

func (c *client) commission() (status byte) {
	c.t.Helper()
	c.call(subAPPCNF, 0x05, 4)
	c.await(areq|subZDO, 0xC0, func(p []byte) bool { return p[0] == devCoordinator })
	return c.await(areq|subAPPCNF, 0x80, nil)[0]
}

func TestItemsOfTheFirmware(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		own := h.Dongle().ID().AppendLE(nil)
		want := func(when string, id uint16, value ...byte) {
			t.Helper()
			if got := c.readNV(id); !bytes.Equal(got, value) {
				t.Errorf("%s: item %04x is %x, want %x", when, id, got, value)
			}
		}
		want("fresh", nvOnANetwork, 0)
		want("fresh", nvExtAddr, own...)
		for id, value := range configItems {
			want("fresh", id, value...)
		}
		if st := c.commission(); st != 0 {
			t.Errorf("a new network: status %02x", st)
		}
		want("formed", nvOnANetwork, 1)
		c.reset()
		want("after a reset", nvOnANetwork, 1)
		if st := c.commission(); st != bdbFormationFailure {
			t.Errorf("the network that was there: status %02x", st)
		}

		other := []byte{1, 2, 3, 4, 5, 6, 7, 8}
		c.writeNV(nvExtAddr, other...)
		c.writeNV(nvConcentrator, 0)
		c.reset()
		want("the host's own address", nvExtAddr, other...)
		want("a setting", nvConcentrator, 0)
		for _, del := range [][]byte{{nvExtAddr, 0, 8, 0}, {nvOnANetwork, 0, 1, 0}, {nvConcentrator, 0, 1, 0}} {
			if st := c.call(subSYS, 0x12, del...); st[0] != 0 {
				t.Errorf("delete %x: %02x", del, st)
			}
		}
		want("deleted", nvOnANetwork)
		c.writeNV(nvStartupOption, 3)
		c.reset()
		want("deleted, reset", nvExtAddr, own...)
		want("deleted, reset", nvConcentrator, 1)
		want("cleared", nvOnANetwork, 0)
		want("cleared", nvStartupOption, 0)
		want("cleared", nvNIB)
		if st := c.commission(); st != 0 {
			t.Errorf("a new network again: status %02x", st)
		}
	})
}

func TestMemoryOfTheNewDriver(t *testing.T) {
	item := func(id uint16, more ...byte) []byte { return append(put16([]byte{1, 0, 0}, id), more...) }
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		for _, tt := range []struct {
			name string
			cmd  byte
			in   []byte
			want []byte
		}{
			{"an OSAL item's length", 0x32, item(nvPANID), []byte{2, 0, 0, 0}},
			{"an OSAL item", 0x33, item(nvPANID, 0, 0, 2), []byte{0, 2, 0xFF, 0xFF}},
			{"writing it", 0x34, item(nvPANID, 0, 0, 2, 0x34, 0x12), []byte{0}},
			{"no such item", 0x32, item(0x0F01), []byte{0, 0, 0, 0}},
			{"reading none", 0x33, item(0x0F01, 0, 0, 1), []byte{2, 0}},
			{"making one", 0x30, item(0x0F01, 1, 0, 0, 0), []byte{0}},
			{"making it twice", 0x30, item(0x0F01, 1, 0, 0, 0), []byte{nvFailed}},
			{"deleting it", 0x31, item(0x0F01), []byte{0}},
			{"deleting it twice", 0x31, item(0x0F01), []byte{nvFailed}},
			{"an empty entry of the address book", 0x33, []byte{1, 1, 0, 5, 0, 0, 0, 12}, append([]byte{0, 12}, bytes.Repeat([]byte{0xFF}, 12)...)},
		} {
			if got := c.call(subSYS, tt.cmd, tt.in...); !bytes.Equal(got, tt.want) {
				t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
			}
		}
		if got := c.readNV(nvPANID); !bytes.Equal(got, []byte{0x34, 0x12}) {
			t.Errorf("written as %x", got)
		}
		// The old name of the poll rate has no length, but can be read and written.
		if n := c.call(subSYS, 0x13, put16(nil, nvOldPollRate)...); !bytes.Equal(n, []byte{0, 0}) {
			t.Errorf("length of the old poll rate: %x", n)
		}
		if st := c.call(subSYS, 0x1D, nvOldPollRate, 0, 0, 0, 2, 0, 0x34, 0x12); st[0] != 0 {
			t.Errorf("writing the old poll rate: %02x", st[0])
		}
		if got := c.call(subSYS, 0x08, nvOldPollRate, 0, 0); !bytes.Equal(got, []byte{0, 2, 0x34, 0x12}) {
			t.Errorf("the old poll rate: %x", got)
		}
		if got := c.readNV(nvPollRates); len(got) != 40 || got[0] != 0x34 {
			t.Errorf("poll rates %x", got)
		}
	})
}

// zdoFrame sends a ZDO frame from endpoint 0 to endpoint 0.
func (c *client) zdoFrame(dst zigbee.NWK, cluster uint16, frame ...byte) {
	c.t.Helper()
	p := append(zigbee.EUI64(dst).AppendLE([]byte{2}), 0, 0, 0, 0)
	p = append(put16(p, cluster), 77, 0x20, 30)
	if st := c.call(subAF, 0x02, append(put16(p, uint16(len(frame))), frame...)...); st[0] != 0 {
		c.t.Fatalf("ZDO frame refused: %02x", st)
	}
}

// raw waits for a ZDO message as it came: its sequence number and what is behind it.
func (c *client) raw(src zigbee.NWK, cluster uint16) (seq byte, body []byte) {
	c.t.Helper()
	p := c.await(areq|subZDO, 0xFF, func(p []byte) bool {
		r := &reader{b: p}
		from, _, cl := r.u16(), r.u8(), r.u16()
		return zigbee.NWK(from) == src && cl == cluster
	})
	return p[6], p[9:]
}

func TestZDOFrames(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		c.call(subZDO, 0x3E, 0xFF, 0xFF)
		nwk := l.NWK()
		lo, hi := byte(nwk), byte(nwk>>8)
		own := h.Dongle().ID().AppendLE(nil)
		for _, tt := range []struct {
			name    string
			dst     zigbee.NWK
			cluster uint16
			frame   []byte
			want    []byte // starts the answer, behind the sequence number
		}{
			{"the dongle's descriptor", 0, 0x0002, []byte{0x11, 0, 0}, []byte{0, 0, 0, 0x00, 0x40}},
			{"the dongle's endpoints", 0, 0x0005, []byte{0x12, 0, 0}, []byte{0, 0, 0, 1, 1}},
			{"the dongle's address", 0, 0x0001, []byte{0x13, 0, 0, 0, 0}, append([]byte{0}, own...)},
			{"nobody's address", 0, 0x0000, append([]byte{0x14}, make([]byte, 10)...), []byte{0x81}},
			{"too short", 0, 0x0004, []byte{0x15, 0}, []byte{0x80}},
			{"what the dongle does not know", 0, 0x0016, []byte{0x16}, []byte{0x84}},
			{"open the dongle", 0, 0x0036, []byte{0x17, 60, 1}, []byte{0}},
			{"the lock's descriptor", nwk, 0x0002, []byte{0x18, lo, hi}, []byte{0, lo, hi, 0x02}},
			{"the lock's endpoints", nwk, 0x0005, []byte{0x19, lo, hi}, []byte{0, lo, hi, 1, l.f.Endpoint}},
		} {
			c.zdoFrame(tt.dst, tt.cluster, tt.frame...)
			if seq, got := c.raw(tt.dst, tt.cluster|0x8000); seq != tt.frame[0] || !bytes.HasPrefix(got, tt.want) {
				t.Errorf("%s: %02x %x, want %02x %x", tt.name, seq, got, tt.frame[0], tt.want)
			}
		}
		if !h.Dongle().PermitsJoin() {
			t.Error("the dongle is not open")
		}
		c.zdoFrame(zigbee.BroadcastAwake, 0x0000, append(append([]byte{0x20}, l.ID().AppendLE(nil)...), 0, 0)...)
		if seq, got := c.raw(nwk, 0x8000); seq != 0x20 || !bytes.HasSuffix(got, []byte{lo, hi}) {
			t.Errorf("where the lock is: %02x %x", seq, got)
		}
		c.zdoFrame(0x1234, 0x0002, 0x21, 0x34, 0x12) // nobody
		c.zdoFrame(nwk, 0x0002)                      // nothing
		if p := c.until(20*time.Second, areq|subAF, 0x80, nil); p != nil {
			t.Errorf("a confirmation %x", p)
		}
	})
}

func TestEnergyScan(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		c.form()
		c.call(subZDO, 0x3E, 0xFF, 0xFF)
		for name, ask := range map[string]func(duration, count byte){
			"as a ZDO frame": func(duration, count byte) { c.zdoFrame(0, 0x0038, 9, 0, 0xF8, 0xFF, 0x07, duration, count) },
			"as a command": func(duration, count byte) {
				c.call(subZDO, 0x37, 0, 0, 2, 0, 0xF8, 0xFF, 0x07, duration, count, 0, 0)
			},
		} {
			start := time.Now()
			ask(2, 2)
			for range 2 {
				_, body := c.raw(0, 0x8038)
				if p := c.await(areq|subZDO, 0xB8, nil); !bytes.Equal(p[2:], body) {
					t.Errorf("%s: %x and %x", name, p, body)
				}
				if len(body) != 10+16 || !bytes.HasPrefix(body, []byte{0, 0, 0xF8, 0xFF, 0x07}) || body[9] != 16 {
					t.Errorf("%s: %x", name, body)
				}
			}
			if d := time.Since(start); d < 2*16*5*15*time.Millisecond {
				t.Errorf("%s: 32 channels in %v", name, d)
			}
			ask(2, 0)
			if _, body := c.raw(0, 0x8038); body[0] != 0x80 {
				t.Errorf("%s, no scan at all: %x", name, body)
			}
			c.await(areq|subZDO, 0xB8, nil)
		}
	})
}

func TestNetworkMoves(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		before := c.readNV(nvNIB)
		move := []byte{0, 0, 2, 0, 0, 0, 1, 0xFE, 0, 0, 0} // channel 24
		if st := c.call(subZDO, 0x37, move...); st[0] != 0 {
			t.Fatalf("%x", st)
		}
		if n, _ := h.Dongle().Network(); n.Channel != 15 {
			t.Errorf("moved at once, to %d", n.Channel)
		}
		time.Sleep(broadcastTime + time.Second)
		after := c.readNV(nvNIB)
		if after[24] != 24 || !bytes.Equal(after[40:44], []byte{0, 0, 0, 1}) || after[114] != before[114]+1 {
			t.Errorf("NIB %x", after)
		}
		if p := c.call(subZDO, 0x50); p[len(p)-1] != 24 {
			t.Errorf("network info %x", p)
		}
		if _, body := c.command(l, cLock, 1); body[0] != 0 {
			t.Errorf("the lock: %x", body)
		}
		c.reset()
		c.commission()
		if n, up := h.Dongle().Network(); !up || n.Channel != 24 {
			t.Errorf("after a reset: channel %d, up %v", n.Channel, up)
		}
	})
}

func TestNetworkDiscovery(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		ask := []byte{0, 0xF8, 0xFF, 0x07, 2}
		if st := c.call(subZDO, 0x26, ask...); st[0] != 0 {
			t.Errorf("%x", st)
		}
		if p := c.await(areq|subZDO, 0xC7, nil); !bytes.Equal(p, []byte{0}) {
			t.Errorf("%x", p)
		}
		c.form()
		if st := c.call(subZDO, 0x26, ask...); st[0] != nwkInvalidReq {
			t.Errorf("on a network: %x", st)
		}
	})
}

func TestJoinThroughAnOpenRouter(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		lamp, _ := h.AddLock(LockConfig{Model: "lamp"})
		l, _ := h.AddLock(LockConfig{Model: yale})
		c.form()
		c.join(lamp)
		c.call(subZDO, 0x36, 2, 0, 0, 0, 1) // the dongle is closed
		lo, hi := byte(lamp.NWK()), byte(lamp.NWK()>>8)
		c.call(subZDO, 0x36, 2, lo, hi, 60, 1)
		if p := c.await(areq|subZDO, 0xB6, func(p []byte) bool { return p[0] == lo && p[1] == hi }); p[2] != 0 {
			t.Fatalf("%x", p)
		}
		if h.Dongle().PermitsJoin() {
			t.Error("the dongle is open")
		}
		l.PressJoin()
		p := c.await(areq|subZDO, 0xCA, func(p []byte) bool { return zigbee.EUI64FromLE(p[2:]) == l.ID() })
		if p[10] != lo || p[11] != hi {
			t.Errorf("the parent is %x, want %x", p[10:], []byte{lo, hi})
		}
		c.await(areq|subZDO, 0xC1, func(p []byte) bool { return zigbee.EUI64FromLE(p[4:]) == l.ID() })
		if _, body := c.command(l, cLock, 1); body[0] != 0 {
			t.Errorf("the lock: %x", body)
		}
		c.call(subZDO, 0x36, 2, lo, hi, 1, 1)
		time.Sleep(2 * time.Second)
		other, _ := h.AddLock(LockConfig{Model: yale})
		other.PressJoin()
		if p := c.until(time.Minute, areq|subZDO, 0xCA, func(p []byte) bool { return zigbee.EUI64FromLE(p[2:]) == other.ID() }); p != nil {
			t.Error("joined through a closed router")
		}
	})
}

func TestAssociationList(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		p := c.call(subUTIL, 0x49, 0)
		if len(p) != 36 || !slices.Equal(p[:6], []byte{byte(l.NWK()), byte(l.NWK() >> 8), 0, 0, 1, 1}) {
			t.Errorf("the first child: %x", p)
		}
		if q := c.call(subUTIL, 0x4A, append(l.ID().AppendLE(nil), 0, 0)...); !bytes.Equal(p, q) {
			t.Errorf("by its address: %x", q)
		}
	})
}

func TestTransmitPower(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		if st := c.call(subSYS, 0x14, 9); !bytes.Equal(st, []byte{0}) {
			t.Errorf("a status, not the power: %x", st)
		}
	})
}

// TestClientSide reads what a lock's OTA Upgrade client says of its firmware: a server asks, so that the direction is the other one.
func TestClientSide(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		for _, tt := range []struct {
			name    string
			cluster uint16
			id      uint16
			want    []byte
		}{
			{"version", cOTA, 2, []byte{0x02, 0x00, 0x00, tU32, 0x00, 0x02, 0x04, 0x01}},
			{"nothing of the kind", cOTA, 0x77, []byte{0x77, 0x00, zclUnsupAttr}},
			{"a client without attributes", cTime, 0, []byte{0, 0, zclUnsupAttr}},
		} {
			seq := c.seq + 1
			c.send(l, tt.cluster, append([]byte{0x18, seq, 0x00}, put16(nil, tt.id)...))
			z := c.incoming(l, tt.cluster, func(z []byte) bool { return z[1] == seq && z[2] == 0x01 })
			if z[0] != 0x10 || !bytes.Equal(z[3:], tt.want) {
				t.Errorf("%s: %x", tt.name, z)
			}
		}
	})
}

// TestHeldFramesGoWithThePower: what the dongle holds for a sleeping lock is in its RAM.
func TestHeldFramesGoWithThePower(t *testing.T) {
	for name, cut := range map[string]func(d *Dongle, c *client){
		"reset": func(d *Dongle, c *client) { c.reset() },
		"crash": func(d *Dongle, c *client) {
			d.Crash()
			c.await(areq|subSYS, 0x80, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
				time.Sleep(time.Minute)
				l.Off(true)
				c.post(l, cLock, []byte{0x11, 0x55, 1}) // unlock
				time.Sleep(time.Second)
				cut(h.Dongle(), c)
				l.Off(false)
				c.commission()
				time.Sleep(time.Minute)
				if l.Bolt() != Locked {
					t.Errorf("the bolt is %v", l.Bolt())
				}
			})
		})
	}
}
