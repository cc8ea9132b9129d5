package hap

import (
	"context"
	"errors"
	"sync"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
)

// Host runs any number of servers. Nothing starts before Run.
type Host struct {
	cfg Config
	mu  sync.Mutex
}

// Server is one accessory server: an identity, its pairings, its accessories.
type Server struct{}

var errSkeleton = errors.New("hap: not built yet")

// NewHost returns a host without servers.
func NewHost(cfg Config) *Host { return &Host{cfg: cfg} }

// Run serves all servers, those opened later too, until ctx ends.
func (h *Host) Run(ctx context.Context) error { return errSkeleton }

// Open loads or creates the server's identity and binds its port. It serves
// at once if Run runs, else from Run on.
func (h *Host) Open(cfg ServerConfig) (*Server, error) { return nil, errSkeleton }

// Close ends a server's connections and withdraws it; its records stay.
func (h *Host) Close(key string) error { return errSkeleton }

// Forget closes a server, if open, and deletes its records.
func (h *Host) Forget(key string, store KV) error { return errSkeleton }

// Stats sums over all servers.
func (h *Host) Stats() Stats { return Stats{} }

// SetupCode returns "XXX-XX-XXX".
func (s *Server) SetupCode() string { return "" }

// SetupID returns the four characters of the setup identifier.
func (s *Server) SetupID() string { return "" }

// SetupURI returns the X-HM:// text of the QR code.
func (s *Server) SetupURI() string { return "" }

// ID returns the device identifier "AA:BB:CC:DD:EE:FF".
func (s *Server) ID() string { return "" }

// Port returns the TCP port in use.
func (s *Server) Port() int { return 0 }

// Paired reports whether a controller is paired.
func (s *Server) Paired() bool { return false }

// Pairings lists the controllers.
func (s *Server) Pairings() []Pairing { return nil }

// Unpair removes all pairings and closes all sessions.
func (s *Server) Unpair() error { return errSkeleton }

// OnIdentify sets what happens when a controller asks the accessory to show
// itself: POST /identify (aid 1) or a write to an Identify characteristic.
func (s *Server) OnIdentify(f func(aid uint64)) {}

// OnPairingChange sets what is called after a pairing was added or removed.
func (s *Server) OnPairingChange(f func()) {}

// OnRead sets the handler of reads; nil takes it away. It may be called
// before the characteristic's accessory is added.
func (s *Server) OnRead(c *characteristic.C, f ReadFunc) {}

// OnWrite sets the handler of writes; nil takes it away.
func (s *Server) OnWrite(c *characteristic.C, f WriteFunc) {}

// AdminOnly keeps a characteristic from controllers without the admin
// permission.
func (s *Server) AdminOnly(c *characteristic.C) {}

// Set stores a value and tells the subscribed controllers if it changed.
func (s *Server) Set(c *characteristic.C, value any) error { return errSkeleton }

// Get returns the stored value, nil for a characteristic of another server.
func (s *Server) Get(c *characteristic.C) any { return nil }

// AddAccessory adds an accessory while the server runs (R2 2.5.3, bridges).
func (s *Server) AddAccessory(a *accessory.A) error { return errSkeleton }

// RemoveAccessory takes an accessory out.
func (s *Server) RemoveAccessory(aid uint64) error { return errSkeleton }

// Stats counts this server.
func (s *Server) Stats() Stats { return Stats{} }
