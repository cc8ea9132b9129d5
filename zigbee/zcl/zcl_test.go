package zcl_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

func TestParseErrorsNameTheField(t *testing.T) {
	for _, c := range []struct {
		name    string
		cluster uint16
		frame   string
		want    string
		is      error
	}{
		{"nothing", zcl.ClusterDoorLock, "", "frame control", zcl.ErrTruncated},
		{"no command", zcl.ClusterDoorLock, "\x09\x01", "command", zcl.ErrTruncated},
		{"no manufacturer", zcl.ClusterDoorLock, "\x1c\x37", "manufacturer code", zcl.ErrTruncated},
		{"reserved frame type", zcl.ClusterDoorLock, "\x02\x01\x00", "frame type", zcl.ErrMalformed},
		{"PIN longer than the frame", zcl.ClusterDoorLock, "\x11\x01\x00\x0812", "PIN", zcl.ErrTruncated},
		{"report cut in the value", zcl.ClusterDoorLock, "\x18\x01\x0a\x23\x00\x23\x01", "attribute value", zcl.ErrTruncated},
		{"report cut in the id", zcl.ClusterDoorLock, "\x18\x01\x0a\x00", "attribute id", zcl.ErrTruncated},
		{"string longer than the frame", zcl.ClusterBasic, "\x18\x01\x01\x05\x00\x00\x42\x20YRD", "attribute value", zcl.ErrTruncated},
		{"direction that does not exist", zcl.ClusterDoorLock, "\x10\x01\x06\x02\x00\x00\x30\x00\x00\x10\x0e", "direction", zcl.ErrMalformed},
		{"alarm without a cluster", zcl.ClusterAlarms, "\x09\x01\x00\x04", "cluster", zcl.ErrTruncated},
		{"schedule cut short", zcl.ClusterDoorLock, "\x09\x01\x0c\x00\x01\x00\x00\x7f\x00", "start minute", zcl.ErrTruncated},
		{"array of arrays of arrays of arrays of arrays", zcl.ClusterDoorLock,
			"\x18\x01\x0a\x00\x00\x48" + strings.Repeat("\x48\x01\x00", 6), "attribute value", zcl.ErrMalformed},
		{"event without a code", zcl.ClusterDoorLock, "\x09\x01\x20\x00", "event code", zcl.ErrTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, m, err := zcl.Parse(c.cluster, []byte(c.frame))
			if m != nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %T, %v; want %q and %v", m, err, c.want, c.is)
			}
		})
	}
}

