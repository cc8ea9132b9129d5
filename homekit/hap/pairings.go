package hap

import (
	"bytes"
	"crypto/ed25519"
	"maps"

	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// handlePairings answers POST /pairings (R2 4.10–4.12).
func (c *conn) handlePairings(k *controllerKey, body []byte) error {
	items, err := tlv8.Parse(body)
	state, ok := items.Byte(tlvState)
	method, ok2 := items.Byte(tlvMethod)
	if err != nil || !ok || !ok2 || state != 1 || !items.Unique() {
		return c.respond(400, "", nil)
	}
	if method < methodAdd || method > methodList {
		return c.respond(400, "", nil)
	}
	if !k.Admin {
		return c.tlvError(2, codeAuthentication)
	}
	name, _ := items.Get(tlvIdentifier)
	if method != methodList && (len(name) == 0 || len(name) > maxIdentifier) {
		return c.respond(400, "", nil)
	}
	switch method {
	case methodAdd:
		return c.addPairing(string(name), items)
	case methodRemove:
		return c.removePairing(string(name))
	}
	out := tlv8.AppendByte(nil, tlvState, 2)
	for i, p := range c.s.pairings.Load().sorted() {
		if i > 0 {
			out = tlv8.AppendSeparator(out, tlvSeparator)
		}
		out = tlv8.AppendString(out, tlvIdentifier, p.ID)
		out = tlv8.Append(out, tlvPublicKey, p.LTPK)
		var admin byte
		if p.Admin {
			admin = 1
		}
		out = tlv8.AppendByte(out, tlvPermissions, admin)
	}
	return c.respond(200, typeTLV, out)
}

func (c *conn) addPairing(name string, items tlv8.Items) error {
	ltpk, _ := items.Get(tlvPublicKey)
	permissions, ok := items.Byte(tlvPermissions)
	if len(ltpk) != ed25519.PublicKeySize || !ok || permissions > 1 {
		return c.respond(400, "", nil)
	}
	code, err := c.s.add(&controllerKey{ID: name, LTPK: bytes.Clone(ltpk), Admin: permissions == 1})
	if err != nil {
		c.s.log.Error("hap: pairing not kept", "error", err)
		code = codeUnknown
	}
	if code != 0 {
		return c.tlvError(2, code)
	}
	c.s.changed()
	c.after = c.s.publish
	return c.respond(200, typeTLV, tlv8.AppendByte(nil, tlvState, 2))
}

// add keeps a pairing or changes one's permissions.
func (s *Server) add(k *controllerKey) (code byte, err error) {
	s.pairMu.Lock()
	defer s.pairMu.Unlock()
	set := maps.Clone(*s.pairings.Load())
	if old := set[k.ID]; old != nil {
		if !bytes.Equal(old.LTPK, k.LTPK) {
			return codeUnknown, nil
		}
	} else if len(set) >= s.host.limits.Pairings {
		return codeMaxPeers, nil
	}
	set[k.ID] = k
	if set.admins() == 0 { // nobody could add or remove any more
		return codeUnknown, nil
	}
	if err := s.rec.putPairings(set); err != nil {
		return 0, err
	}
	s.pairings.Store(&set)
	return 0, nil
}

func (c *conn) removePairing(name string) error {
	set, err := c.s.remove(name)
	if err != nil {
		c.s.log.Error("hap: removal of a pairing not kept", "error", err)
		return c.tlvError(2, codeUnknown)
	}
	gone := func(o *conn) bool {
		id := o.controller.Load()
		return id != nil && set[*id] == nil
	}
	c.s.hangUp(func(o *conn) bool { return o != c && gone(o) })
	c.closing = gone(c) // its own session, after the answer
	c.s.changed()
	c.after = c.s.publish
	return c.respond(200, typeTLV, tlv8.AppendByte(nil, tlvState, 2))
}

// remove deletes a pairing, with the last administrator all. Removing an
// unknown one succeeds.
func (s *Server) remove(name string) (pairingSet, error) {
	s.pairMu.Lock()
	defer s.pairMu.Unlock()
	set := maps.Clone(*s.pairings.Load())
	if set[name] == nil {
		return set, nil
	}
	delete(set, name)
	if set.admins() == 0 {
		clear(set)
	}
	if err := s.rec.putPairings(set); err != nil {
		return nil, err
	}
	s.pairings.Store(&set)
	return set, nil
}
