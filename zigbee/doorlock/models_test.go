package doorlock

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// modelLine is a line of lock-models.jsonl.
type modelLine struct {
	ID, Model, Manufacturer, Family string
	MockEndpoints                   []struct {
		ID      uint8
		In, Out []string
	} `json:"mock_endpoints"`
	DefaultEndpoint uint8 `json:"default_endpoint"`
	Configure       []struct {
		Op, Cluster string
		Endpoint    uint8
		Records     []struct {
			Attribute string
			Type      uint8
			Min, Max  uint16
			Change    uint64
		}
	}
	Requests []struct {
		Request string
		Message map[string]json.RawMessage
		Sends   []struct {
			Op, Cluster, Hex string
			Endpoint         uint8
		}
		Error string
	}
}

// modelReasons names every way in which what we send may differ. A difference without one fails, and so does a reason that nothing needs.
var modelReasons = map[string]string{
	"alarms and check-ins":       "we bind Alarms and Poll Control where the lock has them: alarms, and the moment at which a sleepy lock listens",
	"battery of JAVIS":           "we bind Power Configuration of locks that tell their battery there",
	"battery interval":           "a battery is reported twice a day at least and for each per cent; there it is 18 hours and any change",
	"battery alarm":              "BatteryAlarmState is asked for on every lock that has a battery in 0.5 % or 1 %",
	"door sensor":                "DoorState is asked for where the family has one",
	"vendor settings":            "settings of the maker are read when somebody asks for them, not reported",
	"asked for once more":        "the library reads again what its configuration has just asked to be reported",
	"no toggle":                  "a person asks for a state: Toggle is never sent",
	"master slot":                "the master's slot is never touched; the library takes slot 0 like any other",
	"slots of this family":       "the family's slots or PIN lengths, which the library does not know or knows otherwise",
	"read back is not known":     "codes of this family cannot be read back, so that nothing is sent",
	"user types and status":      "types follow from schedules, and a code that should not open is taken off the lock",
	"numeric PIN":                "a PIN is digits, not a number",
	"refused there":              "the library refuses this before it sends; so do we, or we have no such request",
	"maker's settings":           "a setting of the maker that is not kept over a reset",
	"settings are not supported": "settings attributes are not supported by this family, says the reference",
	"door with the state":        "bolt and door are read in one frame",
	"no identify":                "locks are not made to blink",
	"wyze and silent locks":      "nothing that can be read says where this lock's bolt is",
}

type modelRun struct {
	t    *testing.T
	m    *modelLine
	used map[string]int
}

func (r *modelRun) because(reason string) {
	r.t.Helper()
	if _, ok := modelReasons[reason]; !ok {
		r.t.Errorf("%s: reason %q is not listed", r.m.Model, reason)
	}
	r.used[reason]++
}

func TestModelVectors(t *testing.T) {
	used := map[string]int{}
	all := lines[modelLine](t, "lock-models.jsonl.gz")
	if len(all) != 58 {
		t.Fatalf("%d lines", len(all))
	}
	requests := 0
	for i := range all {
		m := &all[i]
		if p := profileOf(m.Manufacturer, m.Model, 0); p.Family != m.Family {
			t.Errorf("%s is %s, want %s", m.Model, p.Family, m.Family)
		}
		inBubble(t, func(w *world) {
			r := &modelRun{t: w.t, m: m, used: used}
			fl := w.r.add(testLock, m.Manufacturer, m.Model, m.DefaultEndpoint)
			fl.node.Endpoints = nil
			for _, e := range m.MockEndpoints {
				ep := zigbee.Endpoint{ID: e.ID, Profile: profileHA, DeviceType: deviceDoorLock}
				for _, c := range e.In {
					ep.In = append(ep.In, clusterOf(w.t, c))
				}
				fl.node.Endpoints = append(fl.node.Endpoints, ep)
			}
			if m.Family == "yale_c4" {
				fl.attrs[zcl.ClusterAssaC4] = map[zcl.AttributeID]zcl.Value{zcl.AssaAttrBatteryLevel: zcl.Uint8(90)}
			}
			l := w.join(fl)
			r.configure(w, l)
			for _, q := range m.Requests {
				var want []string
				for _, s := range q.Sends {
					want = append(want, s.Cluster+" "+s.Hex)
				}
				r.request(w, l, q.Request, q.Message, want, q.Error)
				requests++
			}
		})
	}
	for reason := range modelReasons {
		if used[reason] == 0 {
			t.Errorf("reason %q is not needed", reason)
		}
	}
	t.Logf("%d models, %d requests; differences by reason: %v", len(all), requests, used)
}

