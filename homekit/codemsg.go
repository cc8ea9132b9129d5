package homekit

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// codeOp is an operation of the Access Code control point (characteristic 262).
type codeOp byte

// Operations.
const (
	opList codeOp = iota + 1
	opRead
	opAdd
	opUpdate
	opRemove
)

// codeStatus is what became of one request of a batch.
type codeStatus byte

// Statuses.
const (
	codeOK codeStatus = iota
	codeUnknownError
	codeTooMany
	codeTooManyBulk
	codeDuplicate
	codeTooShort
	codeTooLong
	codeBadCharacter
	codeInvalidRequest
	codeNotExists
)

// flagRestricted says that the code does not open at all times.
const flagRestricted = 1

// Types at the message's root, and within a request or response.
const (
	codeTagOperation = 1
	codeTagRequest   = 2
	codeTagResponse  = 3

	codeTagID     = 1
	codeTagCode   = 2
	codeTagFlags  = 3
	codeTagStatus = 4
)

// codeDigits is a code as it came from or goes to a controller, checked or not. It prints as a PIN does.
type codeDigits []byte

func (codeDigits) String() string               { return bridge.Redacted }
func (codeDigits) GoString() string             { return bridge.Redacted }
func (codeDigits) Format(s fmt.State, _ rune)   { _, _ = s.Write([]byte(bridge.Redacted)) }
func (codeDigits) MarshalText() ([]byte, error) { return []byte(bridge.Redacted), nil }

// codeItem is one request.
type codeItem struct {
	ID    uint64
	HasID bool
	Code  codeDigits
	bad   bool // could not be read
}

// codeRequest is a write to the control point.
type codeRequest struct {
	Op    codeOp
	Items []codeItem
}

// codeAnswer is one response.
type codeAnswer struct {
	ID     uint64 // with HasID
	HasID  bool
	Code   codeDigits // empty: none
	Flags  byte
	Status codeStatus
}

var errCodeMessage = errors.New("homekit: not an access code request")

// parseCodeRequest reads a message. An item that cannot be read is kept and answered; only a message without a readable operation is an error.
func parseCodeRequest(b []byte) (codeRequest, error) {
	root, err := tlv8.Parse(b)
	if err != nil {
		return codeRequest{}, fmt.Errorf("%w: %w", errCodeMessage, err)
	}
	var r codeRequest
	for _, it := range root {
		switch it.Type {
		case codeTagOperation:
			if len(it.Value) != 1 || r.Op != 0 || it.Value[0] == 0 {
				return codeRequest{}, fmt.Errorf("%w: it needs one operation of one octet", errCodeMessage)
			}
			r.Op = codeOp(it.Value[0])
		case codeTagRequest:
			r.Items = append(r.Items, parseCodeItem(it.Value))
		}
	}
	if r.Op == 0 {
		return codeRequest{}, fmt.Errorf("%w: it names no operation", errCodeMessage)
	}
	return r, nil
}

func parseCodeItem(b []byte) codeItem {
	items, err := tlv8.Parse(b)
	if err != nil {
		return codeItem{bad: true}
	}
	var r codeItem
	for _, it := range items {
		switch it.Type {
		case codeTagID:
			if r.HasID || len(it.Value) == 0 || len(it.Value) > 8 {
				return codeItem{bad: true}
			}
			r.ID, r.HasID = readUint(it.Value), true
		case codeTagCode:
			if r.Code != nil {
				return codeItem{bad: true}
			}
			r.Code = append(codeDigits{}, it.Value...)
		}
	}
	return r
}

// appendCodeAnswers writes the message that answers op. The operation is always echoed: Apple's home daemon does not survive an answer to Add without it.
// No field is sent empty, for the same daemon's sake.
func appendCodeAnswers(b []byte, op codeOp, answers []codeAnswer) []byte {
	b = tlv8.AppendByte(b, codeTagOperation, byte(op))
	for i, a := range answers {
		if i > 0 {
			b = tlv8.AppendSeparator(b, 0)
		}
		var v []byte
		if a.HasID {
			v = appendUint(v, codeTagID, a.ID)
		}
		if len(a.Code) > 0 {
			v = tlv8.Append(v, codeTagCode, a.Code)
		}
		v = tlv8.AppendByte(v, codeTagFlags, a.Flags)
		v = tlv8.AppendByte(v, codeTagStatus, byte(a.Status))
		b = tlv8.Append(b, codeTagResponse, v)
	}
	return b
}

// codeLimits is what SupportedConfiguration (261) tells.
type codeLimits struct {
	Min, Max int // digits
	Count    int // codes
}

func appendCodeLimits(b []byte, l codeLimits) []byte {
	const digitsOnly = 1
	b = tlv8.AppendByte(b, 1, digitsOnly)
	b = appendUint(b, 2, uint64(l.Min))
	b = appendUint(b, 3, uint64(l.Max))
	return appendUint(b, 4, uint64(l.Count))
}

// readUint reads an unsigned integer of at most 8 octets, little-endian (R2 14.1).
func readUint(v []byte) uint64 {
	var b [8]byte
	copy(b[:], v)
	return binary.LittleEndian.Uint64(b[:])
}

// appendUint appends an unsigned integer in the fewest of 1, 2, 4 or 8 octets.
func appendUint(b []byte, t byte, n uint64) []byte {
	var v [8]byte
	binary.LittleEndian.PutUint64(v[:], n)
	size := 1
	for size < 8 && n>>(8*size) != 0 {
		size *= 2
	}
	return tlv8.Append(b, t, v[:size])
}
