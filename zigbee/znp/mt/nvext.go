package mt

// ExtNVCreate creates an item of the extended memory.
type ExtNVCreate struct {
	System uint8
	Item   uint16
	Sub    uint16
	Length uint32
}

// Command implements Message.
func (*ExtNVCreate) Command() Command { return SysExtNVCreate }

// AppendPayload implements Message.
func (m *ExtNVCreate) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.System)
	dst = put16(dst, m.Item)
	dst = put16(dst, m.Sub)
	dst = put32(dst, m.Length)
	return dst
}

// ParsePayload implements Message.
func (m *ExtNVCreate) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.System = r.u8()
	m.Item = r.u16()
	m.Sub = r.u16()
	m.Length = r.u32()
	return r.done(SysExtNVCreate)
}

// ExtNVDelete deletes an item of the extended memory.
type ExtNVDelete struct {
	System uint8
	Item   uint16
	Sub    uint16
}

// Command implements Message.
func (*ExtNVDelete) Command() Command { return SysExtNVDelete }

// AppendPayload implements Message.
func (m *ExtNVDelete) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.System)
	dst = put16(dst, m.Item)
	dst = put16(dst, m.Sub)
	return dst
}

// ParsePayload implements Message.
func (m *ExtNVDelete) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.System = r.u8()
	m.Item = r.u16()
	m.Sub = r.u16()
	return r.done(SysExtNVDelete)
}

// ExtNVLength asks for the length of an item of the extended memory.
type ExtNVLength struct {
	System uint8
	Item   uint16
	Sub    uint16
}

// Command implements Message.
func (*ExtNVLength) Command() Command { return SysExtNVLength }

// AppendPayload implements Message.
func (m *ExtNVLength) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.System)
	dst = put16(dst, m.Item)
	dst = put16(dst, m.Sub)
	return dst
}

// ParsePayload implements Message.
func (m *ExtNVLength) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.System = r.u8()
	m.Item = r.u16()
	m.Sub = r.u16()
	return r.done(SysExtNVLength)
}

// ExtNVLengthRsp is the length of an item; zero where there is none. Parts send four octets, of which the first says all.
type ExtNVLengthRsp struct {
	Length uint8
}

// Command implements Message.
func (*ExtNVLengthRsp) Command() Command { return SysExtNVLength.Reply() }

// AppendPayload implements Message.
func (m *ExtNVLengthRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.Length)
	return dst
}

// ParsePayload implements Message.
func (m *ExtNVLengthRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Length = r.u8()
	return r.done(SysExtNVLength.Reply())
}

// ExtNVRead reads from an item of the extended memory.
type ExtNVRead struct {
	System uint8
	Item   uint16
	Sub    uint16
	Offset uint16
	Length uint8
}

// Command implements Message.
func (*ExtNVRead) Command() Command { return SysExtNVRead }

// AppendPayload implements Message.
func (m *ExtNVRead) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.System)
	dst = put16(dst, m.Item)
	dst = put16(dst, m.Sub)
	dst = put16(dst, m.Offset)
	dst = append(dst, m.Length)
	return dst
}

// ParsePayload implements Message.
func (m *ExtNVRead) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.System = r.u8()
	m.Item = r.u16()
	m.Sub = r.u16()
	m.Offset = r.u16()
	m.Length = r.u8()
	return r.done(SysExtNVRead)
}

// ExtNVReadRsp is what an item of the extended memory holds.
type ExtNVReadRsp struct {
	Status Status
	Value  []byte
}

// Command implements Message.
func (*ExtNVReadRsp) Command() Command { return SysExtNVRead.Reply() }

// AppendPayload implements Message.
func (m *ExtNVReadRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = append(append(dst, byte(len(m.Value))), m.Value...)
	return dst
}

// ParsePayload implements Message.
func (m *ExtNVReadRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.Value = r.bytes(int(r.u8()))
	return r.done(SysExtNVRead.Reply())
}

// ExtNVWrite writes to an item of the extended memory.
type ExtNVWrite struct {
	System uint8
	Item   uint16
	Sub    uint16
	Offset uint16
	Value  []byte
}

// Command implements Message.
func (*ExtNVWrite) Command() Command { return SysExtNVWrite }

// AppendPayload implements Message.
func (m *ExtNVWrite) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.System)
	dst = put16(dst, m.Item)
	dst = put16(dst, m.Sub)
	dst = put16(dst, m.Offset)
	dst = append(append(dst, byte(len(m.Value))), m.Value...)
	return dst
}

// ParsePayload implements Message.
func (m *ExtNVWrite) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.System = r.u8()
	m.Item = r.u16()
	m.Sub = r.u16()
	m.Offset = r.u16()
	m.Value = r.bytes(int(r.u8()))
	return r.done(SysExtNVWrite)
}