// configure compares what is bound and how reports are configured.
func (r *modelRun) configure(w *world, l *lock) {
	type report struct {
		min, max uint16
		change   uint64
	}
	theirBinds, theirs := map[uint16]bool{}, map[string]report{}
	for _, c := range r.m.Configure {
		switch c.Op {
		case "bind":
			theirBinds[clusterOf(r.t, c.Cluster)] = true
			if c.Endpoint != l.endpoint {
				r.t.Errorf("%s: endpoint %d, ours %d", r.m.Model, c.Endpoint, l.endpoint)
			}
		case "configure_reporting":
			for _, a := range c.Records {
				theirs[c.Cluster+" "+a.Attribute] = report{a.Min, a.Max, a.Change}
			}
		default:
			r.because("asked for once more")
		}
	}
	for _, c := range w.r.bound() {
		switch {
		case theirBinds[c]:
			delete(theirBinds, c)
		case c == zcl.ClusterAlarms, c == zcl.ClusterPollControl:
			r.because("alarms and check-ins")
		case r.m.Family == "javis" && c == zcl.ClusterPowerConfig:
			r.because("battery of JAVIS")
		default:
			r.t.Errorf("%s: we bind %#x", r.m.Model, c)
		}
	}
	if len(theirBinds) > 0 {
		r.t.Errorf("%s: they also bind %#x", r.m.Model, slices.Collect(maps.Keys(theirBinds)))
	}
	l.mu.Lock()
	ours := l.reports()
	l.mu.Unlock()
	for _, q := range ours {
		for _, a := range q.msg.(*zcl.ConfigureReporting).Records {
			key := fmt.Sprintf("0x%04x %v", q.cluster, a.ID)
			their, ok := theirs[key]
			delete(theirs, key)
			got := report{a.Min, a.Max, a.Change}
			switch {
			case ok && their == got:
			case ok && q.cluster == zcl.ClusterPowerConfig:
				r.because("battery interval")
			case !ok && a.ID == zcl.PowerBatteryAlarmState && q.cluster == zcl.ClusterPowerConfig:
				r.because("battery alarm")
			case !ok && a.ID == zcl.LockAttrDoorState && q.cluster == zcl.ClusterDoorLock:
				r.because("door sensor")
			default:
				r.t.Errorf("%s: %s %+v, theirs %+v", r.m.Model, key, got, their)
			}
		}
	}
	for key := range theirs {
		if !strings.HasPrefix(key, "0x0101 0x40") {
			r.t.Errorf("%s: they also have %s reported", r.m.Model, key)
		}
		r.because("vendor settings")
	}
}

// request makes ours of a user's request, and compares the frame.
func (r *modelRun) request(w *world, l *lock, kind string, msg map[string]json.RawMessage, want []string, refused string) {
	var key string
	for k := range msg {
		key = k
	}
	call, reason := r.translate(l, kind, key, msg[key])
	if reason != "" {
		r.because(reason)
		return
	}
	n := w.r.count()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	err := call(ctx)
	synctest.Wait()
	if refused != "" {
		if err == nil {
			r.t.Errorf("%s: %s %s: they refuse with %q", r.m.Model, key, msg[key], refused)
		}
		r.because("refused there")
		return
	}
	if err != nil {
		r.explain(l, key, msg[key], err)
		return
	}
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	var got []string
	for _, s := range w.r.sent[n:] {
		p := slices.Clone(s.frame.Payload)
		seq := 1
		if p[0]&4 != 0 {
			seq = 3
		}
		p[seq] = 1
		got = append(got, fmt.Sprintf("0x%04x %s", s.frame.Cluster, hex.EncodeToString(p)))
		if s.frame.DstEndpoint != r.m.DefaultEndpoint {
			r.t.Errorf("%s: %s to endpoint %d", r.m.Model, key, s.frame.DstEndpoint)
		}
	}
	if kind == "get" && key == "state" && len(got) > 0 {
		if got[0] == "0x0101 10010000000300" {
			got[0] = want[0]
			r.because("door with the state")
		}
		got = got[:1] // the battery is read as well
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: %s %s: sent %v, want %v", r.m.Model, key, msg[key], got, want)
	}
}

