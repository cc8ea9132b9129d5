package lockfw

import (
	"bytes"
	"testing"
	"time"
)

func TestBoltVariants(t *testing.T) {
	tests := []struct {
		name   string
		model  string
		adjust func(*Behaviour)
		check  func(t *testing.T, h *Home, c *client, l *Lock)
	}{
		{"transit", yale, func(b *Behaviour) { b.Transit = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
			c.command(l, cLock, 1)
			c.incoming(l, cLock, isReport(aLockState, 0))
			c.incoming(l, cLock, isReport(aLockState, 2))
		}},
		{"jam answers failure", yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			l.Jam(true)
			if _, body := c.command(l, cLock, 1); body[0] != zclFailure {
				t.Errorf("%x", body)
			}
			c.incoming(l, cLock, isReport(aLockState, 0))
			c.incoming(l, cAlarms, isAlarm(0, cLock))
			l.Jam(false)
			c.command(l, cLock, 0)
			settle()
			if l.Bolt() != Locked {
				t.Error("it stays jammed")
			}
		}},
		{"jam without a failure status", yale, func(b *Behaviour) { b.JamAnswers = false }, func(t *testing.T, h *Home, c *client, l *Lock) {
			l.Jam(true)
			if _, body := c.command(l, cLock, 1); body[0] != 0 {
				t.Errorf("%x", body)
			}
			c.incoming(l, cAlarms, isAlarm(0, cLock))
		}},
		{"PIN needed by radio", yale, func(b *Behaviour) { b.RFNeedsPIN = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			if _, body := c.command(l, cLock, 1); body[0] != zclFailure {
				t.Errorf("%x", body)
			}
			c.incoming(l, cLock, isEvent(0x20, srcRF, opUnlockBadPIN))
			if _, body := c.command(l, cLock, 1, putOctets(nil, []byte("1234"))...); body[0] != 0 {
				t.Errorf("%x", body)
			}
		}},
		{"unlock with time-out locks again", yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			c.command(l, cLock, 3, 5, 0, 0)
			time.Sleep(4 * time.Second)
			if l.Bolt() != Unlocked {
				t.Error("not open")
			}
			c.incoming(l, cLock, isEvent(0x20, srcManual, opAutoLock))
			settle()
			if l.Bolt() != Locked {
				t.Error("not locked again")
			}
		}},
		{"auto-relock by setting, LockState inverted", yale, func(b *Behaviour) { b.InvertRelock = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
			seq := c.seq + 1
			c.send(l, cLock, put32([]byte{0x10, seq, 0x02, aRelock, 0, tU32}, 10))
			c.incoming(l, cLock, func(z []byte) bool { return z[2] == 0x04 && z[3] == 0 })
			l.TurnThumb(false)
			time.Sleep(20 * time.Second)
			if l.Bolt() != Locked {
				t.Error("not locked again")
			}
			if _, v := c.read(l, cLock, aLockState); v[0] != byte(Unlocked) {
				t.Errorf("LockState %d", v[0])
			}
		}},
		{"report before event", yale, func(b *Behaviour) { b.EventFirst, b.EventGap = false, time.Second }, func(t *testing.T, h *Home, c *client, l *Lock) {
			l.Key(false)
			c.incoming(l, cLock, isReport(aLockState, 2))
			if c.maybe(500*time.Millisecond, l, cLock, isEvent(0x20, srcManual, opKeyUnlock)) != nil {
				t.Error("the event came first")
			}
			c.incoming(l, cLock, isEvent(0x20, srcManual, opKeyUnlock))
		}},
		{"reporting refused", yale, func(b *Behaviour) { b.RejectReporting = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
			if st := c.report(l, cLock, aLockState, tEnum8, 0, 3600); st != zclUnreportable {
				t.Errorf("%02x", st)
			}
			l.TurnThumb(false)
			if c.maybe(5*time.Second, l, cLock, isReport(aLockState)) != nil {
				t.Error("it reports all the same")
			}
		}},
		{"frames twice", yale, func(b *Behaviour) { b.DuplicateFrames = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
			l.TurnThumb(false)
			a := c.incoming(l, cLock, isEvent(0x20, srcManual, opManUnlock))
			b := c.incoming(l, cLock, isEvent(0x20, srcManual, opManUnlock))
			if !bytes.Equal(a, b) {
				t.Errorf("%x, %x", a, b)
			}
		}},
		{"deaf", yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			l.Adjust(func(b *Behaviour) { b.Deaf = true })
			if st := c.send(l, cLock, []byte{0x11, 1, 1}); st != 0 {
				t.Errorf("confirm %02x", st)
			}
			settle()
			if l.Bolt() != Locked {
				t.Error("it moved")
			}
		}},
		{"hourly report of the state", yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			time.Sleep(3590 * time.Second)
			c.incoming(l, cLock, isReport(aLockState, 1))
		}},
		{"no RF mode", yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			c.send(l, cLock, []byte{0x10, 1, 0x02, aMode, 0, tEnum8, 3})
			c.incoming(l, cLock, func(z []byte) bool { return z[2] == 0x04 && z[3] == 0 })
			if _, body := c.command(l, cLock, 1); body[0] != zclFailure {
				t.Errorf("%x", body)
			}
		}},
		{"check-in and fast poll", "V3-BTZB", nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			c.bind(h, l, cPoll)
			time.Sleep(3595 * time.Second)
			z := c.incoming(l, cPoll, func(z []byte) bool { return z[2] == 0 })
			c.send(l, cPoll, []byte{0x11, z[1], 0x00, 1, 40, 0})
			start := time.Now()
			time.Sleep(8 * time.Second)
			if time.Since(start); c.send(l, cBasic, []byte{0x10, 1, 0, 4, 0}) != 0 {
				t.Error("asleep")
			}
			if d := time.Since(start) - 8*time.Second; d > time.Second {
				t.Errorf("not in fast poll: %v", d)
			}
		}},
		{"tags", "NimlyPRO", nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			l.AddTag(7, "04A1B2C3")
			if l.Tag(8) == nil || l.Tag(7) != nil {
				t.Error("the wrong tag")
			}
			c.incoming(l, cLock, isReport(0x0100, 7, 0, 2, 4))
			l.TurnThumb(true)
			settle()
			if l.Fingerprint(7) != nil {
				t.Error("finger refused")
			}
			c.incoming(l, cLock, isReport(0x0100, 7, 0, 2, 3))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ready(t, tt.model, tt.adjust, func(t *testing.T, h *Home, c *client, l *Lock) { tt.check(t, h, c, l) })
		})
	}
}

