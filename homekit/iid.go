package homekit

// Instance ids of services and characteristics (R2 2.6.1). They are this table's for ever: an id is never moved and never used for another thing, whatever
// services a lock comes to have or loses, so that scenes and automations of Apple Home keep pointing at what they were made for.
const (
	iidInformation  = 1 // R2 2.6.1: the accessory information service is 1
	iidIdentify     = 2
	iidManufacturer = 3
	iidModel        = 4
	iidName         = 5
	iidSerial       = 6
	iidFirmware     = 7

	iidProtocol        = 16
	iidProtocolVersion = 17

	iidMechanism     = 32
	iidMechanismName = 33
	iidCurrentState  = 34
	iidTargetState   = 35

	iidManagement   = 48
	iidControlPoint = 49
	iidVersion      = 50
	iidLastAction   = 51
	iidDoorState    = 52
	iidAutoSecurity = 53
	iidLogs         = 54

	iidBattery      = 64
	iidBatteryLevel = 65
	iidBatteryLow   = 66
	iidCharging     = 67

	iidContact      = 80
	iidContactState = 81
	iidTampered     = 82

	iidAccessCode  = 96
	iidCodeLimits  = 97
	iidCodeControl = 98
	iidConfigState = 99
	iidResetFirst  = 112
	iidFirstOn     = 113
	iidFirstName   = 114
	iidResetSecond = 128
	iidSecondOn    = 129
	iidSecondName  = 130
)
