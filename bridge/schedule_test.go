package bridge_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkeyd/latchkey/bridge"
)

const (
	sun bridge.Days = 1 << iota
	mon
	tue
	wed
	thu
	fri
	sat
	everyDay = 127
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestScheduleAllows(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04:05", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	day := bridge.Schedule{Weekly: []bridge.Window{{Days: mon | fri, Start: 8 * 60, End: 10 * 60}}}
	night := bridge.Schedule{Weekly: []bridge.Window{{Days: sat, Start: 22 * 60, End: 6 * 60}}}
	for _, tc := range []struct {
		name string
		s    bridge.Schedule
		at   time.Time
		want bool
	}{
		{"always", bridge.Schedule{}, at("2026-11-24 03:00:00"), true},
		{"before the window", day, at("2026-11-27 07:59:59"), false},
		{"first second", day, at("2026-11-27 08:00:00"), true},
		{"last second", day, at("2026-11-27 09:59:59"), true},
		{"end is outside", day, at("2026-11-27 10:00:00"), false},
		{"another day", day, at("2026-11-28 09:00:00"), false},
		{"evening of the night", night, at("2026-11-28 23:00:00"), true},
		{"morning after", night, at("2026-11-29 05:59:59"), true},
		{"end of the night", night, at("2026-11-29 06:00:00"), false},
		{"evening of the next day", night, at("2026-11-29 23:00:00"), false},
		{"morning before", night, at("2026-11-28 05:00:00"), false},
		{"whole day", bridge.Schedule{Weekly: []bridge.Window{{Days: tue, Start: 0, End: 1440}}}, at("2026-11-24 23:59:59"), true},
		{"from", bridge.Schedule{From: at("2026-11-24 12:00:00")}, at("2026-11-24 11:59:59"), false},
		{"from, now", bridge.Schedule{From: at("2026-11-24 12:00:00")}, at("2026-11-24 12:00:00"), true},
		{"until", bridge.Schedule{Until: at("2026-11-24 12:00:00")}, at("2026-11-24 12:00:00"), false},
		// 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
		{"window in the hour that is left out", bridge.Schedule{Weekly: []bridge.Window{{Days: sun, Start: 150, End: 180}}}, at("2026-03-29 03:00:00"), false},
		{"window that begins in that hour", bridge.Schedule{Weekly: []bridge.Window{{Days: sun, Start: 150, End: 240}}}, at("2026-03-29 03:00:00"), true},
		{"hour that comes twice, first", bridge.Schedule{Weekly: []bridge.Window{{Days: sun, Start: 120, End: 180}}}, time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), true},
		{"hour that comes twice, again", bridge.Schedule{Weekly: []bridge.Window{{Days: sun, Start: 120, End: 180}}}, time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC), true},
		{"after it", bridge.Schedule{Weekly: []bridge.Window{{Days: sun, Start: 120, End: 180}}}, time.Date(2026, 10, 25, 2, 0, 0, 0, time.UTC), false},
	} {
		if got := tc.s.Allows(tc.at, berlin); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestScheduleCheck(t *testing.T) {
	now := time.Now()
	for name, s := range map[string]bridge.Schedule{
		"no day":       {Weekly: []bridge.Window{{Start: 1, End: 2}}},
		"eighth day":   {Weekly: []bridge.Window{{Days: 128, Start: 1, End: 2}}},
		"empty":        {Weekly: []bridge.Window{{Days: 1, Start: 5, End: 5}}},
		"late start":   {Weekly: []bridge.Window{{Days: 1, Start: 1440, End: 5}}},
		"late end":     {Weekly: []bridge.Window{{Days: 1, Start: 0, End: 1441}}},
		"negative":     {Weekly: []bridge.Window{{Days: 1, Start: -1, End: 5}}},
		"many":         {Weekly: make([]bridge.Window, 65)},
		"backwards":    {From: now, Until: now.Add(-time.Second)},
		"minus 1 uses": {Uses: -1},
	} {
		if err := s.Check(); !errors.Is(err, bridge.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (bridge.Schedule{Weekly: []bridge.Window{{Days: 127, Start: 0, End: 1440}, {Days: 1, Start: 1380, End: 60}}, Uses: 1}).Check(); err != nil {
		t.Error(err)
	}
}

// TestScheduleNext: between now and Next the answer never changes, in any zone, over any change of the clocks.
func TestScheduleNext(t *testing.T) {
	zones := []*time.Location{time.UTC, zone(t, "Europe/Berlin"), zone(t, "America/New_York"), zone(t, "Australia/Lord_Howe"), zone(t, "Asia/Kathmandu"), zone(t, "Pacific/Apia"), zone(t, "Africa/Casablanca")}
	rapid.Check(t, func(t *rapid.T) {
		loc := rapid.SampledFrom(zones).Draw(t, "zone")
		at := time.Unix(rapid.Int64Range(1_000_000_000, 2_500_000_000).Draw(t, "at"), 0)
		if rapid.Bool().Draw(t, "near a change") {
			if _, end := at.In(loc).ZoneBounds(); !end.IsZero() {
				at = end.Add(time.Duration(rapid.IntRange(-7200*3, 7200*3).Draw(t, "off")) * time.Second)
			}
		}
		var s bridge.Schedule
		for range rapid.IntRange(0, 4).Draw(t, "windows") {
			s.Weekly = append(s.Weekly, bridge.Window{
				Days: bridge.Days(rapid.IntRange(1, 127).Draw(t, "days")), Start: rapid.IntRange(0, 1439).Draw(t, "start"), End: rapid.IntRange(0, 1440).Draw(t, "end"),
			})
		}
		if rapid.Bool().Draw(t, "from") {
			s.From = at.Add(time.Duration(rapid.IntRange(-100000, 100000).Draw(t, "from at")) * time.Second)
		}
		if rapid.Bool().Draw(t, "until") {
			s.Until = at.Add(time.Duration(rapid.IntRange(-100000, 100000).Draw(t, "until at")) * time.Second)
		}
		now := s.Allows(at, loc)
		next := s.Next(at, loc)
		end := next
		if next.IsZero() {
			end = at.Add(9 * 24 * time.Hour)
		}
		if !end.After(at) {
			t.Fatal("next is not later", next)
		}
		for probe := at; probe.Before(end); probe = probe.Add(7*time.Minute + 13*time.Second) {
			if s.Allows(probe, loc) != now {
				t.Fatalf("changes at or before %v, Next said %v", probe.In(loc), next.In(loc))
			}
		}
		if s.Allows(end.Add(-time.Second), loc) != now && end.Add(-time.Second).After(at) {
			t.Fatalf("changes just before %v", next.In(loc))
		}
	})
}
