package mt

import (
	"encoding/binary"
	"fmt"

	"github.com/latchkeyd/latchkey/zigbee"
)

// Message is one message of the protocol. Layouts that differ between a request and its reply are different types.
type Message interface {
	// Command is the command that carries the message.
	Command() Command
	// AppendPayload appends the payload as it stands on the wire.
	AppendPayload(dst []byte) []byte
	// ParsePayload reads the payload and ignores bytes behind the last field. What it keeps of p is a copy, except where a type says otherwise.
	ParsePayload(p []byte) error
}

// Parse makes the message that f carries. It returns ErrUnknown for a command without a layout here, ErrShort or ErrMalformed for a payload that is not
// such a message.
func Parse(f Frame) (Message, error) {
	m := New(f.Command)
	if m == nil {
		return nil, fmt.Errorf("%v: %w", f.Command, ErrUnknown)
	}
	if err := m.ParsePayload(f.Payload); err != nil {
		return nil, err
	}
	return m, nil
}

// reader reads fields one after another and remembers whether the payload ended too early.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.short, r.b = true, nil
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) u8() uint8 {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if p := r.take(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (r *reader) nwk() zigbee.NWK { return zigbee.NWK(r.u16()) }
func (r *reader) status() Status  { return Status(r.u8()) }
func (r *reader) flag() bool      { return r.u8() != 0 }

func (r *reader) ieee() zigbee.EUI64 {
	if p := r.take(8); p != nil {
		return zigbee.EUI64FromLE(p)
	}
	return 0
}

func (r *reader) key() (k Key) {
	copy(k[:], r.take(len(k)))
	return k
}

// bytes returns a copy of the next n bytes.
func (r *reader) bytes(n int) []byte { return append([]byte(nil), r.take(n)...) }

// list16 reads a count of n 16-bit values.
func list16[T ~uint16](r *reader, n int) []T {
	p := r.take(2 * n)
	if len(p) == 0 {
		return nil
	}
	l := make([]T, n)
	for i := range l {
		l[i] = T(binary.LittleEndian.Uint16(p[2*i:]))
	}
	return l
}

func (r *reader) done(cmd Command) error {
	if r.short {
		return fmt.Errorf("%v: %w", cmd, ErrShort)
	}
	return nil
}

func put16[T ~uint16](dst []byte, v T) []byte {
	return binary.LittleEndian.AppendUint16(dst, uint16(v))
}
func put32(dst []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(dst, v) }

func putFlag(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func putList16[T ~uint16](dst []byte, l []T) []byte {
	for _, v := range l {
		dst = put16(dst, v)
	}
	return dst
}
