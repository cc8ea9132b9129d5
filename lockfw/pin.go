package lockfw

import (
	"fmt"
	"log/slog"
)

// PIN is a code as the lock's own memory holds it: ASCII digits. It never prints; Reveal says aloud.
type PIN []byte

const redacted = "[PIN]"

// Reveal gives the digits. Only a test that compares them has a use for it.
func (p PIN) Reveal() string { return string(p) }

// String implements fmt.Stringer without the digits.
func (p PIN) String() string { return redacted }

// GoString implements fmt.GoStringer without the digits.
func (p PIN) GoString() string { return redacted }

// Format implements fmt.Formatter without the digits, whatever the verb.
func (p PIN) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer without the digits.
func (p PIN) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements json.Marshaler without the digits.
func (p PIN) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText implements encoding.TextMarshaler without the digits.
func (p PIN) MarshalText() ([]byte, error) { return []byte(redacted), nil }
