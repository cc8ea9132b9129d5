package doorlock

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

type scheduleKey struct {
	user uint16
	id   uint8
}

// fakeSchedules are those of a lock.
type fakeSchedules struct {
	mu       sync.Mutex
	types    map[uint16]zcl.UserType
	weeks    map[scheduleKey]zcl.WeekDaySchedule
	years    map[scheduleKey]zcl.YearDaySchedule
	no       zcl.Status // the answer to every Set, if not zero
	failing  bool       // every Set fails
	mute     bool       // it does not answer questions
	forgets  bool       // it says yes and keeps nothing
	typeOnly bool       // it says yes and keeps no more than the user type
	strict   bool       // it fails to clear what is not there
}

func newSchedules() *fakeSchedules {
	return &fakeSchedules{types: map[uint16]zcl.UserType{}, weeks: map[scheduleKey]zcl.WeekDaySchedule{}, years: map[scheduleKey]zcl.YearDaySchedule{}}
}

func (f *fakeSchedules) answer(m zcl.Message) (zcl.Message, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	command := m.Route().Command
	result, keep := zcl.Pass, !f.failing && !f.forgets && !f.typeOnly
	if f.failing {
		result = zcl.Fail
	}
	gone := func(held bool) zcl.PassFail {
		if f.strict && !held {
			return zcl.Fail
		}
		return zcl.Pass
	}
	switch m := m.(type) {
	case *zcl.SetWeekDaySchedule:
		if f.no != 0 {
			return &zcl.DefaultResponse{Command: command, Status: f.no}, true
		}
		if keep {
			f.weeks[scheduleKey{m.User, m.ID}] = m.WeekDaySchedule
		}
		return &zcl.SetWeekDayScheduleResponse{Result: result}, true
	case *zcl.SetYearDaySchedule:
		if f.no != 0 {
			return &zcl.DefaultResponse{Command: command, Status: f.no}, true
		}
		if keep {
			f.years[scheduleKey{m.User, m.ID}] = m.YearDaySchedule
		}
		return &zcl.SetYearDayScheduleResponse{Result: result}, true
	case *zcl.SetUserType:
		if keep || f.typeOnly {
			f.types[m.User] = m.Type
		}
		return &zcl.SetUserTypeResponse{Result: result}, true
	case *zcl.ClearWeekDaySchedule:
		_, held := f.weeks[scheduleKey{m.User, m.ID}]
		delete(f.weeks, scheduleKey{m.User, m.ID})
		return &zcl.ClearWeekDayScheduleResponse{Result: gone(held)}, true
	case *zcl.ClearYearDaySchedule:
		_, held := f.years[scheduleKey{m.User, m.ID}]
		delete(f.years, scheduleKey{m.User, m.ID})
		return &zcl.ClearYearDayScheduleResponse{Result: gone(held)}, true
	}
	switch m := m.(type) {
	case *zcl.GetWeekDaySchedule, *zcl.GetYearDaySchedule, *zcl.GetUserType:
		if f.mute {
			return &zcl.DefaultResponse{Command: command, Status: zcl.StatusUnsupClusterCommand}, true
		}
		switch m := m.(type) {
		case *zcl.GetWeekDaySchedule:
			r := &zcl.GetWeekDayScheduleResponse{ID: m.ID, User: m.User, Status: zcl.StatusNotFound}
			if w, ok := f.weeks[scheduleKey{m.User, m.ID}]; ok {
				r.Status, r.WeekDaySchedule = zcl.StatusSuccess, w
			}
			return r, true
		case *zcl.GetYearDaySchedule:
			r := &zcl.GetYearDayScheduleResponse{ID: m.ID, User: m.User, Status: zcl.StatusNotFound}
			if y, ok := f.years[scheduleKey{m.User, m.ID}]; ok {
				r.Status, r.YearDaySchedule = zcl.StatusSuccess, y
			}
			return r, true
		case *zcl.GetUserType:
			return &zcl.GetUserTypeResponse{User: m.User, Type: f.types[m.User]}, true
		}
	}
	return nil, false
}

