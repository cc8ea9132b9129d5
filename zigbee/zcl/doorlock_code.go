package zcl

// SetPINCode writes a PIN into a slot (ZCL section 7.3.2.16.6).
type SetPINCode struct {
	User   uint16
	Status UserStatus // UserEnabled or UserDisabled
	Type   UserType
	PIN    PIN
	Form   Form
}

// Route implements Message.
func (*SetPINCode) Route() Route { return command(ClusterDoorLock, ToServer, CmdSetPINCode) }

func (m *SetPINCode) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Status))
	dst = append(dst, byte(m.Type))
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *SetPINCode) parse(r *reader) {
	m.User = r.u16("user")
	m.Status = UserStatus(r.u8("status"))
	m.Type = UserType(r.u8("type"))
	m.PIN, m.Form = r.pin("PIN")
}

// SetPINCodeResponse tells whether the PIN was written (ZCL section 7.3.2.17.6). Some locks claim it and do not.
type SetPINCodeResponse struct {
	Status SetCodeStatus
}

// Route implements Message.
func (*SetPINCodeResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdSetPINCode) }

func (m *SetPINCodeResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	return dst
}

func (m *SetPINCodeResponse) parse(r *reader) {
	m.Status = SetCodeStatus(r.u8("status"))
}

// GetPINCode asks what a slot holds (ZCL section 7.3.2.16.7).
type GetPINCode struct {
	User uint16
}

// Route implements Message.
func (*GetPINCode) Route() Route { return command(ClusterDoorLock, ToServer, CmdGetPINCode) }

func (m *GetPINCode) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	return dst
}

func (m *GetPINCode) parse(r *reader) {
	m.User = r.u16("user")
}

// GetPINCodeResponse tells what a slot holds (ZCL section 7.3.2.17.7).
type GetPINCodeResponse struct {
	User   uint16
	Status UserStatus
	Type   UserType
	PIN    PIN // empty if the slot is, or if the lock hides it
	Form   Form
}

// Route implements Message.
func (*GetPINCodeResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdGetPINCode) }

func (m *GetPINCodeResponse) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Status))
	dst = append(dst, byte(m.Type))
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *GetPINCodeResponse) parse(r *reader) {
	m.User = r.u16("user")
	m.Status = UserStatus(r.u8("status"))
	m.Type = UserType(r.u8("type"))
	m.PIN, m.Form = r.pin("PIN")
}

// ClearPINCode empties a slot (ZCL section 7.3.2.16.8).
type ClearPINCode struct {
	User uint16
}

// Route implements Message.
func (*ClearPINCode) Route() Route { return command(ClusterDoorLock, ToServer, CmdClearPINCode) }

func (m *ClearPINCode) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	return dst
}

func (m *ClearPINCode) parse(r *reader) {
	m.User = r.u16("user")
}

// ClearPINCodeResponse tells whether the slot was emptied (ZCL section 7.3.2.17.8).
type ClearPINCodeResponse struct {
	Result PassFail
}

// Route implements Message.
func (*ClearPINCodeResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdClearPINCode)
}

func (m *ClearPINCodeResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *ClearPINCodeResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}

// ClearAllPINCodes empties all slots (ZCL section 7.3.2.16.9).
type ClearAllPINCodes struct{}

// Route implements Message.
func (*ClearAllPINCodes) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdClearAllPINCodes)
}

func (*ClearAllPINCodes) appendPayload(dst []byte) []byte { return dst }
func (*ClearAllPINCodes) parse(*reader)                   {}

// ClearAllPINCodesResponse tells whether all slots were emptied (ZCL section 7.3.2.17.9).
type ClearAllPINCodesResponse struct {
	Result PassFail
}

// Route implements Message.
func (*ClearAllPINCodesResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdClearAllPINCodes)
}

func (m *ClearAllPINCodesResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *ClearAllPINCodesResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}
