package zcl

// Days is a set of days of the week; Sunday is bit 0 (ZCL section 7.3.2.16.12).
type Days uint8

// WeekDaySchedule lets a user in on some days between two times of the wall clock. Start is before end: a window cannot pass midnight.
type WeekDaySchedule struct {
	Days                   Days
	StartHour, StartMinute uint8
	EndHour, EndMinute     uint8
}

func (s *WeekDaySchedule) append(dst []byte) []byte {
	return append(dst, byte(s.Days), s.StartHour, s.StartMinute, s.EndHour, s.EndMinute)
}

func (s *WeekDaySchedule) parse(r *reader) {
	s.Days = Days(r.u8("days"))
	s.StartHour, s.StartMinute = r.u8("start hour"), r.u8("start minute")
	s.EndHour, s.EndMinute = r.u8("end hour"), r.u8("end minute")
}

// SetWeekDaySchedule writes a week-day schedule (ZCL section 7.3.2.16.12).
type SetWeekDaySchedule struct {
	ID   uint8
	User uint16
	WeekDaySchedule
}

// Route implements Message.
func (*SetWeekDaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdSetWeekDaySchedule)
}

func (m *SetWeekDaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = appendU16(dst, m.User)
	dst = m.WeekDaySchedule.append(dst)
	return dst
}

func (m *SetWeekDaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
	m.User = r.u16("user")
	m.WeekDaySchedule.parse(r)
}

// SetWeekDayScheduleResponse answers SetWeekDaySchedule (ZCL section 7.3.2.17.12).
type SetWeekDayScheduleResponse struct {
	Result PassFail
}

// Route implements Message.
func (*SetWeekDayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdSetWeekDaySchedule)
}

func (m *SetWeekDayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *SetWeekDayScheduleResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}

// GetWeekDaySchedule asks for a week-day schedule (ZCL section 7.3.2.16.13).
type GetWeekDaySchedule struct {
	ID   uint8
	User uint16
}

// Route implements Message.
func (*GetWeekDaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdGetWeekDaySchedule)
}

func (m *GetWeekDaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = appendU16(dst, m.User)
	return dst
}

func (m *GetWeekDaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
	m.User = r.u16("user")
}

// GetWeekDayScheduleResponse tells a week-day schedule (ZCL section 7.3.2.17.13). The schedule follows only if Status is success.
type GetWeekDayScheduleResponse struct {
	ID     uint8
	User   uint16
	Status Status
	WeekDaySchedule
}

// Route implements Message.
func (*GetWeekDayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdGetWeekDaySchedule)
}

func (m *GetWeekDayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Status))
	if m.Status != StatusSuccess {
		return dst
	}
	return m.WeekDaySchedule.append(dst)
}

func (m *GetWeekDayScheduleResponse) parse(r *reader) {
	m.ID = r.u8("schedule id")
	m.User = r.u16("user")
	m.Status = Status(r.u8("status"))
	if m.Status == StatusSuccess {
		m.WeekDaySchedule.parse(r)
	}
}

// ClearWeekDaySchedule removes a week-day schedule (ZCL section 7.3.2.16.14).
type ClearWeekDaySchedule struct {
	ID   uint8
	User uint16
}

// Route implements Message.
func (*ClearWeekDaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdClearWeekDaySchedule)
}

func (m *ClearWeekDaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = appendU16(dst, m.User)
	return dst
}

func (m *ClearWeekDaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
	m.User = r.u16("user")
}

// ClearWeekDayScheduleResponse answers ClearWeekDaySchedule (ZCL section 7.3.2.17.14).
type ClearWeekDayScheduleResponse struct {
	Result PassFail
}

// Route implements Message.
func (*ClearWeekDayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdClearWeekDaySchedule)
}

func (m *ClearWeekDayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *ClearWeekDayScheduleResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}
