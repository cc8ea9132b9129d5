package mt

import "github.com/latchkeyd/latchkey/zigbee"

// ExtNwkInfoRsp is the state of the network device.
type ExtNwkInfoRsp struct {
	NWK         zigbee.NWK
	State       DeviceState
	PAN         uint16
	Parent      zigbee.NWK
	ExtendedPAN zigbee.EUI64
	ParentIEEE  zigbee.EUI64
	Channel     uint8
}

// Command implements Message.
func (*ExtNwkInfoRsp) Command() Command { return ZDOExtNwkInfo.Reply() }

// AppendPayload implements Message.
func (m *ExtNwkInfoRsp) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.NWK)
	dst = append(dst, byte(m.State))
	dst = put16(dst, m.PAN)
	dst = put16(dst, m.Parent)
	dst = m.ExtendedPAN.AppendLE(dst)
	dst = m.ParentIEEE.AppendLE(dst)
	dst = append(dst, m.Channel)
	return dst
}

// ParsePayload implements Message.
func (m *ExtNwkInfoRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.NWK = r.nwk()
	m.State = DeviceState(r.u8())
	m.PAN = r.u16()
	m.Parent = r.nwk()
	m.ExtendedPAN = r.ieee()
	m.ParentIEEE = r.ieee()
	m.Channel = r.u8()
	return r.done(ZDOExtNwkInfo.Reply())
}

// NodeAddrRsp answers NwkAddrReq and IEEEAddrReq. Cmd tells which. Behind a bad status only the addresses, or not even those, are to be trusted.
type NodeAddrRsp struct {
	Cmd        Command // ZDONwkAddrRsp or ZDOIEEEAddrRsp
	Status     Status
	IEEE       zigbee.EUI64
	NWK        zigbee.NWK
	StartIndex uint8
	Associated []zigbee.NWK
}

// Command implements Message.
func (m *NodeAddrRsp) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (m *NodeAddrRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = m.IEEE.AppendLE(dst)
	dst = put16(dst, m.NWK)
	dst = append(dst, m.StartIndex, byte(len(m.Associated)))
	return putList16(dst, m.Associated)
}

// ParsePayload implements Message.
func (m *NodeAddrRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	if m.Status != Success && len(r.b) < 10 {
		m.IEEE, m.NWK, m.StartIndex, m.Associated = 0, 0, 0, nil
		return r.done(m.Cmd)
	}
	m.IEEE = r.ieee()
	m.NWK = r.nwk()
	m.StartIndex, m.Associated = 0, nil
	if len(r.b) > 0 { // left out by some firmware when a single address was asked for
		m.StartIndex = r.u8()
	}
	if len(r.b) > 0 {
		m.Associated = list16[zigbee.NWK](&r, int(r.u8()))
	}
	return r.done(m.Cmd)
}

// ZDOStatusRsp is the response to a request that has nothing to say but its outcome: bind, unbind, leave, permit join, and the response that stands for
// any other after an error.
type ZDOStatusRsp struct {
	Cmd    Command
	Src    zigbee.NWK
	Status Status
}

// Command implements Message.
func (m *ZDOStatusRsp) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (m *ZDOStatusRsp) AppendPayload(dst []byte) []byte {
	return append(put16(dst, m.Src), byte(m.Status))
}

// ParsePayload implements Message.
func (m *ZDOStatusRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Src = r.nwk()
	m.Status = r.status()
	return r.done(m.Cmd)
}

// TableRsp is one part of a table that a Mgmt request asked for: neighbours, routes, or bindings. Entries holds the entries as they stand on the wire.
type TableRsp struct {
	Cmd        Command // ZDOMgmtLqiRsp, ZDOMgmtRtgRsp or ZDOMgmtBindRsp
	Src        zigbee.NWK
	Status     Status
	Total      uint8
	StartIndex uint8
	Count      uint8
	Entries    []byte
}

// Command implements Message.
func (m *TableRsp) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (m *TableRsp) AppendPayload(dst []byte) []byte {
	dst = append(put16(dst, m.Src), byte(m.Status))
	if m.Status != Success {
		return dst
	}
	dst = append(dst, m.Total, m.StartIndex, m.Count)
	return append(dst, m.Entries...)
}

// ParsePayload implements Message.
func (m *TableRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Src = r.nwk()
	m.Status = r.status()
	m.Total, m.StartIndex, m.Count, m.Entries = 0, 0, 0, nil
	if m.Status == Success {
		m.Total, m.StartIndex, m.Count = r.u8(), r.u8(), r.u8()
		m.Entries = r.bytes(len(r.b))
	}
	return r.done(m.Cmd)
}

