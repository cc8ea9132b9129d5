package doorlock

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

func pin(t *testing.T, digits string) bridge.PIN {
	t.Helper()
	p, err := bridge.NewPIN([]byte(digits))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answering makes the lock answer a kind of command with m.
func answering[M zcl.Message](fl *fakeLock, m zcl.Message) {
	fl.set(func() {
		fl.handle = func(_ zigbee.Frame, _ zcl.Header, got zcl.Message) (zcl.Message, bool) {
			_, ok := got.(M)
			return m, ok
		}
	})
}

func TestWriteReadClear(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		ctx := deadline(w, time.Minute)
		if c, err := l.ReadSlot(ctx, 5); err != nil || c.State != bridge.SlotEmpty {
			t.Errorf("before: %v %v", c.State, err)
		}
		if err := l.WritePIN(ctx, 5, pin(t, "0071")); err != nil {
			t.Error(err)
		}
		if m := last(fl.received()).(*zcl.SetPINCode); m.User != 5 || m.Status != zcl.UserEnabled || m.Type != zcl.UserUnrestricted || !m.PIN.Equal(zcl.PIN("0071")) {
			t.Errorf("sent slot %d %v %v", m.User, m.Status, m.Type)
		}
		if c, err := l.ReadSlot(ctx, 5); err != nil || c.State != bridge.SlotKnown || !c.PIN.Equal(pin(t, "0071")) {
			t.Errorf("after: %v %v", c.State, err)
		}
		if err := l.ClearPIN(ctx, 5); err != nil {
			t.Error(err)
		}
		if c, err := l.ReadSlot(ctx, 5); err != nil || c.State != bridge.SlotEmpty {
			t.Errorf("cleared: %v %v", c.State, err)
		}
	})
}

func TestSlotsAndLengthsBeforeTheRadio(t *testing.T) {
	inBubble(t, func(w *world) {
		_, l := w.joined("Yale", "YRD256 TSDB", 1)
		n := w.r.count()
		ctx := deadline(w, time.Second)
		for _, c := range []struct {
			name string
			err  error
			want error
		}{
			{"master", l.WritePIN(ctx, 0, pin(t, "1234")), bridge.ErrMasterSlot},
			{"clear master", l.ClearPIN(ctx, 0), bridge.ErrMasterSlot},
			{"beyond the last", l.WritePIN(ctx, 250, pin(t, "1234")), bridge.ErrNoSuchSlot},
			{"65535", l.WritePIN(ctx, 65535, pin(t, "1234")), bridge.ErrNoSuchSlot},
			{"too short", l.WritePIN(ctx, 1, pin(t, "123")), bridge.ErrCodeLength},
			{"too long", l.WritePIN(ctx, 1, pin(t, "123456789")), bridge.ErrCodeLength},
			{"none", l.WritePIN(ctx, 1, bridge.PIN{}), bridge.ErrCodeLength},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
			}
		}
		if w.r.count() != n {
			t.Error("something was sent")
		}
	})
}

func TestWriteRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer zcl.Message
		want   error
	}{
		{"duplicate", &zcl.SetPINCodeResponse{Status: zcl.SetCodeDuplicate}, bridge.ErrDuplicate},
		{"memory full", &zcl.SetPINCodeResponse{Status: zcl.SetCodeMemoryFull}, bridge.ErrMemoryFull},
		{"failure", &zcl.SetPINCodeResponse{Status: zcl.SetCodeFailed}, bridge.ErrRejected},
		{"nonsense", &zcl.SetPINCodeResponse{Status: 0x77}, bridge.ErrRejected},
		{"unsupported", &zcl.DefaultResponse{Command: zcl.CmdSetPINCode, Status: zcl.StatusUnsupClusterCommand}, bridge.ErrUnsupported},
		{"invalid value", &zcl.DefaultResponse{Command: zcl.CmdSetPINCode, Status: zcl.StatusInvalidValue}, bridge.ErrRejected},
		{"default response: duplicate", &zcl.DefaultResponse{Command: zcl.CmdSetPINCode, Status: zcl.StatusDuplicateExists}, bridge.ErrDuplicate},
		{"default response: full", &zcl.DefaultResponse{Command: zcl.CmdSetPINCode, Status: zcl.StatusInsufficientSpace}, bridge.ErrMemoryFull},
		{"default response: success", &zcl.DefaultResponse{Command: zcl.CmdSetPINCode}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, l := w.joined("Yale", "YRD256 TSDB", 1)
				answering[*zcl.SetPINCode](fl, c.answer)
				if err := l.WritePIN(deadline(w, 10*time.Second), 3, pin(t, "1234")); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		})
	}
}