func TestJoinVariants(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		c.form()
		l, _ := h.AddLock(LockConfig{Model: "V3-BTZB"})
		l.PressJoin() // the network is closed
		settle()
		if l.Joined() {
			t.Fatal("joined a closed network")
		}
		c.join(l)
		l.PressJoin() // this family leaves at the first press
		c.await(areq|subZDO, 0xC9, left(l))
		settle()
		if l.Joined() {
			t.Error("it did not leave")
		}
		c.join(l)
		k, _ := h.AddLock(LockConfig{Model: "Smartcode"})
		c.join(k)
		c.await(areq|subZDO, 0xC9, left(k)) // joins, then leaves
		n, _ := h.AddLock(LockConfig{Model: yale, Adjust: func(b *Behaviour) { b.NeedsInstallCode = true }})
		n.PressJoin()
		settle()
		if n.Joined() {
			t.Error("joined without its install code")
		}
		c.call(subAPPCNF, 0x04, append(n.ID().AppendLE([]byte{1}), make([]byte, 18)...)...)
		c.call(subAPPCNF, 0x06, 1)
		c.join(n)
		o, _ := h.AddLock(LockConfig{Model: yale})
		o.PressJoin()
		settle()
		if o.Joined() {
			t.Error("another lock joined while only install codes may")
		}
	})
}
