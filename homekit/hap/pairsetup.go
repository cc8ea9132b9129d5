package hap

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap/frame"
	"github.com/latchkeyd/latchkey/homekit/hap/srp"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// Pair-setup (R2 4.7): M1 start, M2 salt and key, M3 proof, M4 proof, M5
// exchange, M6 exchange. A message in any other order is a bad request and
// ends the exchange.

// setupExchange is one connection's pair-setup. Its fields say how far it
// got: srp after M2, key after M4.
type setupExchange struct {
	srp *srp.Server
	key []byte // session key, proven by both sides
}

// handlePairSetup answers POST /pair-setup.
func (c *conn) handlePairSetup(body []byte) error {
	if c.opener != nil {
		return c.respond(400, "", nil)
	}
	items, err := tlv8.Parse(body)
	state, ok := items.Byte(tlvState)
	if err != nil || !ok || !items.Unique() {
		return c.failSetup()
	}
	switch state {
	case 1:
		return c.setupStart(items)
	case 3:
		return c.setupProof(items)
	case 5:
		return c.setupExchange(items)
	}
	return c.failSetup()
}

// failSetup refuses a message that has no place here.
func (c *conn) failSetup() error {
	c.endSetup()
	return c.respond(400, "", nil)
}

// endSetup forgets the exchange.
func (c *conn) endSetup() {
	c.setup = nil
	if !c.pairing.Load() {
		return
	}
	c.s.pairMu.Lock()
	defer c.s.pairMu.Unlock()
	if c.s.setup == c {
		c.s.setup = nil
	}
	c.pairing.Store(false)
}

func (c *conn) tlvError(state, code byte) error {
	return c.respond(200, typeTLV, tlv8.AppendByte(tlv8.AppendByte(nil, tlvState, state), tlvError, code))
}

// setupError answers with an error, which ends the exchange.
func (c *conn) setupError(state, code byte) error {
	c.endSetup()
	return c.tlvError(state, code)
}

// setupStart is M1 → M2. It may begin anew on the same connection.
func (c *conn) setupStart(items tlv8.Items) error {
	method, ok := items.Byte(tlvMethod)
	if !ok {
		return c.failSetup()
	}
	if method > methodSetupAuth { // with authentication is the same where ff=0 says there is none
		return c.setupError(2, codeUnknown)
	}
	s := c.s
	s.pairMu.Lock()
	code := s.setupClaim(c)
	if code != 0 {
		s.pairMu.Unlock()
		return c.setupError(2, code)
	}
	verifier := s.verifier
	s.pairMu.Unlock()

	x := &setupExchange{srp: verifier.NewServer()}
	c.setup = x
	out := tlv8.AppendByte(nil, tlvState, 2)
	out = tlv8.Append(out, tlvSalt, verifier.Salt())
	out = tlv8.Append(out, tlvPublicKey, x.srp.PublicKey())
	return c.respond(200, typeTLV, out)
}

// setupClaim gives the connection the right to pair or says why not. Called
// under pairMu.
func (s *Server) setupClaim(c *conn) (code byte) {
	switch owner := s.setup; {
	case s.Paired():
		return codeUnavailable
	case s.tries >= s.host.limits.Tries:
		if !s.triesTold {
			s.triesTold = true
			s.log.Warn("hap: pairing is refused, there were too many wrong setup codes; unpair the accessory, and it can be paired again", "wrong", s.tries, "from", c.addr)
		}
		return codeMaxTries
	case owner != nil && owner != c && owner.ctx.Err() == nil && time.Since(owner.setupBegan()) < s.host.limits.SetupTime:
		return codeBusy
	}
	if s.verifier == nil {
		s.verifier = srp.NewVerifier(s.ident.Code)
	}
	s.setup = c
	c.setupSince.Store(time.Now().UnixNano())
	c.pairing.Store(true)
	return 0
}

func (c *conn) setupBegan() time.Time { return time.Unix(0, c.setupSince.Load()) }

// owns reports whether the exchange still is this connection's. Called under
// pairMu.
func (s *Server) owns(c *conn) bool { return s.setup == c }

// setupProof is M3 → M4.
func (c *conn) setupProof(items tlv8.Items) error {
	x := c.setup
	key, ok := items.Get(tlvPublicKey)
	proof, ok2 := items.Get(tlvProof)
	if x == nil || x.srp == nil || x.key != nil || !ok || !ok2 {
		return c.failSetup()
	}
	exchange := x.srp
	x.srp = nil // one proof an exchange
	switch ok, err := c.s.countTry(c); {
	case !ok:
		return c.failSetup()
	case err != nil:
		c.s.log.Error("hap: pairing refused, its try could not be counted", "error", err)
		return c.setupError(4, codeUnknown)
	}
	own, session, err := exchange.Check(key, proof)
	if err != nil {
		c.s.failures.Add(1)
		c.s.log.Warn("hap: pairing with a wrong setup code", "from", c.addr, "error", err)
		return c.setupError(4, codeAuthentication)
	}
	if err := c.s.clearTries(); err != nil {
		c.s.log.Error("hap: tries not cleared", "error", err)
	}
	x.key = session
	out := tlv8.AppendByte(nil, tlvState, 4)
	return c.respond(200, typeTLV, tlv8.Append(out, tlvProof, own))
}

