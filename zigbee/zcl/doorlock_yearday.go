package zcl

// YearDaySchedule lets a user in between two moments.
type YearDaySchedule struct{ Start, End LocalTime }

func (s *YearDaySchedule) append(dst []byte) []byte {
	return appendU32(appendU32(dst, uint32(s.Start)), uint32(s.End))
}

func (s *YearDaySchedule) parse(r *reader) {
	s.Start, s.End = LocalTime(r.u32("start time")), LocalTime(r.u32("end time"))
}

// SetYearDaySchedule writes a year-day schedule (ZCL section 7.3.2.16.15).
type SetYearDaySchedule struct {
	ID   uint8
	User uint16
	YearDaySchedule
}

// Route implements Message.
func (*SetYearDaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdSetYearDaySchedule)
}

func (m *SetYearDaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = appendU16(dst, m.User)
	dst = m.YearDaySchedule.append(dst)
	return dst
}

func (m *SetYearDaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
	m.User = r.u16("user")
	m.YearDaySchedule.parse(r)
}

// SetYearDayScheduleResponse answers SetYearDaySchedule (ZCL section 7.3.2.17.15).
type SetYearDayScheduleResponse struct {
	Result PassFail
}

// Route implements Message.
func (*SetYearDayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdSetYearDaySchedule)
}

func (m *SetYearDayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *SetYearDayScheduleResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}

// GetYearDaySchedule asks for a year-day schedule (ZCL section 7.3.2.16.16).
type GetYearDaySchedule struct {
	ID   uint8
	User uint16
}

// Route implements Message.
func (*GetYearDaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdGetYearDaySchedule)
}

func (m *GetYearDaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = appendU16(dst, m.User)
	return dst
}

func (m *GetYearDaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
	m.User = r.u16("user")
}

// GetYearDayScheduleResponse tells a year-day schedule (ZCL section 7.3.2.17.16). The schedule follows only if Status is success.
type GetYearDayScheduleResponse struct {
	ID     uint8
	User   uint16
	Status Status
	YearDaySchedule
}

// Route implements Message.
func (*GetYearDayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdGetYearDaySchedule)
}

func (m *GetYearDayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Status))
	if m.Status != StatusSuccess {
		return dst
	}
	return m.YearDaySchedule.append(dst)
}

func (m *GetYearDayScheduleResponse) parse(r *reader) {
	m.ID = r.u8("schedule id")
	m.User = r.u16("user")
	m.Status = Status(r.u8("status"))
	if m.Status == StatusSuccess {
		m.YearDaySchedule.parse(r)
	}
}

// ClearYearDaySchedule removes a year-day schedule (ZCL section 7.3.2.16.17).
type ClearYearDaySchedule struct {
	ID   uint8
	User uint16
}

// Route implements Message.
func (*ClearYearDaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdClearYearDaySchedule)
}

func (m *ClearYearDaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = appendU16(dst, m.User)
	return dst
}

func (m *ClearYearDaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
	m.User = r.u16("user")
}

// ClearYearDayScheduleResponse answers ClearYearDaySchedule (ZCL section 7.3.2.17.17).
type ClearYearDayScheduleResponse struct {
	Result PassFail
}

// Route implements Message.
func (*ClearYearDayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdClearYearDaySchedule)
}

func (m *ClearYearDayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *ClearYearDayScheduleResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}
