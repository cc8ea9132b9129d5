package zcl

// Manufacturer codes.
const (
	ManufacturerSamsungSDS uint16 = 0x0003
	ManufacturerLumi       uint16 = 0x115F
	ManufacturerDatek      uint16 = 0x1337
	ManufacturerControl4   uint16 = 0xAAAA
)

func newVendor(rt Route) Message {
	if rt.Manufacturer == ManufacturerSamsungSDS && rt.Cluster == ClusterDoorLock && rt.Direction == ToServer && rt.Command == CmdSamsungUnlock {
		return new(SamsungUnlock)
	}
	return nil
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
