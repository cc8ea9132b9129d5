package hap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap/mdns"
)

// Host runs any number of servers. Nothing starts before Run.
type Host struct {
	cfg    Config
	limits Limits
	log    *slog.Logger
	adv    Advertiser

	openMu sync.Mutex // held through Open

	mu      sync.Mutex
	running bool
	done    bool
	servers map[string]*Server

	gateMu sync.Mutex
	gate   map[*conn]struct{} // unverified connections
}

// NewHost returns a host without servers.
func NewHost(cfg Config) *Host {
	h := &Host{
		cfg: cfg, limits: cfg.Limits.withDefaults(), log: cfg.Logger, adv: cfg.Advertiser,
		servers: make(map[string]*Server), gate: make(map[*conn]struct{}),
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.adv == nil {
		h.adv = mdns.New(mdns.Config{Interfaces: cfg.Interfaces, Logger: h.log})
	}
	return h
}

// Run serves all servers, those opened later too, until ctx ends. A host runs
// once.
func (h *Host) Run(ctx context.Context) error {
	h.mu.Lock()
	if h.running || h.done {
		h.mu.Unlock()
		return errors.New("hap: a host runs once")
	}
	h.running = true
	for _, s := range h.servers {
		s.start()
	}
	h.mu.Unlock()

	// The advertiser outlives the servers: their goodbyes are its last work.
	advCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- h.adv.Run(advCtx) }()
	var err error
	ended := false
	select {
	case <-ctx.Done():
	case err = <-failed:
		ended = true
		if err == nil {
			err = errors.New("hap: advertiser ended")
		}
	}

	h.mu.Lock()
	h.running, h.done = false, true
	servers := h.servers
	h.servers = make(map[string]*Server)
	h.mu.Unlock()
	for _, s := range servers {
		s.stop()
	}
	stop()
	if !ended {
		err = <-failed
	}
	return err
}

// Open loads or creates the server's identity and binds its port. It serves
// at once if Run runs, else from Run on.
func (h *Host) Open(cfg ServerConfig) (*Server, error) {
	h.openMu.Lock() // not mu: cfg.Setup may call the host
	defer h.openMu.Unlock()
	h.mu.Lock()
	taken := h.servers[cfg.Key] != nil
	h.mu.Unlock()
	if taken {
		return nil, fmt.Errorf("hap: server %q is open already", cfg.Key)
	}
	s, err := h.newServer(cfg)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done {
		s.ln.Close()
		return nil, errEnded
	}
	h.servers[cfg.Key] = s
	if h.running {
		s.start()
	}
	return s, nil
}

var errEnded = errors.New("hap: the host has ended")

func (h *Host) ended() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done
}

// Close ends a server's connections and withdraws it; its records stay.
// Closing one that is not open succeeds.
func (h *Host) Close(key string) error {
	h.mu.Lock()
	s := h.servers[key]
	delete(h.servers, key)
	h.mu.Unlock()
	if s != nil {
		s.stop()
	}
	return nil
}

// Forget closes a server, if open, and deletes its records: identity, keys,
// pairings. What opens under the same key later is another accessory.
func (h *Host) Forget(key string, store KV) error {
	if err := h.Close(key); err != nil {
		return err
	}
	return records{store, key}.forget()
}

// Stats sums over all servers.
func (h *Host) Stats() Stats {
	h.mu.Lock()
	servers := make([]*Server, 0, len(h.servers))
	for _, s := range h.servers {
		servers = append(servers, s)
	}
	h.mu.Unlock()
	var sum Stats
	for _, s := range servers {
		st := s.Stats()
		sum.Sessions += st.Sessions
		sum.Connections += st.Connections
		sum.Pairings += st.Pairings
		sum.Servers += st.Servers
		sum.Advertised += st.Advertised
		sum.PairFailures += st.PairFailures
	}
	return sum
}

// grace is the time a connection has to say something before it must make
// room: without it a burst of others ends it before it is first read.
const grace = 10 * time.Millisecond

// enter lets an unverified connection in.
func (h *Host) enter(c *conn) {
	h.gateMu.Lock()
	defer h.gateMu.Unlock()
	h.gate[c] = struct{}{}
}

// makeRoom ends a connection if there are too many: the longest silent one of
// whoever holds the most, first those that never asked anything, those that
// are pairing last. If that one still has its grace, another one goes that has
// none left and never asked anything; where there is none it says for how long
// to wait, unless it is told that waiting is over. Nobody is let in meanwhile.
func (h *Host) makeRoom(c *conn, waited bool) time.Duration {
	h.gateMu.Lock()
	defer h.gateMu.Unlock()
	sameServer, sameAddr := 0, 0
	for o := range h.gate {
		if o.s == c.s {
			sameServer++
		}
		if o.addr == c.addr {
			sameAddr++
		}
	}
	var among func(*conn) bool
	switch {
	case sameAddr > h.limits.PerAddress:
		among = func(o *conn) bool { return o.addr == c.addr }
	case sameServer > h.limits.UnverifiedEach:
		among = func(o *conn) bool { return o.s == c.s }
	case len(h.gate) > h.limits.Unverified:
		among = func(*conn) bool { return true }
	default:
		return 0
	}
	victim := h.victim(c, among)
	if victim == nil {
		return 0
	}
	if left := victim.grace(); left > 0 && !waited {
		idle := func(o *conn) bool { return among(o) && o.grace() <= 0 && !o.asked.Load() && !o.pairing.Load() }
		if victim = h.victim(c, idle); victim == nil {
			return left
		}
	}
	delete(h.gate, victim)
	victim.hangUp()
	return 0
}

// grace is what is left of it.
func (c *conn) grace() time.Duration { return grace - time.Since(time.Unix(0, c.active.Load())) }

func (h *Host) victim(newest *conn, among func(*conn) bool) *conn {
	var pool []*conn
	held := make(map[netip.Addr]int)
	for o := range h.gate {
		if among(o) && o != newest {
			pool = append(pool, o)
			held[o.addr]++
		}
	}
	if len(pool) == 0 {
		return nil
	}
	rank := func(o *conn) int64 {
		r := o.active.Load() / int64(time.Microsecond)
		if o.asked.Load() {
			r += 1 << 60
		}
		if o.pairing.Load() {
			r += 1 << 61
		}
		return r
	}
	return slices.MinFunc(pool, func(a, b *conn) int {
		if d := held[b.addr] - held[a.addr]; d != 0 {
			return d
		}
		if rank(a) < rank(b) {
			return -1
		}
		return 1
	})
}

// leaveGate is for those that verified or ended.
func (h *Host) leaveGate(c *conn) {
	h.gateMu.Lock()
	defer h.gateMu.Unlock()
	delete(h.gate, c)
}
