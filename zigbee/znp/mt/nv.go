package mt

// NVItemInit creates an item of the given length.
type NVItemInit struct {
	ID     uint16
	Length uint16
	Value  []byte
}

// Command implements Message.
func (*NVItemInit) Command() Command { return SysNVItemInit }

// AppendPayload implements Message.
func (m *NVItemInit) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.ID)
	dst = put16(dst, m.Length)
	dst = append(append(dst, byte(len(m.Value))), m.Value...)
	return dst
}

// ParsePayload implements Message.
func (m *NVItemInit) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.ID = r.u16()
	m.Length = r.u16()
	m.Value = r.bytes(int(r.u8()))
	return r.done(SysNVItemInit)
}

// NVRead reads from an item, offsets below 256 only.
type NVRead struct {
	ID     uint16
	Offset uint8
}

// Command implements Message.
func (*NVRead) Command() Command { return SysNVRead }

// AppendPayload implements Message.
func (m *NVRead) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.ID)
	dst = append(dst, m.Offset)
	return dst
}

// ParsePayload implements Message.
func (m *NVRead) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.ID = r.u16()
	m.Offset = r.u8()
	return r.done(SysNVRead)
}

// NVReadRsp is what an item holds.
type NVReadRsp struct {
	Status Status
	Value  []byte
}

// Command implements Message.
func (*NVReadRsp) Command() Command { return SysNVRead.Reply() }

// AppendPayload implements Message.
func (m *NVReadRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = append(append(dst, byte(len(m.Value))), m.Value...)
	return dst
}

// ParsePayload implements Message.
func (m *NVReadRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.Value = r.bytes(int(r.u8()))
	return r.done(SysNVRead.Reply())
}

// NVWrite writes to an item, offsets below 256 only.
type NVWrite struct {
	ID     uint16
	Offset uint8
	Value  []byte
}

// Command implements Message.
func (*NVWrite) Command() Command { return SysNVWrite }

// AppendPayload implements Message.
func (m *NVWrite) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.ID)
	dst = append(dst, m.Offset)
	dst = append(append(dst, byte(len(m.Value))), m.Value...)
	return dst
}

// ParsePayload implements Message.
func (m *NVWrite) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.ID = r.u16()
	m.Offset = r.u8()
	m.Value = r.bytes(int(r.u8()))
	return r.done(SysNVWrite)
}

// NVDelete deletes an item, whose length must be given.
type NVDelete struct {
	ID     uint16
	Length uint16
}

// Command implements Message.
func (*NVDelete) Command() Command { return SysNVDelete }

// AppendPayload implements Message.
func (m *NVDelete) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.ID)
	dst = put16(dst, m.Length)
	return dst
}

// ParsePayload implements Message.
func (m *NVDelete) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.ID = r.u16()
	m.Length = r.u16()
	return r.done(SysNVDelete)
}

// NVLength asks for the length of an item.
type NVLength struct {
	ID uint16
}

// Command implements Message.
func (*NVLength) Command() Command { return SysNVLength }

// AppendPayload implements Message.
func (m *NVLength) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.ID)
	return dst
}

// ParsePayload implements Message.
func (m *NVLength) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.ID = r.u16()
	return r.done(SysNVLength)
}

// NVLengthRsp is the length of an item; zero where there is none.
type NVLengthRsp struct {
	Length uint16
}

// Command implements Message.
func (*NVLengthRsp) Command() Command { return SysNVLength.Reply() }

// AppendPayload implements Message.
func (m *NVLengthRsp) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Length)
	return dst
}

// ParsePayload implements Message.
func (m *NVLengthRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Length = r.u16()
	return r.done(SysNVLength.Reply())
}

// NVReadExt reads from an item.
type NVReadExt struct {
	ID     uint16
	Offset uint16
}

// Command implements Message.
func (*NVReadExt) Command() Command { return SysNVReadExt }

// AppendPayload implements Message.
func (m *NVReadExt) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.ID)
	dst = put16(dst, m.Offset)
	return dst
}

// ParsePayload implements Message.
func (m *NVReadExt) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.ID = r.u16()
	m.Offset = r.u16()
	return r.done(SysNVReadExt)
}

// NVReadExtRsp is what an item holds.
type NVReadExtRsp struct {
	Status Status
	Value  []byte
}

// Command implements Message.
func (*NVReadExtRsp) Command() Command { return SysNVReadExt.Reply() }

// AppendPayload implements Message.
func (m *NVReadExtRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = append(append(dst, byte(len(m.Value))), m.Value...)
	return dst
}

// ParsePayload implements Message.
func (m *NVReadExtRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = r.status()
	m.Value = r.bytes(int(r.u8()))
	return r.done(SysNVReadExt.Reply())
}

// NVWriteExt writes to an item.
type NVWriteExt struct {
	ID     uint16
	Offset uint16
	Value  []byte
}

// Command implements Message.
func (*NVWriteExt) Command() Command { return SysNVWriteExt }

// AppendPayload implements Message.
func (m *NVWriteExt) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.ID)
	dst = put16(dst, m.Offset)
	dst = append(put16(dst, uint16(len(m.Value))), m.Value...)
	return dst
}

// ParsePayload implements Message.
func (m *NVWriteExt) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.ID = r.u16()
	m.Offset = r.u16()
	m.Value = r.bytes(int(r.u16()))
	return r.done(SysNVWriteExt)
}
