package zcl

import "fmt"

// Attributes of Door Lock (ZCL section 7.3.2.2, tables 7-10 to 7-17). R: reportable, W: writable.
const (
	LockAttrLockState           AttributeID = 0x0000 // enum8 R
	LockAttrLockType            AttributeID = 0x0001 // enum8
	LockAttrActuatorEnabled     AttributeID = 0x0002 // bool
	LockAttrDoorState           AttributeID = 0x0003 // enum8 R
	LockAttrDoorOpenEvents      AttributeID = 0x0004 // u32 W
	LockAttrDoorClosedEvents    AttributeID = 0x0005 // u32 W
	LockAttrOpenPeriod          AttributeID = 0x0006 // u16 W, minutes
	LockAttrLogRecords          AttributeID = 0x0010 // u16
	LockAttrTotalUsers          AttributeID = 0x0011 // u16
	LockAttrPINUsers            AttributeID = 0x0012 // u16
	LockAttrRFIDUsers           AttributeID = 0x0013 // u16
	LockAttrWeekDaySchedules    AttributeID = 0x0014 // u8, per user
	LockAttrYearDaySchedules    AttributeID = 0x0015 // u8, per user
	LockAttrHolidaySchedules    AttributeID = 0x0016 // u8
	LockAttrMaxPINLength        AttributeID = 0x0017 // u8
	LockAttrMinPINLength        AttributeID = 0x0018 // u8
	LockAttrMaxRFIDLength       AttributeID = 0x0019 // u8
	LockAttrMinRFIDLength       AttributeID = 0x001A // u8
	LockAttrEnableLogging       AttributeID = 0x0020 // bool RW
	LockAttrLanguage            AttributeID = 0x0021 // string RW, two letters
	LockAttrLEDSettings         AttributeID = 0x0022 // u8 RW
	LockAttrAutoRelockTime      AttributeID = 0x0023 // u32 RW, seconds; 0 off
	LockAttrSoundVolume         AttributeID = 0x0024 // u8 RW, 0–2
	LockAttrOperatingMode       AttributeID = 0x0025 // enum8 RW
	LockAttrSupportedModes      AttributeID = 0x0026 // map16; a cleared bit means supported
	LockAttrDefaultRegister     AttributeID = 0x0027 // map16
	LockAttrLocalProgramming    AttributeID = 0x0028 // bool RW
	LockAttrOneTouchLocking     AttributeID = 0x0029 // bool RW
	LockAttrInsideStatusLED     AttributeID = 0x002A // bool RW
	LockAttrPrivacyButton       AttributeID = 0x002B // bool RW
	LockAttrWrongCodeLimit      AttributeID = 0x0030 // u8 RW
	LockAttrDisableTime         AttributeID = 0x0031 // u8 RW, seconds
	LockAttrSendPINOverTheAir   AttributeID = 0x0032 // bool RW
	LockAttrRequirePINForRF     AttributeID = 0x0033 // bool RW
	LockAttrSecurityLevel       AttributeID = 0x0034 // enum8
	LockAttrAlarmMask           AttributeID = 0x0040 // map16 RW
	LockAttrKeypadOperationMask AttributeID = 0x0041 // map16 RW
	LockAttrRFOperationMask     AttributeID = 0x0042 // map16 RW
	LockAttrManualOperationMask AttributeID = 0x0043 // map16 RW
	LockAttrRFIDOperationMask   AttributeID = 0x0044 // map16 RW
	LockAttrKeypadProgramMask   AttributeID = 0x0045 // map16 RW
	LockAttrRFProgramMask       AttributeID = 0x0046 // map16 RW
	LockAttrRFIDProgramMask     AttributeID = 0x0047 // map16 RW
)

// named finds a name in a table, or makes one of the kind and the number.
func named[T ~uint8](names []string, kind string, v T) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return fmt.Sprintf("%s 0x%02x", kind, uint8(v))
}

// LockState is the state of the bolt (ZCL table 7-11).
type LockState uint8

// Lock states.
const (
	LockStateNotFullyLocked LockState = 0 // also in transit
	LockStateLocked         LockState = 1
	LockStateUnlocked       LockState = 2
	LockStateUndefined      LockState = 0xFF
)

// String names the state.
func (s LockState) String() string {
	if s == LockStateUndefined {
		return "undefined"
	}
	return named([]string{"not fully locked", "locked", "unlocked"}, "lock state", s)
}