// Yale Real Living calls a slot's own code, written again, a duplicate.
func TestOwnCodeIsNoDuplicate(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD220/240 TSDB", 1)
		fl.set(func() { fl.pins[3] = zcl.PIN("1234") })
		answering[*zcl.SetPINCode](fl, &zcl.SetPINCodeResponse{Status: zcl.SetCodeDuplicate})
		ctx := deadline(w, time.Minute)
		if err := l.WritePIN(ctx, 3, pin(t, "1234")); err != nil {
			t.Error(err)
		}
		if err := l.WritePIN(ctx, 3, pin(t, "4321")); !errors.Is(err, bridge.ErrDuplicate) {
			t.Errorf("another code: %v", err)
		}
	})
}

// An event by radio for the slot stands for an answer that was lost, and is known to be ours.
func TestProgrammingEventStandsForALostAnswer(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.silent = true })
		done := make(chan error, 1)
		go func() { done <- l.WritePIN(deadline(w, 20*time.Second), 3, pin(t, "1234")) }()
		time.Sleep(4 * time.Second)
		fl.tells(zcl.ClusterDoorLock, &zcl.ProgrammingEvent{Source: zcl.SourceRF, Code: zcl.ProgPINAdded, User: 4})
		fl.tells(zcl.ClusterDoorLock, &zcl.ProgrammingEvent{Source: zcl.SourceRF, Code: zcl.ProgPINAdded, User: 3, PIN: zcl.PIN("1234")})
		if err := <-done; err != nil {
			t.Error(err)
		}
		p := of[bridge.LockProgrammed](w)
		if len(p) != 2 || p[0].Ours || !p[1].Ours {
			t.Errorf("told %+v", p)
		}
	})
}

// A write that may have arrived is not sent again by the driver.
func TestWriteIsSentOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() { fl.silent = true })
		n := w.r.count()
		if err := l.WritePIN(deadline(w, 30*time.Second), 3, pin(t, "1234")); !errors.Is(err, bridge.ErrUnreachable) {
			t.Error(err)
		}
		sets := 0
		for _, m := range w.r.since(n) {
			if _, ok := m.(*zcl.SetPINCode); ok {
				sets++
			}
		}
		if sets != 1 {
			t.Errorf("sent %d times", sets)
		}
	})
}

// Onesti answers up to four seconds late.
func TestSlowAnswer(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Onesti Products AS", "NimlyPRO", 11)
		fl.set(func() { fl.delay = 4 * time.Second })
		if err := l.WritePIN(deadline(w, 10*time.Second), 3, pin(t, "1234")); err != nil {
			t.Error(err)
		}
		if _, err := l.ReadSlot(deadline(w, time.Second), 3); !errors.Is(err, bridge.ErrUnsupported) {
			t.Errorf("read: %v", err)
		}
		if err := l.WritePIN(deadline(w, time.Second), 2, pin(t, "1234")); !errors.Is(err, bridge.ErrMasterSlot) {
			t.Errorf("master slot 2: %v", err)
		}
	})
}

