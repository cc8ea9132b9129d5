package lockfw

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

const yale = "YRD226 TSDB"

// settle lets everything under way come to its end.
func settle() {
	time.Sleep(15 * time.Second)
	synctest.Wait()
}

func TestRemoteUnlockAndLock(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		for i, want := range []struct {
			cmd  uint8
			bolt Bolt
		}{{1, Unlocked}, {0, Locked}, {2, Unlocked}} {
			if rsp, body := c.command(l, cLock, want.cmd); rsp != want.cmd || !bytes.Equal(body, []byte{0}) {
				t.Fatalf("response %02x %x", rsp, body)
			}
			code := uint8(opUnlock)
			if want.bolt == Locked {
				code = opLock
			}
			c.incoming(l, cLock, isEvent(0x20, srcRF, code))
			c.incoming(l, cLock, isReport(aLockState, byte(want.bolt)))
			if l.Bolt() != want.bolt {
				t.Errorf("bolt %v", l.Bolt())
			}
			hist := l.History()
			if len(hist) != i+1 || hist[i].Cause != "radio" || hist[i].Bolt != want.bolt || hist[i].Frame[2] != want.cmd {
				t.Errorf("history %+v", hist)
			}
		}
	})
}

func TestASleepingLockAnswersAtItsNextPoll(t *testing.T) {
	ready(t, yale, func(b *Behaviour) { b.JoinAwake = 0 }, func(t *testing.T, h *Home, c *client, l *Lock) {
		settle()
		start := time.Now()
		c.command(l, cLock, 1)
		if d := time.Since(start); d > 5100*time.Millisecond {
			t.Errorf("took %v", d)
		}
	})
}

func TestOutOfRangeExpiresAndNothingArrivesLater(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		settle()
		l.Off(true)
		start := time.Now()
		if st := c.send(l, cLock, []byte{0x11, 9, 1}); st != macExpired {
			t.Fatalf("confirm %02x", st)
		}
		if d := time.Since(start); d < parentBuffer || d > parentBuffer+time.Second {
			t.Errorf("expired after %v", d)
		}
		time.Sleep(30 * time.Second)
		l.Off(false)
		settle()
		if len(l.History()) != 0 || l.Bolt() != Locked {
			t.Errorf("the bolt moved: %+v", l.History())
		}
	})
}

func TestBehindARouter(t *testing.T) {
	ready(t, yale, func(b *Behaviour) { b.BehindRouter = true }, func(t *testing.T, h *Home, c *client, l *Lock) {
		c.command(l, cLock, 1)
		l.Off(true)
		if st := c.send(l, cLock, []byte{0x11, 9, 0}); st != apsNoAck {
			t.Errorf("lock out of range: confirm %02x", st)
		}
		h.RouterOff(true)
		if st := c.send(l, cLock, []byte{0x11, 10, 0}); st != macNoAck {
			t.Errorf("router off: confirm %02x", st)
		}
	})
}

func TestKeypad(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		setPIN(t, c, l, 5, "2468", 0)
		if err := l.Keypad("2468"); err != nil {
			t.Fatal(err)
		}
		z := c.incoming(l, cLock, isEvent(0x20, srcKeypad, opUnlock))
		if z[5] != 5 || z[6] != 0 || z[7] != 0 {
			t.Errorf("event %x: user, or a PIN that should not be there", z)
		}
		c.incoming(l, cLock, isReport(aLockState, 2))
		if hist := l.History(); len(hist) != 1 || hist[0].Cause != "keypad" || hist[0].Slot != 5 {
			t.Errorf("history %+v", hist)
		}
	})
}

func TestWrongCodesLockTheKeypadOut(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		setPIN(t, c, l, 1, "2468", 0)
		for range 5 {
			if l.Keypad("0000") == nil {
				t.Fatal("a wrong code opened")
			}
			c.incoming(l, cLock, isEvent(0x20, srcKeypad, opUnlockBadPIN))
		}
		c.incoming(l, cAlarms, isAlarm(4, cLock))
		if l.Keypad("2468") == nil {
			t.Error("the keypad is not locked out")
		}
		time.Sleep(121 * time.Second)
		if l.Keypad("2468") != nil {
			t.Error("the keypad stays locked out")
		}
	})
}

func isAlarm(code uint8, cluster uint16) func(z []byte) bool {
	return func(z []byte) bool { return z[2] == 0 && z[3] == code && (&reader{b: z[4:]}).u16() == cluster }
}