// An array may claim 65535 elements of nothing; that must cost neither time nor memory.
func TestHugeCountCostsNothing(t *testing.T) {
	frame := []byte("\x18\x01\x0a\x00\x00\x48\x48\xfe\xff\x41\xfe\xff")
	if n := testing.AllocsPerRun(10, func() { _, _, _ = zcl.Parse(zcl.ClusterDoorLock, frame) }); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

func TestTrailingBytesAreIgnored(t *testing.T) {
	_, m, err := zcl.Parse(zcl.ClusterDoorLock, []byte("\x09\x01\x05\x00\xde\xad"))
	if err != nil {
		t.Fatal(err)
	}
	if r := m.(*zcl.SetPINCodeResponse); r.Status != zcl.SetCodeOK {
		t.Errorf("got %v", r.Status)
	}
}

func TestUnknownCommandsAreOpaque(t *testing.T) {
	for _, frame := range []string{"\x09\x01\x77\x01\x02", "\x0d\x00\x00\x01\x20\x00\x02", "\x18\x01\x7a\x01"} {
		h, m, err := zcl.Parse(zcl.ClusterDoorLock, []byte(frame))
		if err != nil {
			t.Fatal(err)
		}
		o, ok := m.(*zcl.Opaque)
		if !ok {
			t.Fatalf("%x is a %T", frame, m)
		}
		if again := zcl.Append(nil, h, o); string(again) != frame {
			t.Errorf("%x became %x", frame, again)
		}
	}
}

// TestEventsKeepWhatIsThere cuts a whole event after each byte.
func TestEventsKeepWhatIsThere(t *testing.T) {
	whole := zcl.Append(nil, zcl.Header{Seq: 9}, &zcl.OperationEvent{Source: zcl.SourceKeypad, Code: zcl.OpUnlock, User: 5, PIN: zcl.PIN("1234"),
		Time: 820454400, Data: zcl.PIN("x")})
	want := map[int]uint8{5: 4, 6: 4, 7: 3, 8: 3, 11: 3, 12: 2, 15: 2, 16: 1, 17: 1, 18: 0}
	for n := 5; n <= len(whole); n++ {
		_, m, err := zcl.Parse(zcl.ClusterDoorLock, whole[:n])
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		e := m.(*zcl.OperationEvent)
		if w, ok := want[n]; ok && e.Missing != w {
			t.Errorf("%d bytes: %d fields missing, want %d", n, e.Missing, w)
		}
		if e.Code != zcl.OpUnlock || (e.Missing < 4) != (e.User == 5) || (e.Missing < 2) != (e.Time != zcl.InvalidTime) {
			t.Errorf("%d bytes: %v %v %v", n, e.Code, e.User, uint32(e.Time))
		}
	}
}

// TestNothingPrintsAPIN puts one PIN everywhere a PIN can stand and prints it in every way there is.
func TestNothingPrintsAPIN(t *testing.T) {
	const secret = "73914682"
	p := zcl.PIN(secret)
	things := []any{
		p, &p, []zcl.PIN{p}, map[string]zcl.PIN{"p": p},
		&zcl.LockDoor{PIN: p}, zcl.LockDoor{PIN: p}, &zcl.SetPINCode{PIN: p}, &zcl.GetPINCodeResponse{PIN: p}, &zcl.SetRFIDCode{PIN: p},
		&zcl.OperationEvent{PIN: p, Data: p}, &zcl.ProgrammingEvent{PIN: p, Data: p}, &zcl.GetLogRecordResponse{PIN: p}, &zcl.AssaUserCode{Text: p},
		zcl.NewOpaque(zcl.Route{}, p), zcl.OctetString(p), zcl.CharString(secret), zcl.Collection(zcl.TypeArray, p),
		&zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: zcl.OnestiAttrLastPIN, Value: zcl.OctetString(p)}}},
		&zcl.ReadAttributesResponse{Records: []zcl.ReadRecord{{Value: zcl.OctetString(p)}}},
		zcl.EasyiotUnlockWithTimeout(5, p), zcl.EasyiotPIN(p),
	}
	for _, v := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%T %v"} {
			args := []any{v}
			if verb == "%T %v" {
				args = []any{v, v}
			}
			check(t, secret, verb, fmt.Sprintf(verb, args...))
		}
		var buf bytes.Buffer
		slog.New(slog.NewJSONHandler(&buf, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&buf, nil)).Info("x", "v", v)
		check(t, secret, "slog", buf.String())
		if b, err := json.Marshal(v); err == nil {
			check(t, secret, "json", string(b))
		}
		check(t, secret, "error", fmt.Errorf("bad %v", v).Error())
	}
}

func check(t *testing.T, secret, how, out string) {
	t.Helper()
	for _, s := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprint([]byte(secret)),
		strings.Trim(fmt.Sprint([]byte(secret)), "[]"), "NzM5MTQ2OD", fmt.Sprintf("%#v", []byte(secret))} {
		if strings.Contains(out, s) {
			t.Errorf("%s prints the PIN: %s", how, out)
		}
	}
}

