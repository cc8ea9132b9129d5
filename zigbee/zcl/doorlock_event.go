package zcl

// OperationEvent tells what happened at the lock (ZCL section 7.3.2.17.27). Many locks cut the frame short: what is there is kept.
type OperationEvent struct {
	Source EventSource
	Code   OperationCode
	User   uint16 // FFFF: none or unknown
	PIN    PIN    // what was typed, on locks that tell it
	Form   Form   // of PIN
	Time   LocalTime
	Data   PIN // a string of the maker's choice, in which PINs were seen

	// Missing is how many fields the frame lacks at its end: 1 Data, 2 Time, 3 PIN, 4 User. Zero is a whole frame.
	Missing uint8
}

// Route implements Message.
func (*OperationEvent) Route() Route { return command(ClusterDoorLock, ToClient, CmdOperationEvent) }

func (m *OperationEvent) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Source), byte(m.Code))
	if m.Missing < 4 {
		dst = appendU16(dst, m.User)
	}
	if m.Missing < 3 {
		dst = appendPIN(dst, m.PIN, m.Form)
	}
	if m.Missing < 2 {
		dst = appendU32(dst, uint32(m.Time))
	}
	if m.Missing < 1 {
		dst = appendOctets(dst, m.Data)
	}
	return dst
}

func (m *OperationEvent) parse(r *reader) {
	m.Source, m.Code = EventSource(r.u8("source")), OperationCode(r.u8("event code"))
	m.User, m.Time = 0xFFFF, InvalidTime
	m.Missing = 4
	if r.left() >= 2 {
		m.User = r.u16("user")
		m.Missing = 3
	}
	if m.Missing == 3 && r.eventString(&m.PIN, &m.Form) {
		m.Missing = 2
	}
	if m.Missing == 2 && r.left() >= 4 {
		m.Time = LocalTime(r.u32("local time"))
		m.Missing = 1
	}
	var f Form
	if m.Missing == 1 && r.eventString(&m.Data, &f) {
		m.Missing = 0
	}
}

// eventString reads a string of an event if all of it is there.
func (r *reader) eventString(p *PIN, f *Form) bool {
	if r.left() == 0 || r.b[0] != 0xFF && int(r.b[0]) >= r.left() {
		return false
	}
	*p, *f = r.pin("string")
	return true
}

// ProgrammingEvent tells what was changed at the lock (ZCL section 7.3.2.17.28). Some locks put the PIN into it, even twice.
type ProgrammingEvent struct {
	Source EventSource
	Code   ProgrammingCode
	User   uint16
	PIN    PIN
	Form   Form // of PIN
	Type   UserType
	Status UserStatus
	Time   LocalTime
	Data   PIN // a string of the maker's choice, in which PINs were seen

	// Missing is how many fields the frame lacks at its end: 1 Data, 2 Time, 3 Status, 4 Type, 5 PIN, 6 User. Zero is a whole frame.
	Missing uint8
}

// Route implements Message.
func (*ProgrammingEvent) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdProgrammingEvent)
}

func (m *ProgrammingEvent) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Source), byte(m.Code))
	if m.Missing < 6 {
		dst = appendU16(dst, m.User)
	}
	if m.Missing < 5 {
		dst = appendPIN(dst, m.PIN, m.Form)
	}
	if m.Missing < 4 {
		dst = append(dst, byte(m.Type))
	}
	if m.Missing < 3 {
		dst = append(dst, byte(m.Status))
	}
	if m.Missing < 2 {
		dst = appendU32(dst, uint32(m.Time))
	}
	if m.Missing < 1 {
		dst = appendOctets(dst, m.Data)
	}
	return dst
}

func (m *ProgrammingEvent) parse(r *reader) {
	m.Source, m.Code = EventSource(r.u8("source")), ProgrammingCode(r.u8("event code"))
	m.User, m.Type, m.Status, m.Time = 0xFFFF, UserTypeUnsupported, UserStatusUnsupported, InvalidTime
	m.Missing = 6
	if r.left() >= 2 {
		m.User = r.u16("user")
		m.Missing = 5
	}
	if m.Missing == 5 && r.eventString(&m.PIN, &m.Form) {
		m.Missing = 4
	}
	if m.Missing == 4 && r.left() >= 1 {
		m.Type = UserType(r.u8("user type"))
		m.Missing = 3
	}
	if m.Missing == 3 && r.left() >= 1 {
		m.Status = UserStatus(r.u8("user status"))
		m.Missing = 2
	}
	if m.Missing == 2 && r.left() >= 4 {
		m.Time = LocalTime(r.u32("local time"))
		m.Missing = 1
	}
	var f Form
	if m.Missing == 1 && r.eventString(&m.Data, &f) {
		m.Missing = 0
	}
}