// scheduled makes a lock with room for schedules join.
func (w *world) scheduled(weeks, years uint8) (*fakeLock, *lock) {
	w.t.Helper()
	fl := w.r.add(testLock, "Yale", "YRD256 TSDB", 1)
	fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrWeekDaySchedules] = zcl.Uint8(weeks)
	fl.attrs[zcl.ClusterDoorLock][zcl.LockAttrYearDaySchedules] = zcl.Uint8(years)
	fl.schedules = newSchedules()
	return fl, w.join(fl)
}

const monday, friday, saturday = bridge.Days(1 << 1), bridge.Days(1 << 5), bridge.Days(1 << 6)

func TestSchedules(t *testing.T) {
	inBubble(t, func(w *world) {
		_, l := w.scheduled(4, 1)
		ctx := deadline(w, time.Minute)
		n := w.r.count()
		week := bridge.Schedule{Weekly: []bridge.Window{{Days: monday, Start: 8*60 + 30, End: 17 * 60}, {Days: friday | saturday, Start: 22 * 60, End: 2 * 60}}}
		if err := l.WriteSchedule(ctx, 2, week); err != nil {
			t.Fatal(err)
		}
		write := []zcl.Message{
			&zcl.SetWeekDaySchedule{ID: 0, User: 2, WeekDaySchedule: zcl.WeekDaySchedule{Days: zcl.Days(monday), StartHour: 8, StartMinute: 30, EndHour: 17}},
			&zcl.SetWeekDaySchedule{ID: 1, User: 2, WeekDaySchedule: zcl.WeekDaySchedule{Days: zcl.Days(friday | saturday), StartHour: 22, EndHour: 23, EndMinute: 59}},
			&zcl.SetWeekDaySchedule{ID: 2, User: 2, WeekDaySchedule: zcl.WeekDaySchedule{Days: zcl.Days(saturday | 1), EndHour: 2}},
		}
		look := []zcl.Message{&zcl.SetUserType{User: 2, Type: zcl.UserWeekDay}, &zcl.GetWeekDaySchedule{ID: 0, User: 2}, &zcl.GetWeekDaySchedule{ID: 1, User: 2},
			&zcl.GetWeekDaySchedule{ID: 2, User: 2}, &zcl.GetUserType{User: 2}}
		first := append(append([]zcl.Message(nil), write...), &zcl.ClearWeekDaySchedule{ID: 3, User: 2})
		sent(t, w.r.since(n), append(first, look...))
		n = w.r.count()
		if err := l.WriteSchedule(ctx, 2, week); err != nil { // what stands there is known by now
			t.Fatal(err)
		}
		sent(t, w.r.since(n), append(write, look...))
		n = w.r.count()
		if err := l.WriteSchedule(ctx, 2, bridge.Schedule{Weekly: week.Weekly[:1]}); err != nil {
			t.Fatal(err)
		}
		sent(t, w.r.since(n)[:3], []zcl.Message{write[0], &zcl.ClearWeekDaySchedule{ID: 1, User: 2}, &zcl.ClearWeekDaySchedule{ID: 2, User: 2}})
		n = w.r.count()
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // 01:00 at the lock
		if err := l.WriteSchedule(ctx, 2, bridge.Schedule{From: from, Until: from.Add(24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		sent(t, w.r.since(n), []zcl.Message{
			&zcl.SetYearDaySchedule{User: 2, YearDaySchedule: zcl.YearDaySchedule{Start: 820540800 + 3600, End: 820540800 + 3600 + 86400}},
			&zcl.SetUserType{User: 2, Type: zcl.UserYearDay}, &zcl.GetYearDaySchedule{User: 2}, &zcl.GetUserType{User: 2},
		})
		n = w.r.count()
		if err := l.WriteSchedule(ctx, 2, bridge.Schedule{}); err != nil {
			t.Fatal(err)
		}
		sent(t, w.r.since(n)[:1], []zcl.Message{&zcl.SetUserType{User: 2, Type: zcl.UserUnrestricted}})
		n = w.r.count()
		for _, sch := range []bridge.Schedule{
			{Uses: 1},
			{Weekly: []bridge.Window{{Days: monday, End: 60}}, Until: from},
			{Weekly: []bridge.Window{{Days: 1, Start: 1, End: 2}, {Days: 1, Start: 3, End: 4}, {Days: 1, Start: 5, End: 6}, {Days: 1, Start: 7, End: 8}, {Days: 1, Start: 9, End: 10}}},
		} {
			if err := l.WriteSchedule(ctx, 2, sch); !errors.Is(err, bridge.ErrUnsupported) {
				t.Errorf("%+v: %v", sch, err)
			}
		}
		if w.r.count() != n {
			t.Error("something was sent")
		}
	})
}

func TestSchedulesThatDoNotStick(t *testing.T) {
	day := bridge.Schedule{Weekly: []bridge.Window{{Days: monday, Start: 8 * 60, End: 17 * 60}}}
	span := bridge.Schedule{Until: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, c := range []struct {
		name string
		how  func(*fakeSchedules)
		want error
	}{
		{"kept", func(*fakeSchedules) {}, nil},
		{"no questions answered", func(f *fakeSchedules) { f.mute = true }, nil},
		{"nothing to clear", func(f *fakeSchedules) { f.strict = true }, nil},
		{"yes, and nothing kept", func(f *fakeSchedules) { f.forgets = true }, bridge.ErrNotStored},
		{"yes, and only the user type kept", func(f *fakeSchedules) { f.typeOnly = true }, bridge.ErrNotStored},
		{"failure", func(f *fakeSchedules) { f.failing = true }, bridge.ErrRejected},
		{"no such command", func(f *fakeSchedules) { f.no = zcl.StatusUnsupClusterCommand }, bridge.ErrUnsupported},
		{"not allowed", func(f *fakeSchedules) { f.no = zcl.StatusNotAuthorized }, bridge.ErrNeedsPIN},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, l := w.scheduled(3, 1)
				c.how(fl.schedules)
				for _, s := range []bridge.Schedule{day, span} {
					if err := l.WriteSchedule(deadline(w, time.Minute), 2, s); !errors.Is(err, c.want) {
						t.Errorf("%+v: %v", s, err)
					}
					if typ := fl.schedules.types[2]; (typ == zcl.UserUnrestricted) != (c.want != nil) {
						t.Errorf("user type %v", typ)
					}
				}
			})
		})
	}
}

