package metrics

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/latchkeyd/latchkey/bridge"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fakeBridge gives a snapshot and a journal.
type fakeBridge struct {
	mu     sync.Mutex
	snap   bridge.Snapshot
	events []bridge.Event
	more   chan struct{}
}

func newFake() *fakeBridge { return &fakeBridge{more: make(chan struct{}, 1)} }

func (f *fakeBridge) Snapshot() bridge.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.snap
	s.Seq = uint64(len(f.events))
	return s
}

func (f *fakeBridge) emit(at time.Time, lock bridge.LockID, c bridge.Cause, b bridge.Body) {
	f.mu.Lock()
	f.events = append(f.events, bridge.Event{Seq: uint64(len(f.events) + 1), At: at, Lock: lock, Cause: c, Body: b})
	f.mu.Unlock()
	select {
	case f.more <- struct{}{}:
	default:
	}
}

func (f *fakeBridge) Follow(after uint64) bridge.Reader { return &fakeReader{f, int(after)} }

type fakeReader struct {
	f    *fakeBridge
	next int
}

func (r *fakeReader) Close() {}

func (r *fakeReader) Next(ctx context.Context) (bridge.Event, error) {
	for {
		r.f.mu.Lock()
		if r.next < len(r.f.events) {
			ev := r.f.events[r.next]
			r.next++
			r.f.mu.Unlock()
			return ev, nil
		}
		r.f.mu.Unlock()
		select {
		case <-ctx.Done():
			return bridge.Event{}, ctx.Err()
		case <-r.f.more:
		}
	}
}

const front, back = bridge.LockID("00:0d:6f:00:0a:90:69:e7"), bridge.LockID("00:0d:6f:00:0a:90:69:e8")

// aHome is two locks, and everything that can happen to the first.
func aHome(at time.Time) *fakeBridge {
	f := newFake()
	battery := 73.5
	f.snap = bridge.Snapshot{
		At:         at,
		Dongle:     bridge.DongleMoved{Up: true, Product: "Z-Stack 3.x.0", Revision: 20240710, Channel: 15, Port: "/dev/serial/by-id/x", Address: "00:12:4b:00:00:00:00:01"},
		PermitJoin: at.Add(42 * time.Second),
		Locks: []bridge.LockView{
			{ID: front, Name: "Front door", Slug: "front-door", Bolt: bridge.Locked, Door: bridge.DoorClosed, Reachable: true, LastSeen: at, LQI: 180, Battery: &battery,
				CodesUsed: 3, CodesUnsync: 1, Pending: 1, ResetStage: string(bridge.ResetWaiting),
				Info: bridge.Info{Model: "YRD256 TSDB", Firmware: "1.2", Traits: bridge.Traits{Slots: 250, DoorSensor: true}}},
			{ID: back, Name: "Back door", Slug: "back-door", Info: bridge.Info{Model: "SMARTCODE_DEADBOLT_10", Traits: bridge.Traits{Slots: 30}}},
		},
	}
	return f
}

