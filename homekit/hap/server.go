package hap

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"

	"github.com/latchkeyd/latchkey/homekit/hap/mdns"
	"github.com/latchkeyd/latchkey/homekit/hap/srp"
)

// Server is one accessory server: an identity, its pairings, its accessories.
type Server struct {
	host   *Host
	cfg    ServerConfig
	log    *slog.Logger
	rec    records
	ident  identity
	secret ed25519.PrivateKey
	ln     net.Listener
	port   int
	ctx    context.Context // ends with the server
	cancel context.CancelFunc
	tasks  sync.WaitGroup // connections, events, handlers

	db       atomic.Pointer[database]
	pairings atomic.Pointer[pairingSet]
	failures atomic.Uint64

	// pairMu is held through every change of pairings and of the count of
	// tries, until it is durable.
	pairMu    sync.Mutex
	tries     int
	triesTold bool  // that they are used up, since start or the last unpairing
	setup     *conn // who is pairing
	verifier  *srp.Verifier

	mu        sync.Mutex
	serving   bool
	closed    bool
	conns     map[*conn]struct{}
	attrs     map[*characteristic.C]*attribute
	onPairing func()
	identify  func(aid uint64)

	dbMu   sync.Mutex // held through a change of accessories
	config atomic.Pointer[configRecord]
}

func (h *Host) newServer(cfg ServerConfig) (*Server, error) {
	if cfg.Key == "" || cfg.Store == nil || cfg.Name == "" {
		return nil, errors.New("hap: a server needs a key, a name and a store")
	}
	s := &Server{
		host: h, cfg: cfg, log: h.log.With("server", cfg.Key), rec: records{cfg.Store, cfg.Key},
		conns: make(map[*conn]struct{}), attrs: make(map[*characteristic.C]*attribute),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	db, err := newDatabase(append([]*accessory.A(nil), cfg.Accessories...), s.attr)
	if err != nil {
		return nil, err
	}
	s.db.Store(db)
	ident, found, err := s.rec.identity()
	if err != nil {
		return nil, err
	}
	if !found {
		ident = newIdentity()
		ident.Config = configRecord{1, db.hash}
	}
	s.ident, s.secret = ident, ed25519.NewKeyFromSeed(ident.Seed)
	if err := s.load(found); err != nil {
		return nil, err
	}
	if cfg.Setup != nil {
		cfg.Setup(s)
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	if h.ended() { // its servers let go of their ports, which are theirs all the same
		s.ln.Close()
		return nil, errEnded
	}
	if !found || s.ident.Port != s.port {
		s.ident.Port = s.port
		if err := s.rec.put("identity", s.ident); err != nil {
			s.ln.Close()
			return nil, err
		}
	}
	return s, nil
}

// load reads the records beside the identity.
func (s *Server) load(found bool) error {
	pairings, err := s.rec.pairings()
	if err != nil {
		return err
	}
	if !found && len(pairings) > 0 {
		return fmt.Errorf("hap: %s has pairings but its identity is gone; restore it from a backup, or forget the accessory and pair it anew", s.cfg.Key)
	}
	s.pairings.Store(&pairings)
	if s.tries, err = s.rec.tries(); err != nil {
		return err
	}
	config, err := s.rec.config(s.ident)
	if err != nil {
		return err
	}
	s.config.Store(&config)
	return s.bump(s.db.Load())
}

// bump raises c# if the database is another one than it stood for.
func (s *Server) bump(db *database) error {
	config := *s.config.Load()
	if db.hash != config.Hash {
		config = configRecord{config.Number%65535 + 1, db.hash}
		if err := s.rec.put("config", config); err != nil {
			return err
		}
		s.config.Store(&config)
	}
	return nil
}

func (s *Server) listen() error {
	first, last := s.cfg.Port, max(s.cfg.Port, s.cfg.PortLast)
	ports := make([]int, 0, last-first+2)
	if p := s.ident.Port; p != 0 && (first == 0 || first <= p && p <= last) {
		ports = append(ports, p)
	}
	if first == 0 {
		ports = append(ports, 0)
	} else {
		for p := first; p <= last; p++ {
			ports = append(ports, p)
		}
	}
	lc := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: s.host.limits.KeepAlive, Interval: 10 * time.Second, Count: 3}}
	var err error
	for _, p := range ports {
		if s.ln, err = lc.Listen(s.ctx, "tcp", net.JoinHostPort(s.host.cfg.Address, fmt.Sprint(p))); err == nil {
			s.port = s.ln.Addr().(*net.TCPAddr).Port
			return nil
		}
	}
	return fmt.Errorf("hap: %w from %d to %d: %w", ErrNoPort, first, last, err)
}

// ErrNoPort: every port that a server may have is taken.
var ErrNoPort = errors.New("no port is free")

// LastPort returns the port that the server with that key had last, 0 for none.
func LastPort(key string, store KV) int {
	ident, found, err := records{store, key}.identity()
	if err != nil || !found {
		return 0
	}
	return ident.Port
}

// start serves from now on.
func (s *Server) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving || s.closed {
		return
	}
	s.serving = true
	s.tasks.Go(s.accept)
	s.host.adv.Publish(s.advert())
}

// stop ends everything and waits for it.
func (s *Server) stop() {
	s.mu.Lock()
	s.closed = true
	serving := s.serving
	s.serving = false
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	s.cancel()
	s.ln.Close()
	for _, c := range conns {
		c.hangUp()
	}
	if serving {
		s.host.adv.Withdraw(s.cfg.Key)
	}
	s.tasks.Wait()
}

// publish renews the advertisement.
func (s *Server) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving {
		s.host.adv.Publish(s.advert())
	}
}

// advert is R2 table 6-7, in the order Apple's accessory sends it.
func (s *Server) advert() mdns.Service {
	paired := "1"
	if s.Paired() {
		paired = "0"
	}
	return mdns.Service{
		Key: s.cfg.Key, Name: s.cfg.Name, Type: "_hap._tcp", Host: hostLabel(s.ident.ID), Port: s.port,
		TXT: []string{
			fmt.Sprintf("c#=%d", s.config.Load().Number), "ff=0", "id=" + s.ident.ID, "md=" + s.cfg.Model, "pv=1.1",
			"s#=1", "sf=" + paired, fmt.Sprintf("ci=%d", s.cfg.Category), "sh=" + setupHash(s.ident.SetupID, s.ident.ID),
		},
	}
}

// hostLabel is the device identifier without its colons.
func hostLabel(id string) string {
	b := make([]byte, 0, len(id))
	for i := range len(id) {
		if id[i] != ':' {
			b = append(b, id[i])
		}
	}
	return string(b)
}

// attr gives the attribute of a characteristic, making it at need.
func (s *Server) attr(c *characteristic.C) *attribute {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.attrs[c]
	if a == nil {
		a = &attribute{c: c}
		s.attrs[c] = a
	}
	return a
}

// known is attr without making.
func (s *Server) known(c *characteristic.C) *attribute {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attrs[c]
}

// changed tells the owner about a change of pairings, durable by now and not
// answered yet: who has the answer finds the owner informed. The network is
// told after the answer.
func (s *Server) changed() {
	s.mu.Lock()
	f := s.onPairing
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

// showSelf runs the identify callback.
func (s *Server) showSelf(aid uint64) {
	s.mu.Lock()
	f := s.identify
	s.mu.Unlock()
	if f != nil {
		s.tasks.Go(func() { f(aid) })
	}
}

// close hangs up on all sessions that match.
func (s *Server) hangUp(match func(*conn) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if match(c) {
			c.hangUp()
		}
	}
}
