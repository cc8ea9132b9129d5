package mt

import "github.com/latchkeyd/latchkey/zigbee"

// AddInstallCode registers an install code, or the key derived from it, for a node.
type AddInstallCode struct {
	Format InstallCodeFormat
	IEEE   zigbee.EUI64
	Code   []byte
}

// Command implements Message.
func (*AddInstallCode) Command() Command { return AppCnfAddInstallCode }

// AppendPayload implements Message.
func (m *AddInstallCode) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Format))
	dst = m.IEEE.AppendLE(dst)
	dst = append(dst, m.Code...)
	return dst
}

// ParsePayload implements Message.
func (m *AddInstallCode) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Format = InstallCodeFormat(r.u8())
	m.IEEE = r.ieee()
	m.Code = r.bytes(len(r.b))
	return r.done(AppCnfAddInstallCode)
}

// StartCommissioning starts commissioning.
type StartCommissioning struct {
	Mode CommissioningMode
}

// Command implements Message.
func (*StartCommissioning) Command() Command { return AppCnfStartCommissioning }

// AppendPayload implements Message.
func (m *StartCommissioning) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Mode))
	return dst
}

// ParsePayload implements Message.
func (m *StartCommissioning) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Mode = CommissioningMode(r.u8())
	return r.done(AppCnfStartCommissioning)
}

// SetJoinUsesInstallCode restricts joining to nodes with an install code.
type SetJoinUsesInstallCode struct {
	Set bool
}

// Command implements Message.
func (*SetJoinUsesInstallCode) Command() Command { return AppCnfSetJoinUsesInstall }

// AppendPayload implements Message.
func (m *SetJoinUsesInstallCode) AppendPayload(dst []byte) []byte {
	dst = putFlag(dst, m.Set)
	return dst
}

// ParsePayload implements Message.
func (m *SetJoinUsesInstallCode) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Set = r.flag()
	return r.done(AppCnfSetJoinUsesInstall)
}

// SetChannel sets the primary or the secondary mask of channels.
type SetChannel struct {
	Primary bool
	Mask    uint32
}

// Command implements Message.
func (*SetChannel) Command() Command { return AppCnfSetChannel }

// AppendPayload implements Message.
func (m *SetChannel) AppendPayload(dst []byte) []byte {
	dst = putFlag(dst, m.Primary)
	dst = put32(dst, m.Mask)
	return dst
}

// ParsePayload implements Message.
func (m *SetChannel) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Primary = r.flag()
	m.Mask = r.u32()
	return r.done(AppCnfSetChannel)
}

// SetTCRequireKeyExchange makes the trust centre insist on a key exchange.
type SetTCRequireKeyExchange struct {
	Set bool
}

// Command implements Message.
func (*SetTCRequireKeyExchange) Command() Command { return AppCnfSetTCRequireKeyExch }

// AppendPayload implements Message.
func (m *SetTCRequireKeyExchange) AppendPayload(dst []byte) []byte {
	dst = putFlag(dst, m.Set)
	return dst
}

// ParsePayload implements Message.
func (m *SetTCRequireKeyExchange) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Set = r.flag()
	return r.done(AppCnfSetTCRequireKeyExch)
}

// SetNwkFrameCounter sets the outgoing frame counter of the network key.
type SetNwkFrameCounter struct {
	Value uint32
}

// Command implements Message.
func (*SetNwkFrameCounter) Command() Command { return AppCnfSetNwkFrameCounter }

// AppendPayload implements Message.
func (m *SetNwkFrameCounter) AppendPayload(dst []byte) []byte {
	dst = put32(dst, m.Value)
	return dst
}

// ParsePayload implements Message.
func (m *SetNwkFrameCounter) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Value = r.u32()
	return r.done(AppCnfSetNwkFrameCounter)
}

// CommissioningNotify tells the outcome of commissioning.
type CommissioningNotify struct {
	Status    CommissioningStatus
	Mode      CommissioningMode
	Remaining uint8
}

// Command implements Message.
func (*CommissioningNotify) Command() Command { return AppCnfCommissioningNotify }

// AppendPayload implements Message.
func (m *CommissioningNotify) AppendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	dst = append(dst, byte(m.Mode))
	dst = append(dst, m.Remaining)
	return dst
}

// ParsePayload implements Message.
func (m *CommissioningNotify) ParsePayload(p []byte) error {
	r := reader{b: p}
	m.Status = CommissioningStatus(r.u8())
	m.Mode, m.Remaining = 0, 0
	if len(r.b) > 0 { // older firmware stops behind the status
		m.Mode = CommissioningMode(r.u8())
		m.Remaining = r.u8()
	}
	return r.done(AppCnfCommissioningNotify)
}