func TestCredentials(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name  string
		r     zcl.GetPINCodeResponse
		sends *bool
		want  bridge.CredentialState
	}{
		{"empty", zcl.GetPINCodeResponse{Status: zcl.UserAvailable, Type: zcl.UserTypeUnsupported}, nil, bridge.SlotEmpty},
		{"known", zcl.GetPINCodeResponse{Status: zcl.UserEnabled, PIN: zcl.PIN("1234")}, nil, bridge.SlotKnown},
		{"hidden", zcl.GetPINCodeResponse{Status: zcl.UserEnabled}, &no, bridge.SlotUnreadable},
		{"hidden, or so it seems", zcl.GetPINCodeResponse{Status: zcl.UserEnabled}, nil, bridge.SlotUnreadable},
		{"length FF", zcl.GetPINCodeResponse{Status: zcl.UserEnabled, Form: zcl.Null}, &yes, bridge.SlotUnreadable},
		{"cleared, and still marked as occupied", zcl.GetPINCodeResponse{Status: zcl.UserEnabled}, &yes, bridge.SlotEmpty},
		{"zeroed", zcl.GetPINCodeResponse{Status: zcl.UserEnabled, PIN: zcl.PIN("\x00\x00\x00\x00")}, nil, bridge.SlotEmpty},
		{"no digits", zcl.GetPINCodeResponse{Status: zcl.UserEnabled, PIN: zcl.PIN("12\x8034")}, nil, bridge.SlotUnreadable},
		{"disabled", zcl.GetPINCodeResponse{Status: zcl.UserDisabled, PIN: zcl.PIN("1234")}, nil, bridge.SlotKnown},
		{"unsupported", zcl.GetPINCodeResponse{Status: zcl.UserStatusUnsupported}, nil, bridge.SlotUnknown},
	} {
		if got := credential(&c.r, c.sends); got.State != c.want || got.Disabled != (c.r.Status == zcl.UserDisabled) {
			t.Errorf("%s: %v, want %v", c.name, got.State, c.want)
		}
	}
}

// YRD210 does not know GetPINCode: that is learnt, and not asked again.
func TestReadBackIsUnlearnt(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Kwikset", "SMARTCODE_DEADBOLT_10", 2)
		answering[*zcl.GetPINCode](fl, &zcl.DefaultResponse{Command: zcl.CmdGetPINCode, Status: zcl.StatusUnsupClusterCommand})
		if _, err := l.ReadSlot(deadline(w, 10*time.Second), 1); !errors.Is(err, bridge.ErrUnsupported) {
			t.Error(err)
		}
		n := w.r.count()
		if _, err := l.ReadSlot(deadline(w, 10*time.Second), 1); !errors.Is(err, bridge.ErrUnsupported) || w.r.count() != n {
			t.Errorf("asked again: %v", err)
		}
		if r := of[bridge.LockReady](w); len(r) != 1 || r[0].Info.Traits.ReadBack != bridge.ReadBackNone {
			t.Errorf("told %v", w.bodies())
		}
	})
}

// sent compares messages by their bytes.
func sent(t *testing.T, got, want []zcl.Message) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("sent %d messages, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		g, w := zcl.Append(nil, zcl.Header{}, got[i]), zcl.Append(nil, zcl.Header{}, want[i])
		if string(g) != string(w) {
			t.Errorf("message %d: %x, want %x", i, g, w)
		}
	}
}

func TestSettings(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		ctx := deadline(w, time.Minute)
		relock, sound, lang := 30*time.Second, uint8(2), "de"
		if err := l.WriteSettings(ctx, bridge.Settings{AutoRelock: &relock, Sound: &sound, Language: &lang}); err != nil {
			t.Fatal(err)
		}
		s, err := l.ReadSettings(ctx)
		if err != nil || s.AutoRelock == nil || *s.AutoRelock != relock || *s.Sound != 2 || *s.Language != "de" || s.OneTouch != nil {
			t.Errorf("%+v %v", s, err)
		}
		if v := fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrAutoRelockTime]; !v.Equal(zcl.Uint32(30)) {
			t.Errorf("written %v", v)
		}
	})
}

