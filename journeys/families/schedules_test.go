package families

import (
	"reflect"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/lockfw"
)

// keeping says which families keep schedules of their own; on the others Latchkey writes and removes the code on time.
var keeping = map[string]bool{"yale_assure": true, "yale_real_living_rawpct": true}

// local is a time as it stands in a lock: seconds of the wall clock since 2000.
func local(t time.Time) uint32 {
	_, offset := t.In(time.Local).Zone()
	return uint32(t.Unix() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix() + int64(offset))
}

// around is a window of the week that is open now, and what stands in a lock of it.
func around() (bridge.Schedule, map[int][]byte) {
	now := time.Now()
	minute := now.Hour()*60 + now.Minute()
	from, to := (minute+23*60)%1440, (minute+2*60)%1440
	s := bridge.Schedule{Weekly: []bridge.Window{{Days: 127, Start: from, End: to}}}
	clock := func(m int) (byte, byte) { return byte(m / 60), byte(m % 60) }
	h1, m1 := clock(from)
	h2, m2 := clock(to)
	switch {
	case to == 0:
		return s, map[int][]byte{0: {127, h1, m1, 23, 59}}
	case to < from:
		return s, map[int][]byte{0: {127, h1, m1, 23, 59}, 1: {127, 0, 0, h2, m2}}
	}
	return s, map[int][]byte{0: {127, h1, m1, h2, m2}}
}

// follows checks what the lock itself keeps for a slot.
func (h *home) follows(what string, slot bridge.Slot, want lockfw.UserSchedule) {
	h.t.Helper()
	if !h.lock.Family().Schedules {
		want = lockfw.UserSchedule{}
	}
	if want.WeekDay == nil {
		want.WeekDay = map[int][]byte{}
	}
	if want.YearDay == nil {
		want.YearDay = map[int][2]uint32{}
	}
	if got := h.lock.Schedule(int(slot)); !reflect.DeepEqual(got, want) {
		h.t.Errorf("%s: the lock keeps %+v, want %+v", what, got, want)
	}
}

func TestScheduleOnEveryFamily(t *testing.T) {
	t.Parallel()
	for _, f := range lockfw.Families() {
		if keeping[f.Name] != f.Schedules {
			t.Errorf("%s: keeps schedules: %v", f.Name, f.Schedules)
		}
		if !holding[f.Name] {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			h := open(t, f)
			if keeping[f.Name] { // it asks for the time some seconds after it joined
				h.wait("the lock's clock", func() bool {
					v, err := h.Find(string(h.id))
					return err == nil && v.Info.Traits.Clock.Set
				})
			}
			id := h.add("Ann", "2846")
			slot := h.settled(id, "2846").Slot
			h.follows("always", slot, lockfw.UserSchedule{})
			change := func(s bridge.Schedule) {
				t.Helper()
				if err := h.ChangeUser(t.Context(), asked, id, func(u *bridge.User) error { u.Schedule = s; return nil }); err != nil {
					t.Fatal(err)
				}
				h.settled(id, "2846")
			}
			from, end := time.Now().Add(-time.Hour).Truncate(time.Second), time.Now().Add(time.Hour).Truncate(time.Second)
			change(bridge.Schedule{From: from, Until: end})
			h.follows("from, until", slot, lockfw.UserSchedule{Type: 1, YearDay: map[int][2]uint32{0: {local(from), local(end)}}})
			weekly, week := around()
			change(weekly)
			year := lockfw.UserSchedule{Type: 2, WeekDay: week, YearDay: map[int][2]uint32{0: {local(from), local(end)}}} // which no longer counts
			h.follows("weekly", slot, year)
			change(bridge.Schedule{})
			h.follows("always again", slot, lockfw.UserSchedule{})
			change(weekly)
			year.YearDay = nil
			h.follows("weekly again", slot, year)
			if f.Name != "sihas" { // room for another person
				h.clearsAll()
				h.settled(id, "2846")
				h.follows("after a reset", slot, year)
			}
			if h.lock.Keypad("2846") != nil {
				t.Error("the code does not open in its time")
			}
			end = time.Now().Add(8 * time.Second)
			change(bridge.Schedule{Until: end})
			h.lock.Off(true)
			time.Sleep(time.Until(end.Add(1500 * time.Millisecond)))
			// The lock was told whole seconds, and its clock is up to as many behind as its question took.
			err := h.lock.Keypad("2846")
			for late := end.Add(10 * time.Second); err == nil && keeping[f.Name] && time.Now().Before(late); err = h.lock.Keypad("2846") {
				time.Sleep(500 * time.Millisecond)
			}
			if (err != nil) != keeping[f.Name] {
				t.Errorf("out of reach, after its end: %v", err)
			}
			if h.stands(slot) != "2846" {
				t.Error("who removed it?")
			}
			h.lock.Off(false)
			h.lock.OneTouch()
			h.gone(slot, "2846")
		})
	}
}
