package zigbee

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// EUI64 is an IEEE extended address (IEEE 802.15.4 section 6.1). The zero value means "unknown".
type EUI64 uint64

// ErrBadAddress tells that a text is not an IEEE address.
var ErrBadAddress = errors.New("zigbee: not an IEEE address (sixteen hex digits, like 00:0d:6f:00:0a:90:69:e7)")

// ParseEUI64 reads an address written most significant byte first, with colons or dashes, with 0x, or bare.
func ParseEUI64(s string) (EUI64, error) {
	t := strings.TrimPrefix(strings.ToLower(s), "0x")
	if strings.ContainsAny(t, ":-") {
		parts := strings.FieldsFunc(t, func(r rune) bool { return r == ':' || r == '-' })
		if len(parts) != 8 {
			return 0, ErrBadAddress
		}
		for _, p := range parts {
			if len(p) != 2 {
				return 0, ErrBadAddress
			}
		}
		t = strings.Join(parts, "")
	}
	if len(t) != 16 {
		return 0, ErrBadAddress
	}
	v, err := strconv.ParseUint(t, 16, 64)
	if err != nil {
		return 0, ErrBadAddress
	}
	return EUI64(v), nil
}

// String writes the address most significant byte first, with colons: the form that configuration and API use.
func (e EUI64) String() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(e))
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7])
}

// MarshalText implements encoding.TextMarshaler.
func (e EUI64) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *EUI64) UnmarshalText(b []byte) error {
	v, err := ParseEUI64(string(b))
	if err != nil {
		return err
	}
	*e = v
	return nil
}

// AppendLE appends the address as it stands on the wire: least significant byte first.
func (e EUI64) AppendLE(dst []byte) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(e)) }

// EUI64FromLE reads the first eight bytes of b, least significant first. It panics if b is shorter.
func EUI64FromLE(b []byte) EUI64 { return EUI64(binary.LittleEndian.Uint64(b)) }

// NWK is a 16-bit network address, which may change at any rejoin. Key nothing by it that outlives a frame.
type NWK uint16

// Network addresses with a meaning of their own (Zigbee specification section 3.6.5).
const (
	Coordinator     NWK = 0x0000
	BroadcastRouter NWK = 0xFFFC // routers and the coordinator
	BroadcastAwake  NWK = 0xFFFD // everyone whose receiver is on when idle
	BroadcastAll    NWK = 0xFFFF
	NWKUnknown      NWK = 0xFFFE
)

// String writes the address as 0x and four hex digits.
func (n NWK) String() string { return fmt.Sprintf("0x%04x", uint16(n)) }