// explain names the reason of a refusal of ours.
func (r *modelRun) explain(l *lock, key string, msg json.RawMessage, err error) {
	t := l.Info().Traits
	switch {
	case key == "pin_code" && t.ReadBack == bridge.ReadBackNone && strings.Contains(err.Error(), "read"):
		r.because("read back is not known")
	case key == "pin_code" && strings.Contains(err.Error(), bridge.ErrMasterSlot.Error()):
		r.because("master slot")
	case key == "pin_code":
		r.because("slots of this family")
	default:
		r.t.Errorf("%s: %s %s: %v", r.m.Model, key, msg, err)
	}
}

// translate makes a call of ours, or names why there is none.
func (r *modelRun) translate(l *lock, kind, key string, msg json.RawMessage) (call func(context.Context) error, reason string) {
	var text string
	var number float64
	_ = json.Unmarshal(msg, &text)
	isNumber := json.Unmarshal(msg, &number) == nil
	settings := func(s bridge.Settings) (func(context.Context) error, string) {
		if l.p.NoSettings || s.AutoRelock != nil && l.p.Relock == "" {
			return nil, "settings are not supported"
		}
		return func(ctx context.Context) error { return l.WriteSettings(ctx, s) }, ""
	}
	switch {
	case kind == "get" && key == "state":
		if l.p.Silent {
			return nil, "wyze and silent locks"
		}
		return l.Refresh, ""
	case key == "state":
		return r.actuate(l, msg)
	case key == "pin_code":
		return r.code(l, kind, msg)
	case key == "user_status":
		return nil, "user types and status"
	case key == "identify":
		return nil, "no identify"
	case kind == "get":
		return nil, "maker's settings"
	case key == "auto_relock_time" && isNumber:
		d := time.Duration(number) * time.Second
		return settings(bridge.Settings{AutoRelock: &d})
	case key == "auto_relock", key == "auto_lock_time":
		d := time.Duration(0)
		if string(msg) == "true" {
			d = switchedRelock
		} else if text == "30seconds" {
			d = 30 * time.Second
		}
		return settings(bridge.Settings{AutoRelock: &d})
	case key == "sound_volume", key == "volume":
		level, ok := map[string]uint8{"silent_mode": 0, "low_volume": 1, "high_volume": 2, "off": 0, "silent": 0, "low": 1, "high": 2}[text]
		if text == "high" && l.p.Sound == 3 {
			level = 3
		}
		if !ok || text == "off" && l.p.SoundVia == "assa" || text == "silent" && l.p.SoundVia == "" {
			return nil, "refused there"
		}
		return settings(bridge.Settings{Sound: &level})
	default:
		return nil, "maker's settings"
	}
}

func (r *modelRun) actuate(l *lock, msg json.RawMessage) (func(context.Context) error, string) {
	var plain string
	var with struct{ State, Code string }
	if json.Unmarshal(msg, &plain) == nil {
		with.State = plain
	} else if err := json.Unmarshal(msg, &with); err != nil {
		r.t.Fatal(err)
	}
	a := bridge.Action{Kind: map[string]bridge.ActionKind{"LOCK": bridge.ActLock, "UNLOCK": bridge.ActUnlock}[with.State]}
	if with.State == "TOGGLE" {
		return nil, "no toggle"
	}
	if with.Code != "" {
		a.PIN = pin(r.t, with.Code)
	}
	return func(ctx context.Context) error { return l.Actuate(ctx, a) }, ""
}

func (r *modelRun) code(l *lock, kind string, msg json.RawMessage) (func(context.Context) error, string) {
	var q struct {
		User    uint16
		PIN     json.RawMessage `json:"pin_code"`
		Type    string          `json:"user_type"`
		Enabled *bool           `json:"user_enabled"`
	}
	if err := json.Unmarshal(msg, &q); err != nil {
		return nil, "refused there"
	}
	s := bridge.Slot(q.User)
	var digits string
	switch {
	case kind == "get":
		return func(ctx context.Context) error { _, err := l.ReadSlot(ctx, s); return err }, ""
	case q.Type != "" && q.Type != "unrestricted", q.Enabled != nil && !*q.Enabled:
		return nil, "user types and status"
	case string(q.PIN) == "null":
		return func(ctx context.Context) error { return l.ClearPIN(ctx, s) }, ""
	case json.Unmarshal(q.PIN, &digits) != nil:
		return nil, "numeric PIN"
	}
	p, err := bridge.NewPIN([]byte(digits))
	if err != nil {
		return func(context.Context) error { return err }, ""
	}
	return func(ctx context.Context) error { return l.WritePIN(ctx, s, p) }, ""
}
