package lockfw

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

func left(l *Lock) func(p []byte) bool {
	return func(p []byte) bool { return zigbee.EUI64FromLE(p[2:]) == l.ID() }
}

func signs(l *Lock) (s []string) {
	for _, i := range l.Indicators() {
		s = append(s, i.Sign)
	}
	return s
}

func TestEarlyReleaseErasesNothing(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		setPIN(t, c, l, 1, "1234", 0)
		hold := time.Duration(l.Family().Reset.Hold)
		<-l.HoldReset(hold - time.Second)
		settle()
		if len(l.Codes()) != 1 || !l.Joined() || l.Keypad("1234") != nil {
			t.Fatal("an early release erased")
		}
		<-l.HoldReset(hold + 100*time.Millisecond)
		c.incoming(l, cAlarms, isAlarm(1, cLock))
		c.await(areq|subZDO, 0xC9, left(l))
		settle()
		if len(l.Codes()) != 0 || l.Joined() || !l.NeedsMaster() || l.Keypad("1234") == nil {
			t.Error("the reset left something")
		}
		if s := signs(l); !slices.Contains(s, "triple beep") || !slices.Contains(s, "ready") {
			t.Errorf("indicators %v", s)
		}
		if err := l.SetMaster("", "24680"); err != nil || l.NeedsMaster() {
			t.Error("no master code could be made")
		}
		if l.AddUser("11111", 1, "1234") == nil {
			t.Error("a wrong master code programmed a user")
		}
		if err := l.AddUser("24680", 1, "1234"); err != nil || l.Keypad("1234") != nil {
			t.Error("the master code could not program a user")
		}
	})
}

func TestResetVariants(t *testing.T) {
	tests := []struct {
		name                 string
		adjust               func(*Behaviour)
		alarm, leave, erased bool
	}{
		{"alarm and leave", nil, true, true, true},
		{"no alarm", func(b *Behaviour) { b.ResetAlarm = false }, false, true, true},
		{"no leave", func(b *Behaviour) { b.ResetLeaves = false }, true, false, true},
		{"gone without a word", func(b *Behaviour) { b.ResetAlarm, b.ResetSilent = false, true }, false, false, true},
		{"says yes and does nothing", func(b *Behaviour) { b.ResetLies = true }, false, false, false},
		{"half way", func(b *Behaviour) { b.ResetHalf = true }, false, false, true},
		{"motor dead afterwards", func(b *Behaviour) { b.DeadMotorReset = true }, true, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ready(t, "SMARTCODE_DEADBOLT_10", tt.adjust, func(t *testing.T, h *Home, c *client, l *Lock) {
				setPIN(t, c, l, 5, "8642", 0)
				<-l.ResetByHand()
				settle()
				if got := c.maybe(0, l, cAlarms, isAlarm(1, cLock)) != nil; got != tt.alarm {
					t.Errorf("alarm %v", got)
				}
				if got := c.take(areq|subZDO, 0xC9, left(l)) != nil; got != tt.leave {
					t.Errorf("leave %v", got)
				}
				if got := l.Keypad("8642") != nil; got != tt.erased {
					t.Errorf("erased %v", got)
				}
				if moves := len(l.History()); tt.erased && moves != 0 {
					t.Errorf("a reset moved the bolt: %d", moves)
				}
			})
		})
	}
}

func TestDeadMotorAndKeypadAfterReset(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, h *Home, c *client) {
		l, err := h.AddLock(LockConfig{Model: "SMARTCODE_DEADBOLT_10", Adjust: func(b *Behaviour) { b.DeadPadReset = true }})
		if err != nil {
			t.Fatal(err)
		}
		if l.Keypad("1234") != nil {
			t.Fatal("the factory code does not open")
		}
		<-l.ResetByHand()
		if l.Keypad("1234") == nil {
			t.Error("a dead keypad opened")
		}
	})
}

func TestRemoteResets(t *testing.T) {
	for way, erased := range map[string]bool{"attributes": false, "codes": true, "full": true, "lies": false} {
		t.Run(way, func(t *testing.T) {
			ready(t, yale, func(b *Behaviour) { b.BasicReset = way }, func(t *testing.T, h *Home, c *client, l *Lock) {
				setPIN(t, c, l, 1, "1234", 0)
				if st := c.send(l, cBasic, []byte{0x01, 0x77, 0x00}); st != 0 {
					t.Fatalf("confirm %02x", st)
				}
				z := c.incoming(l, cBasic, func(z []byte) bool { return z[2] == 0x0B })
				if z[4] != 0 {
					t.Errorf("status %02x", z[4])
				}
				settle()
				if got := l.Keypad("1234") != nil; got != erased {
					t.Errorf("erased %v", got)
				}
			})
		})
	}
}

func TestLocalResetSwitchedOff(t *testing.T) {
	ready(t, yale, func(b *Behaviour) { b.LocalResetOff = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
		<-l.ResetByHand()
		settle()
		if !l.Joined() {
			t.Error("the button worked")
		}
	})
}

func TestFreshBatteries(t *testing.T) {
	ready(t, "SOLIS01", nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		c.bind(h, l, cPower)
		c.report(l, cPower, 0x21, tU8, 0, 43200, 1)
		l.SetBattery(15)
		c.incoming(l, cPower, isReport(0x21, 15))
		c.incoming(l, cAlarms, isAlarm(0x10, cPower))
		l.PullBatteries()
		if l.Keypad("1") == nil || l.Battery() != 0 {
			t.Error("works without power")
		}
		time.Sleep(time.Minute)
		l.FitBatteries(100)
		c.await(areq|subZDO, 0xC1, nil)
		c.incoming(l, cPower, isReport(0x21, 200)) // the placeholder
		c.incoming(l, cAlarms, isAlarm(3, cLock))
		c.incoming(l, cPower, isReport(0x21, 100))
	})
}

func TestMotorRefusesOnCriticalBattery(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		l.SetBattery(2)
		if _, body := c.command(l, cLock, 1); body[0] != zclFailure {
			t.Errorf("%x", body)
		}
		settle()
		if len(l.History()) != 0 {
			t.Error("it moved")
		}
	})
}

func TestSaveAndLoad(t *testing.T) {
	var saved []byte
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		setPIN(t, c, l, 4, "1234", 0)
		l.TurnThumb(false)
		settle()
		var err error
		if saved, err = h.Save(); err != nil {
			t.Fatal(err)
		}
	})
	bubble(t, Config{Seed: 9}, func(t *testing.T, h *Home, c *client) {
		if err := h.Load(saved); err != nil {
			t.Fatal(err)
		}
		c.call(subZDO, 0x40, 100, 0)
		c.await(areq|subZDO, 0xC0, func(p []byte) bool { return p[0] == devCoordinator })
		c.register()
		l := h.Locks()[0]
		synctest.Wait()
		if n, up := h.Dongle().Network(); !up || n.ExtendedPAN != testEPID || n.PAN != 0x1A62 || n.Channel != 15 {
			t.Errorf("network %+v", n)
		}
		if l.Bolt() != Unlocked || len(l.Codes()) != 1 {
			t.Errorf("bolt %v, codes %d", l.Bolt(), len(l.Codes()))
		}
		if _, body := c.command(l, cLock, 0); body[0] != 0 {
			t.Errorf("%x", body)
		}
		c.incoming(l, cLock, isReport(aLockState, 1))
	})
	if err := New(Config{}).Load([]byte("{}")); err == nil {
		t.Error("an empty object was loaded")
	}
}