// setPIN programs a code by radio and checks the status.
func setPIN(t *testing.T, c *client, l *Lock, slot uint16, pin string, want uint8) {
	t.Helper()
	rsp, body := c.command(l, cLock, 0x05, putOctets(append(put16(nil, slot), 1, 0), []byte(pin))...)
	if rsp != 0x05 || !bytes.Equal(body, []byte{want}) {
		t.Fatalf("SetPIN %d: response %02x %x, want status %d", slot, rsp, body, want)
	}
}

func getPIN(t *testing.T, c *client, l *Lock, slot uint16) (status uint8, pin string) {
	t.Helper()
	rsp, body := c.command(l, cLock, 0x06, put16(nil, slot)...)
	if rsp != 0x06 || len(body) < 5 {
		t.Fatalf("GetPIN %d: response %02x %x", slot, rsp, body)
	}
	return body[2], string(body[5 : 5+int(body[4])])
}

func TestCodes(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		setPIN(t, c, l, 3, "1234", 0)
		z := c.incoming(l, cLock, isEvent(0x21, srcRF, progAdded))
		if z[5] != 0 || z[6] != 3 {
			t.Errorf("this family tells the user id in the high byte: %x", z)
		}
		setPIN(t, c, l, 3, "4321", 0)
		c.incoming(l, cLock, isEvent(0x21, srcRF, progChanged))
		setPIN(t, c, l, 4, "4321", 3)
		setPIN(t, c, l, 4, "12", 1)
		setPIN(t, c, l, 4, "123456789", 1)
		setPIN(t, c, l, 250, "7777", 1)
		if st, pin := getPIN(t, c, l, 3); st != 1 || pin != "4321" {
			t.Errorf("slot 3: %d %s", st, pin)
		}
		if st, pin := getPIN(t, c, l, 9); st != 0 || pin != "" {
			t.Errorf("empty slot: %d %s", st, pin)
		}
		if rsp, body := c.command(l, cLock, 0x06, 0xFF, 0xFF); rsp != 0x0B || !bytes.Equal(body, []byte{6, zclInvalidValue}) {
			t.Errorf("slot 65535: %02x %x", rsp, body)
		}
		if _, body := c.command(l, cLock, 0x07, 3, 0); body[0] != 0 {
			t.Errorf("clear: %x", body)
		}
		c.incoming(l, cLock, isEvent(0x21, srcRF, progDeleted))
		if got := l.Codes(); len(got) != 0 {
			t.Errorf("codes left: %d", len(got))
		}
		setPIN(t, c, l, 7, "7777", 0)
		if _, body := c.command(l, cLock, 0x08); body[0] != 0 || len(l.Codes()) != 0 {
			t.Errorf("clear all: %x", body)
		}
	})
}

func TestCodeVariants(t *testing.T) {
	tests := []struct {
		name   string
		adjust func(*Behaviour)
		check  func(t *testing.T, c *client, l *Lock)
	}{
		{"status 0 but not stored", func(b *Behaviour) { b.SetPINLies = true }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			if st, _ := getPIN(t, c, l, 1); st != 0 || l.Keypad("1234") == nil {
				t.Error("it was stored")
			}
		}},
		{"reply four seconds late", func(b *Behaviour) { b.SetPINDelay = 4 * time.Second }, func(t *testing.T, c *client, l *Lock) {
			start := time.Now()
			setPIN(t, c, l, 1, "1234", 0)
			if time.Since(start) < 4*time.Second {
				t.Error("it came early")
			}
		}},
		{"GetPIN unsupported", func(b *Behaviour) { b.GetPIN = "no" }, func(t *testing.T, c *client, l *Lock) {
			if rsp, body := c.command(l, cLock, 0x06, 1, 0); rsp != 0x0B || body[1] != zclUnsupCommand {
				t.Errorf("%02x %x", rsp, body)
			}
		}},
		{"GetPIN hides the code", func(b *Behaviour) { b.GetPIN = "hidden" }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			if st, pin := getPIN(t, c, l, 1); st != 1 || pin != "" {
				t.Errorf("%d %s", st, pin)
			}
		}},
		{"duplicates allowed", func(b *Behaviour) { b.Duplicates = "allow" }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			setPIN(t, c, l, 2, "1234", 0)
		}},
		{"the same code again is a duplicate", func(b *Behaviour) { b.SameCodeIsDup = true }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			setPIN(t, c, l, 1, "1234", 3)
		}},
		{"one length for all", func(b *Behaviour) { b.SameLength = true }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			setPIN(t, c, l, 2, "12345", 1)
		}},
		{"ClearPIN leaves status 1", func(b *Behaviour) { b.ClearKeepsBusy = true }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			c.command(l, cLock, 0x07, 1, 0)
			if st, pin := getPIN(t, c, l, 1); st != 1 || pin != "" || l.Keypad("1234") == nil || l.Keypad("") == nil {
				t.Errorf("%d %s", st, pin)
			}
		}},
		{"clear lies", func(b *Behaviour) { b.ClearPINLies = true }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			if _, body := c.command(l, cLock, 0x08); body[0] != 0 || l.Keypad("1234") != nil {
				t.Error("it did erase")
			}
		}},
		{"memory full", func(b *Behaviour) { b.SetPINFails = codeFull }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", codeFull)
		}},
		{"event repeats the PIN and says added", func(b *Behaviour) { b.PINInEvents, b.AlwaysAdded = true, true }, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			setPIN(t, c, l, 1, "5678", 0)
			c.incoming(l, cLock, isEvent(0x21, srcRF, progAdded))
			if z := c.incoming(l, cLock, isEvent(0x21, srcRF, progAdded)); bytes.Count(z, []byte("5678")) != 2 {
				t.Errorf("%x", z)
			}
		}},
		{"a disabled user does not enter", nil, func(t *testing.T, c *client, l *Lock) {
			setPIN(t, c, l, 1, "1234", 0)
			if _, body := c.command(l, cLock, 0x09, 1, 0, 3); body[0] != 0 {
				t.Fatalf("%x", body)
			}
			if l.Keypad("1234") == nil {
				t.Error("it opened")
			}
			if _, body := c.command(l, cLock, 0x0A, 1, 0); !bytes.Equal(body, []byte{1, 0, 3}) {
				t.Errorf("%x", body)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ready(t, yale, tt.adjust, func(t *testing.T, _ *Home, c *client, l *Lock) { tt.check(t, c, l) })
		})
	}
}

