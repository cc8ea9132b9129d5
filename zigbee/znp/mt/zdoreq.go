package mt

import "github.com/latchkeyd/latchkey/zigbee"

// NwkAddrReq asks the network for the short address of a node.
type NwkAddrReq struct {
	IEEE       zigbee.EUI64
	Kind       uint8
	StartIndex uint8
}

// Command implements Message.
func (*NwkAddrReq) Command() Command { return ZDONwkAddrReq }

// AppendPayload implements Message.
func (m *NwkAddrReq) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	dst = append(dst, m.Kind)
	dst = append(dst, m.StartIndex)
	return dst
}

// ParsePayload implements Message.
func (m *NwkAddrReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	m.Kind = r.u8()
	m.StartIndex = r.u8()
	return r.done(ZDONwkAddrReq)
}

// IEEEAddrReq asks a node for its long address.
type IEEEAddrReq struct {
	NWK        zigbee.NWK
	Kind       uint8
	StartIndex uint8
}

// Command implements Message.
func (*IEEEAddrReq) Command() Command { return ZDOIEEEAddrReq }

// AppendPayload implements Message.
func (m *IEEEAddrReq) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.NWK)
	dst = append(dst, m.Kind)
	dst = append(dst, m.StartIndex)
	return dst
}

// ParsePayload implements Message.
func (m *IEEEAddrReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.NWK = r.nwk()
	m.Kind = r.u8()
	m.StartIndex = r.u8()
	return r.done(ZDOIEEEAddrReq)
}

// SimpleDescReq asks for a simple descriptor.
type SimpleDescReq struct {
	Dst      zigbee.NWK
	NWK      zigbee.NWK
	Endpoint uint8
}

// Command implements Message.
func (*SimpleDescReq) Command() Command { return ZDOSimpleDescReq }

// AppendPayload implements Message.
func (m *SimpleDescReq) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = put16(dst, m.NWK)
	dst = append(dst, m.Endpoint)
	return dst
}

// ParsePayload implements Message.
func (m *SimpleDescReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.NWK = r.nwk()
	m.Endpoint = r.u8()
	return r.done(ZDOSimpleDescReq)
}

// MatchDescReq asks for endpoints with given clusters.
type MatchDescReq struct {
	Dst     zigbee.NWK
	NWK     zigbee.NWK
	Profile uint16
	In      []uint16
	Out     []uint16
}

// Command implements Message.
func (*MatchDescReq) Command() Command { return ZDOMatchDescReq }

// AppendPayload implements Message.
func (m *MatchDescReq) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = put16(dst, m.NWK)
	dst = put16(dst, m.Profile)
	dst = putList16(append(dst, byte(len(m.In))), m.In)
	dst = putList16(append(dst, byte(len(m.Out))), m.Out)
	return dst
}

// ParsePayload implements Message.
func (m *MatchDescReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.NWK = r.nwk()
	m.Profile = r.u16()
	m.In = list16[uint16](&r, int(r.u8()))
	m.Out = list16[uint16](&r, int(r.u8()))
	return r.done(ZDOMatchDescReq)
}

// MgmtLeaveReq asks a node to leave, or to send a child away; bit 7 of Flags means rejoin, bit 6 remove its children.
type MgmtLeaveReq struct {
	Dst   zigbee.NWK
	IEEE  zigbee.EUI64
	Flags uint8
}

// Command implements Message.
func (*MgmtLeaveReq) Command() Command { return ZDOMgmtLeaveReq }

// AppendPayload implements Message.
func (m *MgmtLeaveReq) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = m.IEEE.AppendLE(dst)
	dst = append(dst, m.Flags)
	return dst
}

// ParsePayload implements Message.
func (m *MgmtLeaveReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.IEEE = r.ieee()
	m.Flags = r.u8()
	return r.done(ZDOMgmtLeaveReq)
}

// MgmtPermitJoinReq opens or closes nodes for joining.
type MgmtPermitJoinReq struct {
	Mode           AddrMode
	Dst            zigbee.NWK
	Duration       uint8
	TCSignificance uint8
}

// Command implements Message.
func (*MgmtPermitJoinReq) Command() Command { return ZDOMgmtPermitJoinReq }

// AppendPayload implements Message.
func (m *MgmtPermitJoinReq) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Mode))
	dst = put16(dst, m.Dst)
	dst = append(dst, m.Duration)
	dst = append(dst, m.TCSignificance)
	return dst
}

// ParsePayload implements Message.
func (m *MgmtPermitJoinReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Mode = AddrMode(r.u8())
	m.Dst = r.nwk()
	m.Duration = r.u8()
	m.TCSignificance = r.u8()
	return r.done(ZDOMgmtPermitJoinReq)
}

// MgmtNwkUpdateReq asks for an energy scan or a change of channel.
type MgmtNwkUpdateReq struct {
	Dst          zigbee.NWK
	Mode         AddrMode
	ChannelMask  uint32
	ScanDuration uint8
	ScanCount    uint8
	NwkUpdater   zigbee.NWK
}

// Command implements Message.
func (*MgmtNwkUpdateReq) Command() Command { return ZDOMgmtNwkUpdateReq }

