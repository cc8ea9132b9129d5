package lockfw

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestFamiliesAreComplete(t *testing.T) {
	if n := len(Families()); n != 23 {
		t.Errorf("%d families", n)
	}
	seen := map[string]string{}
	for _, f := range Families() {
		for _, m := range f.Models {
			if other, dup := seen[m]; dup && m != "" {
				t.Errorf("%q is of %s and %s", m, other, f.Name)
			}
			seen[m] = f.Name
			if _, err := f.behaviour(m); err != nil {
				t.Error(err)
			}
		}
		for m := range f.PerModel {
			if seen[m] != f.Name {
				t.Errorf("%s: switches for %q, which is no model of it", f.Name, m)
			}
		}
	}
	if _, err := FamilyOf("no such lock"); err == nil {
		t.Error("an unknown model was found")
	}
}

// TestEveryFamily joins a lock of each family, interviews it, moves it in every way it has, gives it a code, resets it by hand, and lets it join again.
func TestEveryFamily(t *testing.T) {
	for _, f := range Families() {
		t.Run(f.Name, func(t *testing.T) {
			model := f.Models[0]
			if model == "" {
				model = f.Name
			}
			model = strings.Replace(model, "*", "X1", 1)
			bubble(t, Config{Seed: 3}, func(t *testing.T, h *Home, c *client) {
				l, err := h.AddLock(LockConfig{Model: model})
				if err != nil {
					t.Fatal(err)
				}
				c.form()
				c.join(l)
				interview(t, c, l)
				for _, cluster := range []uint16{cLock, cAlarms, cPower, cVendor} {
					if l.hasCluster(cluster) {
						c.bind(h, l, cluster)
					}
				}
				if l.hasCluster(cLock) {
					st := c.report(l, cLock, aLockState, tEnum8, 0, 3600)
					if (st == zclUnreportable) != l.b.RejectReporting {
						t.Errorf("configure reporting: %02x", st)
					}
					moveByRadio(t, c, l)
					codes(t, c, l)
				}
				l.TurnThumb(l.Bolt() != Locked)
				settle()
				for _, m := range l.History() {
					if m.Cause != "radio" && m.Cause != "thumb" && m.Cause != "keypad" {
						t.Errorf("moved by %s", m.Cause)
					}
				}
				moves := len(l.History())
				<-l.ResetByHand()
				c.await(areq|subZDO, 0xC9, left(l))
				settle()
				if n := len(l.History()); n != moves && f.Defaults.Kind != "sticker" {
					t.Error("the reset moved the bolt")
				}
				for _, code := range l.Codes() {
					if code.Slot >= 0 && f.Defaults.Kind != "sticker" && f.Defaults.Codes[code.Slot] != code.PIN.Reveal() {
						t.Errorf("slot %d survived the reset", code.Slot)
					}
				}
				if nwk := c.join(l); nwk != l.NWK() {
					t.Errorf("joined as %v, is %v", nwk, l.NWK())
				}
			})
		})
	}
}

func interview(t *testing.T, c *client, l *Lock) {
	t.Helper()
	to := put16(put16(nil, uint16(l.NWK())), uint16(l.NWK()))
	c.call(subZDO, 0x02, to...)
	if p := c.await(areq|subZDO, 0x82, nil); p[2] != 0 || p[8-1] != capabilityOf(l) || (&reader{b: p[8:]}).u16() != uint16(l.f.MfrCode) {
		t.Errorf("node descriptor %x", p)
	}
	c.call(subZDO, 0x05, to...)
	if p := c.await(areq|subZDO, 0x85, nil); int(p[5]) != 1+len(l.f.More) || p[6] != l.f.Endpoint {
		t.Errorf("endpoints %x", p)
	}
	c.call(subZDO, 0x04, append(to, l.f.Endpoint)...)
	if p := c.await(areq|subZDO, 0x84, nil); p[2] != 0 || p[6] != l.f.Endpoint {
		t.Errorf("simple descriptor %x", p)
	}
	if st, v := c.read(l, cBasic, 5); st != 0 || string(v[1:]) != l.Model() {
		t.Errorf("model %02x %q", st, v)
	}
	if st, v := c.read(l, cBasic, 4); st != 0 || string(v[1:]) != l.f.Manufacturer {
		t.Errorf("manufacturer %02x %q", st, v)
	}
}

func capabilityOf(l *Lock) byte {
	switch {
	case l.b.Router:
		return 0x8E
	case l.b.LiesMains:
		return 0x8C
	}
	return 0x80
}

func moveByRadio(t *testing.T, c *client, l *Lock) {
	t.Helper()
	for cmd, bolt := range map[uint8]Bolt{1: Unlocked, 0: Locked} {
		rsp, body := c.command(l, cLock, cmd)
		refused := l.b.NoRemote || cmd == 0 && l.b.NoRemoteLock
		if (rsp == 0x0B) != refused {
			t.Errorf("command %d: %02x %x", cmd, rsp, body)
		}
		time.Sleep(5 * time.Second)
		if !refused && l.Bolt() != bolt {
			t.Errorf("command %d: the bolt is %v", cmd, l.Bolt())
		}
	}
}