func everything(f *fakeBridge, at time.Time) {
	slot := bridge.Slot(4711)
	by := func(s bridge.Source) bridge.Cause {
		return bridge.Cause{Source: s, Slot: &slot, User: 9, Name: "Wilhelmina"}
	}
	for _, s := range []bridge.Source{bridge.SourceKeypad, bridge.SourceManual, bridge.SourceKey, bridge.SourceOneTouch, bridge.SourceAuto, bridge.SourceSchedule,
		bridge.SourceRFID, bridge.SourceFingerprint, bridge.SourceRemote, bridge.SourceHomeKit, bridge.SourceMatter, bridge.SourceAPI, bridge.SourceBridge, bridge.SourceUnknown} {
		f.emit(at, front, by(s), bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked})
		f.emit(at, front, by(s), bridge.BoltMoved{From: bridge.Unlocked, To: bridge.Locked})
		f.emit(at, front, by(s), bridge.BoltMoved{From: bridge.Unlocked, To: bridge.Jammed})
	}
	for _, a := range []bridge.Alarm{bridge.AlarmJam, bridge.AlarmFactoryReset, bridge.AlarmPowerCycled, bridge.AlarmWrongCodeLimit, bridge.AlarmTamper, bridge.AlarmForced, bridge.AlarmBattery, bridge.AlarmOther} {
		f.emit(at, front, bridge.Cause{}, bridge.Alarmed{Alarm: a})
	}
	for _, c := range []string{"lock", "unlock", "set-code", "clear-code", "reset", "something new"} {
		for _, r := range []bridge.Result{bridge.ResultOK, bridge.ResultAsleep, bridge.ResultUnreachable, bridge.ResultRejected, bridge.ResultJammed, bridge.ResultNotSeen,
			bridge.ResultSuperseded, bridge.ResultDown, bridge.ResultUnsupported, bridge.ResultCancelled, bridge.ResultError, "a new one"} {
			f.emit(at, front, by(bridge.SourceAPI), bridge.CommandFinished{Command: c, Result: r, Retries: 1, Durations: map[bridge.Stage]time.Duration{
				bridge.StageQueued: 0, bridge.StageSent: 20 * time.Millisecond, bridge.StageWritten: 21 * time.Millisecond, bridge.StageDelivered: 60 * time.Millisecond,
				bridge.StageAccepted: 140 * time.Millisecond, bridge.StageMoved: 1640 * time.Millisecond}})
		}
	}
	for i, s := range []bridge.ResetStage{bridge.ResetPlanned, bridge.ResetConfirmed, bridge.ResetGuarded, bridge.ResetErasing, bridge.ResetWaiting, bridge.ResetRejoining,
		bridge.ResetSecuring, bridge.ResetRestoring, bridge.ResetTesting, bridge.ResetStuck, bridge.ResetTesting, bridge.ResetDone, bridge.ResetPlanned, bridge.ResetCancelled} {
		f.emit(at.Add(time.Duration(i)*10*time.Second), front, by(bridge.SourceAPI), bridge.ResetMoved{Stage: string(s), Why: "4711"})
	}
	for _, b := range []bridge.Body{bridge.EntryRefused{Action: bridge.ActUnlock, Why: "wrong code"}, bridge.CodeMoved{Slot: slot, State: bridge.CodeInSync}, bridge.LockJoined{}, bridge.LockReady{},
		bridge.InterviewFailed{}, bridge.StrangerRefused{Address: "x"}, bridge.ResetNoticed{Signs: []string{"slots empty"}}, bridge.ResetNoticed{Signs: []string{"alarm"}},
		bridge.UserChanged{User: 9, Name: "Wilhelmina"}, bridge.Heard{LQI: 3}, bridge.Lagged{Missed: 2}, bridge.BatteryRead{Percent: 3}} {
		f.emit(at, front, by(bridge.SourceKeypad), b)
	}
	f.emit(at, "ff:ff:ff:ff:ff:ff:ff:ff", bridge.Cause{}, bridge.Alarmed{Alarm: bridge.AlarmJam}) // no lock of this home
}

func sourcesOf(at time.Time) Sources {
	return Sources{
		Radio: func() Radio {
			return Radio{Sent: map[string]uint64{"sreq": 10}, Received: map[string]uint64{"srsp": 10, "areq": 7}, Errors: map[string]uint64{"fcs": 2}, Reconnects: 1}
		},
		HomeKit: func() HomeKit { return HomeKit{Sessions: 2, Pairings: 1, Advertised: true, PairFailures: 3} },
		Store:   func() Store { return Store{Size: 65536, Errors: 1, LastBackup: at.Add(-time.Hour)} },
	}
}

// run makes an exporter that has taken in everything, within a bubble.
func run(t *testing.T, runtime bool, test func(e *Exporter, f *fakeBridge)) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		f := aHome(at)
		e := New(Config{Bridge: f, Version: "1.2.3", Commit: "abcdef0", Sources: sourcesOf(at), Runtime: runtime})
		e.Routes([]string{"GET /api/v1/status"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		<-e.Ready()
		everything(f, at)
		e.Request("GET /api/v1/status", 200)
		e.Request("GET /api/v1/status", 404)
		e.AuthFailure("scope")
		e.AuthFailure("a reason that nobody thought of")
		e.Committed(3 * time.Millisecond)
		synctest.Wait()
		test(e, f)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func scrape(t *testing.T, e *Exporter) string {
	t.Helper()
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %v", w.Code, err)
	}
	return string(b)
}

// TestGolden holds names, types, helps, labels and values of everything.
func TestGolden(t *testing.T) {
	run(t, false, func(e *Exporter, _ *fakeBridge) {
		got := scrape(t, e)
		path := filepath.Join("testdata", "metrics.golden")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("(go test ./metrics -update writes it anew)\n%s", diff)
		}
	})
}