// AppendPayload implements Message.
func (m *MgmtNwkUpdateReq) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = append(dst, byte(m.Mode))
	dst = put32(dst, m.ChannelMask)
	dst = append(dst, m.ScanDuration)
	dst = append(dst, m.ScanCount)
	dst = put16(dst, m.NwkUpdater)
	return dst
}

// ParsePayload implements Message.
func (m *MgmtNwkUpdateReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.Mode = AddrMode(r.u8())
	m.ChannelMask = r.u32()
	m.ScanDuration = r.u8()
	m.ScanCount = r.u8()
	m.NwkUpdater = r.nwk()
	return r.done(ZDOMgmtNwkUpdateReq)
}

// MsgCB registers for raw ZDO messages of a cluster, FFFF for all.
type MsgCB struct {
	Cluster uint16
}

// Command implements Message.
func (*MsgCB) Command() Command { return ZDOMsgCBRegister }

// AppendPayload implements Message.
func (m *MsgCB) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Cluster)
	return dst
}

// ParsePayload implements Message.
func (m *MsgCB) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Cluster = r.u16()
	return r.done(ZDOMsgCBRegister)
}

// MsgCBRemove undoes MsgCB.
type MsgCBRemove struct {
	Cluster uint16
}

// Command implements Message.
func (*MsgCBRemove) Command() Command { return ZDOMsgCBRemove }

// AppendPayload implements Message.
func (m *MsgCBRemove) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Cluster)
	return dst
}

// ParsePayload implements Message.
func (m *MsgCBRemove) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Cluster = r.u16()
	return r.done(ZDOMsgCBRemove)
}

// StartupFromApp starts the network device after a delay in milliseconds.
type StartupFromApp struct {
	Delay uint16
}

// Command implements Message.
func (*StartupFromApp) Command() Command { return ZDOStartupFromApp }

// AppendPayload implements Message.
func (m *StartupFromApp) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Delay)
	return dst
}

// ParsePayload implements Message.
func (m *StartupFromApp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Delay = r.u16()
	return r.done(ZDOStartupFromApp)
}

// SecDeviceRemove removes a node with the trust centre's authority.
type SecDeviceRemove struct {
	IEEE zigbee.EUI64
}

// Command implements Message.
func (*SecDeviceRemove) Command() Command { return ZDOSecDeviceRemove }

// AppendPayload implements Message.
func (m *SecDeviceRemove) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	return dst
}

// ParsePayload implements Message.
func (m *SecDeviceRemove) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	return r.done(ZDOSecDeviceRemove)
}

// ExtRouteDisc discovers a route.
type ExtRouteDisc struct {
	Dst     zigbee.NWK
	Options uint8
	Radius  uint8
}

// Command implements Message.
func (*ExtRouteDisc) Command() Command { return ZDOExtRouteDisc }

// AppendPayload implements Message.
func (m *ExtRouteDisc) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = append(dst, m.Options)
	dst = append(dst, m.Radius)
	return dst
}

// ParsePayload implements Message.
func (m *ExtRouteDisc) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.Options = r.u8()
	m.Radius = r.u8()
	return r.done(ZDOExtRouteDisc)
}

// ExtUpdateNwkKey distributes a network key.
type ExtUpdateNwkKey struct {
	Dst      zigbee.NWK
	Sequence uint8
	Key      Key
}

// Command implements Message.
func (*ExtUpdateNwkKey) Command() Command { return ZDOExtUpdateNwkKey }

// AppendPayload implements Message.
func (m *ExtUpdateNwkKey) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = append(dst, m.Sequence)
	dst = append(dst, m.Key[:]...)
	return dst
}

// ParsePayload implements Message.
func (m *ExtUpdateNwkKey) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.Sequence = r.u8()
	m.Key = r.key()
	return r.done(ZDOExtUpdateNwkKey)
}

// ExtSwitchNwkKey switches to a network key distributed before.
type ExtSwitchNwkKey struct {
	Dst      zigbee.NWK
	Sequence uint8
}

// Command implements Message.
func (*ExtSwitchNwkKey) Command() Command { return ZDOExtSwitchNwkKey }

// AppendPayload implements Message.
func (m *ExtSwitchNwkKey) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = append(dst, m.Sequence)
	return dst
}

// ParsePayload implements Message.
func (m *ExtSwitchNwkKey) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.Sequence = r.u8()
	return r.done(ZDOExtSwitchNwkKey)
}

// SetRejoinParams sets the times of rejoining, in milliseconds.
type SetRejoinParams struct {
	BackOff uint32
	Scan    uint32
}

// Command implements Message.
func (*SetRejoinParams) Command() Command { return ZDOSetRejoinParams }

// AppendPayload implements Message.
func (m *SetRejoinParams) AppendPayload(dst []byte) []byte {
	dst = put32(dst, m.BackOff)
	dst = put32(dst, m.Scan)
	return dst
}

// ParsePayload implements Message.
func (m *SetRejoinParams) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.BackOff = r.u32()
	m.Scan = r.u32()
	return r.done(ZDOSetRejoinParams)
}
