package zcl

// SetRFIDCode writes an RFID code into a slot (ZCL section 7.3.2.16.23).
type SetRFIDCode struct {
	User   uint16
	Status UserStatus // UserEnabled or UserDisabled
	Type   UserType
	PIN    PIN
	Form   Form
}

// Route implements Message.
func (*SetRFIDCode) Route() Route { return command(ClusterDoorLock, ToServer, CmdSetRFIDCode) }

func (m *SetRFIDCode) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Status))
	dst = append(dst, byte(m.Type))
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *SetRFIDCode) parse(r *reader) {
	m.User = r.u16("user")
	m.Status = UserStatus(r.u8("status"))
	m.Type = UserType(r.u8("type"))
	m.PIN, m.Form = r.pin("PIN")
}

// SetRFIDCodeResponse tells whether the code was written (ZCL section 7.3.2.17.23).
type SetRFIDCodeResponse struct {
	Status SetCodeStatus
}

// Route implements Message.
func (*SetRFIDCodeResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdSetRFIDCode) }

func (m *SetRFIDCodeResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	return dst
}

func (m *SetRFIDCodeResponse) parse(r *reader) {
	m.Status = SetCodeStatus(r.u8("status"))
}

// GetRFIDCode asks what a slot holds (ZCL section 7.3.2.16.24).
type GetRFIDCode struct {
	User uint16
}

// Route implements Message.
func (*GetRFIDCode) Route() Route { return command(ClusterDoorLock, ToServer, CmdGetRFIDCode) }

func (m *GetRFIDCode) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	return dst
}

func (m *GetRFIDCode) parse(r *reader) {
	m.User = r.u16("user")
}

// GetRFIDCodeResponse tells what a slot holds (ZCL section 7.3.2.17.24).
type GetRFIDCodeResponse struct {
	User   uint16
	Status UserStatus
	Type   UserType
	PIN    PIN // empty if the slot is, or if the lock hides it
	Form   Form
}

// Route implements Message.
func (*GetRFIDCodeResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdGetRFIDCode) }

func (m *GetRFIDCodeResponse) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Status))
	dst = append(dst, byte(m.Type))
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *GetRFIDCodeResponse) parse(r *reader) {
	m.User = r.u16("user")
	m.Status = UserStatus(r.u8("status"))
	m.Type = UserType(r.u8("type"))
	m.PIN, m.Form = r.pin("PIN")
}

// ClearRFIDCode empties a slot (ZCL section 7.3.2.16.25).
type ClearRFIDCode struct {
	User uint16
}

// Route implements Message.
func (*ClearRFIDCode) Route() Route { return command(ClusterDoorLock, ToServer, CmdClearRFIDCode) }

func (m *ClearRFIDCode) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	return dst
}

func (m *ClearRFIDCode) parse(r *reader) {
	m.User = r.u16("user")
}

// ClearRFIDCodeResponse tells whether the slot was emptied (ZCL section 7.3.2.17.25).
type ClearRFIDCodeResponse struct {
	Result PassFail
}

// Route implements Message.
func (*ClearRFIDCodeResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdClearRFIDCode)
}

func (m *ClearRFIDCodeResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *ClearRFIDCodeResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}

// ClearAllRFIDCodes empties all slots (ZCL section 7.3.2.16.26).
type ClearAllRFIDCodes struct{}

// Route implements Message.
func (*ClearAllRFIDCodes) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdClearAllRFIDCodes)
}

func (*ClearAllRFIDCodes) appendPayload(dst []byte) []byte { return dst }
func (*ClearAllRFIDCodes) parse(*reader)                   {}

// ClearAllRFIDCodesResponse tells whether all slots were emptied (ZCL section 7.3.2.17.26).
type ClearAllRFIDCodesResponse struct {
	Result PassFail
}

// Route implements Message.
func (*ClearAllRFIDCodesResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdClearAllRFIDCodes)
}

func (m *ClearAllRFIDCodesResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *ClearAllRFIDCodesResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}