func codes(t *testing.T, c *client, l *Lock) {
	t.Helper()
	if l.f.Slots == 0 || l.b.NoRFCodes || l.b.InnerLength {
		if rsp, body := c.command(l, cLock, 0x05, 1, 0, 1, 0, 4, '8', '6', '4', '2'); rsp != 0x0B || body[1] != zclUnsupCommand {
			t.Errorf("a lock without codes took one: %02x %x", rsp, body)
		}
		return
	}
	pin, slot := "8642", uint16(l.f.First)
	setPIN(t, c, l, slot, pin, 0)
	rsp, body := c.command(l, cLock, 0x06, put16(nil, slot)...)
	switch l.b.GetPIN {
	case "no":
		if rsp != 0x0B || body[1] != zclUnsupCommand {
			t.Errorf("GetPIN: %02x %x", rsp, body)
		}
	default:
		if rsp != 0x06 || !bytes.HasSuffix(body, []byte(pin)) {
			t.Errorf("GetPIN: %02x %x", rsp, body)
		}
	}
	if err := l.Keypad(pin); err != nil {
		t.Error("the code does not open")
	}
	time.Sleep(5 * time.Second)
	if l.f.lastSlot() >= l.f.Slots {
		t.Errorf("last slot %d of %d", l.f.lastSlot(), l.f.Slots)
	}
}

// TestEventStyles holds a keypad unlock and a thumb turn against the frames that each style sends for them.
func TestEventStyles(t *testing.T) {
	tests := []struct {
		model       string
		slot        int
		cluster     uint16
		unlock      func(z []byte) bool
		thumb       func(z []byte) bool
		thumbSilent bool
	}{
		{model: yale, slot: 5, cluster: cLock, unlock: isEvent(0x20, 0, 2), thumb: isEvent(0x20, 2, 13)},
		{model: "YRD256-TSDB", slot: 5, cluster: cAlarms, unlock: isAlarm(19, cVendor), thumb: isAlarm(21, cVendor)},
		{model: "SOLIS01", slot: 5, cluster: cLock, unlock: func(z []byte) bool { return bytes.HasSuffix(z, []byte{0x20, 0, 2, 5, 0}) }, thumb: isEvent(0x20, 2, 13)},
		{model: "YMC420", slot: 5, cluster: cLock, unlock: func(z []byte) bool { return bytes.HasSuffix(z, []byte{0x20, 0, 2, 5}) }, thumb: isEvent(0x20, 13, 2)},
		{model: "NimlyPRO", slot: 5, cluster: cLock, unlock: func(z []byte) bool { return bytes.HasSuffix(z, []byte{0x20, 0, 1, 5, 0}) }, thumb: isEvent(0x20, 2, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.model, func(t *testing.T) {
			ready(t, tt.model, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
				setPIN(t, c, l, uint16(tt.slot), "8642", 0)
				if err := l.Keypad("8642"); err != nil {
					t.Fatal(err)
				}
				c.incoming(l, tt.cluster, tt.unlock)
				l.TurnThumb(false)
				settle()
				l.TurnThumb(true)
				c.incoming(l, tt.cluster, tt.thumb)
			})
		})
	}
	t.Run("Onesti tells the PIN", func(t *testing.T) {
		ready(t, "NimlyPRO", func(b *Behaviour) { b.BCDPIN = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
			setPIN(t, c, l, 5, "8642", 0)
			_ = l.Keypad("8642")
			c.incoming(l, cLock, func(z []byte) bool {
				return z[2] == 0x0A && bytes.HasSuffix(z, []byte{0x01, 0x01, tOctets, 2, 0x86, 0x42})
			})
		})
	})
	t.Run("Wyze tells the bolt in a frame of 85 bytes", func(t *testing.T) {
		ready(t, "Ford", nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			c.command(l, cLock, 1)
			z := c.incoming(l, cVendor, func(z []byte) bool { return len(z) == 85 })
			if z[80]&3 != 0 {
				t.Errorf("unlocked: %d", z[80])
			}
			c.command(l, cLock, 0)
			if z = c.incoming(l, cVendor, func(z []byte) bool { return len(z) == 85 }); z[80]&3 != 3 {
				t.Errorf("locked: %d", z[80])
			}
		})
	})
	t.Run("Samsung's own unlock", func(t *testing.T) {
		ready(t, "samsung_sds", nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			c.send(l, cLock, append(put16([]byte{0x05}, 3), 9, 0x1F, 0x10, 4, '1', '2', '3', '5'))
			settle()
			if l.Bolt() != Unlocked {
				t.Error("it did not open")
			}
		})
	})
	t.Run("easyiot's length inside the PIN", func(t *testing.T) {
		ready(t, "ZB-ZL01", func(b *Behaviour) { b.RFNeedsPIN = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
			c.send(l, cLock, putOctets([]byte{0x11, 99, 0xB6, 2, 0, 1, 0}, []byte("8642")))
			if _, body := c.command(l, cLock, 1, 5, 4, '8', '6', '4', '2'); body[0] != 0 {
				t.Errorf("%x", body)
			}
			if _, body := c.command(l, cLock, 3, 5, 0, 0, 0, 5, 4, '8', '6', '4', '2'); body[0] != 0 {
				t.Errorf("%x", body)
			}
		})
	})
}

func TestStickerLock(t *testing.T) {
	ready(t, "BE468", nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		master, users := l.Sticker()
		if len(master) != 6 || len(users) != 2 {
			t.Fatal("no sticker")
		}
		if l.Keypad("0000") == nil || l.Keypad(master.Reveal()) == nil || l.Keypad(users[1].Reveal()) != nil {
			t.Error("it takes other codes than its own")
		}
		if err := l.AddUser(master.Reveal(), 5, "8642"); err != nil {
			t.Error(err)
		}
		<-l.ResetByHand()
		settle()
		if l.Keypad("8642") == nil || l.Keypad(users[0].Reveal()) != nil {
			t.Error("the sticker's codes are not back")
		}
	})
}
