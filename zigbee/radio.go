package zigbee

import (
	"context"
	"errors"
	"time"
)

// Errors by consequence. A Radio wraps them, callers test with errors.Is.
var (
	// ErrAsleep: the node's parent dropped the frame because the node did not poll. The frame did not arrive. Try again when the node is heard.
	ErrAsleep = errors.New("the device is asleep and did not fetch the message")
	// ErrUnreachable: no route, or no acknowledgement after the retries. The frame may or may not have arrived.
	ErrUnreachable = errors.New("the device cannot be reached by radio")
	// ErrBusy: the network or the dongle is congested. The frame was not sent.
	ErrBusy = errors.New("the Zigbee network is congested")
	// ErrDown: there is no working dongle. The frame was not sent, or its fate is unknown.
	ErrDown = errors.New("the Zigbee dongle is not connected")
	// ErrUnknownNode: the radio has no network address for that node.
	ErrUnknownNode = errors.New("no such device on this network")
	// ErrRefused: the dongle or the node refused; the same request will be refused again.
	ErrRefused = errors.New("refused")
	// ErrUnsupported: this dongle or its firmware cannot do that.
	ErrUnsupported = errors.New("not supported")
)

// Frame is one application frame (APS data, Zigbee specification section 2.2.4), carrying a ZCL frame as Payload.
type Frame struct {
	Device      EUI64 // whom it goes to or comes from; zero on an inbound frame whose sender is not known yet
	NWK         NWK   // the sender's network address on an inbound frame; ignored on an outbound one
	SrcEndpoint uint8 // outbound zero means the coordinator's own endpoint 1
	DstEndpoint uint8
	Profile     uint16 // zero means Home Automation 0x0104
	Cluster     uint16
	Payload     []byte // owned by the receiver of the Frame; a Handler may keep it

	// NotAfter, if set on an outbound frame, is when the last attempt to send it may begin: what a node's parent holds for it cannot be called back.
	// Send then fails with what the attempts before came to, ErrBusy if there was none.
	NotAfter time.Time

	// Written, if set on an outbound frame, is called from within Send each time that the frame's bytes have been written to the dongle. It does not block.
	Written func()

	// Inbound only.
	LQI       uint8 // link quality, 0–255
	Secure    bool  // protected with the network key
	Broadcast bool
}

// Node is what a ZDO interview learns (Zigbee specification sections 2.3.2 and 2.4.3.1).
type Node struct {
	ID               EUI64
	NWK              NWK
	Parent           NWK
	ManufacturerCode uint16
	Router           bool // logical type
	MainsPowered     bool // the node's own claim, which some locks make falsely
	RxOnWhenIdle     bool // likewise; false means sleepy
	Endpoints        []Endpoint
}

// Endpoint is a simple descriptor.
type Endpoint struct {
	ID         uint8
	Profile    uint16
	DeviceType uint16
	In         []uint16 // server clusters
	Out        []uint16 // client clusters
}

// Network says where the coordinator stands.
type Network struct {
	Coordinator EUI64
	PAN         uint16
	ExtendedPAN EUI64
	Channel     uint8 // 11–26, 2.4 GHz
}

// Dongle says what hardware is there. The zero value means none.
type Dongle struct {
	Port     string // as opened: a by-id path, a pty or tcp://host:port
	Product  string // "Z-Stack 3.x.0" and the like
	Revision uint32 // build date, yyyymmdd
	Network  Network
	Up       bool
	Fault    string // one sentence: what is wrong and what to do; empty while Up
}

// Handler receives what the radio hears. Its methods are called from one goroutine, in the order of arrival, and must not block on the radio.
type Handler interface {
	// Frame delivers an inbound application frame.
	Frame(f Frame)
	// Announced tells that a node joined or came back (Device_annce or trust-centre indication); joined is true when the trust centre let it in anew.
	Announced(id EUI64, nwk NWK, joined bool)
	// Left tells that a node left the network and will not rejoin by itself.
	Left(id EUI64)
	// Dongle tells that the dongle came up, or went down with a reason.
	Dongle(d Dongle)
	// PermitJoin tells for how long the network stays open to new nodes; zero means closed.
	PermitJoin(remaining time.Duration)
}

// Radio is a coordinator. Its methods are safe for concurrent use; each blocks until answered or until ctx ends.
type Radio interface {
	// Run opens the dongle, brings the network up, and stays until ctx ends, reconnecting by itself. It returns early only on a fault that waiting
	// cannot mend (another network, an unsupported dongle), with a sentence that says what to do.
	Run(ctx context.Context, h Handler) error
	// Send delivers one frame. Nil means that the APS acknowledgement came: the node has it.
	Send(ctx context.Context, f Frame) error
	// Interview asks for node descriptor, endpoints and simple descriptors.
	Interview(ctx context.Context, id EUI64) (Node, error)
	// Bind asks the node to send the cluster's reports and events to the coordinator.
	Bind(ctx context.Context, id EUI64, endpoint uint8, cluster uint16) error
	// PermitJoin opens the network for window (at most 254 s at a time), zero closes it.
	PermitJoin(ctx context.Context, window time.Duration) error
	// AddInstallCode registers a node's install code (6, 8, 12 or 16 bytes and a CRC-16) before it joins.
	AddInstallCode(ctx context.Context, id EUI64, code []byte) error
	// Admit restricts joining to one node while set, where the dongle can; zero lifts it. ErrUnsupported says that it cannot.
	Admit(ctx context.Context, id EUI64) error
	// Evict makes a node leave and forgets it.
	Evict(ctx context.Context, id EUI64) error
	// Dongle returns the present state.
	Dongle() Dongle
}
