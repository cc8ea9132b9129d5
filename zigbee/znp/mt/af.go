package mt

import "github.com/latchkeyd/latchkey/zigbee"

// Delete takes an endpoint of the dongle away.
type Delete struct {
	Endpoint uint8
}

// Command implements Message.
func (*Delete) Command() Command { return AFDelete }

// AppendPayload implements Message.
func (m *Delete) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.Endpoint)
	return dst
}

// ParsePayload implements Message.
func (m *Delete) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Endpoint = r.u8()
	return r.done(AFDelete)
}

// DataRequest sends application data to a node, group or broadcast address. Parsing does not copy: Data points into the payload.
type DataRequest struct {
	Dst         zigbee.NWK
	DstEndpoint uint8
	SrcEndpoint uint8
	Cluster     uint16
	Transaction uint8
	Options     uint8
	Radius      uint8
	Data        []byte
}

// Command implements Message.
func (*DataRequest) Command() Command { return AFDataRequest }

// AppendPayload implements Message.
func (m *DataRequest) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Dst)
	dst = append(dst, m.DstEndpoint)
	dst = append(dst, m.SrcEndpoint)
	dst = put16(dst, m.Cluster)
	dst = append(dst, m.Transaction)
	dst = append(dst, m.Options)
	dst = append(dst, m.Radius)
	dst = append(append(dst, byte(len(m.Data))), m.Data...)
	return dst
}

// ParsePayload implements Message.
func (m *DataRequest) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Dst = r.nwk()
	m.DstEndpoint = r.u8()
	m.SrcEndpoint = r.u8()
	m.Cluster = r.u16()
	m.Transaction = r.u8()
	m.Options = r.u8()
	m.Radius = r.u8()
	m.Data = r.take(int(r.u8()))
	return r.done(AFDataRequest)
}

// DataRequestExt sends application data to any kind of address; longer data is filled in with DataStore.
type DataRequestExt struct {
	Mode        AddrMode
	Dst         zigbee.EUI64
	DstEndpoint uint8
	DstPAN      uint16
	SrcEndpoint uint8
	Cluster     uint16
	Transaction uint8
	Options     uint8
	Radius      uint8
	Data        []byte
}

// Command implements Message.
func (*DataRequestExt) Command() Command { return AFDataRequestExt }

// AppendPayload implements Message.
func (m *DataRequestExt) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Mode))
	dst = m.Dst.AppendLE(dst)
	dst = append(dst, m.DstEndpoint)
	dst = put16(dst, m.DstPAN)
	dst = append(dst, m.SrcEndpoint)
	dst = put16(dst, m.Cluster)
	dst = append(dst, m.Transaction)
	dst = append(dst, m.Options)
	dst = append(dst, m.Radius)
	dst = append(put16(dst, uint16(len(m.Data))), m.Data...)
	return dst
}

// ParsePayload implements Message.
func (m *DataRequestExt) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Mode = AddrMode(r.u8())
	m.Dst = r.ieee()
	m.DstEndpoint = r.u8()
	m.DstPAN = r.u16()
	m.SrcEndpoint = r.u8()
	m.Cluster = r.u16()
	m.Transaction = r.u8()
	m.Options = r.u8()
	m.Radius = r.u8()
	m.Data = r.bytes(int(r.u16()))
	return r.done(AFDataRequestExt)
}

// DataStore fills in part of a long outbound message.
type DataStore struct {
	Index uint16
	Data  []byte
}

// Command implements Message.
func (*DataStore) Command() Command { return AFDataStore }

// AppendPayload implements Message.
func (m *DataStore) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Index)
	dst = append(append(dst, byte(len(m.Data))), m.Data...)
	return dst
}

// ParsePayload implements Message.
func (m *DataStore) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Index = r.u16()
	m.Data = r.bytes(int(r.u8()))
	return r.done(AFDataStore)
}

// DataRetrieve fetches part of a long inbound message; length 0 frees it.
type DataRetrieve struct {
	Timestamp uint32
	Index     uint16
	Length    uint8
}

// Command implements Message.
func (*DataRetrieve) Command() Command { return AFDataRetrieve }

// AppendPayload implements Message.
func (m *DataRetrieve) AppendPayload(dst []byte) []byte {
	dst = put32(dst, m.Timestamp)
	dst = put16(dst, m.Index)
	dst = append(dst, m.Length)
	return dst
}

// ParsePayload implements Message.
func (m *DataRetrieve) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Timestamp = r.u32()
	m.Index = r.u16()
	m.Length = r.u8()
	return r.done(AFDataRetrieve)
}

// DataRetrieveRsp is part of a long inbound message.
type DataRetrieveRsp struct {
	Status Status
	Data   []byte
}

// Command implements Message.
func (*DataRetrieveRsp) Command() Command { return AFDataRetrieve.Reply() }

// AppendPayload implements Message.
func (m *DataRetrieveRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = append(append(dst, byte(len(m.Data))), m.Data...)
	return dst
}

