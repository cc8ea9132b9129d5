package zcl_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

type vector struct {
	ID           string          `json:"id"`
	Cluster      uint16          `json:"cluster"`
	Direction    string          `json:"direction"`
	FrameType    string          `json:"frame_type"`
	Manufacturer *uint16         `json:"manufacturer_code"`
	Command      uint8           `json:"command_id"`
	Name         string          `json:"command"`
	Seq          uint8           `json:"tsn"`
	NoDefault    bool            `json:"disable_default_response"`
	Args         json.RawMessage `json:"args"`
	Hex          string          `json:"hex"`
}

func vectors(tb testing.TB) []vector {
	tb.Helper()
	f, err := os.Open("testdata/zcl-doorlock.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []vector
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var v vector
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			tb.Fatal(err)
		}
		out = append(out, v)
	}
	if len(out) != 413 {
		tb.Fatalf("%d vectors, want 413", len(out))
	}
	return out
}

// TestVectors decodes every frame of another library, compares header and fields with that library's reading, and encodes it again to the same bytes.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name+"/"+v.ID, func(t *testing.T) {
			raw, err := hex.DecodeString(v.Hex)
			if err != nil {
				t.Fatal(err)
			}
			h, m, err := zcl.Parse(v.Cluster, raw)
			if err != nil {
				t.Fatal(err)
			}
			want := zcl.Header{DisableDefaultResponse: v.NoDefault, Seq: v.Seq, Command: v.Command}
			if v.FrameType == "cluster" {
				want.Type = zcl.ClusterSpecific
			}
			if v.Direction == "server_to_client" {
				want.Direction = zcl.ToClient
			}
			if v.Manufacturer != nil {
				want.ManufacturerSpecific, want.Manufacturer = true, *v.Manufacturer
			}
			if h != want {
				t.Errorf("header %+v, want %+v", h, want)
			}
			var args any
			d := json.NewDecoder(bytes.NewReader(v.Args))
			d.UseNumber()
			if err := d.Decode(&args); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(normal(args), normal(reading(t, m))); diff != "" {
				t.Errorf("fields differ (- the library, + ours):\n%s", diff)
			}
			if again := zcl.Append(nil, zcl.Header{Seq: h.Seq, Direction: h.Direction, DisableDefaultResponse: h.DisableDefaultResponse,
				ManufacturerSpecific: h.ManufacturerSpecific, Manufacturer: h.Manufacturer}, m); !bytes.Equal(again, raw) {
				t.Errorf("encoded again: %x, want %x", again, raw)
			}
			for i := range raw {
				raw[i] = 0xA5 // a message that aliased the frame would change now
			}
			if diff := cmp.Diff(normal(args), normal(reading(t, m))); diff != "" {
				t.Errorf("the message aliases the frame:\n%s", diff)
			}
		})
	}
}

// normal makes numbers comparable and drops nothing else.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = normal(e)
		}
		return out
	case args:
		return normal(map[string]any(v))
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = normal(e)
		}
		return out
	case nil, string, bool:
		return v
	default:
		return fmt.Sprint(v)
	}
}

type args map[string]any

func octets(b []byte) any { return map[string]any{"$hex": hex.EncodeToString(b)} }

func num[T ~uint8 | ~uint16 | ~uint32](v T) any { return uint64(v) }

func withPIN(a args, key string, p zcl.PIN, f zcl.Form) args {
	switch f {
	case zcl.Present:
		a[key] = octets(p)
	case zcl.Null:
		a[key] = nil
	}
	return a
}

func value(v zcl.Value) any {
	if s, ok := v.Text(); ok && v.Type == zcl.TypeCharString {
		return s
	}
	if v.Type == zcl.TypeOctetString {
		return octets(v.Bytes())
	}
	i, _ := v.Int()
	return i
}

// reading puts a message into the words that the vectors use.
func reading(t *testing.T, m zcl.Message) any {
	if v, ok := foundationReading(m); ok {
		return v
	}
	switch m := m.(type) {
	case *zcl.Alarm:
		return args{"alarmcode": num(m.Code), "clusterid": num(m.Cluster)}
	case *zcl.ResetAlarm:
		return args{"alarmcode": num(m.Code), "clusterid": num(m.Cluster)}
	case *zcl.ResetAllAlarms, *zcl.GetAlarm, *zcl.FastPollStop, *zcl.ClearAllPINCodes, *zcl.ClearAllRFIDCodes:
		return args{}
	case *zcl.CheckInResponse:
		start := 0
		if m.StartFastPolling {
			start = 1
		}
		return args{"startFastPolling": start, "fastPollTimeout": num(m.FastPollTimeout)}
	case *zcl.SetLongPollInterval:
		return args{"newLongPollInterval": num(m.Interval)}
	case *zcl.SetShortPollInterval:
		return args{"newShortPollInterval": num(m.Interval)}
	case *zcl.LockDoor:
		return withPIN(args{}, "pincodevalue", m.PIN, m.Form)
	case *zcl.UnlockDoor:
		return withPIN(args{}, "pincodevalue", m.PIN, m.Form)
	case *zcl.Toggle:
		return withPIN(args{}, "pincodevalue", m.PIN, m.Form)
	case *zcl.UnlockWithTimeout:
		return withPIN(args{"timeout": num(m.Seconds)}, "pincodevalue", m.PIN, m.Form)
	case *zcl.GetLogRecord:
		return args{"logindex": num(m.Index)}
	case *zcl.GetLogRecordResponse:
		return withPIN(args{"logentryid": num(m.Entry), "timestamp": num(m.Time), "eventtype": num(m.Type), "source": num(m.Source),
			"eventidalarmcode": num(m.Code), "userid": num(m.User)}, "pincodevalue", m.PIN, m.Form)
	case *zcl.LockDoorResponse:
		return args{"status": num(m.Status)}
	case *zcl.UnlockDoorResponse:
		return args{"status": num(m.Status)}
	case *zcl.ToggleResponse:
		return args{"status": num(m.Status)}
	case *zcl.UnlockWithTimeoutResponse:
		return args{"status": num(m.Status)}
	case *zcl.OperationEvent:
		return operationReading(m)
	case *zcl.ProgrammingEvent:
		return programmingReading(m)
	}
	if v, ok := codeReading(m); ok {
		return v
	}
	if v, ok := scheduleReading(m); ok {
		return v
	}
	t.Fatalf("no reading for %T", m)
	return nil
}

func operationReading(m *zcl.OperationEvent) any {
	a := args{"opereventsrc": num(m.Source), "opereventcode": num(m.Code)}
	if m.Missing < 4 {
		a["userid"] = num(m.User)
	}
	if m.Missing < 3 {
		withPIN(a, "pin", m.PIN, m.Form)
	}
	if m.Missing < 2 {
		a["zigbeelocaltime"] = num(m.Time)
	}
	if m.Missing < 1 {
		a["data"] = string(m.Data)
	}
	return a
}

func programmingReading(m *zcl.ProgrammingEvent) any {
	a := args{"programeventsrc": num(m.Source), "programeventcode": num(m.Code)}
	if m.Missing < 6 {
		a["userid"] = num(m.User)
	}
	if m.Missing < 5 {
		withPIN(a, "pin", m.PIN, m.Form)
	}
	if m.Missing < 4 {
		a["usertype"] = num(m.Type)
	}
	if m.Missing < 3 {
		a["userstatus"] = num(m.Status)
	}
	if m.Missing < 2 {
		a["zigbeelocaltime"] = num(m.Time)
	}
	if m.Missing < 1 {
		a["data"] = string(m.Data)
	}
	return a
}
