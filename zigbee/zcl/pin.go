package zcl

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// PIN holds the octets of a PIN, of an RFID code, or of a string in which locks are known to repeat one. No way of printing or marshalling shows them;
// who needs the octets converts to []byte on purpose.
type PIN []byte

const redacted = "[redacted]"

// String never shows the octets.
func (PIN) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (PIN) GoString() string { return redacted }

// Format implements fmt.Formatter: no verb shows the octets.
func (PIN) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (PIN) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (PIN) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements json.Marshaler.
func (PIN) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Equal compares in constant time.
func (p PIN) Equal(q PIN) bool { return subtle.ConstantTimeCompare(p, q) == 1 }

// Clone copies the octets.
func (p PIN) Clone() PIN {
	if p == nil {
		return nil
	}
	return append(PIN{}, p...)
}

// Wipe overwrites the octets with zeros.
func (p PIN) Wipe() { clear(p) }

// Form says how a PIN field stands on the wire.
type Form uint8

// Forms of a PIN field. Locks tell them apart: with some firmware an absent field suppresses the operation event and an empty one does not.
const (
	Present Form = iota // length byte and octets, possibly none
	Absent              // the frame ends before the field
	Null                // length byte FF, the non-value of an octet string
)

// pin reads a PIN field that may be absent at the end of a frame.
func (r *reader) pin(field string) (PIN, Form) {
	if r.err == nil && r.left() == 0 {
		return nil, Absent
	}
	b, null := r.octets(field)
	if null {
		return nil, Null
	}
	return PIN(b), Present
}

func appendPIN(dst []byte, p PIN, f Form) []byte {
	switch f {
	case Absent:
		return dst
	case Null:
		return append(dst, 0xFF)
	default:
		return appendOctets(dst, p)
	}
}
