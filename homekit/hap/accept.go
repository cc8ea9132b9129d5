package hap

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// accept takes connections until the server ends.
func (s *Server) accept() {
	pause := 5 * time.Millisecond
	for {
		nc, err := s.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no descriptors left, most likely
			s.log.Warn("hap: accept failed, trying again", "error", err, "pause", pause)
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		if !s.host.welcome(nc) {
			nc.Close()
			continue
		}
		s.join(nc)
	}
}

// welcome reports whether the connection came in by an interface that serves.
func (h *Host) welcome(nc net.Conn) bool {
	local, ok := nc.LocalAddr().(*net.TCPAddr)
	if len(h.cfg.Interfaces) == 0 || !ok || local.IP.IsLoopback() {
		return true
	}
	at, _ := netip.AddrFromSlice(local.IP)
	for _, name := range h.cfg.Interfaces {
		ifc, err := net.InterfaceByName(name)
		if err != nil {
			continue
		}
		addrs, err := ifc.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				if ip, _ := netip.AddrFromSlice(n.IP); ip.Unmap() == at.Unmap() {
					return true
				}
			}
		}
	}
	return false
}

// join serves a connection.
func (s *Server) join(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		c.hangUp()
		return
	}
	s.conns[c] = struct{}{}
	s.tasks.Add(1)
	s.mu.Unlock()
	s.host.enter(c)
	go func() {
		defer s.tasks.Done()
		c.serve()
	}()
	if wait := s.host.makeRoom(c, false); wait > 0 { // the others wait in the listener's queue
		select {
		case <-s.ctx.Done():
		case <-time.After(wait):
		}
		s.host.makeRoom(c, true)
	}
}

// leave forgets a connection that ended.
func (s *Server) leave(c *conn) {
	s.host.leaveGate(c)
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if !c.pairing.Load() {
		return
	}
	s.pairMu.Lock()
	defer s.pairMu.Unlock()
	if s.setup == c {
		s.setup = nil
	}
}

// promote makes a connection a session of that controller. It reports false
// if the controller was removed meanwhile.
func (s *Server) promote(c *conn, controller string) bool {
	c.controller.Store(&controller)
	if (*s.pairings.Load())[controller] == nil { // after Store: a removal sees one or the other
		c.controller.Store(nil)
		return false
	}
	s.host.leaveGate(c)
	s.makeRoom(c)
	return true
}

// makeRoom hangs up on the longest silent session of whichever controller has
// the most, if there are too many.
func (s *Server) makeRoom(newest *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := make(map[string]int)
	total := 0
	for c := range s.conns {
		if id := c.controller.Load(); id != nil && c.ctx.Err() == nil {
			held[*id]++
			total++
		}
	}
	if total <= s.host.limits.Sessions {
		return
	}
	var victim *conn
	for c := range s.conns {
		id := c.controller.Load()
		if id == nil || c == newest || c.ctx.Err() != nil { // hung up on already
			continue
		}
		if victim == nil {
			victim = c
			continue
		}
		most := held[*victim.controller.Load()]
		if n := held[*id]; n > most || n == most && c.active.Load() < victim.active.Load() {
			victim = c
		}
	}
	if victim != nil {
		victim.hangUp()
	}
}