// Neighbour is one entry of a neighbour table (Zigbee specification section 2.4.4.3.2.1).
type Neighbour struct {
	ExtendedPAN zigbee.EUI64
	IEEE        zigbee.EUI64
	NWK         zigbee.NWK
	Flags       uint8 // device type, receiver on when idle, relationship
	PermitJoin  uint8
	Depth       uint8
	LQI         uint8
}

// Neighbours cuts the entries of a ZDOMgmtLqiRsp.
func (m *TableRsp) Neighbours() ([]Neighbour, error) {
	r := reader{b: m.Entries}
	l := make([]Neighbour, 0, min(int(m.Count), len(m.Entries)/22))
	for range m.Count {
		l = append(l, Neighbour{r.ieee(), r.ieee(), r.nwk(), r.u8(), r.u8(), r.u8(), r.u8()})
		if r.short {
			return nil, r.done(m.Cmd)
		}
	}
	return l, nil
}

// Append appends the entry as it stands on the wire.
func (n Neighbour) Append(dst []byte) []byte {
	dst = n.IEEE.AppendLE(n.ExtendedPAN.AppendLE(dst))
	return append(put16(dst, n.NWK), n.Flags, n.PermitJoin, n.Depth, n.LQI)
}

// NwkUpdateNotify is the outcome of an energy scan.
type NwkUpdateNotify struct {
	Src           zigbee.NWK
	Status        Status
	Channels      uint32
	Transmissions uint16
	Failures      uint16
	Energy        []uint8
}

// Command implements Message.
func (*NwkUpdateNotify) Command() Command { return ZDOMgmtNwkUpdateRsp }

// AppendPayload implements Message.
func (m *NwkUpdateNotify) AppendPayload(dst []byte) []byte {
	dst = append(put16(dst, m.Src), byte(m.Status))
	dst = put16(put16(put32(dst, m.Channels), m.Transmissions), m.Failures)
	return append(append(dst, byte(len(m.Energy))), m.Energy...)
}

// ParsePayload implements Message.
func (m *NwkUpdateNotify) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Src, m.Status, m.Channels = r.nwk(), r.status(), r.u32()
	m.Transmissions, m.Failures = r.u16(), r.u16()
	m.Energy = r.bytes(int(r.u8()))
	return r.done(ZDOMgmtNwkUpdateRsp)
}

// NodeDescRsp is a node descriptor (Zigbee specification section 2.3.2.3).
type NodeDescRsp struct {
	Src          zigbee.NWK
	Status       Status // what follows NWK is absent unless Success
	NWK          zigbee.NWK
	Type         LogicalType
	Complex      bool
	User         bool
	APSFlags     uint8
	Frequency    uint8 // bits: 8 is the 2.4 GHz band
	Capabilities uint8 // as in a Device_annce
	Manufacturer uint16
	MaxBuffer    uint8
	MaxIn        uint16
	ServerMask   uint16 // with the stack compliance revision in bits 9 to 15, which znp-go's model drops
	MaxOut       uint16
	DescCaps     uint8
}

// Command implements Message.
func (*NodeDescRsp) Command() Command { return ZDONodeDescRsp }

// AppendPayload implements Message.
func (m *NodeDescRsp) AppendPayload(dst []byte) []byte {
	dst = append(put16(dst, m.Src), byte(m.Status))
	if m.Status != Success {
		return dst
	}
	kind := byte(m.Type) & 7
	if m.Complex {
		kind |= 0x08
	}
	if m.User {
		kind |= 0x10
	}
	dst = append(put16(dst, m.NWK), kind, m.APSFlags&7|m.Frequency<<3, m.Capabilities)
	dst = append(put16(dst, m.Manufacturer), m.MaxBuffer)
	return append(put16(put16(put16(dst, m.MaxIn), m.ServerMask), m.MaxOut), m.DescCaps)
}

// ParsePayload implements Message.
func (m *NodeDescRsp) ParsePayload(p []byte) error {
	*m = NodeDescRsp{}
	failed, err := head(ZDONodeDescRsp, p, &m.Src, &m.Status, &m.NWK)
	if failed || err != nil {
		return err
	}
	r := reader{b: p[5:]}
	kind, aps := r.u8(), r.u8()
	m.Type, m.Complex, m.User = LogicalType(kind&7), kind&0x08 != 0, kind&0x10 != 0
	m.APSFlags, m.Frequency = aps&7, aps>>3
	m.Capabilities, m.Manufacturer, m.MaxBuffer = r.u8(), r.u16(), r.u8()
	m.MaxIn, m.ServerMask, m.MaxOut, m.DescCaps = r.u16(), r.u16(), r.u16(), r.u8()
	return r.done(ZDONodeDescRsp)
}
