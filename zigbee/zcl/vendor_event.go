package zcl

// Attributes that Onesti's modules (Nimly, EasyAccess) add to Door Lock.
const (
	OnestiAttrLastAction AttributeID = 0x0100 // u32 or map32: an OnestiAction
	OnestiAttrLastPIN    AttributeID = 0x0101 // octets: the PIN typed last, ASCII or BCD
)

// OnestiAction is what attribute 0100 of Onesti's modules says: source in the highest byte, action in the next, the user below.
type OnestiAction uint32

// OnestiSource is what caused an OnestiAction. It is not an EventSource.
type OnestiSource uint8

// Sources.
const (
	OnestiZigbee       OnestiSource = 0
	OnestiKeypad       OnestiSource = 2
	OnestiFingerprint  OnestiSource = 3
	OnestiRFID         OnestiSource = 4
	OnestiUnattributed OnestiSource = 5
	OnestiSelf         OnestiSource = 10
)

// Source is what caused the action.
func (a OnestiAction) Source() OnestiSource { return OnestiSource(a >> 24) }

// Code is OpLock, OpUnlock, or OpUnknown for anything else.
func (a OnestiAction) Code() OperationCode {
	if c := OperationCode(a >> 16); c == OpLock || c == OpUnlock {
		return c
	}
	return OpUnknown
}

// User is the slot; FFFF means none.
func (a OnestiAction) User() uint16 { return uint16(a) }

// YMCEvent is the operation event of YMC420 and YDM60: the first byte is a 16-value action, the third the user. It is shorter than the standard's.
type YMCEvent struct {
	Action uint8
	User   uint16 // 0–255; FFFF: the frame ends before it
}

// Actions of a YMCEvent that differ from OperationCode: up to 4 it tells who opened; from 5 on it equals the standard's operation codes.
const (
	YMCPasswordUnlock uint8 = 0
	YMCUnlock         uint8 = 1
	YMCAutoLock       uint8 = 2
	YMCRFIDUnlock     uint8 = 3
	YMCFingerprint    uint8 = 4
)

// ParseYMCEvent reads the payload of command 20.
func ParseYMCEvent(payload []byte) (YMCEvent, bool) {
	if len(payload) == 0 {
		return YMCEvent{}, false
	}
	e := YMCEvent{Action: payload[0], User: 0xFFFF}
	if len(payload) > 2 {
		e.User = uint16(payload[2])
	}
	return e, true
}

// Wyze is what a frame of cluster FC00 of Wyze's lock says.
type Wyze struct {
	Seq   uint8     // byte 3 of the frame, counting up and wrapping
	State LockState // LockStateUndefined if the frame says nothing about the bolt
}

// wyzeStateFrame is the length of the frames that tell the state; it stands in byte 80. Offsets count from the start of the ZCL frame.
const (
	wyzeStateFrame = 85
	wyzeSeq        = 3
	wyzeState      = 80
)

// ParseWyze reads a whole ZCL frame.
func ParseWyze(frame []byte) (Wyze, bool) {
	if len(frame) <= wyzeSeq {
		return Wyze{}, false
	}
	w := Wyze{Seq: frame[wyzeSeq], State: LockStateUndefined}
	if len(frame) == wyzeStateFrame {
		switch frame[wyzeState] & 3 {
		case 3:
			w.State = LockStateLocked
		case 0:
			w.State = LockStateUnlocked
		}
	}
	return w, true
}

// BasicAttrJAVIS is where JAVISLOCK and its kin tell who opened: a string, the user in its fourth byte, the source in its sixth.
const BasicAttrJAVIS AttributeID = 0x4200

// JAVISEvent is an entry at a JAVISLOCK.
type JAVISEvent struct {
	User   uint8
	Source uint8 // 0 pairing, 1 keypad, 2 RFID card, 3 touch (fingerprint)
}

// ParseJAVISEvent reads the octets of the attribute.
func ParseJAVISEvent(b []byte) (JAVISEvent, bool) {
	if len(b) < 6 {
		return JAVISEvent{}, false
	}
	return JAVISEvent{User: b[3], Source: b[5]}, true
}
