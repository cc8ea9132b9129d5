package zcl

// ReportingDirection says who reports (ZCL section 2.5.7.1.2).
type ReportingDirection uint8

// Reporting directions.
const (
	Reported ReportingDirection = 0 // the receiver of the configuration sends reports
	Received ReportingDirection = 1 // the receiver of the configuration gets reports
)

// Reporting is how an attribute is reported (ZCL section 2.5.7.1).
type Reporting struct {
	Direction ReportingDirection
	ID        AttributeID
	Type      DataType // Reported only, like Min, Max and Change
	Min       uint16   // seconds
	Max       uint16   // seconds; 0 with Min FFFF restores the default, FFFF means never
	Change    uint64   // least change that is reported, in the attribute's unit; on the wire only if Type is analog
	Timeout   uint16   // seconds; Received only
}

func (c Reporting) append(dst []byte) []byte {
	if c.Direction == Received {
		return appendU16(dst, c.Timeout)
	}
	dst = appendU16(appendU16(append(dst, byte(c.Type)), c.Min), c.Max)
	if n, ok := c.Type.Width(); ok && n <= 8 && c.Type.Analog() {
		dst = appendUint(dst, c.Change, n)
	}
	return dst
}

func (r *reader) reporting(c *Reporting) {
	if c.Direction == Received {
		c.Timeout = r.u16("time-out")
		return
	}
	c.Type = DataType(r.u8("type"))
	c.Min = r.u16("minimum interval")
	c.Max = r.u16("maximum interval")
	if n, ok := c.Type.Width(); ok && n <= 8 && c.Type.Analog() {
		c.Change = r.uint("reportable change", n)
	}
}

func (r *reader) reportingDirection() ReportingDirection {
	d := ReportingDirection(r.u8("direction"))
	if d > Received {
		r.fail("direction", ErrMalformed)
	}
	return d
}

// ConfigureReporting sets how attributes are reported (ZCL section 2.5.7).
type ConfigureReporting struct{ Records []Reporting }

// Route implements Message.
func (*ConfigureReporting) Route() Route { return foundation(CmdConfigureReporting) }

func (m *ConfigureReporting) appendPayload(dst []byte) []byte {
	for _, c := range m.Records {
		dst = c.append(appendU16(append(dst, byte(c.Direction)), uint16(c.ID)))
	}
	return dst
}

func (m *ConfigureReporting) parse(r *reader) {
	for r.left() > 0 {
		c := Reporting{Direction: r.reportingDirection(), ID: AttributeID(r.u16("attribute id"))}
		r.reporting(&c)
		m.Records = append(m.Records, c)
	}
}

// ReportingStatus is one refusal of a reporting configuration.
type ReportingStatus struct {
	Status    Status
	Direction ReportingDirection
	ID        AttributeID
}

// ConfigureReportingResponse answers ConfigureReporting (ZCL section 2.5.8). No records means that all were accepted: the frame then has a single success
// byte.
type ConfigureReportingResponse struct{ Failed []ReportingStatus }

// Route implements Message.
func (*ConfigureReportingResponse) Route() Route { return foundation(CmdConfigureReportingResponse) }

func (m *ConfigureReportingResponse) appendPayload(dst []byte) []byte {
	if len(m.Failed) == 0 {
		return append(dst, byte(StatusSuccess))
	}
	for _, f := range m.Failed {
		dst = appendU16(append(dst, byte(f.Status), byte(f.Direction)), uint16(f.ID))
	}
	return dst
}

func (m *ConfigureReportingResponse) parse(r *reader) {
	for first := true; first || r.left() > 0; first = false {
		f := ReportingStatus{Status: Status(r.u8("status")), ID: 0xFFFF}
		if r.left() > 0 {
			f.Direction = r.reportingDirection()
			f.ID = AttributeID(r.u16("attribute id"))
		}
		if f.Status != StatusSuccess {
			m.Failed = append(m.Failed, f)
		}
	}
}

// ReportingKey names an attribute whose reporting is asked for.
type ReportingKey struct {
	Direction ReportingDirection
	ID        AttributeID
}

// ReadReportingConfig asks how attributes are reported (ZCL section 2.5.9).
type ReadReportingConfig struct{ Records []ReportingKey }

// Route implements Message.
func (*ReadReportingConfig) Route() Route { return foundation(CmdReadReportingConfig) }

func (m *ReadReportingConfig) appendPayload(dst []byte) []byte {
	for _, k := range m.Records {
		dst = appendU16(append(dst, byte(k.Direction)), uint16(k.ID))
	}
	return dst
}

func (m *ReadReportingConfig) parse(r *reader) {
	for r.left() > 0 {
		m.Records = append(m.Records, ReportingKey{Direction: r.reportingDirection(), ID: AttributeID(r.u16("attribute id"))})
	}
}

// ReportingRecord is one answer to ReadReportingConfig. Beside Direction and ID, Reporting is set only if Status is success.
type ReportingRecord struct {
	Status Status
	Reporting
}

// ReadReportingConfigResponse answers ReadReportingConfig (ZCL section 2.5.10).
type ReadReportingConfigResponse struct{ Records []ReportingRecord }

// Route implements Message.
func (*ReadReportingConfigResponse) Route() Route { return foundation(CmdReadReportingConfigResponse) }

func (m *ReadReportingConfigResponse) appendPayload(dst []byte) []byte {
	for _, c := range m.Records {
		dst = appendU16(append(dst, byte(c.Status), byte(c.Direction)), uint16(c.ID))
		if c.Status == StatusSuccess {
			dst = c.Reporting.append(dst)
		}
	}
	return dst
}

func (m *ReadReportingConfigResponse) parse(r *reader) {
	for r.left() > 0 {
		c := ReportingRecord{Status: Status(r.u8("status"))}
		c.Direction = r.reportingDirection()
		c.ID = AttributeID(r.u16("attribute id"))
		if c.Status == StatusSuccess {
			r.reporting(&c.Reporting)
		}
		m.Records = append(m.Records, c)
	}
}
