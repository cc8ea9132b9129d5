package zcl

import (
	"fmt"
	"log/slog"
)

// AnyCluster is the cluster of a foundation message, which belongs to all of them.
const AnyCluster uint16 = 0xFFFF

// Route says where a message belongs: what, beside the sequence number, its header says.
type Route struct {
	Cluster      uint16 // AnyCluster for foundation commands
	Type         FrameType
	Direction    Direction // of a cluster command; a foundation command travels both ways and its Header decides
	Manufacturer uint16    // zero: none
	Command      uint8
}

// Message is a command with its fields. Messages are pointers to the types of this package and to nothing else.
type Message interface {
	// Route says which command of which cluster this is.
	Route() Route

	appendPayload(dst []byte) []byte
	parse(r *reader)
}

// Parse decodes a ZCL frame of one cluster. A command that this package has no type for comes as *Opaque, not as an error. On an error the header is still
// valid if it could be read (Command and Seq for a default response), and the message is nil.
func Parse(cluster uint16, frame []byte) (Header, Message, error) {
	r := newReader(frame)
	h := parseHeader(&r)
	if err := r.FinError(); err != nil {
		return Header{}, nil, fmt.Errorf("zcl: header: %w", err)
	}
	rt := Route{Cluster: cluster, Type: h.Type, Direction: h.Direction, Command: h.Command}
	if h.ManufacturerSpecific {
		rt.Manufacturer = h.Manufacturer
	}
	if h.Type == Global {
		rt.Cluster = AnyCluster
	}
	m := newMessage(rt, h.ManufacturerSpecific)
	m.parse(&r)
	if err := r.FinError(); err != nil {
		return h, nil, fmt.Errorf("zcl: %T: %w", m, err)
	}
	return h, m, nil
}

// Append writes a whole frame. Of h it takes the sequence number, the default-response bit, the manufacturer and, for foundation commands, the direction;
// everything else follows from m. It allocates only when dst is too short.
func Append(dst []byte, h Header, m Message) []byte {
	rt := m.Route()
	h.Type, h.Command = rt.Type, rt.Command
	if rt.Type == ClusterSpecific {
		h.Direction = rt.Direction
		if rt.Manufacturer != 0 {
			h.ManufacturerSpecific, h.Manufacturer = true, rt.Manufacturer
		}
	}
	return m.appendPayload(h.Append(dst))
}

// newMessage makes the empty message for a route. A maker's command shares its number with a standard one and means something else.
func newMessage(rt Route, vendor bool) Message {
	var m Message
	switch {
	case rt.Type == Global:
		m = newFoundation(rt.Command)
	case vendor:
		m = newVendor(rt)
	case rt.Cluster == ClusterDoorLock && rt.Direction == ToServer:
		m = newDoorLockRequest(rt.Command)
	case rt.Cluster == ClusterDoorLock:
		m = newDoorLockResponse(rt.Command)
	default:
		m = newGeneral(rt)
	}
	if m == nil {
		m = &Opaque{route: rt}
	}
	return m
}

// Opaque is a command without a type of its own. Its payload may hold anything, PINs too, so it prints only its length.
type Opaque struct {
	route   Route
	Payload []byte
}

// NewOpaque makes a message out of bytes, for commands that have no type here.
func NewOpaque(rt Route, payload []byte) *Opaque { return &Opaque{route: rt, Payload: payload} }

// Route implements Message.
func (m *Opaque) Route() Route { return m.route }

func (m *Opaque) appendPayload(dst []byte) []byte { return append(dst, m.Payload...) }

func (m *Opaque) parse(r *reader) { m.Payload = r.rest() }

// String tells the route and the length of the payload, never its bytes.
func (m *Opaque) String() string {
	return fmt.Sprintf("command 0x%02x of cluster 0x%04x %v, %d bytes", m.route.Command, m.route.Cluster, m.route.Direction, len(m.Payload))
}

// GoString implements fmt.GoStringer.
func (m *Opaque) GoString() string { return m.String() }

// Format implements fmt.Formatter: every verb prints what String does.
func (m *Opaque) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(m.String())) }

// LogValue implements slog.LogValuer.
func (m *Opaque) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText implements encoding.TextMarshaler, and with it JSON.
func (m *Opaque) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
