package mt

import "github.com/latchkeyd/latchkey/zigbee"

// ResetReq asks the dongle to start again: 0 through its bootloader, 1 softly.
type ResetReq struct {
	Kind uint8
}

// Command implements Message.
func (*ResetReq) Command() Command { return SysResetReq }

// AppendPayload implements Message.
func (m *ResetReq) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.Kind)
	return dst
}

// ParsePayload implements Message.
func (m *ResetReq) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Kind = r.u8()
	return r.done(SysResetReq)
}

// ResetInd tells that the dongle started.
type ResetInd struct {
	Reason       Reason
	TransportRev uint8
	Product      uint8
	Major        uint8
	Minor        uint8
	HardwareRev  uint8
}

// Command implements Message.
func (*ResetInd) Command() Command { return SysResetInd }

// AppendPayload implements Message.
func (m *ResetInd) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Reason))
	dst = append(dst, m.TransportRev)
	dst = append(dst, m.Product)
	dst = append(dst, m.Major)
	dst = append(dst, m.Minor)
	dst = append(dst, m.HardwareRev)
	return dst
}

// ParsePayload implements Message.
func (m *ResetInd) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Reason = Reason(r.u8())
	m.TransportRev = r.u8()
	m.Product = r.u8()
	m.Major = r.u8()
	m.Minor = r.u8()
	m.HardwareRev = r.u8()
	return r.done(SysResetInd)
}

// PingRsp answers a ping with the subsystems that the dongle has.
type PingRsp struct {
	Capabilities uint16
}

// Command implements Message.
func (*PingRsp) Command() Command { return SysPing.Reply() }

// AppendPayload implements Message.
func (m *PingRsp) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Capabilities)
	return dst
}

// ParsePayload implements Message.
func (m *PingRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Capabilities = r.u16()
	return r.done(SysPing.Reply())
}

// ExtAddrRsp tells the dongle's own address.
type ExtAddrRsp struct {
	IEEE zigbee.EUI64
}

// Command implements Message.
func (*ExtAddrRsp) Command() Command { return SysGetExtAddr.Reply() }

// AppendPayload implements Message.
func (m *ExtAddrRsp) AppendPayload(dst []byte) []byte {
	dst = m.IEEE.AppendLE(dst)
	return dst
}

// ParsePayload implements Message.
func (m *ExtAddrRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.IEEE = r.ieee()
	return r.done(SysGetExtAddr.Reply())
}

// RandomRsp is a random number.
type RandomRsp struct {
	Value uint16
}

// Command implements Message.
func (*RandomRsp) Command() Command { return SysRandom.Reply() }

// AppendPayload implements Message.
func (m *RandomRsp) AppendPayload(dst []byte) []byte {
	dst = put16(dst, m.Value)
	return dst
}

// ParsePayload implements Message.
func (m *RandomRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Value = r.u16()
	return r.done(SysRandom.Reply())
}

// StackTune sets a parameter of the stack; operation 0 is the transmit power in dBm.
type StackTune struct {
	Operation uint8
	Value     int8
}

// Command implements Message.
func (*StackTune) Command() Command { return SysStackTune }

// AppendPayload implements Message.
func (m *StackTune) AppendPayload(dst []byte) []byte {
	dst = append(dst, m.Operation)
	dst = append(dst, byte(m.Value))
	return dst
}

// ParsePayload implements Message.
func (m *StackTune) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Operation = r.u8()
	m.Value = int8(r.u8())
	return r.done(SysStackTune)
}

// StackTuneRsp tells the value in force.
type StackTuneRsp struct {
	Value int8
}

// Command implements Message.
func (*StackTuneRsp) Command() Command { return SysStackTune.Reply() }

// AppendPayload implements Message.
func (m *StackTuneRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Value))
	return dst
}

// ParsePayload implements Message.
func (m *StackTuneRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Value = int8(r.u8())
	return r.done(SysStackTune.Reply())
}

// SetTxPower sets the transmit power in dBm.
type SetTxPower struct {
	Level int8
}

// Command implements Message.
func (*SetTxPower) Command() Command { return SysSetTxPower }

// AppendPayload implements Message.
func (m *SetTxPower) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Level))
	return dst
}

// ParsePayload implements Message.
func (m *SetTxPower) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Level = int8(r.u8())
	return r.done(SysSetTxPower)
}

// SetTxPowerRsp tells the power in force, in dBm.
type SetTxPowerRsp struct {
	Level int8
}

// Command implements Message.
func (*SetTxPowerRsp) Command() Command { return SysSetTxPower.Reply() }

// AppendPayload implements Message.
func (m *SetTxPowerRsp) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Level))
	return dst
}

// ParsePayload implements Message.
func (m *SetTxPowerRsp) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Level = int8(r.u8())
	return r.done(SysSetTxPower.Reply())
}
