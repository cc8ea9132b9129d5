package zcl

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Errors of the decoders. A decoder wraps them with the name of the field.
var (
	// ErrTruncated: the frame ends inside a field.
	ErrTruncated = errors.New("frame is cut short")
	// ErrMalformed: a length, count or nesting that no frame can have.
	ErrMalformed = errors.New("frame is malformed")
)

// reader takes fields from a payload, little-endian. The first failure sticks: later reads return zero, and FinError tells the cause.
type reader struct {
	b     []byte
	err   error
	whole int
}

func newReader(b []byte) reader { return reader{b: b, whole: len(b)} }

// FinError returns the first failure.
func (r *reader) FinError() error { return r.err }

func (r *reader) fail(field string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%s at byte %d: %w", field, r.whole-len(r.b), err)
	}
	r.b = nil
}

// left is how many bytes remain; zero after a failure.
func (r *reader) left() int { return len(r.b) }

// take returns the next n bytes, aliasing the input.
func (r *reader) take(field string, n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b) {
		r.fail(field, ErrTruncated)
		return nil
	}
	t := r.b[:n:n]
	r.b = r.b[n:]
	return t
}

func (r *reader) u8(field string) uint8 {
	if b := r.take(field, 1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16(field string) uint16 {
	if b := r.take(field, 2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32(field string) uint32 {
	if b := r.take(field, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// uint reads an n-byte little-endian number, n up to 8.
func (r *reader) uint(field string, n int) uint64 {
	var v uint64
	for i, c := range r.take(field, n) {
		v |= uint64(c) << (8 * i)
	}
	return v
}

// rest copies and consumes what remains; nil when nothing does.
func (r *reader) rest() []byte {
	if len(r.b) == 0 {
		return nil
	}
	b := append([]byte(nil), r.b...)
	r.b = nil
	return b
}

// octets reads a string with one length byte (ZCL section 2.6.2.15) and copies it. Length FF is the non-value: null, and no bytes follow.
func (r *reader) octets(field string) (b []byte, null bool) {
	n := r.u8(field)
	if r.err != nil {
		return nil, false
	}
	if n == 0xFF {
		return nil, true
	}
	t := r.take(field, int(n))
	if len(t) == 0 {
		return nil, false
	}
	return append([]byte(nil), t...), false
}

func appendUint(dst []byte, v uint64, n int) []byte {
	for i := range n {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}

func appendU16(dst []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(dst, v) }

func appendU32(dst []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(dst, v) }

// appendOctets writes a string with one length byte. What does not fit in 254 bytes cannot be said and is cut.
func appendOctets(dst, b []byte) []byte {
	if len(b) > 0xFE {
		b = b[:0xFE]
	}
	dst = append(dst, byte(len(b)))
	return append(dst, b...)
}