func TestSettingsByFamily(t *testing.T) {
	minute, loud := time.Minute, uint8(9)
	for _, c := range []struct {
		manufacturer, model string
		ep                  uint8
		cluster             uint16
		id                  zcl.AttributeID
		want                zcl.Value
		settings            bridge.Settings
	}{
		{"Onesti Products AS", "NimlyPRO", 11, zcl.ClusterDoorLock, zcl.LockAttrAutoRelockTime, zcl.Uint32(1), bridge.Settings{AutoRelock: &minute}},
		{"Datek", "ID Lock 150", 1, zcl.ClusterDoorLock, zcl.IDLockAttrRelock, zcl.Bool(true), bridge.Settings{AutoRelock: &minute}},
		{"Yale", "ZYA-C4-MOD-S", 1, zcl.ClusterAssaC4, zcl.AssaAttrAutoLockTime, zcl.Uint8(60), bridge.Settings{AutoRelock: &minute}},
		{"Yale", "ZYA-C4-MOD-S", 1, zcl.ClusterAssaC4, zcl.AssaAttrVolume, zcl.Uint8(3), bridge.Settings{Sound: &loud}},
		{"Home Control AS/Heimgard", "HT-SLM-2", 1, zcl.ClusterDoorLock, zcl.LockAttrSoundVolume, zcl.Uint8(3), bridge.Settings{Sound: &loud}},
	} {
		t.Run(c.model, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, l := w.joined(c.manufacturer, c.model, c.ep)
				if err := l.WriteSettings(deadline(w, time.Minute), c.settings); err != nil {
					t.Fatal(err)
				}
				fl.set(func() {
					if v := fl.attrs[c.cluster][c.id]; !v.Equal(c.want) {
						t.Errorf("written %v, want %v", v, c.want)
					}
				})
			})
		})
	}
	inBubble(t, func(w *world) {
		_, l := w.joined("Kwikset", "SMARTCODE_DEADBOLT_10", 2)
		if err := l.WriteSettings(deadline(w, time.Minute), bridge.Settings{AutoRelock: &minute}); !errors.Is(err, bridge.ErrUnsupported) {
			t.Errorf("Kwikset: %v", err)
		}
	})
}

func TestResets(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		ctx := deadline(w, time.Minute)
		fl.set(func() { fl.pins[3] = zcl.PIN("1234") })
		if err := l.Reset(ctx, bridge.ResetClearCodes); err != nil || len(fl.pins) != 0 {
			t.Errorf("clear codes: %v", err)
		}
		if err := l.Reset(ctx, bridge.ResetBasic); err != nil {
			t.Errorf("basic: %v", err)
		}
		if _, ok := last(fl.received()).(*zcl.ResetToFactoryDefaults); !ok {
			t.Errorf("sent %T", last(fl.received()))
		}
		if err := l.Reset(ctx, bridge.ResetHands); !errors.Is(err, bridge.ErrNeedsHands) {
			t.Errorf("hands: %v", err)
		}
		answering[*zcl.ClearAllPINCodes](fl, &zcl.DefaultResponse{Command: zcl.CmdClearAllPINCodes, Status: zcl.StatusUnsupClusterCommand})
		for range 2 {
			if err := l.Reset(ctx, bridge.ResetClearCodes); !errors.Is(err, bridge.ErrUnsupported) {
				t.Errorf("unsupported: %v", err)
			}
		}
		if err := l.Reset(ctx, bridge.ResetLeave); err != nil {
			t.Errorf("leave: %v", err)
		}
		if len(of[bridge.LockLeft](w)) != 1 {
			t.Errorf("told %v", w.bodies())
		}
	})
	inBubble(t, func(w *world) {
		_, l := w.joined("Schlage", "BE468", 1)
		if err := l.Reset(deadline(w, time.Second), bridge.ResetBasic); !errors.Is(err, bridge.ErrUnsupported) {
			t.Errorf("a way that no source knows: %v", err)
		}
	})
}

