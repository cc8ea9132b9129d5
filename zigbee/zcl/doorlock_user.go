package zcl

// SetUserStatus enables or disables a user (ZCL section 7.3.2.16.10).
type SetUserStatus struct {
	User   uint16
	Status UserStatus
}

// Route implements Message.
func (*SetUserStatus) Route() Route { return command(ClusterDoorLock, ToServer, CmdSetUserStatus) }

func (m *SetUserStatus) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Status))
	return dst
}

func (m *SetUserStatus) parse(r *reader) {
	m.User = r.u16("user")
	m.Status = UserStatus(r.u8("status"))
}

// SetUserStatusResponse answers SetUserStatus (ZCL section 7.3.2.17.10).
type SetUserStatusResponse struct {
	Result PassFail
}

// Route implements Message.
func (*SetUserStatusResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdSetUserStatus)
}

func (m *SetUserStatusResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *SetUserStatusResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}

// GetUserStatus asks for the state of a slot (ZCL section 7.3.2.16.11).
type GetUserStatus struct {
	User uint16
}

// Route implements Message.
func (*GetUserStatus) Route() Route { return command(ClusterDoorLock, ToServer, CmdGetUserStatus) }

func (m *GetUserStatus) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	return dst
}

func (m *GetUserStatus) parse(r *reader) {
	m.User = r.u16("user")
}

// GetUserStatusResponse answers GetUserStatus (ZCL section 7.3.2.17.11).
type GetUserStatusResponse struct {
	User   uint16
	Status UserStatus
}

// Route implements Message.
func (*GetUserStatusResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdGetUserStatus)
}

func (m *GetUserStatusResponse) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Status))
	return dst
}

func (m *GetUserStatusResponse) parse(r *reader) {
	m.User = r.u16("user")
	m.Status = UserStatus(r.u8("status"))
}

// SetUserType sets what a user may do (ZCL section 7.3.2.16.21).
type SetUserType struct {
	User uint16
	Type UserType
}

// Route implements Message.
func (*SetUserType) Route() Route { return command(ClusterDoorLock, ToServer, CmdSetUserType) }

func (m *SetUserType) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Type))
	return dst
}

func (m *SetUserType) parse(r *reader) {
	m.User = r.u16("user")
	m.Type = UserType(r.u8("type"))
}

// SetUserTypeResponse answers SetUserType (ZCL section 7.3.2.17.21).
type SetUserTypeResponse struct {
	Result PassFail
}

// Route implements Message.
func (*SetUserTypeResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdSetUserType) }

func (m *SetUserTypeResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Result))
	return dst
}

func (m *SetUserTypeResponse) parse(r *reader) {
	m.Result = PassFail(r.u8("result"))
}

// GetUserType asks what a user may do (ZCL section 7.3.2.16.22).
type GetUserType struct {
	User uint16
}

// Route implements Message.
func (*GetUserType) Route() Route { return command(ClusterDoorLock, ToServer, CmdGetUserType) }

func (m *GetUserType) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	return dst
}

func (m *GetUserType) parse(r *reader) {
	m.User = r.u16("user")
}

// GetUserTypeResponse answers GetUserType (ZCL section 7.3.2.17.22).
type GetUserTypeResponse struct {
	User uint16
	Type UserType
}

// Route implements Message.
func (*GetUserTypeResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdGetUserType) }

func (m *GetUserTypeResponse) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.User)
	dst = append(dst, byte(m.Type))
	return dst
}

func (m *GetUserTypeResponse) parse(r *reader) {
	m.User = r.u16("user")
	m.Type = UserType(r.u8("type"))
}
