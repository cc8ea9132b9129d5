// Package controller is a HomeKit controller (HAP R2 over IP): it pairs,
// verifies, reads, writes and listens, as tests, tours and measurements need.
package controller

import (
	"context"
	"errors"
	"net"
	"time"
)

var errSkeleton = errors.New("controller: not built yet")

// Identity is a controller's long-term key.
type Identity struct {
	ID   string `json:"id"`   // pairing identifier
	Seed []byte `json:"seed"` // Ed25519 seed, 32 octets
}

// NewIdentity makes a random one.
func NewIdentity() Identity { return Identity{} }

// Pairing is what both sides know after pair-setup; keep it as JSON.
type Pairing struct {
	Controller    Identity `json:"controller"`
	AccessoryID   string   `json:"accessory_id"`
	AccessoryLTPK []byte   `json:"accessory_ltpk"`
	Address       string   `json:"address"` // host:port
}

// ID names a characteristic.
type ID struct{ AID, IID uint64 }

// Write is one entry of PUT /characteristics.
type Write struct {
	ID
	Value    any   // nil: absent
	Events   *bool // ev
	Response bool  // r
}

// Result is one entry of an answer.
type Result struct {
	ID
	Status int
	Value  any // float64, string, bool, nil
}

// Response is a raw HTTP answer.
type Response struct {
	Code   int
	Header map[string]string // names in lower case
	Body   []byte
}

// Conn is a connection to an accessory server, safe for concurrent use;
// requests are sent one at a time.
type Conn struct{}

// Pair dials, pairs by the setup code "XXX-XX-XXX" and hangs up.
func Pair(ctx context.Context, address, code string) (*Pairing, error) { return nil, errSkeleton }

// Connect dials and verifies.
func (p *Pairing) Connect(ctx context.Context) (*Conn, error) { return nil, errSkeleton }

// Dial opens an unverified connection.
func Dial(ctx context.Context, address string) (*Conn, error) { return nil, errSkeleton }

// NewConn uses an open connection.
func NewConn(nc net.Conn) *Conn { return &Conn{} }

// PairSetup runs M1–M6.
func (c *Conn) PairSetup(ctx context.Context, id Identity, code string) (*Pairing, error) {
	return nil, errSkeleton
}

// Verify runs pair-verify; the connection is encrypted afterwards.
func (c *Conn) Verify(ctx context.Context, p *Pairing) error { return errSkeleton }

// Do sends one request and waits for its answer.
func (c *Conn) Do(ctx context.Context, method, target, contentType string, body []byte) (*Response, error) {
	return nil, errSkeleton
}

// Accessories returns the attribute database as JSON.
func (c *Conn) Accessories(ctx context.Context) ([]byte, error) { return nil, errSkeleton }

// Get reads characteristics.
func (c *Conn) Get(ctx context.Context, ids ...ID) ([]Result, error) { return nil, errSkeleton }

// Put writes; a nil slice is 204, all done.
func (c *Conn) Put(ctx context.Context, ws ...Write) ([]Result, error) { return nil, errSkeleton }

// Prepare begins a timed write (PUT /prepare).
func (c *Conn) Prepare(ctx context.Context, ttl time.Duration, pid uint64) error { return errSkeleton }

// PutTimed prepares and writes.
func (c *Conn) PutTimed(ctx context.Context, ttl time.Duration, ws ...Write) ([]Result, error) {
	return nil, errSkeleton
}

// Subscribe asks for events.
func (c *Conn) Subscribe(ctx context.Context, ids ...ID) error { return errSkeleton }

// NextEvent waits for one event message; its entries have status 0.
func (c *Conn) NextEvent(ctx context.Context) ([]Result, error) { return nil, errSkeleton }

// AddPairing adds or changes a controller; admins only.
func (c *Conn) AddPairing(ctx context.Context, id string, ltpk []byte, admin bool) error {
	return errSkeleton
}

// RemovePairing removes a controller; admins only.
func (c *Conn) RemovePairing(ctx context.Context, id string) error { return errSkeleton }

// PairingEntry is one line of ListPairings.
type PairingEntry struct {
	ID    string
	LTPK  []byte
	Admin bool
}

// ListPairings lists the controllers; admins only.
func (c *Conn) ListPairings(ctx context.Context) ([]PairingEntry, error) { return nil, errSkeleton }

// Close hangs up.
func (c *Conn) Close() error { return nil }