func TestPIN(t *testing.T) {
	p := zcl.PIN("1234")
	q := p.Clone()
	if !p.Equal(q) || p.Equal(zcl.PIN("1235")) || p.Equal(nil) {
		t.Error("Equal")
	}
	p.Wipe()
	if !bytes.Equal(p, make([]byte, 4)) || !q.Equal(zcl.PIN("1234")) {
		t.Error("Wipe and Clone")
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		name string
		v    zcl.Value
		wire string
		null bool
		text string
	}{
		{"bool", zcl.Bool(true), "\x01", false, "true"},
		{"no bool", zcl.Number(zcl.TypeBool, 0xFF), "\xff", true, "none"},
		{"uint8", zcl.Uint8(200), "\xc8", false, "200"},
		{"no uint8", zcl.Uint8(0xFF), "\xff", true, "none"},
		{"uint24", zcl.Number(zcl.TypeUint24, 0x1010203), "\x03\x02\x01", false, "66051"},
		{"uint64", zcl.Number(zcl.TypeUint64, 1<<63), "\x00\x00\x00\x00\x00\x00\x00\x80", false, "9223372036854775808"},
		{"int8", zcl.Int(zcl.TypeInt8, -2), "\xfe", false, "-2"},
		{"no int8", zcl.Int(zcl.TypeInt8, -128), "\x80", true, "none"},
		{"int32", zcl.Int(zcl.TypeInt32, -18000), "\xb0\xb9\xff\xff", false, "-18000"},
		{"map8 has no non-value", zcl.Map8(0xFF), "\xff", false, "255"},
		{"map16", zcl.Map16(0x8001), "\x01\x80", false, "32769"},
		{"no enum", zcl.Enum8(0xFF), "\xff", true, "none"},
		{"UTC", zcl.UTC(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), "\x80\x75\xe8\x30", false, "820540800"},
		{"single", zcl.Single(1.5), "\x00\x00\xc0\x3f", false, "1069547520"},
		{"EUI64", zcl.Number(zcl.TypeEUI64, 0x000d6f0003a1b2c4), "\xc4\xb2\xa1\x03\x00\x6f\x0d\x00", false, "3781220548850372"},
		{"string", zcl.CharString("Yale"), "\x04Yale", false, "4 bytes of type 0x42"},
		{"empty string", zcl.OctetString(nil), "\x00", false, "0 bytes of type 0x41"},
		{"key", zcl.Collection(zcl.TypeKey128, make([]byte, 16)), strings.Repeat("\x00", 16), false, "16 bytes of type 0xf1"},
		{"array", zcl.Collection(zcl.TypeArray, []byte("\x20\x02\x00\x01\x02")), "\x20\x02\x00\x01\x02", false, "5 bytes of type 0x48"},
		{"structure", zcl.Collection(zcl.TypeStruct, []byte("\x02\x00\x20\x07\x42\x01x")), "\x02\x00\x20\x07\x42\x01x", false, "7 bytes of type 0x4c"},
		{"long string", zcl.Collection(zcl.TypeLongCharString, []byte("ab")), "\x02\x00ab", false, "2 bytes of type 0x44"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.v.Append(nil); string(got) != c.wire {
				t.Errorf("wire %x, want %x", got, c.wire)
			}
			if c.v.Null() != c.null || c.v.String() != c.text {
				t.Errorf("null %v, text %q", c.v.Null(), c.v.String())
			}
			frame := zcl.Append(nil, zcl.Header{}, &zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: 1, Value: c.v}, {ID: 2, Value: zcl.Uint8(7)}}})
			_, m, err := zcl.Parse(zcl.ClusterDoorLock, frame)
			if err != nil {
				t.Fatal(err)
			}
			as := m.(*zcl.ReportAttributes).Attributes
			if len(as) != 2 || !as[0].Value.Equal(c.v) || !as[1].Value.Equal(zcl.Uint8(7)) {
				t.Errorf("read back as %v", as)
			}
		})
	}
	if s := zcl.UTCOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); s != 820540800 {
		t.Errorf("2026-01-01 is %d s after 2000", s)
	}
	if f, ok := zcl.Single(1.5).Float(); !ok || f != 1.5 {
		t.Error("Float")
	}
	if i, ok := zcl.Int(zcl.TypeInt32, -18000).Int(); !ok || i != -18000 {
		t.Error("Int")
	}
}

// A value of a type that nobody knows takes the rest of its frame: what came before it is kept.
func TestUnknownTypeKeepsWhatCameBefore(t *testing.T) {
	_, m, err := zcl.Parse(zcl.ClusterDoorLock, []byte("\x18\x01\x0a\x00\x00\x30\x01\x99\x00\x77\x01\x02\x03"))
	if err != nil {
		t.Fatal(err)
	}
	as := m.(*zcl.ReportAttributes).Attributes
	if n, _ := as[0].Value.Uint(); len(as) != 2 || n != 1 || !bytes.Equal(as[1].Value.Bytes(), []byte{1, 2, 3}) {
		t.Errorf("got %v", as)
	}
}

