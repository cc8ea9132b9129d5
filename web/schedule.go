package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// Schedule is when a code opens, as the API writes it. Empty: always.
type Schedule struct {
	Weekly []Window   `json:"weekly,omitempty"`
	From   *time.Time `json:"from,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	Uses   int        `json:"uses,omitempty"` // 1 is a one-time code
}

// Window is a span of the day, in local time. One that ends before it starts goes over midnight.
type Window struct {
	Days  []string `json:"days"`  // sun, mon, tue, wed, thu, fri, sat
	Start string   `json:"start"` // 08:00
	End   string   `json:"end"`   // 12:00, exclusive; 24:00 is the end of the day
}

var dayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func scheduleOf(s bridge.Schedule) *Schedule {
	if len(s.Weekly) == 0 && s.From.IsZero() && s.Until.IsZero() && s.Uses == 0 {
		return nil
	}
	out := &Schedule{Uses: s.Uses}
	if !s.From.IsZero() {
		out.From = &s.From
	}
	if !s.Until.IsZero() {
		out.Until = &s.Until
	}
	for _, w := range s.Weekly {
		x := Window{Start: clock(w.Start), End: clock(w.End), Days: []string{}}
		for d, name := range dayNames {
			if w.Days&(1<<d) != 0 {
				x.Days = append(x.Days, name)
			}
		}
		out.Weekly = append(out.Weekly, x)
	}
	return out
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

func badSchedule(detail, do string) *Problem {
	return problem(http.StatusUnprocessableEntity, "schedule", "The schedule does not do", detail, do)
}

func (s *Schedule) parse() (bridge.Schedule, error) {
	var out bridge.Schedule
	if s.Uses < 0 || s.Uses > 10000 {
		return out, badSchedule("The number of uses is out of range.", "Use 1 to 10000, or 0 for no limit.")
	}
	out.Uses = s.Uses
	if s.From != nil {
		out.From = *s.From
	}
	if s.Until != nil {
		out.Until = *s.Until
	}
	if !out.From.IsZero() && !out.Until.IsZero() && !out.Until.After(out.From) {
		return out, badSchedule("It ends before it begins.", "Put until after from.")
	}
	if len(s.Weekly) > 16 {
		return out, badSchedule("It has more than 16 weekly windows.", "Use fewer.")
	}
	for _, w := range s.Weekly {
		x, err := w.parse()
		if err != nil {
			return out, err
		}
		out.Weekly = append(out.Weekly, x)
	}
	return out, nil
}

func (w Window) parse() (bridge.Window, error) {
	var out bridge.Window
	for _, name := range w.Days {
		i := dayIndex(name)
		if i < 0 {
			return out, badSchedule("A day is not known.", "Use "+strings.Join(dayNames[:], ", ")+".")
		}
		out.Days |= 1 << i
	}
	if out.Days == 0 {
		return out, badSchedule("A weekly window names no day.", "Name the days on which it begins.")
	}
	var ok1, ok2 bool
	out.Start, ok1 = minutes(w.Start)
	out.End, ok2 = minutes(w.End)
	if !ok1 || !ok2 || out.Start == 24*60 || out.Start == out.End {
		return out, badSchedule("A weekly window's times do not do.", "Write them like 08:00 and 17:30; 24:00 ends a day.")
	}
	return out, nil
}

func dayIndex(name string) int {
	for i, d := range dayNames {
		if strings.EqualFold(name, d) {
			return i
		}
	}
	return -1
}

func minutes(s string) (int, bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, false
	}
	return t.Hour()*60 + t.Minute(), true
}
