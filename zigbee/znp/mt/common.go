package mt

import "github.com/latchkeyd/latchkey/zigbee"

// Empty is a request without fields. Cmd tells which.
type Empty struct{ Cmd Command }

// Command implements Message.
func (m *Empty) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (*Empty) AppendPayload(dst []byte) []byte { return dst }

// ParsePayload implements Message.
func (*Empty) ParsePayload([]byte) error { return nil }

// StatusRsp is a reply that is a status and nothing else. Cmd tells to what.
type StatusRsp struct {
	Cmd    Command // an SRSP
	Status Status
}

// Command implements Message.
func (m *StatusRsp) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (m *StatusRsp) AppendPayload(dst []byte) []byte { return append(dst, byte(m.Status)) }

// ParsePayload implements Message.
func (m *StatusRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	return r.done(m.Cmd)
}

// RPCErrorRsp refuses a request before any subsystem saw it.
type RPCErrorRsp struct {
	Code    uint8
	Request Command
}

// Codes of an RPCErrorRsp.
const (
	RPCBadSubsystem = 1
	RPCBadCommand   = 2
	RPCBadParameter = 3
	RPCBadLength    = 4
)

// Command implements Message.
func (*RPCErrorRsp) Command() Command { return RPCError }

// AppendPayload implements Message.
func (m *RPCErrorRsp) AppendPayload(dst []byte) []byte {
	return append(dst, m.Code, byte(m.Request>>8), byte(m.Request))
}

// ParsePayload implements Message.
func (m *RPCErrorRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Code = r.u8()
	m.Request = Command(r.u8())<<8 | Command(r.u8())
	return r.done(RPCError)
}

// VersionRsp tells which stack runs on the dongle.
type VersionRsp struct {
	TransportRev uint8
	Product      uint8 // 0 Z-Stack 1.2, 1 Z-Stack 3.x.0, 2 Z-Stack 3.0.x
	Major        uint8
	Minor        uint8
	Maintenance  uint8
	Revision     uint32 // build date, yyyymmdd; zero where the stack does not tell
}

// Command implements Message.
func (*VersionRsp) Command() Command { return SysVersion.Reply() }

// AppendPayload implements Message.
func (m *VersionRsp) AppendPayload(dst []byte) []byte {
	return put32(append(dst, m.TransportRev, m.Product, m.Major, m.Minor, m.Maintenance), m.Revision)
}

// ParsePayload implements Message.
func (m *VersionRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.TransportRev, m.Product, m.Major, m.Minor, m.Maintenance = r.u8(), r.u8(), r.u8(), r.u8(), r.u8()
	m.Revision = 0
	if len(r.b) >= 4 {
		m.Revision = r.u32()
	}
	return r.done(SysVersion.Reply())
}

// NodeReq asks for something of a node: its node descriptor, power descriptor, or active endpoints. Cmd tells which.
type NodeReq struct {
	Cmd Command
	Dst zigbee.NWK // whom to ask
	NWK zigbee.NWK // about whom
}

// Command implements Message.
func (m *NodeReq) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (m *NodeReq) AppendPayload(dst []byte) []byte { return put16(put16(dst, m.Dst), m.NWK) }

// ParsePayload implements Message.
func (m *NodeReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst, m.NWK = r.nwk(), r.nwk()
	return r.done(m.Cmd)
}

// TableReq asks a node for part of a table: neighbours, routes, or bindings. Cmd tells which.
type TableReq struct {
	Cmd        Command
	Dst        zigbee.NWK
	StartIndex uint8
}

// Command implements Message.
func (m *TableReq) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (m *TableReq) AppendPayload(dst []byte) []byte { return append(put16(dst, m.Dst), m.StartIndex) }

// ParsePayload implements Message.
func (m *TableReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst, m.StartIndex = r.nwk(), r.u8()
	return r.done(m.Cmd)
}
