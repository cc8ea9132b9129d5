// Package controller is a HomeKit controller (HAP R2 over IP): it pairs,
// verifies, reads, writes and listens, as tests, tours and measurements need.
package controller

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/latchkeyd/latchkey/homekit/hap/frame"
)

// Errors of exchanges.
var (
	ErrClosed   = errors.New("controller: connection ended")
	ErrProtocol = errors.New("controller: the accessory broke the protocol")
)

// PairingError is a TLV error code of a pairing message (R2 table 5-5):
// 2 authentication, 5 max tries, 6 unavailable, 7 busy.
type PairingError byte

func (e PairingError) Error() string { return fmt.Sprintf("controller: pairing error %d", byte(e)) }

// HTTPError is an answer other than 200, 204 or 207.
type HTTPError struct {
	Code int
	Body string
}

func (e *HTTPError) Error() string { return fmt.Sprintf("controller: HTTP %d %s", e.Code, e.Body) }

// Identity is a controller's long-term key.
type Identity struct {
	ID   string `json:"id"`   // pairing identifier
	Seed []byte `json:"seed"` // Ed25519 seed, 32 octets
}

// NewIdentity makes a random one.
func NewIdentity() Identity {
	var u [16]byte
	rand.Read(u[:])
	h := hex.EncodeToString(u[:])
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	return Identity{ID: h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], Seed: seed}
}

// LTPK returns the public key.
func (i Identity) LTPK() []byte {
	return ed25519.NewKeyFromSeed(i.Seed).Public().(ed25519.PublicKey)
}

// Pairing is what both sides know after pair-setup; keep it as JSON.
type Pairing struct {
	Controller    Identity `json:"controller"`
	AccessoryID   string   `json:"accessory_id"`
	AccessoryLTPK []byte   `json:"accessory_ltpk"`
	Address       string   `json:"address"` // host:port
}

// Pair dials, pairs by the setup code "XXX-XX-XXX" and hangs up.
func Pair(ctx context.Context, address, code string) (*Pairing, error) {
	c, err := Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	p, err := c.PairSetup(ctx, NewIdentity(), code)
	if err != nil {
		return nil, err
	}
	p.Address = address
	return p, nil
}

// Connect dials and verifies.
func (p *Pairing) Connect(ctx context.Context) (*Conn, error) {
	c, err := Dial(ctx, p.Address)
	if err != nil {
		return nil, err
	}
	if err := c.Verify(ctx, p); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Conn is a connection to an accessory server, safe for concurrent use;
// requests are sent one at a time.
type Conn struct {
	nc      net.Conn
	turn    chan struct{} // held by the request under way
	answers chan *Response
	ended   chan struct{}
	pid     uint64

	keyMu  sync.Mutex
	sealer *frame.Sealer
	opener *frame.Opener

	mu     sync.Mutex
	events [][]Result
	arrive chan struct{} // has a token while events may be waiting
	err    error
}

// Dial opens an unverified connection.
func Dial(ctx context.Context, address string) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	return NewConn(nc), nil
}

// NewConn uses an open connection. A goroutine reads it until Close.
func NewConn(nc net.Conn) *Conn {
	c := &Conn{
		nc: nc, turn: make(chan struct{}, 1), answers: make(chan *Response, 64),
		ended: make(chan struct{}), arrive: make(chan struct{}, 1),
	}
	go c.read()
	return c
}

// Close hangs up and waits for the reader.
func (c *Conn) Close() error {
	err := c.nc.Close()
	<-c.ended
	return err
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.ended }

// Do sends one request and waits for its answer.
func (c *Conn) Do(ctx context.Context, method, target, contentType string, body []byte) (*Response, error) {
	return c.do(ctx, [][]byte{appendRequest(nil, method, target, contentType, body)}, nil)
}

// Send writes raw octets, encrypted once verified, and waits for nothing.
// Each piece has frames of its own.
func (c *Conn) Send(pieces ...[]byte) error {
	c.keyMu.Lock()
	defer c.keyMu.Unlock()
	var out []byte
	for _, p := range pieces {
		if c.sealer != nil {
			out = c.sealer.Seal(out, p)
		} else {
			out = append(out, p...)
		}
	}
	_, err := c.nc.Write(out)
	return err
}

// do sends a request; upgrade runs when its answer is there, before another
// request can be sent.
func (c *Conn) do(ctx context.Context, pieces [][]byte, upgrade func(*Response) error) (*Response, error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.ended:
		return nil, c.cause()
	}
	defer func() { <-c.turn }()
	if err := c.Send(pieces...); err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	select {
	case r := <-c.answers:
		if upgrade != nil {
			if err := upgrade(r); err != nil {
				return r, err
			}
		}
		return r, nil
	case <-ctx.Done():
		c.nc.Close() // the answer would be taken for the next one's
		return nil, ctx.Err()
	case <-c.ended:
		select {
		case r := <-c.answers:
			return r, nil
		default:
			return nil, c.cause()
		}
	}
}

func (c *Conn) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Errorf("%w: %w", ErrClosed, c.err)
}

// Raw sends pieces of one request, each in frames of its own, all in one
// segment, and waits for the answer.
func (c *Conn) Raw(ctx context.Context, pieces ...[]byte) (*Response, error) {
	return c.do(ctx, pieces, nil)
}

// Pipeline sends a request n times before it reads an answer; each must be
// 200.
func (c *Conn) Pipeline(ctx context.Context, n int, request []byte) error {
	failed := make(chan error, 1)
	go func() { failed <- c.Send(bytes.Repeat(request, n)) }()
	for i := range n {
		select {
		case r := <-c.answers:
			if r.Code != 200 {
				return &HTTPError{r.Code, string(r.Body)}
			}
		case <-ctx.Done():
			return fmt.Errorf("controller: answer %d: %w", i, ctx.Err())
		case <-c.ended:
			return c.cause()
		}
	}
	return <-failed
}

// SendClear writes octets as they are.
func (c *Conn) SendClear(b []byte) error {
	_, err := c.nc.Write(b)
	return err
}