// ParsePayload implements Message.
func (m *DataRetrieveRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.Data = r.bytes(int(r.u8()))
	return r.done(AFDataRetrieve.Reply())
}

// DataConfirm tells what became of a data request.
type DataConfirm struct {
	Status      Status
	Endpoint    uint8
	Transaction uint8
}

// Command implements Message.
func (*DataConfirm) Command() Command { return AFDataConfirm }

// AppendPayload implements Message.
func (m *DataConfirm) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = append(dst, m.Endpoint)
	dst = append(dst, m.Transaction)
	return dst
}

// ParsePayload implements Message.
func (m *DataConfirm) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.Endpoint = r.u8()
	m.Transaction = r.u8()
	return r.done(AFDataConfirm)
}

// IncomingMsg is application data that arrived. Parsing does not copy: Data points into the payload.
type IncomingMsg struct {
	Group       uint16
	Cluster     uint16
	Src         zigbee.NWK
	SrcEndpoint uint8
	DstEndpoint uint8
	Broadcast   bool
	LQI         uint8
	Secure      bool
	Timestamp   uint32
	Transaction uint8
	Data        []byte
}

// Command implements Message.
func (*IncomingMsg) Command() Command { return AFIncomingMsg }

// AppendPayload implements Message.
func (m *IncomingMsg) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Group)
	dst = put16(dst, m.Cluster)
	dst = put16(dst, m.Src)
	dst = append(dst, m.SrcEndpoint)
	dst = append(dst, m.DstEndpoint)
	dst = putFlag(dst, m.Broadcast)
	dst = append(dst, m.LQI)
	dst = putFlag(dst, m.Secure)
	dst = put32(dst, m.Timestamp)
	dst = append(dst, m.Transaction)
	dst = append(append(dst, byte(len(m.Data))), m.Data...)
	return dst
}

// ParsePayload implements Message.
func (m *IncomingMsg) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Group = r.u16()
	m.Cluster = r.u16()
	m.Src = r.nwk()
	m.SrcEndpoint = r.u8()
	m.DstEndpoint = r.u8()
	m.Broadcast = r.flag()
	m.LQI = r.u8()
	m.Secure = r.flag()
	m.Timestamp = r.u32()
	m.Transaction = r.u8()
	m.Data = r.take(int(r.u8()))
	return r.done(AFIncomingMsg)
}

// IncomingMsgExt is application data from any kind of address, or the head of data to fetch.
type IncomingMsgExt struct {
	Group       uint16
	Cluster     uint16
	Mode        AddrMode
	Src         zigbee.EUI64
	SrcEndpoint uint8
	SrcPAN      uint16
	DstEndpoint uint8
	Broadcast   bool
	LQI         uint8
	Secure      bool
	Timestamp   uint32
	Transaction uint8
	Length      uint16
	Data        []byte
}

// Command implements Message.
func (*IncomingMsgExt) Command() Command { return AFIncomingMsgExt }

// AppendPayload implements Message.
func (m *IncomingMsgExt) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Group)
	dst = put16(dst, m.Cluster)
	dst = append(dst, byte(m.Mode))
	dst = m.Src.AppendLE(dst)
	dst = append(dst, m.SrcEndpoint)
	dst = put16(dst, m.SrcPAN)
	dst = append(dst, m.DstEndpoint)
	dst = putFlag(dst, m.Broadcast)
	dst = append(dst, m.LQI)
	dst = putFlag(dst, m.Secure)
	dst = put32(dst, m.Timestamp)
	dst = append(dst, m.Transaction)
	dst = put16(dst, m.Length)
	dst = append(dst, m.Data...)
	return dst
}

// ParsePayload implements Message.
func (m *IncomingMsgExt) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Group = r.u16()
	m.Cluster = r.u16()
	m.Mode = AddrMode(r.u8())
	m.Src = r.ieee()
	m.SrcEndpoint = r.u8()
	m.SrcPAN = r.u16()
	m.DstEndpoint = r.u8()
	m.Broadcast = r.flag()
	m.LQI = r.u8()
	m.Secure = r.flag()
	m.Timestamp = r.u32()
	m.Transaction = r.u8()
	m.Length = r.u16()
	m.Data = r.bytes(len(r.b))
	return r.done(AFIncomingMsgExt)
}

// ReflectError tells that a broadcast or group message failed.
type ReflectError struct {
	Status      Status
	Endpoint    uint8
	Transaction uint8
	Mode        AddrMode
	Dst         zigbee.NWK
}

// Command implements Message.
func (*ReflectError) Command() Command { return AFReflectError }

// AppendPayload implements Message.
func (m *ReflectError) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = append(dst, m.Endpoint)
	dst = append(dst, m.Transaction)
	dst = append(dst, byte(m.Mode))
	dst = put16(dst, m.Dst)
	return dst
}

// ParsePayload implements Message.
func (m *ReflectError) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.Endpoint = r.u8()
	m.Transaction = r.u8()
	m.Mode = AddrMode(r.u8())
	m.Dst = r.nwk()
	return r.done(AFReflectError)
}
