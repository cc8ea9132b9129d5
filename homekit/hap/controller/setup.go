package controller

import (
	"context"
	"fmt"

	"github.com/latchkeyd/latchkey/homekit/hap/srp"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// Setup is pair-setup step by step: Start, Prove, Exchange, each once.
type Setup struct {
	c    *Conn
	id   Identity
	salt []byte // of M2
	peer []byte // likewise: the accessory's public key
	key  []byte // session key, after M4
}

// Setup begins nothing yet.
func (c *Conn) Setup(id Identity) *Setup { return &Setup{c: c, id: id} }

// Start is M1 and M2.
func (s *Setup) Start(ctx context.Context) error {
	m2, err := s.c.Exchange(ctx, "/pair-setup", []byte{tlvMethod, 1, 0, tlvState, 1, 1})
	if err != nil {
		return err
	}
	v, err := need(m2, tlvSalt, tlvPublicKey)
	if err != nil {
		return err
	}
	s.salt, s.peer = v[0], v[1]
	return nil
}

// Prove is M3 and M4, with the setup code "XXX-XX-XXX".
func (s *Setup) Prove(ctx context.Context, code string) error {
	client := srp.NewClient(code)
	proof, err := client.Proof(s.salt, s.peer)
	if err != nil {
		return err
	}
	m3 := tlv8.Append(tlv8.AppendByte(nil, tlvState, 3), tlvPublicKey, client.PublicKey())
	m4, err := s.c.Exchange(ctx, "/pair-setup", tlv8.Append(m3, tlvProof, proof))
	if err != nil {
		return err
	}
	v, err := need(m4, tlvProof)
	if err != nil {
		return err
	}
	s.key, err = client.Check(v[0])
	return err
}

// Exchange is M5 and M6. The pairing has no address.
func (s *Setup) Exchange(ctx context.Context) (*Pairing, error) {
	if s.key == nil {
		return nil, fmt.Errorf("%w: M5 before M4", ErrProtocol)
	}
	sealed, err := s.id.sealExchange(s.key)
	if err != nil {
		return nil, err
	}
	m6, err := s.c.Exchange(ctx, "/pair-setup", tlv8.Append(tlv8.AppendByte(nil, tlvState, 5), tlvEncrypted, sealed))
	if err != nil {
		return nil, err
	}
	v, err := need(m6, tlvEncrypted)
	if err != nil {
		return nil, err
	}
	return s.id.openExchange(s.key, v[0])
}
