package mt

import "github.com/latchkeyd/latchkey/zigbee"

// StateChangeInd tells a new state of the network device.
type StateChangeInd struct {
	State DeviceState
}

// Command implements Message.
func (*StateChangeInd) Command() Command { return ZDOStateChangeInd }

// AppendPayload implements Message.
func (m *StateChangeInd) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.State))
	return dst
}

// ParsePayload implements Message.
func (m *StateChangeInd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.State = DeviceState(r.u8())
	return r.done(ZDOStateChangeInd)
}

// EndDeviceAnnceInd is a Device_annce: a node joined or came back.
type EndDeviceAnnceInd struct {
	Src          zigbee.NWK
	NWK          zigbee.NWK
	IEEE         zigbee.EUI64
	Capabilities uint8
}

// Command implements Message.
func (*EndDeviceAnnceInd) Command() Command { return ZDOEndDeviceAnnceInd }

// AppendPayload implements Message.
func (m *EndDeviceAnnceInd) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Src)
	dst = put16(dst, m.NWK)
	dst = m.IEEE.AppendLE(dst)
	dst = append(dst, m.Capabilities)
	return dst
}

// ParsePayload implements Message.
func (m *EndDeviceAnnceInd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Src = r.nwk()
	m.NWK = r.nwk()
	m.IEEE = r.ieee()
	m.Capabilities = r.u8()
	return r.done(ZDOEndDeviceAnnceInd)
}

// SrcRtgInd is a route record.
type SrcRtgInd struct {
	Dst    zigbee.NWK
	Relays []zigbee.NWK
}

// Command implements Message.
func (*SrcRtgInd) Command() Command { return ZDOSrcRtgInd }

// AppendPayload implements Message.
func (m *SrcRtgInd) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = putList16(append(dst, byte(len(m.Relays))), m.Relays)
	return dst
}

// ParsePayload implements Message.
func (m *SrcRtgInd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.Relays = list16[zigbee.NWK](&r, int(r.u8()))
	return r.done(ZDOSrcRtgInd)
}

// ConcentratorInd tells of a many-to-one route.
type ConcentratorInd struct {
	Src  zigbee.NWK
	IEEE zigbee.EUI64
	Cost uint8
}

// Command implements Message.
func (*ConcentratorInd) Command() Command { return ZDOConcentratorInd }

// AppendPayload implements Message.
func (m *ConcentratorInd) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Src)
	dst = m.IEEE.AppendLE(dst)
	dst = append(dst, m.Cost)
	return dst
}

// ParsePayload implements Message.
func (m *ConcentratorInd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Src = r.nwk()
	m.IEEE = r.ieee()
	m.Cost = r.u8()
	return r.done(ZDOConcentratorInd)
}

// LeaveInd tells that a node leaves.
type LeaveInd struct {
	Src            zigbee.NWK
	IEEE           zigbee.EUI64
	Request        bool
	RemoveChildren bool
	Rejoin         bool
}

// Command implements Message.
func (*LeaveInd) Command() Command { return ZDOLeaveInd }

// AppendPayload implements Message.
func (m *LeaveInd) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Src)
	dst = m.IEEE.AppendLE(dst)
	dst = putFlag(dst, m.Request)
	dst = putFlag(dst, m.RemoveChildren)
	dst = putFlag(dst, m.Rejoin)
	return dst
}

// ParsePayload implements Message.
func (m *LeaveInd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Src = r.nwk()
	m.IEEE = r.ieee()
	m.Request = r.flag()
	m.RemoveChildren = r.flag()
	m.Rejoin = r.flag()
	return r.done(ZDOLeaveInd)
}

// TCDevInd tells that the trust centre let a node in.
type TCDevInd struct {
	NWK    zigbee.NWK
	IEEE   zigbee.EUI64
	Parent zigbee.NWK
}

// Command implements Message.
func (*TCDevInd) Command() Command { return ZDOTCDevInd }

// AppendPayload implements Message.
func (m *TCDevInd) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.NWK)
	dst = m.IEEE.AppendLE(dst)
	dst = put16(dst, m.Parent)
	return dst
}

// ParsePayload implements Message.
func (m *TCDevInd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.NWK = r.nwk()
	m.IEEE = r.ieee()
	m.Parent = r.nwk()
	return r.done(ZDOTCDevInd)
}

// PermitJoinInd tells for how many seconds the network is open.
type PermitJoinInd struct {
	Duration uint8
}

// Command implements Message.
func (*PermitJoinInd) Command() Command { return ZDOPermitJoinInd }

// AppendPayload implements Message.
func (m *PermitJoinInd) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.Duration)
	return dst
}

// ParsePayload implements Message.
func (m *PermitJoinInd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Duration = r.u8()
	return r.done(ZDOPermitJoinInd)
}

// MsgCBIncoming is a raw ZDO message, its data without the sequence number.
type MsgCBIncoming struct {
	Src       zigbee.NWK
	Broadcast bool
	Cluster   uint16
	Secure    bool
	Sequence  uint8
	MACDst    zigbee.NWK
	Data      []byte
}

// Command implements Message.
func (*MsgCBIncoming) Command() Command { return ZDOMsgCBIncoming }

// AppendPayload implements Message.
func (m *MsgCBIncoming) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Src)
	dst = putFlag(dst, m.Broadcast)
	dst = put16(dst, m.Cluster)
	dst = putFlag(dst, m.Secure)
	dst = append(dst, m.Sequence)
	dst = put16(dst, m.MACDst)
	dst = append(dst, m.Data...)
	return dst
}

// ParsePayload implements Message.
func (m *MsgCBIncoming) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Src = r.nwk()
	m.Broadcast = r.flag()
	m.Cluster = r.u16()
	m.Secure = r.flag()
	m.Sequence = r.u8()
	m.MACDst = r.nwk()
	m.Data = r.bytes(len(r.b))
	return r.done(ZDOMsgCBIncoming)
}