func TestOTA(t *testing.T) {
	_, m, err := zcl.Parse(zcl.ClusterOTA, []byte("\x01\x01\x01\x00\x1d\x10\x01\x00\x05\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if q := m.(*zcl.QueryNextImage); q.Manufacturer != 0x101D || q.FileVersion != 5 {
		t.Errorf("got %+v", q)
	}
	answer := zcl.Append(nil, zcl.Header{Seq: 1, DisableDefaultResponse: true}, &zcl.QueryNextImageResponse{Status: zcl.StatusNoImageAvailable})
	if string(answer) != "\x19\x01\x02\x98" {
		t.Errorf("answer %x", answer)
	}
}

func TestSamsungUnlock(t *testing.T) {
	got := zcl.Append(nil, zcl.Header{Seq: 7, DisableDefaultResponse: true}, &zcl.SamsungUnlock{})
	if string(got) != "\x15\x03\x00\x07\x1f\x10\x041235" {
		t.Errorf("got %x", got)
	}
	if _, m, err := zcl.Parse(zcl.ClusterDoorLock, got); err != nil {
		t.Error(err)
	} else if _, ok := m.(*zcl.SamsungUnlock); !ok {
		t.Errorf("parsed as %T", m)
	}
}

func TestEasyiot(t *testing.T) {
	got := zcl.Append(nil, zcl.Header{Seq: 7}, zcl.EasyiotUnlockWithTimeout(300, zcl.PIN("1234")))
	if string(got) != "\x01\x07\x03\x2c\x01\x00\x00\x05\x041234" {
		t.Errorf("got %x", got)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 64)
	for _, m := range []zcl.Message{&zcl.UnlockDoor{}, &zcl.SetPINCode{User: 5, PIN: zcl.PIN("1234")}, &zcl.CheckInResponse{},
		&zcl.ReadAttributes{Attributes: []zcl.AttributeID{0, 3}}, &zcl.DefaultResponse{}} {
		if n := testing.AllocsPerRun(100, func() { buf = zcl.Append(buf[:0], zcl.Header{Seq: 1}, m) }); n != 0 {
			t.Errorf("%T: %v allocations", m, n)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		v    fmt.Stringer
		want string
	}{
		{zcl.LockState(3), "lock state 0x03"}, {zcl.LockStateUndefined, "undefined"}, {zcl.LockStateLocked, "locked"}, {zcl.DoorForcedOpen, "forced open"},
		{zcl.SourceIndeterminate, "indeterminate"}, {zcl.OpNonAccessUser, "non-access user"}, {zcl.OperationCode(0x10), "operation 0x10"},
		{zcl.UserStatus(2), "user status 0x02"}, {zcl.UserMaster, "master"}, {zcl.AssaAlarm(77), "alarm 0x4d"}, {zcl.AssaOneTouchLock, "one-touch lock"},
		{zcl.StatusUnsupClusterCommand, "unsupported cluster command"}, {zcl.Status(0x55), "status 0x55"}, {zcl.AlarmFactoryReset, "reset to factory defaults"},
		{zcl.SetCodeDuplicate, "duplicate code"}, {zcl.Fail, "fail"}, {zcl.ProgPINChanged, "PIN changed"}, {zcl.ModePassage, "passage"},
		{zcl.AttributeID(0x21), "0x0021"}, {zcl.LockType(0), "dead bolt"}, {zcl.SoundHigh, "high"}, {zcl.SecurityAPS, "APS"}, {zcl.LogAlarm, "alarm"},
		{zcl.UserTypeUnsupported, "not supported"}, {zcl.UserStatusUnsupported, "not supported"}, {zcl.DoorUndefined, "undefined"}, {zcl.ToClient, "to client"},
	} {
		if got := c.v.String(); got != c.want {
			t.Errorf("%T: %q, want %q", c.v, got, c.want)
		}
	}
}