// TestLint is promtool's linter as a library.
func TestLint(t *testing.T) {
	run(t, false, func(e *Exporter, _ *fakeBridge) {
		problems, err := testutil.GatherAndLint(e.reg)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	})
}

// TestBudget: at most 80 series a lock and 600 others, whatever happens.
func TestBudget(t *testing.T) {
	run(t, true, func(e *Exporter, _ *fakeBridge) {
		perLock, fixed := map[string]int{}, 0
		lock := regexp.MustCompile(`[{,]lock="([^"]*)"`)
		for line := range strings.Lines(scrape(t, e)) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			if m := lock.FindStringSubmatch(line); m != nil {
				perLock[m[1]]++
			} else {
				fixed++
			}
		}
		if len(perLock) != 2 {
			t.Errorf("%d locks", len(perLock))
		}
		for slug, n := range perLock {
			t.Logf("%s: %d series", slug, n)
			if n > 80 {
				t.Errorf("%s has %d series, more than 80", slug, n)
			}
		}
		fixed += 40 * 3 // the API's routes
		t.Logf("%d others", fixed)
		if fixed > 600 {
			t.Errorf("%d series beside the locks', more than 600", fixed)
		}
	})
}

// TestLabels: only known labels, and nothing of people, slots or codes in any of them; the IEEE address in lock_info alone.
func TestLabels(t *testing.T) {
	allowed := map[string]bool{"version": true, "commit": true, "lock": true, "model": true, "firmware": true, "ieee": true, "state": true, "action": true, "source": true,
		"alarm": true, "command": true, "result": true, "stage": true, "reason": true, "step": true, "direction": true, "type": true, "product": true, "revision": true,
		"channel": true, "route": true, "code": true}
	run(t, false, func(e *Exporter, _ *fakeBridge) {
		families, err := e.reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if !strings.HasPrefix(f.GetName(), prefix) {
				t.Errorf("%s lacks the prefix", f.GetName())
			}
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					v := l.GetValue()
					switch {
					case !allowed[l.GetName()]:
						t.Errorf("%s has the label %s", f.GetName(), l.GetName())
					case strings.Contains(v, "4711"), strings.Contains(v, "Wilhelmina"), l.GetName() == "code" && !strings.HasSuffix(v, "xx"):
						t.Errorf("%s{%s=%q} tells too much", f.GetName(), l.GetName(), v)
					case strings.Contains(v, ":") && f.GetName() != prefix+"lock_info":
						t.Errorf("%s{%s=%q}: an address", f.GetName(), l.GetName(), v)
					}
				}
			}
		}
	})
}

