package hap

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"

	"github.com/latchkeyd/latchkey/homekit/hap/frame"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// Pair-verify (R2 4.8): M1 start, M2 key and signature, M3 signature, M4.
// M4 is the last message in clear.

// verifyExchange is what M2 leaves for M3.
type verifyExchange struct {
	own, peer []byte // public keys
	shared    []byte
	key       []byte // of the messages' encryption
}

// handlePairVerify answers POST /pair-verify.
func (c *conn) handlePairVerify(body []byte) error {
	if c.opener != nil {
		return c.respond(400, "", nil)
	}
	items, err := tlv8.Parse(body)
	state, ok := items.Byte(tlvState)
	x := c.verify
	c.verify = nil
	if err != nil || !ok || !items.Unique() {
		return c.respond(400, "", nil)
	}
	switch {
	case state == 1:
		return c.verifyStart(items)
	case state == 3 && x != nil:
		return c.verifyFinish(x, items)
	}
	return c.respond(400, "", nil)
}

// verifyStart is M1 → M2.
func (c *conn) verifyStart(items tlv8.Items) error {
	theirs, _ := items.Get(tlvPublicKey)
	peer, err := ecdh.X25519().NewPublicKey(theirs)
	if err != nil {
		return c.respond(400, "", nil)
	}
	x, out, err := c.s.verifyAnswer(peer)
	if err != nil { // a point of low order
		return c.tlvError(2, codeAuthentication)
	}
	c.verify = x
	return c.respond(200, typeTLV, out)
}

func (s *Server) verifyAnswer(peer *ecdh.PublicKey) (*verifyExchange, []byte, error) {
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	x := &verifyExchange{own: own.PublicKey().Bytes(), peer: peer.Bytes()}
	if x.shared, err = own.ECDH(peer); err != nil {
		return nil, nil, err
	}
	if x.key, err = frame.Derive(x.shared, "Pair-Verify-Encrypt-Salt", "Pair-Verify-Encrypt-Info"); err != nil {
		return nil, nil, err
	}
	sub := tlv8.AppendString(nil, tlvIdentifier, s.ident.ID)
	sub = tlv8.Append(sub, tlvSignature, ed25519.Sign(s.secret, concat(x.own, []byte(s.ident.ID), x.peer)))
	sealed, err := frame.SealMessage(x.key, "PV-Msg02", sub)
	if err != nil {
		return nil, nil, err
	}
	out := tlv8.Append(tlv8.AppendByte(nil, tlvState, 2), tlvPublicKey, x.own)
	return x, tlv8.Append(out, tlvEncrypted, sealed), nil
}

// verifyFinish is M3 → M4 and the change to encryption.
func (c *conn) verifyFinish(x *verifyExchange, items tlv8.Items) error {
	sealed, ok := items.Get(tlvEncrypted)
	if !ok {
		return c.respond(400, "", nil)
	}
	controller, ok := c.s.verifyPeer(x, sealed)
	if !ok {
		c.s.failures.Add(1)
		c.s.log.Info("hap: verification refused", "from", c.addr)
		return c.tlvError(4, codeAuthentication)
	}
	toAccessory, toController, err := frame.Keys(x.shared)
	if err != nil {
		return err
	}
	opener, err := frame.NewOpener(toAccessory)
	if err != nil {
		return err
	}
	sealer, err := frame.NewSealer(toController)
	if err != nil {
		return err
	}
	c.endSetup()
	if !c.s.promote(c, controller) {
		return c.tlvError(4, codeAuthentication)
	}
	if err := c.respond(200, typeTLV, tlv8.AppendByte(nil, tlvState, 4)); err != nil {
		return err
	}
	c.upgrade(opener, sealer)
	return nil
}

// verifyPeer reads M3's encrypted part and names the controller it proves.
func (s *Server) verifyPeer(x *verifyExchange, sealed []byte) (string, bool) {
	plain, err := frame.OpenMessage(x.key, "PV-Msg03", sealed)
	if err != nil {
		return "", false
	}
	items, err := tlv8.Parse(plain)
	if err != nil || !items.Unique() {
		return "", false
	}
	name, _ := items.Get(tlvIdentifier)
	sig, _ := items.Get(tlvSignature)
	k := (*s.pairings.Load())[string(name)]
	if k == nil || !ed25519.Verify(k.LTPK, concat(x.peer, name, x.own), sig) {
		return "", false
	}
	return k.ID, true
}
