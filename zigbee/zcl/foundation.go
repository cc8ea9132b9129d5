package zcl

// Foundation command identifiers (ZCL table 2-3).
const (
	CmdReadAttributes              uint8 = 0x00
	CmdReadAttributesResponse      uint8 = 0x01
	CmdWriteAttributes             uint8 = 0x02
	CmdWriteAttributesUndivided    uint8 = 0x03
	CmdWriteAttributesResponse     uint8 = 0x04
	CmdWriteAttributesNoResponse   uint8 = 0x05
	CmdConfigureReporting          uint8 = 0x06
	CmdConfigureReportingResponse  uint8 = 0x07
	CmdReadReportingConfig         uint8 = 0x08
	CmdReadReportingConfigResponse uint8 = 0x09
	CmdReportAttributes            uint8 = 0x0A
	CmdDefaultResponse             uint8 = 0x0B
	CmdDiscoverAttributes          uint8 = 0x0C
	CmdDiscoverAttributesResponse  uint8 = 0x0D
	CmdDiscoverReceived            uint8 = 0x11
	CmdDiscoverReceivedResponse    uint8 = 0x12
	CmdDiscoverGenerated           uint8 = 0x13
	CmdDiscoverGeneratedResponse   uint8 = 0x14
)

func newFoundation(cmd uint8) Message {
	switch cmd {
	case CmdReadAttributes:
		return new(ReadAttributes)
	case CmdReadAttributesResponse:
		return new(ReadAttributesResponse)
	case CmdWriteAttributes:
		return new(WriteAttributes)
	case CmdWriteAttributesUndivided:
		return new(WriteAttributesUndivided)
	case CmdWriteAttributesNoResponse:
		return new(WriteAttributesNoResponse)
	case CmdWriteAttributesResponse:
		return new(WriteAttributesResponse)
	case CmdConfigureReporting:
		return new(ConfigureReporting)
	case CmdConfigureReportingResponse:
		return new(ConfigureReportingResponse)
	case CmdReadReportingConfig:
		return new(ReadReportingConfig)
	case CmdReadReportingConfigResponse:
		return new(ReadReportingConfigResponse)
	case CmdReportAttributes:
		return new(ReportAttributes)
	case CmdDefaultResponse:
		return new(DefaultResponse)
	case CmdDiscoverAttributes:
		return new(DiscoverAttributes)
	case CmdDiscoverAttributesResponse:
		return new(DiscoverAttributesResponse)
	case CmdDiscoverReceived:
		return new(DiscoverCommandsReceived)
	case CmdDiscoverReceivedResponse:
		return new(DiscoverCommandsReceivedResponse)
	case CmdDiscoverGenerated:
		return new(DiscoverCommandsGenerated)
	case CmdDiscoverGeneratedResponse:
		return new(DiscoverCommandsGeneratedResponse)
	default:
		return nil
	}
}

func foundation(cmd uint8) Route { return Route{Cluster: AnyCluster, Type: Global, Command: cmd} }

// Attribute is an attribute with its value.
type Attribute struct {
	ID    AttributeID
	Value Value
}

func (r *reader) attributes() []Attribute {
	var out []Attribute
	for r.left() > 0 {
		id := AttributeID(r.u16("attribute id"))
		v := r.typedValue("attribute value")
		if r.err != nil {
			return nil
		}
		out = append(out, Attribute{ID: id, Value: v})
	}
	return out
}

func appendAttributes(dst []byte, as []Attribute) []byte {
	for _, a := range as {
		dst = a.Value.appendTyped(appendU16(dst, uint16(a.ID)))
	}
	return dst
}

// ReadAttributes asks for values (ZCL section 2.5.1).
type ReadAttributes struct{ Attributes []AttributeID }

// Route implements Message.
func (*ReadAttributes) Route() Route { return foundation(CmdReadAttributes) }

func (m *ReadAttributes) appendPayload(dst []byte) []byte {
	for _, a := range m.Attributes {
		dst = appendU16(dst, uint16(a))
	}
	return dst
}

func (m *ReadAttributes) parse(r *reader) {
	for r.left() > 0 {
		m.Attributes = append(m.Attributes, AttributeID(r.u16("attribute id")))
	}
}

// ReadRecord is one answer to a read. Value is set only if Status is success.
type ReadRecord struct {
	ID     AttributeID
	Status Status
	Value  Value
}

// ReadAttributesResponse answers ReadAttributes (ZCL section 2.5.2).
type ReadAttributesResponse struct{ Records []ReadRecord }

// Route implements Message.
func (*ReadAttributesResponse) Route() Route { return foundation(CmdReadAttributesResponse) }