// A lock's schedules go by its own clock. Only what it asks us for tells what that shows.
func TestClockOfTheLock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	summer, winter := time.Date(2026, 7, 1, 12, 0, 0, 0, berlin), time.Date(2026, 12, 1, 12, 0, 0, 0, berlin)
	const hour = 3600
	ids := func(ids ...zcl.AttributeID) []zcl.AttributeID { return ids }
	for _, c := range []struct {
		name      string
		asked     [][]zcl.AttributeID
		want      bridge.LockClock // after asking in summer
		inSummer  bool
		inWinter  bool
		nowWinter bool // asks in winter
	}{
		{name: "nothing"},
		{name: "local time", asked: [][]zcl.AttributeID{ids(zcl.TimeTime, zcl.TimeLocalTime)}, want: bridge.LockClock{Set: true, Offset: 2 * hour}, inSummer: true},
		{name: "local time, in winter", asked: [][]zcl.AttributeID{ids(zcl.TimeLocalTime)}, nowWinter: true, want: bridge.LockClock{Set: true, Offset: hour}, inWinter: true},
		{name: "local time and, later, UTC", asked: [][]zcl.AttributeID{ids(zcl.TimeLocalTime), ids(zcl.TimeTime)}, want: bridge.LockClock{Set: true, Offset: 2 * hour}, inSummer: true},
		{name: "UTC", asked: [][]zcl.AttributeID{ids(zcl.TimeTime)}, want: bridge.LockClock{Set: true}},
		{name: "standard time", asked: [][]zcl.AttributeID{ids(zcl.TimeStandardTime)}, want: bridge.LockClock{Set: true, Offset: hour}, inWinter: true},
		{name: "UTC and zone", asked: [][]zcl.AttributeID{ids(zcl.TimeTime), ids(zcl.TimeZone)}, want: bridge.LockClock{Set: true, Offset: hour}, inWinter: true},
		{name: "zone and summer time", asked: [][]zcl.AttributeID{ids(zcl.TimeTime, zcl.TimeZone, zcl.TimeDstStart), ids(zcl.TimeDstEnd, zcl.TimeDstShift)},
			want: bridge.LockClock{Set: true, Follows: true}, inSummer: true, inWinter: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got bridge.LockClock
			var ever uint16
			now := summer
			if c.nowWinter {
				now = winter
			}
			for _, ids := range c.asked {
				for _, id := range ids {
					ever |= 1 << id
				}
				if k, ok := clockOf(ever, ids, now); ok {
					got = k
				}
			}
			if got != c.want || got.Shows(2*hour) != c.inSummer || got.Shows(hour) != c.inWinter {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestClockIsLearned(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		if l.Info().Traits.Clock.Set {
			t.Fatal("it never asked")
		}
		ask := func() {
			fl.seq++
			fl.say(zcl.ClusterTime, zcl.Append(nil, zcl.Header{Seq: fl.seq}, &zcl.ReadAttributes{Attributes: []zcl.AttributeID{zcl.TimeTime, zcl.TimeLocalTime}}))
			time.Sleep(time.Second)
			synctest.Wait()
		}
		want := bridge.LockClock{Set: true, Offset: 3600}
		ask()
		ready := of[bridge.LockReady](w)
		if l.Info().Traits.Clock != want || len(ready) != 1 || ready[0].Info.Traits.Clock != want {
			t.Fatalf("%+v %+v", l.Info().Traits.Clock, ready)
		}
		ask()
		if len(of[bridge.LockReady](w)) != 1 {
			t.Error("the same told again")
		}
		// It outlives a restart of ours, and an interview.
		w.stop()
		w.begin()
		l, err := w.d.find(lockName)
		if err != nil || l.Info().Traits.Clock != want {
			t.Fatalf("%+v %v", l.Info(), err)
		}
		if l = w.join(fl); l.Info().Traits.Clock != want {
			t.Errorf("%+v", l.Info().Traits.Clock)
		}
		// Power lost: its clock counts until it is clear that it does not ask again.
		cycled := func() {
			fl.tells(zcl.ClusterAlarms, &zcl.Alarm{Code: uint8(zcl.AlarmRFPowerCycled), Cluster: zcl.ClusterDoorLock})
		}
		cycled()
		time.Sleep(time.Minute)
		ask()
		time.Sleep(time.Hour)
		if l.Info().Traits.Clock != want {
			t.Errorf("it asked again: %+v", l.Info().Traits.Clock)
		}
		cycled()
		time.Sleep(time.Hour)
		synctest.Wait()
		if l.Info().Traits.Clock.Set {
			t.Error("it never asked again")
		}
		ask()
		if l.Info().Traits.Clock != want {
			t.Errorf("%+v", l.Info().Traits.Clock)
		}
	})
}

// A span is told in the time that the wall clock will show at its ends, whatever it shows today.
func TestSpanOverTheEndOfSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	l := &lock{d: &Driver{cfg: Config{Location: berlin}}}
	wall := func(day, hour int) zcl.LocalTime {
		return zcl.LocalTime(time.Date(2026, 10, day, hour, 0, 0, 0, time.UTC).Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) / time.Second)
	}
	for _, c := range []struct {
		utc  time.Time
		want zcl.LocalTime
	}{
		{time.Date(2026, 10, 24, 10, 0, 0, 0, time.UTC), wall(24, 12)}, {time.Date(2026, 10, 26, 11, 0, 0, 0, time.UTC), wall(26, 12)},
	} {
		if got := l.localTime(c.utc); got != c.want {
			t.Errorf("%v: %d, want %d", c.utc, got, c.want)
		}
	}
}
