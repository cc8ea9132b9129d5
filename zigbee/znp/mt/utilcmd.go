package mt

import "github.com/latchkeyd/latchkey/zigbee"

// DeviceInfoRsp is the identity and the state of the dongle.
type DeviceInfoRsp struct {
	Status     Status
	IEEE       zigbee.EUI64
	NWK        zigbee.NWK
	DeviceType uint8
	State      DeviceState
	Associated []zigbee.NWK
}

// Command implements Message.
func (*DeviceInfoRsp) Command() Command { return UtilGetDeviceInfo.Reply() }

// AppendPayload implements Message.
func (m *DeviceInfoRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = m.IEEE.AppendLE(dst)
	dst = put16(dst, m.NWK)
	dst = append(dst, m.DeviceType)
	dst = append(dst, byte(m.State))
	dst = putList16(append(dst, byte(len(m.Associated))), m.Associated)
	return dst
}

// ParsePayload implements Message.
func (m *DeviceInfoRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.IEEE = r.ieee()
	m.NWK = r.nwk()
	m.DeviceType = r.u8()
	m.State = DeviceState(r.u8())
	m.Associated = list16[zigbee.NWK](&r, int(r.u8()))
	return r.done(UtilGetDeviceInfo.Reply())
}

// NVInfoRsp is the configuration as stored.
type NVInfoRsp struct {
	Status        Status
	IEEE          zigbee.EUI64
	Channels      uint32
	PAN           uint16
	SecurityLevel uint8
	Key           Key
}

// Command implements Message.
func (*NVInfoRsp) Command() Command { return UtilGetNVInfo.Reply() }

// AppendPayload implements Message.
func (m *NVInfoRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = m.IEEE.AppendLE(dst)
	dst = put32(dst, m.Channels)
	dst = put16(dst, m.PAN)
	dst = append(dst, m.SecurityLevel)
	dst = append(dst, m.Key[:]...)
	return dst
}

// ParsePayload implements Message.
func (m *NVInfoRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.IEEE = r.ieee()
	m.Channels = r.u32()
	m.PAN = r.u16()
	m.SecurityLevel = r.u8()
	m.Key = r.key()
	return r.done(UtilGetNVInfo.Reply())
}

// CallbackSub subscribes to the indications of a subsystem.
type CallbackSub struct {
	Subsystem uint16
	Action    uint8
}

// Command implements Message.
func (*CallbackSub) Command() Command { return UtilCallbackSub }

// AppendPayload implements Message.
func (m *CallbackSub) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Subsystem)
	dst = append(dst, m.Action)
	return dst
}

// ParsePayload implements Message.
func (m *CallbackSub) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Subsystem = r.u16()
	m.Action = r.u8()
	return r.done(UtilCallbackSub)
}

// LEDControl switches a light of the dongle; some firmware does not answer.
type LEDControl struct {
	LED  uint8
	Mode uint8
}

// Command implements Message.
func (*LEDControl) Command() Command { return UtilLEDControl }

// AppendPayload implements Message.
func (m *LEDControl) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.LED)
	dst = append(dst, m.Mode)
	return dst
}

// ParsePayload implements Message.
func (m *LEDControl) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.LED = r.u8()
	m.Mode = r.u8()
	return r.done(UtilLEDControl)
}

// ExtAddrLookup asks the address manager for a short address.
type ExtAddrLookup struct {
	IEEE zigbee.EUI64
}

// Command implements Message.
func (*ExtAddrLookup) Command() Command { return UtilAddrmgrExtAddrLookup }

// AppendPayload implements Message.
func (m *ExtAddrLookup) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	return dst
}

// ParsePayload implements Message.
func (m *ExtAddrLookup) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	return r.done(UtilAddrmgrExtAddrLookup)
}

// ExtAddrLookupRsp is the short address, FFFE where there is none.
type ExtAddrLookupRsp struct {
	NWK zigbee.NWK
}

// Command implements Message.
func (*ExtAddrLookupRsp) Command() Command { return UtilAddrmgrExtAddrLookup.Reply() }

// AppendPayload implements Message.
func (m *ExtAddrLookupRsp) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.NWK)
	return dst
}

// ParsePayload implements Message.
func (m *ExtAddrLookupRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.NWK = r.nwk()
	return r.done(UtilAddrmgrExtAddrLookup.Reply())
}

// NwkAddrLookup asks the address manager for a long address.
type NwkAddrLookup struct {
	NWK zigbee.NWK
}

// Command implements Message.
func (*NwkAddrLookup) Command() Command { return UtilAddrmgrNwkAddrLookup }

// AppendPayload implements Message.
func (m *NwkAddrLookup) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.NWK)
	return dst
}

// ParsePayload implements Message.
func (m *NwkAddrLookup) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.NWK = r.nwk()
	return r.done(UtilAddrmgrNwkAddrLookup)
}

// NwkAddrLookupRsp is the long address.
type NwkAddrLookupRsp struct {
	IEEE zigbee.EUI64
}

// Command implements Message.
func (*NwkAddrLookupRsp) Command() Command { return UtilAddrmgrNwkAddrLookup.Reply() }

// AppendPayload implements Message.
func (m *NwkAddrLookupRsp) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	return dst
}

// ParsePayload implements Message.
func (m *NwkAddrLookupRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	return r.done(UtilAddrmgrNwkAddrLookup.Reply())
}

// LinkKeyDataGet asks for the link key with a node.
type LinkKeyDataGet struct {
	IEEE zigbee.EUI64
}

// Command implements Message.
func (*LinkKeyDataGet) Command() Command { return UtilApsmeLinkKeyDataGet }

// AppendPayload implements Message.
func (m *LinkKeyDataGet) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	return dst
}

// ParsePayload implements Message.
func (m *LinkKeyDataGet) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	return r.done(UtilApsmeLinkKeyDataGet)
}

// LinkKeyDataGetRsp is the link key with a node and its frame counters.
type LinkKeyDataGetRsp struct {
	Status    Status
	Key       Key
	TxCounter uint32
	RxCounter uint32
}

// Command implements Message.
func (*LinkKeyDataGetRsp) Command() Command { return UtilApsmeLinkKeyDataGet.Reply() }

// AppendPayload implements Message.
func (m *LinkKeyDataGetRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = append(dst, m.Key[:]...)
	dst = put32(dst, m.TxCounter)
	dst = put32(dst, m.RxCounter)
	return dst
}

// ParsePayload implements Message.
func (m *LinkKeyDataGetRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.Key = r.key()
	m.TxCounter = r.u32()
	m.RxCounter = r.u32()
	return r.done(UtilApsmeLinkKeyDataGet.Reply())
}
