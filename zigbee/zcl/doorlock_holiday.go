package zcl

// HolidaySchedule sets an operating mode between two moments.
type HolidaySchedule struct {
	Start, End LocalTime
	Mode       OperatingMode
}

func (s *HolidaySchedule) append(dst []byte) []byte {
	return append(appendU32(appendU32(dst, uint32(s.Start)), uint32(s.End)), byte(s.Mode))
}

func (s *HolidaySchedule) parse(r *reader) {
	s.Start, s.End = LocalTime(r.u32("start time")), LocalTime(r.u32("end time"))
	s.Mode = OperatingMode(r.u8("operating mode"))
}

// SetHolidaySchedule writes a holiday schedule (ZCL section 7.3.2.16.18).
type SetHolidaySchedule struct {
	ID uint8
	HolidaySchedule
}

// Route implements Message.
func (*SetHolidaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdSetHolidaySchedule)
}

func (m *SetHolidaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = m.HolidaySchedule.append(dst)
	return dst
}

func (m *SetHolidaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
	m.HolidaySchedule.parse(r)
}

// SetHolidayScheduleResponse answers SetHolidaySchedule (ZCL section 7.3.2.17.18).
type SetHolidayScheduleResponse struct {
	Result PassFail
}

// Route implements Message.
func (*SetHolidayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdSetHolidaySchedule)
}

func (m *SetHolidayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *SetHolidayScheduleResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}

// GetHolidaySchedule asks for a holiday schedule (ZCL section 7.3.2.16.19).
type GetHolidaySchedule struct {
	ID uint8
}

// Route implements Message.
func (*GetHolidaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdGetHolidaySchedule)
}

func (m *GetHolidaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	return dst
}

func (m *GetHolidaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
}

// GetHolidayScheduleResponse tells a holiday schedule (ZCL section 7.3.2.17.19). The schedule follows only if Status is success.
type GetHolidayScheduleResponse struct {
	ID     uint8
	Status Status
	HolidaySchedule
}

// Route implements Message.
func (*GetHolidayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdGetHolidaySchedule)
}

func (m *GetHolidayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	dst = append(dst, byte(m.Status))
	if m.Status != StatusSuccess {
		return dst
	}
	return m.HolidaySchedule.append(dst)
}

func (m *GetHolidayScheduleResponse) parse(r *reader) {
	m.ID = r.u8("schedule id")
	m.Status = Status(r.u8("status"))
	if m.Status == StatusSuccess {
		m.HolidaySchedule.parse(r)
	}
}

// ClearHolidaySchedule removes a holiday schedule (ZCL section 7.3.2.16.20).
type ClearHolidaySchedule struct {
	ID uint8
}

// Route implements Message.
func (*ClearHolidaySchedule) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdClearHolidaySchedule)
}

func (m *ClearHolidaySchedule) appendPayload(dst []byte) []byte {
	dst = append(dst, m.ID)
	return dst
}

func (m *ClearHolidaySchedule) parse(r *reader) {
	m.ID = r.u8("ID")
}

// ClearHolidayScheduleResponse answers ClearHolidaySchedule (ZCL section 7.3.2.17.20).
type ClearHolidayScheduleResponse struct {
	Result PassFail
}

// Route implements Message.
func (*ClearHolidayScheduleResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdClearHolidaySchedule)
}

func (m *ClearHolidayScheduleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *ClearHolidayScheduleResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}
