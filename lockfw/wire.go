package lockfw

import (
	"encoding/binary"

	"github.com/latchkeyd/latchkey/zigbee"
)

// reader takes little-endian fields off a payload. Once it runs short, it stays short and yields zeros.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || n < 0 || len(r.b) < n {
		r.short = true
		r.b = nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() uint8 {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (r *reader) eui64() zigbee.EUI64 {
	if v := r.take(8); v != nil {
		return zigbee.EUI64FromLE(v)
	}
	return 0
}

// octets reads an octet string: a length byte and that many bytes. 0xFF is the invalid string, read as none.
func (r *reader) octets() []byte {
	n := r.u8()
	if r.short || n == 0xFF {
		return nil
	}
	return r.take(int(n))
}

func put16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }
func put32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

func putOctets(b, v []byte) []byte { return append(append(b, byte(len(v))), v...) }

func b2u(b bool) byte {
	if b {
		return 1
	}
	return 0
}