// LockType is the kind of lock (ZCL table 7-12).
type LockType uint8

// String names the kind.
func (t LockType) String() string {
	return named([]string{"dead bolt", "magnetic", "other", "mortise", "rim", "latch bolt", "cylindrical", "tubular", "interconnected", "dead latch",
		"door furniture"}, "lock type", t)
}

// DoorState is the state of the door leaf (ZCL table 7-13).
type DoorState uint8

// Door states.
const (
	DoorOpen       DoorState = 0
	DoorClosed     DoorState = 1
	DoorJammed     DoorState = 2
	DoorForcedOpen DoorState = 3
	DoorError      DoorState = 4
	DoorUndefined  DoorState = 0xFF
)

// String names the state.
func (s DoorState) String() string {
	if s == DoorUndefined {
		return "undefined"
	}
	return named([]string{"open", "closed", "jammed", "forced open", "error"}, "door state", s)
}

// UserStatus is the state of a user's slot (ZCL table 7-23).
type UserStatus uint8

// User states.
const (
	UserAvailable         UserStatus = 0 // the slot is empty
	UserEnabled           UserStatus = 1
	UserDisabled          UserStatus = 3
	UserStatusUnsupported UserStatus = 0xFF
)

// String names the state.
func (s UserStatus) String() string {
	if s == UserStatusUnsupported {
		return "not supported"
	}
	return named([]string{"available", "enabled", "", "disabled"}, "user status", s)
}

// UserType says what a user may do (ZCL table 7-24).
type UserType uint8

// User types.
const (
	UserUnrestricted    UserType = 0
	UserYearDay         UserType = 1
	UserWeekDay         UserType = 2
	UserMaster          UserType = 3
	UserNonAccess       UserType = 4
	UserTypeUnsupported UserType = 0xFF
)

// String names the type.
func (t UserType) String() string {
	if t == UserTypeUnsupported {
		return "not supported"
	}
	return named([]string{"unrestricted", "year-day schedule", "week-day schedule", "master", "non-access"}, "user type", t)
}

// OperatingMode restricts how the lock may be operated (ZCL table 7-18).
type OperatingMode uint8

// Operating modes.
const (
	ModeNormal   OperatingMode = 0
	ModeVacation OperatingMode = 1 // keypad off, radio on
	ModePrivacy  OperatingMode = 2 // all outside operation off
	ModeNoRF     OperatingMode = 3
	ModePassage  OperatingMode = 4 // stays unlocked
)

// String names the mode.
func (m OperatingMode) String() string {
	return named([]string{"normal", "vacation", "privacy", "no RF", "passage"}, "operating mode", m)
}

// SoundVolume is how loud the lock is (ZCL section 7.3.2.12.5). Some makers count to 3 or 5.
type SoundVolume uint8

// Volumes.
const (
	SoundSilent SoundVolume = 0
	SoundLow    SoundVolume = 1
	SoundHigh   SoundVolume = 2
)

// String names the volume.
func (v SoundVolume) String() string {
	return named([]string{"silent", "low", "high"}, "sound volume", v)
}

// SecurityLevel is the link security that the lock asks for (ZCL section 7.3.2.13.5).
type SecurityLevel uint8

// Security levels.
const (
	SecurityNetwork SecurityLevel = 0
	SecurityAPS     SecurityLevel = 1
)

// String names the level.
func (l SecurityLevel) String() string {
	return named([]string{"network", "APS"}, "security level", l)
}

// EventSource is what caused an event (ZCL table 7-32).
type EventSource uint8

// Event sources. SourceFingerprint and SourceBluetooth are makers' additions; on SOLIS01 the number 4 means indeterminate.
const (
	SourceKeypad        EventSource = 0
	SourceRF            EventSource = 1
	SourceManual        EventSource = 2
	SourceRFID          EventSource = 3
	SourceFingerprint   EventSource = 4
	SourceBluetooth     EventSource = 5
	SourceIndeterminate EventSource = 0xFF
)

// String names the source.
func (s EventSource) String() string {
	if s == SourceIndeterminate {
		return "indeterminate"
	}
	return named([]string{"keypad", "RF", "manual", "RFID", "fingerprint", "Bluetooth"}, "source", s)
}

// OperationCode is what happened at the lock (ZCL tables 7-33 to 7-36).
type OperationCode uint8