func (m *ReadAttributesResponse) appendPayload(dst []byte) []byte {
	for _, a := range m.Records {
		dst = append(appendU16(dst, uint16(a.ID)), byte(a.Status))
		if a.Status == StatusSuccess {
			dst = a.Value.appendTyped(dst)
		}
	}
	return dst
}

func (m *ReadAttributesResponse) parse(r *reader) {
	for r.left() > 0 {
		a := ReadRecord{ID: AttributeID(r.u16("attribute id")), Status: Status(r.u8("status"))}
		if a.Status == StatusSuccess {
			a.Value = r.typedValue("attribute value")
		}
		m.Records = append(m.Records, a)
	}
}

// WriteAttributes sets values, each on its own (ZCL section 2.5.3).
type WriteAttributes struct{ Attributes []Attribute }

// Route implements Message.
func (*WriteAttributes) Route() Route { return foundation(CmdWriteAttributes) }

func (m *WriteAttributes) appendPayload(dst []byte) []byte {
	return appendAttributes(dst, m.Attributes)
}

func (m *WriteAttributes) parse(r *reader) { m.Attributes = r.attributes() }

// WriteAttributesUndivided sets all values or none (ZCL section 2.5.4).
type WriteAttributesUndivided struct{ Attributes []Attribute }

// Route implements Message.
func (*WriteAttributesUndivided) Route() Route { return foundation(CmdWriteAttributesUndivided) }

func (m *WriteAttributesUndivided) appendPayload(dst []byte) []byte {
	return appendAttributes(dst, m.Attributes)
}

func (m *WriteAttributesUndivided) parse(r *reader) { m.Attributes = r.attributes() }

// WriteAttributesNoResponse sets values and wants no answer (ZCL section 2.5.6).
type WriteAttributesNoResponse struct{ Attributes []Attribute }

// Route implements Message.
func (*WriteAttributesNoResponse) Route() Route { return foundation(CmdWriteAttributesNoResponse) }

func (m *WriteAttributesNoResponse) appendPayload(dst []byte) []byte {
	return appendAttributes(dst, m.Attributes)
}

func (m *WriteAttributesNoResponse) parse(r *reader) { m.Attributes = r.attributes() }

// WriteRecord is one refusal of a write.
type WriteRecord struct {
	Status Status
	ID     AttributeID
}

// WriteAttributesResponse answers a write (ZCL section 2.5.5). No records means that all were written: the frame then has a single success byte.
type WriteAttributesResponse struct{ Failed []WriteRecord }

// Route implements Message.
func (*WriteAttributesResponse) Route() Route { return foundation(CmdWriteAttributesResponse) }

func (m *WriteAttributesResponse) appendPayload(dst []byte) []byte {
	if len(m.Failed) == 0 {
		return append(dst, byte(StatusSuccess))
	}
	for _, f := range m.Failed {
		dst = appendU16(append(dst, byte(f.Status)), uint16(f.ID))
	}
	return dst
}

func (m *WriteAttributesResponse) parse(r *reader) {
	for first := true; first || r.left() > 0; first = false {
		s := Status(r.u8("status"))
		if r.left() == 0 {
			if s != StatusSuccess { // some stacks answer a single failed write without naming the attribute
				m.Failed = append(m.Failed, WriteRecord{Status: s, ID: 0xFFFF})
			}
			return
		}
		id := AttributeID(r.u16("attribute id"))
		if s != StatusSuccess { // records of success are not allowed, and are seen
			m.Failed = append(m.Failed, WriteRecord{Status: s, ID: id})
		}
	}
}

// ReportAttributes tells values unasked (ZCL section 2.5.11).
type ReportAttributes struct{ Attributes []Attribute }

// Route implements Message.
func (*ReportAttributes) Route() Route { return foundation(CmdReportAttributes) }

func (m *ReportAttributes) appendPayload(dst []byte) []byte {
	return appendAttributes(dst, m.Attributes)
}

func (m *ReportAttributes) parse(r *reader) { m.Attributes = r.attributes() }

// DefaultResponse tells the status of a command that has no answer of its own, or that was refused (ZCL section 2.5.12).
type DefaultResponse struct {
	Command uint8
	Status  Status
}

// Route implements Message.
func (*DefaultResponse) Route() Route { return foundation(CmdDefaultResponse) }

func (m *DefaultResponse) appendPayload(dst []byte) []byte {
	return append(dst, m.Command, byte(m.Status))
}

func (m *DefaultResponse) parse(r *reader) {
	m.Command = r.u8("command")
	m.Status = Status(r.u8("status"))
}