// TestPreset: every enumeration of a lock is there before anything has happened.
func TestPreset(t *testing.T) {
	f := aHome(time.Now())
	e := New(Config{Bridge: f})
	e.sync()
	got := scrape(t, e)
	for _, want := range []string{
		`latchkey_lock_operations_total{action="unlock",lock="back-door",source="keypad"} 0`,
		`latchkey_commands_total{command="unlock",lock="back-door",result="asleep"} 0`,
		`latchkey_lock_alarms_total{alarm="tamper",lock="back-door"} 0`,
		`latchkey_lock_state{lock="back-door",state="unknown"} 1`,
		`latchkey_lock_state{lock="back-door",state="locked"} 0`,
		`latchkey_reset_state{lock="back-door",state="idle"} 1`,
		`latchkey_lock_invalid_code_total{lock="back-door"} 0`,
		`latchkey_resets_total{lock="back-door",result="done"} 0`,
		`latchkey_command_stage_duration_seconds_count{command="lock",stage="total"} 0`,
		`latchkey_joins_total{result="refused"} 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
}

// TestStages: each stage of a command that went all its way is measured, and nothing else is offered.
func TestStages(t *testing.T) {
	f := aHome(time.Now())
	e := New(Config{Bridge: f})
	e.sync()
	e.take(bridge.Event{Lock: front, Body: bridge.CommandFinished{Command: "unlock", Result: bridge.ResultOK, Durations: map[bridge.Stage]time.Duration{
		bridge.StageQueued: 0, bridge.StageSent: 10 * time.Millisecond, bridge.StageWritten: 12 * time.Millisecond, bridge.StageDelivered: 60 * time.Millisecond,
		bridge.StageAccepted: 140 * time.Millisecond, bridge.StageMoved: 2140 * time.Millisecond}}})
	got := scrape(t, e)
	for stage, sum := range map[string]string{"queue": "0.01", "serial": "0.002", "radio": "0.048", "ack": "0.08", "report": "2", "total": "2.14"} {
		if line := `latchkey_command_stage_duration_seconds_sum{command="unlock",stage="` + stage + `"} ` + sum + "\n"; !strings.Contains(got, line) {
			t.Errorf("not there: %s", line)
		}
	}
	if n := strings.Count(got, `latchkey_command_stage_duration_seconds_count{command="unlock",`); n != 6 {
		t.Errorf("%d stages", n)
	}
}

// TestForgotten: a forgotten lock's series go.
func TestForgotten(t *testing.T) {
	run(t, false, func(e *Exporter, f *fakeBridge) {
		f.mu.Lock()
		f.snap.Locks = f.snap.Locks[1:]
		f.mu.Unlock()
		f.emit(time.Now(), front, bridge.Cause{}, bridge.LockForgotten{})
		f.emit(time.Now(), front, bridge.Cause{}, bridge.Alarmed{Alarm: bridge.AlarmJam})
		synctest.Wait()
		if got := scrape(t, e); strings.Contains(got, "front-door") {
			t.Errorf("still there:\n%s", got)
		}
	})
}

// TestNewLock: a lock that joins later gets its series with its first event.
func TestNewLock(t *testing.T) {
	run(t, false, func(e *Exporter, f *fakeBridge) {
		f.mu.Lock()
		f.snap.Locks = append(f.snap.Locks, bridge.LockView{ID: "00:00:00:00:00:00:00:03", Slug: "shed"})
		f.mu.Unlock()
		f.emit(time.Now(), "00:00:00:00:00:00:00:03", bridge.Cause{}, bridge.LockJoined{})
		synctest.Wait()
		if got := scrape(t, e); !strings.Contains(got, `latchkey_lock_alarms_total{alarm="jam",lock="shed"} 0`) {
			t.Error("no series")
		}
	})
}

// TestReaderFails: a journal that cannot be followed ends the task with its error.
func TestReaderFails(t *testing.T) {
	broken := errors.New("gone")
	e := New(Config{Bridge: brokenBridge{broken}})
	if err := e.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type brokenBridge struct{ err error }

func (b brokenBridge) Snapshot() bridge.Snapshot                  { return bridge.Snapshot{} }
func (b brokenBridge) Follow(uint64) bridge.Reader                { return b }
func (b brokenBridge) Next(context.Context) (bridge.Event, error) { return bridge.Event{}, b.err }
func (b brokenBridge) Close()                                     {}

// TestNativeHistograms: a scraper that asks for protobuf gets native buckets.
func TestNativeHistograms(t *testing.T) {
	run(t, false, func(e *Exporter, _ *fakeBridge) {
		families, err := e.reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == prefix+"command_stage_duration_seconds" {
				if h := f.GetMetric()[0].GetHistogram(); h.Schema == nil || len(h.GetBucket()) != len(boltBuckets) {
					t.Errorf("%v", h)
				}
				return
			}
		}
		t.Error("no such histogram")
	})
}

// TestScrapeCost: a scrape of fifty locks stays far below a megabyte.
func TestScrapeCost(t *testing.T) {
	f := newFake()
	for i := range 50 {
		f.snap.Locks = append(f.snap.Locks, bridge.LockView{ID: bridge.LockID(fmt.Sprint(i)), Slug: fmt.Sprintf("lock-%d", i)})
	}
	e := New(Config{Bridge: f})
	e.sync()
	if n := bytes.Count([]byte(scrape(t, e)), []byte("\n")); n > 50*80+800 {
		t.Errorf("%d lines", n)
	}
}