func TestSchedules(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		setPIN(t, c, l, 1, "1234", 0)
		c.command(l, cLock, 0x14, 1, 0, 1) // year-day user
		if l.Keypad("1234") == nil {
			t.Error("a scheduled user entered a lock that knows no time")
		}
		// The lock asks for the time; tell it.
		now := uint32(time.Since(zigbeeEpoch) / time.Second)
		l.h.mu.Lock()
		l.answered(&asked{f: &frame{cluster: cTime}, cmd: 1, r: reader{b: put32([]byte{0, 0, 0, tUTC}, now)}})
		l.h.mu.Unlock()
		body := put32(put32([]byte{0, 1, 0}, now), now+600)
		if _, st := c.command(l, cLock, 0x0E, body...); st[0] != 0 {
			t.Fatalf("%x", st)
		}
		if l.Keypad("1234") != nil {
			t.Error("it refused inside the schedule")
		}
		if _, got := c.command(l, cLock, 0x0F, 0, 1, 0); !bytes.Equal(got, append([]byte{0, 1, 0, 0}, body[3:]...)) {
			t.Errorf("%x", got)
		}
		time.Sleep(700 * time.Second)
		if l.Keypad("1234") == nil {
			t.Error("it opened after the schedule")
		}
		if _, st := c.command(l, cLock, 0x0B, 0, 1, 0, 0x7F, 22, 0, 6, 0); st[0] != 1 {
			t.Error("a schedule over midnight was taken")
		}
		if u := l.Schedule(1); u.Type != 1 || u.YearDay[0] != [2]uint32{now, now + 600} || len(u.WeekDay) != 0 {
			t.Errorf("%+v", u)
		}
		l.PullBatteries()
		l.FitBatteries(100)
		l.h.mu.Lock()
		if got := l.now(); got != 0xFFFFFFFF {
			t.Errorf("its clock ran on without power: %d", got)
		}
		l.h.mu.Unlock()
	})
}

func TestHandsAtTheDoor(t *testing.T) {
	ready(t, yale, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
		l.TurnThumb(false)
		c.incoming(l, cLock, isEvent(0x20, srcManual, opManUnlock))
		l.OneTouch()
		c.incoming(l, cLock, isEvent(0x20, srcManual, opOneTouch))
		l.Key(false)
		c.incoming(l, cLock, isEvent(0x20, srcManual, opKeyUnlock))
		l.Tamper()
		c.incoming(l, cAlarms, isAlarm(5, cLock))
		l.TurnThumb(true)
		settle()
		l.ForceOpen()
		c.incoming(l, cAlarms, isAlarm(6, cLock))
		settle()
		var got []string
		for _, m := range l.History() {
			got = append(got, m.Cause)
		}
		if !slices.Equal(got, []string{"thumb", "one-touch", "key", "thumb", "force"}) {
			t.Errorf("causes %v", got)
		}
	})
}