// countTry makes the try count, durably, before the proof is looked at. It
// reports false if the exchange is not the connection's any more.
func (s *Server) countTry(c *conn) (bool, error) {
	s.pairMu.Lock()
	defer s.pairMu.Unlock()
	if !s.owns(c) || s.Paired() || s.tries >= s.host.limits.Tries {
		return false, nil
	}
	if err := s.rec.put("tries", s.tries+1); err != nil {
		return true, err
	}
	s.tries++
	return true, nil
}

func (s *Server) clearTries() error {
	s.pairMu.Lock()
	defer s.pairMu.Unlock()
	if err := s.rec.put("tries", 0); err != nil {
		return err
	}
	s.tries = 0
	return nil
}

// setupExchange is M5 → M6.
func (c *conn) setupExchange(items tlv8.Items) error {
	x := c.setup
	sealed, ok := items.Get(tlvEncrypted)
	if x == nil || x.key == nil || !ok {
		return c.failSetup()
	}
	c.setup = nil
	controller, err := openExchange(x.key, sealed)
	if err != nil {
		c.s.failures.Add(1)
		c.s.log.Warn("hap: pairing with a bad key exchange", "from", c.addr, "error", err)
		return c.setupError(6, codeAuthentication)
	}
	out, err := c.s.sealExchange(x.key)
	if err == nil {
		switch ok, perr := c.s.addFirst(c, controller); {
		case perr != nil:
			err = perr
		case !ok:
			return c.failSetup()
		}
	}
	if err != nil {
		c.s.log.Error("hap: pairing not kept", "error", err)
		return c.setupError(6, codeUnknown)
	}
	c.endSetup()
	c.s.log.Info("hap: paired", "controller", controller.ID)
	c.s.changed()
	c.after = c.s.publish
	return c.respond(200, typeTLV, tlv8.Append(tlv8.AppendByte(nil, tlvState, 6), tlvEncrypted, out))
}

var errExchange = errors.New("hap: identifier, key or signature missing or wrong")

// openExchange reads M5's encrypted part.
func openExchange(key, sealed []byte) (*controllerKey, error) {
	enc, err := frame.Derive(key, "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	if err != nil {
		return nil, err
	}
	plain, err := frame.OpenMessage(enc, "PS-Msg05", sealed)
	if err != nil {
		return nil, err
	}
	items, err := tlv8.Parse(plain)
	if err != nil {
		return nil, err
	}
	name, _ := items.Get(tlvIdentifier)
	ltpk, _ := items.Get(tlvPublicKey)
	sig, _ := items.Get(tlvSignature)
	if len(name) == 0 || len(name) > maxIdentifier || len(ltpk) != ed25519.PublicKeySize || !items.Unique() {
		return nil, errExchange
	}
	x, err := frame.Derive(key, "Pair-Setup-Controller-Sign-Salt", "Pair-Setup-Controller-Sign-Info")
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(ltpk, concat(x, name, ltpk), sig) {
		return nil, errExchange
	}
	return &controllerKey{ID: string(name), LTPK: bytes.Clone(ltpk), Admin: true}, nil
}

// sealExchange makes M6's encrypted part.
func (s *Server) sealExchange(key []byte) ([]byte, error) {
	x, err := frame.Derive(key, "Pair-Setup-Accessory-Sign-Salt", "Pair-Setup-Accessory-Sign-Info")
	if err != nil {
		return nil, err
	}
	ltpk := s.secret.Public().(ed25519.PublicKey)
	plain := tlv8.AppendString(nil, tlvIdentifier, s.ident.ID)
	plain = tlv8.Append(plain, tlvPublicKey, ltpk)
	plain = tlv8.Append(plain, tlvSignature, ed25519.Sign(s.secret, concat(x, []byte(s.ident.ID), ltpk)))
	enc, err := frame.Derive(key, "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	if err != nil {
		return nil, err
	}
	return frame.SealMessage(enc, "PS-Msg06", plain)
}

// addFirst keeps the first pairing. It reports false if the exchange is not
// the connection's any more.
func (s *Server) addFirst(c *conn, k *controllerKey) (bool, error) {
	s.pairMu.Lock()
	defer s.pairMu.Unlock()
	if !s.owns(c) || s.Paired() {
		return false, nil
	}
	set := pairingSet{k.ID: k}
	if err := s.rec.putPairings(set); err != nil {
		return true, err
	}
	s.pairings.Store(&set)
	s.setup = nil
	return true, nil
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
