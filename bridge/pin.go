package bridge

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// PIN is a code that a person types. It cannot be printed, logged, marshalled or compared by accident: every such path gives Redacted or an error, and
// == does not compile. The digits stand behind a pointer, so that even a dump of a struct that holds a PIN in a private field shows an address only.
type PIN struct {
	_ [0]func() // forbids ==
	p *pinDigits
}

type pinDigits struct{ b []byte }

// Redacted is what a PIN prints as.
const Redacted = "[PIN]"

var errPINMarshal = errors.New("bridge: a PIN is never marshalled")

// PINLimit is the most digits that any known lock takes, with room (ZCL 7.3.2.10 allows an octet string; makers stop at 12).
const PINLimit = 32

// NewPIN checks that digits are the ASCII characters 0 to 9, at least one and at most PINLimit, and takes a copy.
func NewPIN(digits []byte) (PIN, error) {
	if len(digits) == 0 || len(digits) > PINLimit {
		return PIN{}, ErrCodeLength
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return PIN{}, ErrCodeDigits
		}
	}
	return PIN{p: &pinDigits{append(make([]byte, 0, len(digits)), digits...)}}, nil
}

// Quote gives what a person wrote, such as a name, for an error that repeats it. What consists of digits may be a PIN that was put in the wrong place, and is
// not repeated.
func Quote(s string) string {
	if len(s) >= 4 && strings.Trim(s, "0123456789 ") == "" {
		return Redacted
	}
	return fmt.Sprintf("%.64q", s)
}

// IsZero tells that there is no PIN.
func (p PIN) IsZero() bool { return p.p == nil || len(p.p.b) == 0 }

// Len is the number of digits.
func (p PIN) Len() int {
	if p.p == nil {
		return 0
	}
	return len(p.p.b)
}

// Equal compares in constant time for equal lengths.
func (p PIN) Equal(q PIN) bool {
	if p.IsZero() || q.IsZero() {
		return p.IsZero() == q.IsZero()
	}
	return subtle.ConstantTimeCompare(p.p.b, q.p.b) == 1
}

// Expose hands the digits to f. f must not keep or change the slice. Who may call this is held by the architecture test.
func (p PIN) Expose(f func(digits []byte)) {
	if p.p != nil {
		f(p.p.b)
	}
}

// Clone is an independent copy, which survives a Wipe of the original.
func (p PIN) Clone() PIN {
	if p.p == nil {
		return PIN{}
	}
	return PIN{p: &pinDigits{append([]byte(nil), p.p.b...)}}
}

// Wipe overwrites the digits; every copy of this PIN value becomes empty.
func (p PIN) Wipe() {
	if p.p != nil {
		clear(p.p.b)
		p.p.b = p.p.b[:0]
	}
}

// String implements fmt.Stringer.
func (p PIN) String() string { return Redacted }

// GoString implements fmt.GoStringer.
func (p PIN) GoString() string { return Redacted }

// Format implements fmt.Formatter: no verb shows a digit.
func (p PIN) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, Redacted) }

// LogValue implements slog.LogValuer.
func (p PIN) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON always fails.
func (p PIN) MarshalJSON() ([]byte, error) { return nil, errPINMarshal }

// MarshalText always fails.
func (p PIN) MarshalText() ([]byte, error) { return nil, errPINMarshal }

// MarshalBinary always fails.
func (p PIN) MarshalBinary() ([]byte, error) { return nil, errPINMarshal }

// GobEncode always fails.
func (p PIN) GobEncode() ([]byte, error) { return nil, errPINMarshal }
