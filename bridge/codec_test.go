package bridge_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkeyd/latchkey/bridge"
)

var slot3 = bridge.Slot(3)

// bodies has one of each kind.
var bodies = []bridge.Body{
	bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked}, bridge.BoltRead{Bolt: bridge.Partial}, bridge.DoorMoved{From: bridge.DoorClosed, To: bridge.DoorForced},
	bridge.BatteryRead{Percent: 37.5, Low: true}, bridge.Alarmed{Alarm: bridge.AlarmJam, Code: 9}, bridge.EntryRefused{Action: bridge.ActUnlock, Why: "wrong code"},
	bridge.LockProgrammed{Change: bridge.ProgPINAdded, Slot: &slot3, Ours: true}, bridge.Reached{Reachable: true, LQI: 200}, bridge.Heard{LQI: 9},
	bridge.LockJoined{Known: true}, bridge.LockReady{Info: bridge.Info{ID: front, Model: "X", Ready: true, Traits: bridge.Traits{Slots: 3, ReadBack: bridge.ReadBackStatus, Remote: bridge.RemoteNone, MasterSlots: []bridge.Slot{0}}}},
	bridge.LockLeft{}, bridge.InterviewFailed{Why: "no answer"}, bridge.StrangerRefused{Address: "00:11:22:33:44:55:66:77", Why: "not a lock"},
	bridge.DongleMoved{Up: true, Product: "CC2652", Port: "/dev/x", Revision: 1, Channel: 15, PAN: 0x1234}, bridge.PermitJoinMoved{Remaining: 58 * time.Second},
	bridge.CommandFinished{Command: "unlock", Result: bridge.ResultOK, Stage: bridge.StageMoved, Durations: map[bridge.Stage]time.Duration{bridge.StageSent: time.Millisecond, bridge.StageMoved: 1500 * time.Millisecond}, Retries: 1},
	bridge.CodeMoved{Slot: 3, State: bridge.CodeFailed, Reason: "full"}, bridge.UserChanged{User: 4, Name: "Ada", Change: "added"}, bridge.ResetMoved{Stage: "erasing", Why: "x", Next: "y"},
	bridge.ResetNoticed{Signs: []string{"alarm"}}, bridge.LockRenamed{Name: "Front"}, bridge.LockForgotten{}, bridge.PairingChanged{Face: "homekit", Change: "added", Count: 1}, bridge.Lagged{Missed: 7},
	bridge.SettingsMoved{Settings: bridge.Settings{AutoRelock: new(30 * time.Second)}, Why: "x"},
}

func TestEventJSON(t *testing.T) {
	for _, b := range bodies {
		ev := bridge.Event{Seq: 12, At: time.Date(2026, 11, 24, 13, 0, 0, 5, time.UTC), Lock: front, Body: b,
			Cause: bridge.Cause{Source: bridge.SourceKeypad, Slot: &slot3, User: 4, Name: "Ada"}}
		j, err := json.Marshal(ev)
		if err != nil {
			t.Fatalf("%s: %v", b.Kind(), err)
		}
		var got bridge.Event
		if err := json.Unmarshal(j, &got); err != nil {
			t.Fatalf("%s: %v\n%s", b.Kind(), err, j)
		}
		if d := cmp.Diff(ev, got); d != "" {
			t.Errorf("%s: %s\n%s", b.Kind(), d, j)
		}
	}
}

// TestEventJSONIsComplete reads the list of bodies from the source, so that a new one cannot be left out of the codec or of this test.
func TestEventJSONIsComplete(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, b := range bodies {
		have[b.Kind()] = true
	}
	kinds := 0
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "Kind" {
			continue
		}
		kinds++
		kind := strings.Trim(fn.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BasicLit).Value, `"`)
		if !have[kind] {
			t.Errorf("%s is not tested", kind)
		}
	}
	if kinds != len(bodies) {
		t.Errorf("%d kinds, %d tested", kinds, len(bodies))
	}
}

func TestEventJSONReads(t *testing.T) {
	j, err := json.Marshal(bridge.Event{Seq: 1, At: time.Unix(0, 0).UTC(), Lock: front, Cause: bridge.Cause{Source: bridge.SourceManual}, Body: bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":1,"at":"1970-01-01T00:00:00Z","lock":"00:0d:6f:00:0a:90:69:e7","cause":{"source":"manual"},"kind":"bolt_moved","body":{"from":"locked","to":"unlocked"}}`
	if string(j) != want {
		t.Errorf("%s\n%s", j, want)
	}
	var ev bridge.Event
	if err := json.Unmarshal([]byte(`{"seq":1,"kind":"from the future","body":{}}`), &ev); !errors.Is(err, bridge.ErrKind) {
		t.Error(err)
	}
	for _, bad := range []string{`{}`, `[]`, `{"kind":"bolt_moved","body":{"to":"ajar"}}`, `{"kind":"command_finished","body":{"durations":{"sent":"soon"}}}`, `{"seq":-1,"kind":"lock_left"}`} {
		if err := json.Unmarshal([]byte(bad), &ev); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if _, err := json.Marshal(bridge.Event{}); err == nil {
		t.Error("an event without a body was written")
	}
}

func FuzzEventJSON(f *testing.F) {
	for _, b := range bodies {
		j, err := json.Marshal(bridge.Event{Seq: 1, Lock: front, Body: b})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(j)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var ev bridge.Event
		if json.Unmarshal(b, &ev) != nil {
			return
		}
		j, err := json.Marshal(ev)
		if err != nil {
			t.Fatalf("%+v: %v", ev, err)
		}
		var again bridge.Event
		if err := json.Unmarshal(j, &again); err != nil {
			t.Fatalf("%s: %v", j, err)
		}
		if k, err := json.Marshal(again); err != nil || string(k) != string(j) {
			t.Fatalf("%s\n%s\n%v", j, k, err)
		}
	})
}
