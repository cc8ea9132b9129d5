package zcl

// LockDoor locks (ZCL section 7.3.2.16.1).
type LockDoor struct {
	PIN  PIN // empty unless the lock wants a PIN for radio operation
	Form Form
}

// Route implements Message.
func (*LockDoor) Route() Route { return command(ClusterDoorLock, ToServer, CmdLockDoor) }

func (m *LockDoor) appendPayload(dst []byte) []byte {
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *LockDoor) parse(r *reader) {
	m.PIN, m.Form = r.pin("PIN")
}

// UnlockDoor unlocks (ZCL section 7.3.2.16.2).
type UnlockDoor struct {
	PIN  PIN // empty unless the lock wants a PIN for radio operation
	Form Form
}

// Route implements Message.
func (*UnlockDoor) Route() Route { return command(ClusterDoorLock, ToServer, CmdUnlockDoor) }

func (m *UnlockDoor) appendPayload(dst []byte) []byte {
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *UnlockDoor) parse(r *reader) {
	m.PIN, m.Form = r.pin("PIN")
}

// Toggle does the opposite of the present state (ZCL section 7.3.2.16.3).
type Toggle struct {
	PIN  PIN // empty unless the lock wants a PIN for radio operation
	Form Form
}

// Route implements Message.
func (*Toggle) Route() Route { return command(ClusterDoorLock, ToServer, CmdToggle) }

func (m *Toggle) appendPayload(dst []byte) []byte {
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *Toggle) parse(r *reader) {
	m.PIN, m.Form = r.pin("PIN")
}

// UnlockWithTimeout unlocks and locks again after a time (ZCL section 7.3.2.16.4).
type UnlockWithTimeout struct {
	Seconds uint16
	PIN     PIN // empty unless the lock wants a PIN for radio operation
	Form    Form
}

// Route implements Message.
func (*UnlockWithTimeout) Route() Route {
	return command(ClusterDoorLock, ToServer, CmdUnlockWithTimeout)
}

func (m *UnlockWithTimeout) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.Seconds)
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *UnlockWithTimeout) parse(r *reader) {
	m.Seconds = r.u16("seconds")
	m.PIN, m.Form = r.pin("PIN")
}

// LockDoorResponse tells whether the lock accepted LockDoor (ZCL section 7.3.2.17.1). It says nothing about the bolt.
type LockDoorResponse struct {
	Status Status
}

// Route implements Message.
func (*LockDoorResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdLockDoor) }

func (m *LockDoorResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	return dst
}

func (m *LockDoorResponse) parse(r *reader) {
	m.Status = Status(r.u8("status"))
}

// UnlockDoorResponse tells whether the lock accepted UnlockDoor (ZCL section 7.3.2.17.2).
type UnlockDoorResponse struct {
	Status Status
}

// Route implements Message.
func (*UnlockDoorResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdUnlockDoor) }

func (m *UnlockDoorResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	return dst
}

func (m *UnlockDoorResponse) parse(r *reader) {
	m.Status = Status(r.u8("status"))
}

// ToggleResponse tells whether the lock accepted Toggle (ZCL section 7.3.2.17.3).
type ToggleResponse struct {
	Status Status
}

// Route implements Message.
func (*ToggleResponse) Route() Route { return command(ClusterDoorLock, ToClient, CmdToggle) }

func (m *ToggleResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	return dst
}

func (m *ToggleResponse) parse(r *reader) {
	m.Status = Status(r.u8("status"))
}

// UnlockWithTimeoutResponse tells whether the lock accepted UnlockWithTimeout (ZCL section 7.3.2.17.4).
type UnlockWithTimeoutResponse struct {
	Status Status
}

// Route implements Message.
func (*UnlockWithTimeoutResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdUnlockWithTimeout)
}

func (m *UnlockWithTimeoutResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	return dst
}

func (m *UnlockWithTimeoutResponse) parse(r *reader) {
	m.Status = Status(r.u8("status"))
}

// GetLogRecord asks for a log record (ZCL section 7.3.2.16.5).
type GetLogRecord struct {
	Index uint16 // 0: the latest
}

// Route implements Message.
func (*GetLogRecord) Route() Route { return command(ClusterDoorLock, ToServer, CmdGetLogRecord) }

func (m *GetLogRecord) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.Index)
	return dst
}

func (m *GetLogRecord) parse(r *reader) {
	m.Index = r.u16("index")
}

// GetLogRecordResponse is a log record (ZCL section 7.3.2.17.5).
type GetLogRecordResponse struct {
	Entry  uint16
	Time   LocalTime
	Type   LogEventType
	Source EventSource
	Code   uint8 // an OperationCode, ProgrammingCode or DoorLockAlarm
	User   uint16
	PIN    PIN
	Form   Form
}

// Route implements Message.
func (*GetLogRecordResponse) Route() Route {
	return command(ClusterDoorLock, ToClient, CmdGetLogRecord)
}

func (m *GetLogRecordResponse) appendPayload(dst []byte) []byte {
	dst = appendU16(dst, m.Entry)
	dst = appendU32(dst, uint32(m.Time))
	dst = append(dst, byte(m.Type))
	dst = append(dst, byte(m.Source))
	dst = append(dst, m.Code)
	dst = appendU16(dst, m.User)
	dst = appendPIN(dst, m.PIN, m.Form)
	return dst
}

func (m *GetLogRecordResponse) parse(r *reader) {
	m.Entry = r.u16("entry")
	m.Time = LocalTime(r.u32("time"))
	m.Type = LogEventType(r.u8("type"))
	m.Source = EventSource(r.u8("source"))
	m.Code = r.u8("code")
	m.User = r.u16("user")
	m.PIN, m.Form = r.pin("PIN")
}