// Operation codes.
const (
	OpUnknown              OperationCode = 0x00
	OpLock                 OperationCode = 0x01
	OpUnlock               OperationCode = 0x02
	OpLockFailedPIN        OperationCode = 0x03 // wrong PIN or ID
	OpLockFailedSchedule   OperationCode = 0x04
	OpUnlockFailedPIN      OperationCode = 0x05
	OpUnlockFailedSchedule OperationCode = 0x06
	OpOneTouchLock         OperationCode = 0x07
	OpKeyLock              OperationCode = 0x08
	OpKeyUnlock            OperationCode = 0x09
	OpAutoLock             OperationCode = 0x0A
	OpScheduleLock         OperationCode = 0x0B
	OpScheduleUnlock       OperationCode = 0x0C
	OpManualLock           OperationCode = 0x0D
	OpManualUnlock         OperationCode = 0x0E
	OpNonAccessUser        OperationCode = 0x0F // a non-access user did something; the door did not open
)

// String names the code.
func (c OperationCode) String() string {
	return named([]string{"unknown", "lock", "unlock", "lock failed: wrong PIN", "lock failed: schedule", "unlock failed: wrong PIN",
		"unlock failed: schedule", "one-touch lock", "key lock", "key unlock", "auto lock", "schedule lock", "schedule unlock", "manual lock",
		"manual unlock", "non-access user"}, "operation", c)
}

// ProgrammingCode is what was changed at the lock (ZCL tables 7-38 to 7-40).
type ProgrammingCode uint8

// Programming codes.
const (
	ProgUnknown       ProgrammingCode = 0
	ProgMasterChanged ProgrammingCode = 1
	ProgPINAdded      ProgrammingCode = 2
	ProgPINDeleted    ProgrammingCode = 3 // user 0xFF means all, on some locks
	ProgPINChanged    ProgrammingCode = 4
	ProgRFIDAdded     ProgrammingCode = 5
	ProgRFIDDeleted   ProgrammingCode = 6
)

// String names the code.
func (c ProgrammingCode) String() string {
	return named([]string{"unknown", "master code changed", "PIN added", "PIN deleted", "PIN changed", "RFID code added", "RFID code deleted"},
		"programming", c)
}

// LogEventType is the kind of a log record (ZCL section 7.3.2.17.6).
type LogEventType uint8

// Log event types.
const (
	LogOperation   LogEventType = 0
	LogProgramming LogEventType = 1
	LogAlarm       LogEventType = 2
)

// String names the type.
func (t LogEventType) String() string {
	return named([]string{"operation", "programming", "alarm"}, "log event type", t)
}

// DoorLockAlarm is a code of the Alarms cluster for Door Lock (ZCL table 7-21).
type DoorLockAlarm uint8

// Alarm codes.
const (
	AlarmJammed            DoorLockAlarm = 0
	AlarmFactoryReset      DoorLockAlarm = 1
	AlarmRFPowerCycled     DoorLockAlarm = 3
	AlarmWrongCodeLimit    DoorLockAlarm = 4
	AlarmEscutcheonRemoved DoorLockAlarm = 5
	AlarmForcedOpen        DoorLockAlarm = 6
)

// String names the code.
func (a DoorLockAlarm) String() string {
	return named([]string{"bolt jammed", "reset to factory defaults", "", "RF module power cycled", "wrong code limit", "front escutcheon removed",
		"door forced open"}, "alarm", a)
}

// SetCodeStatus answers a command that sets a PIN or an RFID code (ZCL section 7.3.2.17.7).
type SetCodeStatus uint8

// Results of setting a code.
const (
	SetCodeOK         SetCodeStatus = 0
	SetCodeFailed     SetCodeStatus = 1
	SetCodeMemoryFull SetCodeStatus = 2
	SetCodeDuplicate  SetCodeStatus = 3
)

// String names the result.
func (s SetCodeStatus) String() string {
	return named([]string{"success", "general failure", "memory full", "duplicate code"}, "set code status", s)
}

// PassFail answers the other commands that set or clear: 0 passes (ZCL sections 7.3.2.17.9 and following).
type PassFail uint8

// Results.
const (
	Pass PassFail = 0
	Fail PassFail = 1
)

// String names the result.
func (p PassFail) String() string { return named([]string{"pass", "fail"}, "result", p) }
