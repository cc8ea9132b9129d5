package hap

import (
	"context"
	"log/slog"
	"time"

	"github.com/brutella/hap/accessory"

	"github.com/latchkeyd/latchkey/homekit/hap/mdns"
)

// TimedWrites says what a plain write to a characteristic with the permission
// "tw" gets.
type TimedWrites int

const (
	// RequireTimedWrites refuses it with -70410 (R2 6.7.2.4): such a write
	// carries a deadline of its own, by PUT /prepare.
	RequireTimedWrites TimedWrites = iota
	// AcceptPlainWrites executes it, for controllers that cannot prepare.
	AcceptPlainWrites
)

// Advertiser tells the local network about servers (R2 6.4).
type Advertiser interface {
	// Run works until ctx ends and withdraws everything before it returns.
	Run(ctx context.Context) error
	// Publish announces a service, or replaces the one with the same Key.
	Publish(mdns.Service)
	// Withdraw says goodbye for the service with that key.
	Withdraw(key string)
	// Seen reports whether the service was lately seen on the network.
	Seen(key string) bool
}

// Off is an Advertiser that tells nobody.
var Off Advertiser = off{}

type off struct{}

func (off) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (off) Publish(mdns.Service)          {}
func (off) Withdraw(string)               {}
func (off) Seen(string) bool              { return false }

// Config is what all servers of a Host share. The zero value listens on all
// addresses, requires timed writes and advertises by mDNS on all interfaces.
type Config struct {
	// Address is the IP address to listen on, "" for all.
	Address string
	// Interfaces are the names of the network interfaces to advertise on and
	// to accept connections from (loopback is always accepted), empty for all.
	Interfaces  []string
	TimedWrites TimedWrites
	// Advertiser is nil for mDNS. Tests give Off or a fake.
	Advertiser Advertiser
	Logger     *slog.Logger // nil discards
	Limits     Limits
}

// Limits bound what the network can make a Host spend. Zero fields take the
// defaults named beside them.
type Limits struct {
	Sessions       int           // verified connections a server: 64
	Unverified     int           // unverified connections of all servers together: 384
	UnverifiedEach int           // unverified connections a server: 128
	PerAddress     int           // unverified connections from one address: 96
	Pairings       int           // controllers a server: 16
	Header         int           // octets of a request's line and headers: 8 KiB
	Body           int           // octets of a request's body on a verified connection: 64 KiB
	BodyUnverified int           // the same before verification: 4 KiB
	Tries          int           // wrong setup codes until pairing is refused: 100
	RequestTime    time.Duration // from a request's first octet to its last: 10 s
	IdleUnverified time.Duration // silence before verification: 60 s
	WriteTime      time.Duration // for the peer to take a message: 10 s
	SetupTime      time.Duration // a pair-setup's right to be alone: 30 s
	Patience       time.Duration // for handlers to answer: 9 s
	EventGap       time.Duration // between two events on a connection: 1 s
	KeepAlive      time.Duration // TCP keep-alive: 30 s idle
}

func (l Limits) withDefaults() Limits {
	n := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	t := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	n(&l.Sessions, 64)
	n(&l.Unverified, 384)
	n(&l.UnverifiedEach, 128)
	n(&l.PerAddress, 96)
	n(&l.Pairings, 16)
	n(&l.Header, 8<<10)
	n(&l.Body, 64<<10)
	n(&l.BodyUnverified, 4<<10)
	n(&l.Tries, 100)
	t(&l.RequestTime, 10*time.Second)
	t(&l.IdleUnverified, time.Minute)
	t(&l.WriteTime, 10*time.Second)
	t(&l.SetupTime, 30*time.Second)
	t(&l.Patience, 9*time.Second)
	t(&l.EventGap, time.Second)
	t(&l.KeepAlive, 30*time.Second)
	return l
}

// ServerConfig describes one accessory server: what a controller pairs with.
type ServerConfig struct {
	// Key is the stable name under which all records are kept.
	Key   string
	Name  string // as shown when pairing; the mDNS instance name
	Model string // the TXT record's md
	// Category is R2 table 13-1: 2 bridge, 6 door lock.
	Category byte
	// Port to PortLast are tried in turn, the one used last time first.
	// 0 lets the system choose; PortLast 0 means Port alone.
	Port, PortLast int
	Store          KV
	// Accessories have their aids and iids assigned, never 0, unique, aid 1
	// among them.
	Accessories []*accessory.A
	// Setup, if not nil, is called with the server before it serves, to
	// register handlers.
	Setup func(*Server)
}

// Request tells a handler who asks.
type Request struct {
	Controller string // the pairing identifier
	Admin      bool
	Timed      bool   // within a prepared timed write
	Remote     bool   // the entry says it comes from outside the home
	AuthData   []byte // additional authorisation data, nil if none
}

// ReadFunc gives a characteristic's value to a controller. ctx ends with
// HomeKit's patience or with the connection.
type ReadFunc func(ctx context.Context, r Request) (value any, s Status)

// WriteFunc carries out a controller's write. The value has passed
// validation and is a bool, int, uint64 (for format uint64), float64, string
// or []byte (for data and tlv8). With StatusOK the value is stored and the
// other controllers are told; response is sent where the controller asked
// for one. After ctx ends its answer is not waited for and has no effect.
type WriteFunc func(ctx context.Context, r Request, value any) (response any, s Status)

// Pairing is a controller that may talk to a server.
type Pairing struct {
	Controller string
	Admin      bool
}

// Stats are counts of one server or, summed, of a host.
type Stats struct {
	Sessions     int    // verified connections
	Connections  int    // all connections
	Pairings     int    // controllers
	Servers      int    // servers open
	Advertised   int    // servers lately seen on the network
	PairFailures uint64 // proofs refused, unknown or bad controllers, since start
}
