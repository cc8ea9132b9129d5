package hap

import (
	"fmt"
	"slices"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
)

// SetupCode returns "XXX-XX-XXX".
func (s *Server) SetupCode() string { return s.ident.Code }

// SetupID returns the four characters of the setup identifier.
func (s *Server) SetupID() string { return s.ident.SetupID }

// SetupURI returns the X-HM:// text of the QR code.
func (s *Server) SetupURI() string {
	return setupURI(s.ident.Code, s.ident.SetupID, s.cfg.Category)
}

// ID returns the device identifier "AA:BB:CC:DD:EE:FF".
func (s *Server) ID() string { return s.ident.ID }

// Port returns the TCP port in use.
func (s *Server) Port() int { return s.port }

// Name returns the name it is advertised under, unless another machine has it.
func (s *Server) Name() string { return s.cfg.Name }

// Paired reports whether a controller is paired.
func (s *Server) Paired() bool { return len(*s.pairings.Load()) > 0 }

// Pairings lists the controllers by their identifiers.
func (s *Server) Pairings() []Pairing {
	set := s.pairings.Load().sorted()
	out := make([]Pairing, len(set))
	for i, k := range set {
		out[i] = Pairing{Controller: k.ID, Admin: k.Admin}
	}
	return out
}

// Unpair removes all pairings, closes all sessions and allows as many new
// tries at the setup code as at first.
func (s *Server) Unpair() error {
	s.pairMu.Lock()
	err := s.rec.put("tries", 0)
	if err == nil {
		s.tries, s.triesTold = 0, false
		err = s.rec.putPairings(nil)
	}
	if err == nil {
		s.pairings.Store(&pairingSet{})
	}
	s.pairMu.Unlock()
	if err != nil {
		return err
	}
	s.hangUp(func(c *conn) bool { return c.controller.Load() != nil })
	s.changed()
	s.publish()
	return nil
}

// OnIdentify sets what happens when a controller asks the accessory to show
// itself: POST /identify (aid 1) or a write to an Identify characteristic
// that has no handler.
func (s *Server) OnIdentify(f func(aid uint64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identify = f
}

// OnPairingChange sets what is called after a pairing was added, changed or
// removed. It must neither block nor close the server: the connection waits
// for it.
func (s *Server) OnPairingChange(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPairing = f
}

// OnRead sets the handler of reads; nil takes it away. It may be called
// before the characteristic's accessory is added. Events carry the stored
// value, not the handler's.
func (s *Server) OnRead(c *characteristic.C, f ReadFunc) {
	a := s.attr(c)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read = f
}

// OnWrite sets the handler of writes; nil takes it away. Without a handler
// what is written is stored.
func (s *Server) OnWrite(c *characteristic.C, f WriteFunc) {
	a := s.attr(c)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.write = f
}

// AdminOnly keeps a characteristic from controllers without the admin
// permission.
func (s *Server) AdminOnly(c *characteristic.C) {
	a := s.attr(c)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.admin = true
}

// Set stores a value and tells the subscribed controllers if it changed. It
// does not block. The value is of the format's Go type (WriteFunc), or any
// other integer type that fits; nil is the value of a stateless switch.
func (s *Server) Set(c *characteristic.C, value any) error {
	a := s.known(c)
	if a == nil || !a.isAdded() {
		return fmt.Errorf("hap: characteristic %s (iid %d) is not of %s", c.Type, c.Id, s.cfg.Key)
	}
	v, err := a.limits.accept(value)
	if err != nil {
		return fmt.Errorf("hap: set %d.%d: %w", a.id.aid, a.id.iid, err)
	}
	a.store(v, nil)
	return nil
}

// Get returns the stored value, nil for a characteristic of another server.
func (s *Server) Get(c *characteristic.C) any {
	a := s.known(c)
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.val
}

func (a *attribute) isAdded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.added
}

// AddAccessory adds an accessory while the server runs (R2 2.5.3, bridges).
// No connection is touched; c# rises.
func (s *Server) AddAccessory(a *accessory.A) error {
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	as := append(slices.Clone(s.db.Load().accessories), a)
	if err := s.replace(as); err != nil {
		if !slices.Contains(s.db.Load().accessories, a) {
			s.drop(a, false)
		}
		return err
	}
	return nil
}

// RemoveAccessory takes an accessory out, with its handlers. No connection is
// touched; c# rises.
func (s *Server) RemoveAccessory(aid uint64) error {
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	old := s.db.Load().accessories
	i := slices.IndexFunc(old, func(a *accessory.A) bool { return a.Id == aid })
	if i < 0 {
		return fmt.Errorf("hap: %s has no accessory %d", s.cfg.Key, aid)
	}
	if err := s.replace(slices.Delete(slices.Clone(old), i, i+1)); err != nil {
		return err
	}
	s.drop(old[i], true)
	return nil
}

// replace changes the database, durably before anybody sees it.
func (s *Server) replace(as []*accessory.A) error {
	db, err := newDatabase(as, s.attr)
	if err != nil {
		return err
	}
	if err := s.bump(db); err != nil {
		return err
	}
	s.db.Store(db)
	s.publish()
	return nil
}

// drop forgets the attributes of an accessory; its handlers too if it was in.
func (s *Server) drop(a *accessory.A, handlers bool) {
	for _, sv := range a.Ss {
		for _, c := range sv.Cs {
			at := s.known(c)
			if at == nil {
				continue
			}
			at.mu.Lock()
			at.added = false
			subs := at.subs
			at.subs = nil
			at.mu.Unlock()
			for conn := range subs {
				conn.subscribe(at, false)
			}
			if handlers {
				s.mu.Lock()
				delete(s.attrs, c)
				s.mu.Unlock()
			}
		}
	}
}

// Stats counts this server.
func (s *Server) Stats() Stats {
	st := Stats{Servers: 1, Pairings: len(*s.pairings.Load()), PairFailures: s.failures.Load()}
	if s.host.adv.Seen(s.cfg.Key) {
		st.Advertised = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Connections = len(s.conns)
	for c := range s.conns {
		if c.controller.Load() != nil {
			st.Sessions++
		}
	}
	return st
}
