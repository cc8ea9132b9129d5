package zcl

import "fmt"

// FrameType says whether a command belongs to every cluster or to one (ZCL section 2.4.1.1.1).
type FrameType uint8

// Frame types.
const (
	Global          FrameType = 0 // foundation command, known to all clusters
	ClusterSpecific FrameType = 1
)

// Direction says which side of the cluster a frame is meant for (ZCL section 2.4.1.1.3).
type Direction uint8

// Directions. A lock is the server of Door Lock and the client of Time and OTA Upgrade.
const (
	ToServer Direction = 0 // from the client side to the server side
	ToClient Direction = 1
)

// String names the direction.
func (d Direction) String() string {
	if d == ToServer {
		return "to server"
	}
	return "to client"
}

// Bits of the frame control field (ZCL section 2.4.1.1).
const (
	ctrlType         = 0x03
	ctrlManufacturer = 0x04
	ctrlToClient     = 0x08
	ctrlNoDefault    = 0x10
)

// Header is the header of a ZCL frame (ZCL section 2.4.1).
type Header struct {
	Type                   FrameType
	Direction              Direction
	ManufacturerSpecific   bool
	Manufacturer           uint16 // meaningful only if ManufacturerSpecific
	DisableDefaultResponse bool
	Seq                    uint8 // transaction sequence number
	Command                uint8
}

// ParseHeader splits a ZCL frame into its header and its payload. The payload aliases b.
func ParseHeader(b []byte) (Header, []byte, error) {
	r := newReader(b)
	h := parseHeader(&r)
	if err := r.FinError(); err != nil {
		return Header{}, nil, fmt.Errorf("zcl: header: %w", err)
	}
	return h, r.b, nil
}

func parseHeader(r *reader) Header {
	c := r.u8("frame control")
	h := Header{
		Type:                   FrameType(c & ctrlType),
		ManufacturerSpecific:   c&ctrlManufacturer != 0,
		DisableDefaultResponse: c&ctrlNoDefault != 0,
	}
	if c&ctrlToClient != 0 {
		h.Direction = ToClient
	}
	if h.ManufacturerSpecific {
		h.Manufacturer = r.u16("manufacturer code")
	}
	h.Seq = r.u8("sequence number")
	h.Command = r.u8("command")
	if h.Type > ClusterSpecific {
		r.fail("frame type", ErrMalformed)
	}
	return h
}

// Append writes the header as it stands on the wire. Reserved bits are written as zero.
func (h Header) Append(dst []byte) []byte {
	c := byte(h.Type) & ctrlType
	if h.ManufacturerSpecific {
		c |= ctrlManufacturer
	}
	if h.Direction == ToClient {
		c |= ctrlToClient
	}
	if h.DisableDefaultResponse {
		c |= ctrlNoDefault
	}
	dst = append(dst, c)
	if h.ManufacturerSpecific {
		dst = appendU16(dst, h.Manufacturer)
	}
	return append(dst, h.Seq, h.Command)
}

// Reply is the header of an answer to h: the other direction, the same sequence number and manufacturer, no default response wanted.
func (h Header) Reply() Header {
	return Header{
		Type:                   h.Type,
		Direction:              h.Direction ^ 1,
		ManufacturerSpecific:   h.ManufacturerSpecific,
		Manufacturer:           h.Manufacturer,
		DisableDefaultResponse: true,
		Seq:                    h.Seq,
	}
}
