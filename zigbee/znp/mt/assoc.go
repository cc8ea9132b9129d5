package mt

import "github.com/latchkeyd/latchkey/zigbee"

// AssocCount counts associated devices in a range of relations.
type AssocCount struct {
	From Relation
	To   Relation
}

// Command implements Message.
func (*AssocCount) Command() Command { return UtilAssocCount }

// AppendPayload implements Message.
func (m *AssocCount) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.From))
	dst = append(dst, byte(m.To))
	return dst
}

// ParsePayload implements Message.
func (m *AssocCount) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.From = Relation(r.u8())
	m.To = Relation(r.u8())
	return r.done(UtilAssocCount)
}

// AssocCountRsp is the number of associated devices.
type AssocCountRsp struct {
	Count uint16
}

// Command implements Message.
func (*AssocCountRsp) Command() Command { return UtilAssocCount.Reply() }

// AppendPayload implements Message.
func (m *AssocCountRsp) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Count)
	return dst
}

// ParsePayload implements Message.
func (m *AssocCountRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Count = r.u16()
	return r.done(UtilAssocCount.Reply())
}

// AssocGet asks for the entry of an associated device.
type AssocGet struct {
	IEEE zigbee.EUI64
	NWK  zigbee.NWK
}

// Command implements Message.
func (*AssocGet) Command() Command { return UtilAssocGetWithAddress }

// AppendPayload implements Message.
func (m *AssocGet) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	dst = put16(dst, m.NWK)
	return dst
}

// ParsePayload implements Message.
func (m *AssocGet) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	m.NWK = r.nwk()
	return r.done(UtilAssocGetWithAddress)
}

// AssocGetRsp is the head of an associated device's entry; NWK is FFFF where there is none.
type AssocGetRsp struct {
	NWK          zigbee.NWK
	AddressIndex uint16
	Relation     Relation
}

// Command implements Message.
func (*AssocGetRsp) Command() Command { return UtilAssocGetWithAddress.Reply() }

// AppendPayload implements Message.
func (m *AssocGetRsp) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.NWK)
	dst = put16(dst, m.AddressIndex)
	dst = append(dst, byte(m.Relation))
	return dst
}

// ParsePayload implements Message.
func (m *AssocGetRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.NWK = r.nwk()
	m.AddressIndex = r.u16()
	m.Relation = Relation(r.u8())
	return r.done(UtilAssocGetWithAddress.Reply())
}

// AssocRemove takes a device off the list of associated devices.
type AssocRemove struct {
	IEEE zigbee.EUI64
}

// Command implements Message.
func (*AssocRemove) Command() Command { return UtilAssocRemove }

// AppendPayload implements Message.
func (m *AssocRemove) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	return dst
}

// ParsePayload implements Message.
func (m *AssocRemove) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	return r.done(UtilAssocRemove)
}

// AssocAdd puts a device on the list of associated devices.
type AssocAdd struct {
	IEEE     zigbee.EUI64
	NWK      zigbee.NWK
	Relation Relation
}

// Command implements Message.
func (*AssocAdd) Command() Command { return UtilAssocAdd }

// AppendPayload implements Message.
func (m *AssocAdd) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	dst = put16(dst, m.NWK)
	dst = append(dst, byte(m.Relation))
	return dst
}

// ParsePayload implements Message.
func (m *AssocAdd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	m.NWK = r.nwk()
	m.Relation = Relation(r.u8())
	return r.done(UtilAssocAdd)
}
