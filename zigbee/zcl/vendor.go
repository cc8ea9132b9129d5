package zcl

// Manufacturer codes.
const (
	ManufacturerSamsungSDS uint16 = 0x0003
	ManufacturerLumi       uint16 = 0x115F
	ManufacturerDatek      uint16 = 0x1337
	ManufacturerControl4   uint16 = 0xAAAA
)

func newVendor(rt Route) Message {
	switch {
	case rt.Manufacturer == ManufacturerSamsungSDS && rt.Cluster == ClusterDoorLock && rt.Direction == ToServer && rt.Command == CmdSamsungUnlock:
		return new(SamsungUnlock)
	default:
		return nil
	}
}

// CmdSamsungUnlock is the only command that Samsung SDS locks take.
const CmdSamsungUnlock uint8 = 0x1F

// SamsungUnlock unlocks a Samsung SDS lock; its payload is fixed. There is no such command to lock.
type SamsungUnlock struct{}

// Route implements Message.
func (*SamsungUnlock) Route() Route {
	rt := command(ClusterDoorLock, ToServer, CmdSamsungUnlock)
	rt.Manufacturer = ManufacturerSamsungSDS
	return rt
}

func (*SamsungUnlock) appendPayload(dst []byte) []byte { return append(dst, "\x10\x041235"...) }
func (*SamsungUnlock) parse(*reader)                   {}

// Attributes that Datek's ID Lock adds to Door Lock under ManufacturerDatek.
const (
	IDLockAttrMasterPIN   AttributeID = 0x4000 // bool: the master PIN opens
	IDLockAttrRFID        AttributeID = 0x4001 // bool
	IDLockAttrHinge       AttributeID = 0x4002 // bool
	IDLockAttrServiceMode AttributeID = 0x4003 // u8: 0 off, 5 a random PIN once, 6 for 24 hours
	IDLockAttrLockMode    AttributeID = 0x4004 // u8: bit 0 auto, bit 1 away
	IDLockAttrRelock      AttributeID = 0x4005 // bool
	IDLockAttrVolume      AttributeID = 0x4006 // u8, 0–5
	IDLockAttrFirmware    AttributeID = 0x5000 // string, on Basic
)

// Commands that easyiot's ZB-ZL01 adds to Door Lock, for PINs that expire. What stands in B6 and B8 is not publicly described.
const (
	CmdEasyiotSetPIN       uint8 = 0xB6
	CmdEasyiotClearPIN     uint8 = 0xB8
	CmdEasyiotClearAllPINs uint8 = 0xB9
)

// EasyiotPIN puts a length byte before the digits, as ZB-ZL01 wants them inside the octet string of UnlockDoor and UnlockWithTimeout.
func EasyiotPIN(p PIN) PIN { return append(PIN{byte(len(p))}, p...) }

// EasyiotUnlockWithTimeout is UnlockWithTimeout with the four-byte time that ZB-ZL01 expects.
func EasyiotUnlockWithTimeout(seconds uint32, p PIN) *Opaque {
	return NewOpaque(command(ClusterDoorLock, ToServer, CmdUnlockWithTimeout), appendOctets(appendU32(nil, seconds), EasyiotPIN(p)))
}

// EasyiotClearAll withdraws all expiring PINs of a ZB-ZL01.
func EasyiotClearAll() *Opaque {
	return NewOpaque(command(ClusterDoorLock, ToServer, CmdEasyiotClearAllPINs), nil)
}
