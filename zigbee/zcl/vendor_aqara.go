package zcl

import "encoding/binary"

// Attributes that the older Aqara locks add to Door Lock, and lumi.lock.v1 to Basic.
const (
	AqaraAttrStatus  AttributeID = 0xFFF6 // octets, lumi.lock.acn02: AqaraStatus
	AqaraAttrSetting AttributeID = 0xFFF2
	AqaraAttrOpened  AttributeID = 0xFF10 // u32 or octets: AqaraEntry
	AqaraAttrRefused AttributeID = 0xFF11 // u32 or octets: AqaraEntry
	AqaraAttrBasic   AttributeID = 0xFF01
	AqaraAttrV1      AttributeID = 0xFF30 // u32, on Basic of lumi.lock.v1
	AqaraAttrEncoded AttributeID = 0xFFF3 // cluster FCC0 of aqara.lock.akr001 and akr011, encrypted
	aqaraLockedBit               = 0x10
	aqaraReverseBit              = 0x04
	aqaraPasswordTry             = 0x20000000
)

// AqaraStatus is what attribute FFF6 says.
type AqaraStatus struct {
	Event   uint8 // 02/03 and 13/14: the bolt; 0B opened from outside, 0C from inside; 24 door closed
	Locked  bool
	Reverse bool // locked from inside
}

// Events of an AqaraStatus.
const (
	AqaraOpenedOutside uint8 = 0x0B
	AqaraOpenedInside  uint8 = 0x0C
)

// ParseAqaraStatus reads the octets of the attribute.
func ParseAqaraStatus(b []byte) (AqaraStatus, bool) {
	if len(b) < 5 {
		return AqaraStatus{}, false
	}
	return AqaraStatus{Event: b[3], Locked: b[4]&aqaraLockedBit != 0, Reverse: b[4]&aqaraReverseBit != 0}, true
}

// AqaraEntry is who opened, or was refused.
type AqaraEntry struct {
	Source EventSource // fingerprint or keypad; SourceIndeterminate otherwise
	User   uint16
	Refuse bool // a code or finger that the lock does not know
}

// ParseAqaraOpened reads attribute FF10, which comes as a number (aq1) or as octets (acn02).
func ParseAqaraOpened(v Value) (AqaraEntry, bool) {
	if n, ok := v.Uint(); ok {
		e := AqaraEntry{Source: SourceIndeterminate, User: uint16(n&0xFFFF) >> 4}
		switch n >> 28 & 0xF {
		case 1:
			e.Source = SourceFingerprint
		case 2:
			e.Source = SourceKeypad
		}
		return e, true
	}
	b := v.Bytes()
	if len(b) < 8 || !v.Type.text() {
		return AqaraEntry{}, false
	}
	e := AqaraEntry{Source: SourceIndeterminate, User: binary.LittleEndian.Uint16(b[6:])}
	switch b[4] >> 4 {
	case 1:
		e.Source = SourceFingerprint
	case 2:
		e.Source = SourceKeypad
	}
	return e, true
}

// ParseAqaraRefused reads attribute FF11. Refuse is false for what is no attempt, like the bell.
func ParseAqaraRefused(v Value) (AqaraEntry, bool) {
	if n, ok := v.Uint(); ok {
		return AqaraEntry{Source: SourceKeypad, Refuse: n&0xF0000000 == aqaraPasswordTry}, true
	}
	b := v.Bytes()
	if len(b) < 8 || !v.Type.text() {
		return AqaraEntry{}, false
	}
	return AqaraEntry{Source: SourceKeypad, Refuse: b[6] == 2}, true
}
