package zcl

// DiscoverAttributes asks which attributes there are (ZCL section 2.5.13).
type DiscoverAttributes struct {
	Start AttributeID
	Max   uint8
}

// Route implements Message.
func (*DiscoverAttributes) Route() Route { return foundation(CmdDiscoverAttributes) }

func (m *DiscoverAttributes) appendPayload(dst []byte) []byte {
	return append(appendU16(dst, uint16(m.Start)), m.Max)
}

func (m *DiscoverAttributes) parse(r *reader) {
	m.Start = AttributeID(r.u16("first attribute id"))
	m.Max = r.u8("greatest number of attributes")
}

// AttributeInfo is an attribute's id and type.
type AttributeInfo struct {
	ID   AttributeID
	Type DataType
}

// DiscoverAttributesResponse answers DiscoverAttributes (ZCL section 2.5.14).
type DiscoverAttributesResponse struct {
	Complete   bool // there are no more
	Attributes []AttributeInfo
}

// Route implements Message.
func (*DiscoverAttributesResponse) Route() Route { return foundation(CmdDiscoverAttributesResponse) }

func (m *DiscoverAttributesResponse) appendPayload(dst []byte) []byte {
	dst = appendBool(dst, m.Complete)
	for _, a := range m.Attributes {
		dst = append(appendU16(dst, uint16(a.ID)), byte(a.Type))
	}
	return dst
}

func (m *DiscoverAttributesResponse) parse(r *reader) {
	m.Complete = r.u8("discovery complete") != 0
	for r.left() > 0 {
		m.Attributes = append(m.Attributes, AttributeInfo{ID: AttributeID(r.u16("attribute id")), Type: DataType(r.u8("attribute type"))})
	}
}

// DiscoverCommandsReceived asks which cluster commands the receiver understands (ZCL section 2.5.18).
type DiscoverCommandsReceived struct{ Start, Max uint8 }

// Route implements Message.
func (*DiscoverCommandsReceived) Route() Route { return foundation(CmdDiscoverReceived) }

func (m *DiscoverCommandsReceived) appendPayload(dst []byte) []byte {
	return append(dst, m.Start, m.Max)
}

func (m *DiscoverCommandsReceived) parse(r *reader) {
	m.Start, m.Max = r.u8("first command"), r.u8("greatest number of commands")
}

// DiscoverCommandsReceivedResponse answers DiscoverCommandsReceived (ZCL section 2.5.19).
type DiscoverCommandsReceivedResponse struct {
	Complete bool
	Commands []uint8
}

// Route implements Message.
func (*DiscoverCommandsReceivedResponse) Route() Route {
	return foundation(CmdDiscoverReceivedResponse)
}

func (m *DiscoverCommandsReceivedResponse) appendPayload(dst []byte) []byte {
	return append(appendBool(dst, m.Complete), m.Commands...)
}

func (m *DiscoverCommandsReceivedResponse) parse(r *reader) {
	m.Complete = r.u8("discovery complete") != 0
	m.Commands = r.rest()
}

// DiscoverCommandsGenerated asks which cluster commands the receiver sends (ZCL section 2.5.20).
type DiscoverCommandsGenerated struct{ Start, Max uint8 }

// Route implements Message.
func (*DiscoverCommandsGenerated) Route() Route { return foundation(CmdDiscoverGenerated) }

func (m *DiscoverCommandsGenerated) appendPayload(dst []byte) []byte {
	return append(dst, m.Start, m.Max)
}

func (m *DiscoverCommandsGenerated) parse(r *reader) {
	m.Start, m.Max = r.u8("first command"), r.u8("greatest number of commands")
}

// DiscoverCommandsGeneratedResponse answers DiscoverCommandsGenerated (ZCL section 2.5.21).
type DiscoverCommandsGeneratedResponse struct {
	Complete bool
	Commands []uint8
}

// Route implements Message.
func (*DiscoverCommandsGeneratedResponse) Route() Route {
	return foundation(CmdDiscoverGeneratedResponse)
}

func (m *DiscoverCommandsGeneratedResponse) appendPayload(dst []byte) []byte {
	return append(appendBool(dst, m.Complete), m.Commands...)
}

func (m *DiscoverCommandsGeneratedResponse) parse(r *reader) {
	m.Complete = r.u8("discovery complete") != 0
	m.Commands = r.rest()
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}
