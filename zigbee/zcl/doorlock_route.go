package zcl

// Command identifiers of Door Lock (ZCL tables 7-22 and 7-31). Answers have the number of what they answer.
const (
	CmdLockDoor             uint8 = 0x00
	CmdUnlockDoor           uint8 = 0x01
	CmdToggle               uint8 = 0x02
	CmdUnlockWithTimeout    uint8 = 0x03
	CmdGetLogRecord         uint8 = 0x04
	CmdSetPINCode           uint8 = 0x05
	CmdGetPINCode           uint8 = 0x06
	CmdClearPINCode         uint8 = 0x07
	CmdClearAllPINCodes     uint8 = 0x08
	CmdSetUserStatus        uint8 = 0x09
	CmdGetUserStatus        uint8 = 0x0A
	CmdSetWeekDaySchedule   uint8 = 0x0B
	CmdGetWeekDaySchedule   uint8 = 0x0C
	CmdClearWeekDaySchedule uint8 = 0x0D
	CmdSetYearDaySchedule   uint8 = 0x0E
	CmdGetYearDaySchedule   uint8 = 0x0F
	CmdClearYearDaySchedule uint8 = 0x10
	CmdSetHolidaySchedule   uint8 = 0x11
	CmdGetHolidaySchedule   uint8 = 0x12
	CmdClearHolidaySchedule uint8 = 0x13
	CmdSetUserType          uint8 = 0x14
	CmdGetUserType          uint8 = 0x15
	CmdSetRFIDCode          uint8 = 0x16
	CmdGetRFIDCode          uint8 = 0x17
	CmdClearRFIDCode        uint8 = 0x18
	CmdClearAllRFIDCodes    uint8 = 0x19
	CmdOperationEvent       uint8 = 0x20
	CmdProgrammingEvent     uint8 = 0x21
)

func newDoorLockRequest(cmd uint8) Message {
	switch cmd {
	case CmdLockDoor:
		return new(LockDoor)
	case CmdUnlockDoor:
		return new(UnlockDoor)
	case CmdToggle:
		return new(Toggle)
	case CmdUnlockWithTimeout:
		return new(UnlockWithTimeout)
	case CmdGetLogRecord:
		return new(GetLogRecord)
	case CmdSetPINCode:
		return new(SetPINCode)
	case CmdGetPINCode:
		return new(GetPINCode)
	case CmdClearPINCode:
		return new(ClearPINCode)
	case CmdClearAllPINCodes:
		return new(ClearAllPINCodes)
	case CmdSetUserStatus:
		return new(SetUserStatus)
	case CmdGetUserStatus:
		return new(GetUserStatus)
	case CmdSetWeekDaySchedule:
		return new(SetWeekDaySchedule)
	case CmdGetWeekDaySchedule:
		return new(GetWeekDaySchedule)
	case CmdClearWeekDaySchedule:
		return new(ClearWeekDaySchedule)
	case CmdSetYearDaySchedule:
		return new(SetYearDaySchedule)
	case CmdGetYearDaySchedule:
		return new(GetYearDaySchedule)
	case CmdClearYearDaySchedule:
		return new(ClearYearDaySchedule)
	case CmdSetHolidaySchedule:
		return new(SetHolidaySchedule)
	case CmdGetHolidaySchedule:
		return new(GetHolidaySchedule)
	case CmdClearHolidaySchedule:
		return new(ClearHolidaySchedule)
	case CmdSetUserType:
		return new(SetUserType)
	case CmdGetUserType:
		return new(GetUserType)
	case CmdSetRFIDCode:
		return new(SetRFIDCode)
	case CmdGetRFIDCode:
		return new(GetRFIDCode)
	case CmdClearRFIDCode:
		return new(ClearRFIDCode)
	case CmdClearAllRFIDCodes:
		return new(ClearAllRFIDCodes)
	default:
		return nil
	}
}

func newDoorLockResponse(cmd uint8) Message {
	switch cmd {
	case CmdLockDoor:
		return new(LockDoorResponse)
	case CmdUnlockDoor:
		return new(UnlockDoorResponse)
	case CmdToggle:
		return new(ToggleResponse)
	case CmdUnlockWithTimeout:
		return new(UnlockWithTimeoutResponse)
	case CmdGetLogRecord:
		return new(GetLogRecordResponse)
	case CmdSetPINCode:
		return new(SetPINCodeResponse)
	case CmdGetPINCode:
		return new(GetPINCodeResponse)
	case CmdClearPINCode:
		return new(ClearPINCodeResponse)
	case CmdClearAllPINCodes:
		return new(ClearAllPINCodesResponse)
	case CmdSetUserStatus:
		return new(SetUserStatusResponse)
	case CmdGetUserStatus:
		return new(GetUserStatusResponse)
	case CmdSetWeekDaySchedule:
		return new(SetWeekDayScheduleResponse)
	case CmdGetWeekDaySchedule:
		return new(GetWeekDayScheduleResponse)
	case CmdClearWeekDaySchedule:
		return new(ClearWeekDayScheduleResponse)
	case CmdSetYearDaySchedule:
		return new(SetYearDayScheduleResponse)
	case CmdGetYearDaySchedule:
		return new(GetYearDayScheduleResponse)
	case CmdClearYearDaySchedule:
		return new(ClearYearDayScheduleResponse)
	case CmdSetHolidaySchedule:
		return new(SetHolidayScheduleResponse)
	case CmdGetHolidaySchedule:
		return new(GetHolidayScheduleResponse)
	case CmdClearHolidaySchedule:
		return new(ClearHolidayScheduleResponse)
	case CmdSetUserType:
		return new(SetUserTypeResponse)
	case CmdGetUserType:
		return new(GetUserTypeResponse)
	case CmdSetRFIDCode:
		return new(SetRFIDCodeResponse)
	case CmdGetRFIDCode:
		return new(GetRFIDCodeResponse)
	case CmdClearRFIDCode:
		return new(ClearRFIDCodeResponse)
	case CmdClearAllRFIDCodes:
		return new(ClearAllRFIDCodesResponse)
	case CmdOperationEvent:
		return new(OperationEvent)
	case CmdProgrammingEvent:
		return new(ProgrammingEvent)
	default:
		return nil
	}
}