// PINs that come with events go nowhere: not even the bytes of the frame survive.
func TestTypedPINsAreWiped(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, _ := w.joined("Datek", "ID Lock 150", 1)
		frame := zcl.Append(nil, zcl.Header{Seq: 9}, &zcl.ProgrammingEvent{Code: zcl.ProgPINAdded, User: 4, PIN: zcl.PIN("73914682"), Data: zcl.PIN("73914682")})
		w.r.inbox <- func(h zigbee.Handler) {
			h.Frame(zigbee.Frame{Device: testLock, SrcEndpoint: fl.node.Endpoints[0].ID, Cluster: zcl.ClusterDoorLock, Payload: frame})
		}
		time.Sleep(time.Second)
		_ = w.heard()
		for _, b := range frame {
			if b != 0 {
				t.Fatal("the frame still holds what was typed")
			}
		}
	})
}

// TestNoPINLeavesTheDriver lets locks of every event style send a PIN in every place where one was seen, and looks for it in all that is logged and told.
func TestNoPINLeavesTheDriver(t *testing.T) {
	const digits = "73914682"
	for _, m := range families {
		var logged bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			d, err := New(Config{Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))}, still{})
			if err != nil {
				t.Fatal(err)
			}
			p := profileOf(m.manufacturer, m.model, 0)
			l := newLock(d, record{Address: testLock, Endpoint: 1, Info: bridge.Info{Manufacturer: m.manufacturer, Model: m.model, Family: p.Family, Ready: true, Traits: p.traits()}})
			d.locks[testLock] = l
			say := func(cluster uint16, seq uint8, m zcl.Message) {
				frame := zcl.Append(nil, zcl.Header{Seq: seq, Direction: zcl.ToClient}, m)
				for cut := range 3 { // whole, and cut short
					b := append([]byte(nil), frame[:len(frame)-cut]...)
					d.Frame(zigbee.Frame{Device: testLock, SrcEndpoint: 1, Cluster: cluster, Payload: b})
				}
			}
			secret := zcl.PIN(digits)
			say(zcl.ClusterDoorLock, 1, &zcl.OperationEvent{Code: zcl.OpUnlock, User: 3, PIN: secret.Clone(), Data: secret.Clone()})
			say(zcl.ClusterDoorLock, 2, &zcl.ProgrammingEvent{Code: zcl.ProgPINAdded, User: 3, PIN: secret.Clone(), Data: secret.Clone()})
			say(zcl.ClusterDoorLock, 3, &zcl.GetPINCodeResponse{User: 3, Status: zcl.UserEnabled, PIN: secret.Clone()})
			say(zcl.ClusterDoorLock, 4, &zcl.GetLogRecordResponse{User: 3, PIN: secret.Clone()})
			say(zcl.ClusterDoorLock, 5, &zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: zcl.OnestiAttrLastPIN, Value: zcl.OctetString(secret.Clone())}}})
			say(zcl.ClusterDoorLock, 6, zcl.NewOpaque(zcl.Route{Cluster: zcl.ClusterDoorLock, Type: zcl.ClusterSpecific, Direction: zcl.ToClient, Command: 0x70}, secret.Clone()))
			time.Sleep(time.Minute)
			all := fmt.Sprintf("%+v %#v", d.out.take(), l.rec) + logged.String()
			for _, form := range []string{digits, hex.EncodeToString([]byte(digits)), fmt.Sprint([]byte(digits))} {
				if strings.Contains(all, form) {
					t.Errorf("%s %q: the PIN came out: %s", m.manufacturer, m.model, all)
				}
			}
			l.mu.Lock()
			l.stopTimers()
			l.mu.Unlock()
		})
	}
}
