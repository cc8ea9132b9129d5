package zcl

// Attributes of Yale's Control4 module, cluster FC00.
const (
	AssaAttrAutoLockTime      AttributeID = 0x0012 // u8, seconds
	AssaAttrWrongCodeAttempts AttributeID = 0x0013 // u8
	AssaAttrShutdownTime      AttributeID = 0x0014 // u8, seconds
	AssaAttrBatteryLevel      AttributeID = 0x0015 // u8, percent
	AssaAttrVolume            AttributeID = 0x0017 // u8, 1–3
	AssaAttrLockMode          AttributeID = 0x0018 // u8
	AssaAttrLanguage          AttributeID = 0x0019 // u8
)

// AssaAlarm is a code of the Alarms cluster that names cluster FC00, as Yale's Control4 module and YRD256-TSDB send it.
type AssaAlarm uint8

// Alarm codes.
const (
	AssaJammed           AssaAlarm = 9
	AssaKeypadLock       AssaAlarm = 18
	AssaKeypadUnlock     AssaAlarm = 19
	AssaManualLock       AssaAlarm = 21
	AssaManualUnlock     AssaAlarm = 22
	AssaRFLock           AssaAlarm = 24
	AssaRFUnlock         AssaAlarm = 25
	AssaAutoLock         AssaAlarm = 27
	AssaOneTouchLock     AssaAlarm = 32
	AssaFactoryReset     AssaAlarm = 48
	AssaMasterChanged    AssaAlarm = 112
	AssaDuplicatePIN     AssaAlarm = 113
	AssaHandingFailed    AssaAlarm = 128 // the lock did not find out on which side the door hangs
	AssaHandingRight     AssaAlarm = 129
	AssaRFPowerCycled    AssaAlarm = 130
	AssaHandingLeft      AssaAlarm = 131
	AssaTamperKeypad     AssaAlarm = 161 // too many wrong codes
	AssaTamperEscutcheon AssaAlarm = 162
	AssaBatteryLow       AssaAlarm = 167
	AssaBatteryCritical  AssaAlarm = 168
	AssaBatteryTooLow    AssaAlarm = 169
)

var assaAlarmNames = map[AssaAlarm]string{
	AssaJammed: "bolt jammed", AssaKeypadLock: "keypad lock", AssaKeypadUnlock: "keypad unlock", AssaManualLock: "manual lock",
	AssaManualUnlock: "manual unlock", AssaRFLock: "RF lock", AssaRFUnlock: "RF unlock", AssaAutoLock: "auto lock", AssaOneTouchLock: "one-touch lock",
	AssaFactoryReset: "reset to factory defaults", AssaMasterChanged: "master code changed", AssaDuplicatePIN: "duplicate code",
	AssaHandingFailed: "handing not found", AssaHandingRight: "handing right", AssaRFPowerCycled: "RF module power cycled",
	AssaHandingLeft: "handing left", AssaTamperKeypad: "too many wrong codes", AssaTamperEscutcheon: "front escutcheon removed",
	AssaBatteryLow: "battery low", AssaBatteryCritical: "battery critical", AssaBatteryTooLow: "battery too low to operate",
}

// String names the code.
func (a AssaAlarm) String() string {
	if n, ok := assaAlarmNames[a]; ok {
		return n
	}
	return named[AssaAlarm](nil, "alarm", a)
}

// Commands of Yale's Control4 module, cluster FC00. The code commands carry a string whose layout is not publicly described.
const (
	CmdAssaSetUserCode   uint8 = 0x30
	CmdAssaGetUserCode   uint8 = 0x31
	CmdAssaClearUserCode uint8 = 0x32
	CmdAssaClearAllCodes uint8 = 0x33
)

func newAssa(rt Route) Message {
	if rt.Direction != ToServer {
		return nil
	}
	switch rt.Command {
	case CmdAssaSetUserCode, CmdAssaGetUserCode, CmdAssaClearUserCode:
		return &AssaUserCode{Command: rt.Command}
	case CmdAssaClearAllCodes:
		return new(AssaClearAllCodes)
	default:
		return nil
	}
}

// AssaUserCode sets, gets or clears a code, by its Command.
type AssaUserCode struct {
	Command uint8
	Text    PIN
}

// Route implements Message.
func (m *AssaUserCode) Route() Route { return command(ClusterAssaC4, ToServer, m.Command) }

func (m *AssaUserCode) appendPayload(dst []byte) []byte { return appendOctets(dst, m.Text) }

func (m *AssaUserCode) parse(r *reader) {
	b, _ := r.octets("text")
	m.Text = b
}

// AssaClearAllCodes clears all codes.
type AssaClearAllCodes struct{}

// Route implements Message.
func (*AssaClearAllCodes) Route() Route {
	return command(ClusterAssaC4, ToServer, CmdAssaClearAllCodes)
}

func (*AssaClearAllCodes) appendPayload(dst []byte) []byte { return dst }
func (*AssaClearAllCodes) parse(*reader)                   {}
