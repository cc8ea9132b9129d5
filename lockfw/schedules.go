package lockfw

import (
	"maps"
	"slices"
)

func (l *Lock) dropSchedules(n uint16) {
	maps.DeleteFunc(l.weekDays, func(k [2]uint16, _ []byte) bool { return k[0] == n })
	maps.DeleteFunc(l.yearDays, func(k [2]uint16, _ []byte) bool { return k[0] == n })
}

// schedulesPerUser is how many of each kind a user has.
const schedulesPerUser = 7

// scheduleCommand serves week-day, year-day and holiday schedules (ZCL 7.3.2.15.12 to 20).
func (l *Lock) scheduleCommand(q *asked) {
	id := q.r.u8()
	if q.cmd >= 0x11 {
		l.holiday(q, id)
		return
	}
	n := q.r.u16()
	k := [2]uint16{n, uint16(id)}
	valid := id < schedulesPerUser && l.validSlot(n)
	table, size := l.weekDays, 5
	if q.cmd >= 0x0E {
		table, size = l.yearDays, 8
	}
	switch q.cmd {
	case 0x0B, 0x0E:
		b := slices.Clone(q.r.take(size))
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		ok := valid && (q.cmd == 0x0E && goodYearDay(b) || q.cmd == 0x0B && goodWeekDay(b))
		if ok {
			table[k] = b
		}
		l.reply(q, false, q.cmd, []byte{1 - b2u(ok)})
	case 0x0C, 0x0F:
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		head := put16([]byte{id}, n)
		switch b := table[k]; {
		case !valid:
			l.reply(q, false, q.cmd, append(head, zclInvalidValue))
		case b == nil:
			l.reply(q, false, q.cmd, append(head, 0x8B)) // NOT_FOUND
		default:
			l.reply(q, false, q.cmd, append(append(head, 0), b...))
		}
	case 0x0D, 0x10:
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		delete(table, k)
		l.reply(q, false, q.cmd, []byte{1 - b2u(valid)})
	}
}

// goodWeekDay holds start before end: a schedule cannot wrap over midnight.
func goodWeekDay(b []byte) bool {
	return b[1] < 24 && b[2] < 60 && b[3] < 24 && b[4] < 60 && int(b[1])*60+int(b[2]) < int(b[3])*60+int(b[4])
}

func goodYearDay(b []byte) bool {
	r := reader{b: b}
	from, to := r.u32(), r.u32()
	return from < to
}

func (l *Lock) holiday(q *asked, id uint8) {
	switch q.cmd {
	case 0x11:
		b := slices.Clone(q.r.take(9))
		if q.r.short {
			l.status(q, zclMalformed)
			return
		}
		ok := id < 20 && goodYearDay(b)
		if ok {
			l.holidays[uint16(id)] = b
		}
		l.reply(q, false, 0x11, []byte{1 - b2u(ok)})
	case 0x12:
		if b := l.holidays[uint16(id)]; b != nil {
			l.reply(q, false, 0x12, append([]byte{id, 0}, b...))
			return
		}
		l.reply(q, false, 0x12, []byte{id, 0x8B})
	case 0x13:
		delete(l.holidays, uint16(id))
		l.reply(q, false, 0x13, []byte{0})
	}
}

// UserSchedule is what a lock keeps of a user's times.
type UserSchedule struct {
	Type    uint8             // 0 unrestricted, 1 year-day, 2 week-day (ZCL 7.3.2.12)
	WeekDay map[int][]byte    // by schedule: days, start hour and minute, end hour and minute
	YearDay map[int][2]uint32 // by schedule: start and end, in seconds of the lock's local time
}

// Schedule tells what stands in the lock for a slot.
func (l *Lock) Schedule(slot int) UserSchedule {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	u := UserSchedule{WeekDay: map[int][]byte{}, YearDay: map[int][2]uint32{}}
	if s := l.codes[uint16(slot)]; s != nil {
		u.Type = s.typ
	}
	for k, b := range l.weekDays {
		if int(k[0]) == slot {
			u.WeekDay[int(k[1])] = slices.Clone(b)
		}
	}
	for k, b := range l.yearDays {
		if int(k[0]) == slot {
			r := reader{b: b}
			u.YearDay[int(k[1])] = [2]uint32{r.u32(), r.u32()}
		}
	}
	return u
}
