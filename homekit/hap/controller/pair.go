package controller

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"github.com/latchkeyd/latchkey/homekit/hap/frame"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// TLV types (R2 table 5-6).
const (
	tlvMethod      = 0x00
	tlvIdentifier  = 0x01
	tlvSalt        = 0x02
	tlvPublicKey   = 0x03
	tlvProof       = 0x04
	tlvEncrypted   = 0x05
	tlvState       = 0x06
	tlvError       = 0x07
	tlvSignature   = 0x0a
	tlvPermissions = 0x0b
	tlvSeparator   = 0xff
)

const typeTLV = "application/pairing+tlv8"

// Exchange sends one pairing message and returns the answer's items. An
// error item comes back as PairingError.
func (c *Conn) Exchange(ctx context.Context, target string, body []byte) (tlv8.Items, error) {
	return c.exchange(ctx, target, body, nil)
}

func (c *Conn) exchange(ctx context.Context, target string, body []byte, upgrade func(*Response) error) (tlv8.Items, error) {
	r, err := c.do(ctx, [][]byte{appendRequest(nil, "POST", target, typeTLV, body)}, upgrade)
	if err != nil {
		return nil, err
	}
	if r.Code != 200 {
		return nil, &HTTPError{r.Code, string(r.Body)}
	}
	return items(r.Body)
}

func items(body []byte) (tlv8.Items, error) {
	is, err := tlv8.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if code, ok := is.Byte(tlvError); ok {
		return is, PairingError(code)
	}
	return is, nil
}

func need(is tlv8.Items, types ...byte) ([][]byte, error) {
	out := make([][]byte, len(types))
	for i, t := range types {
		v, ok := is.Get(t)
		if !ok {
			return nil, fmt.Errorf("%w: item %d is missing", ErrProtocol, t)
		}
		out[i] = v
	}
	return out, nil
}

// PairSetup runs M1–M6.
func (c *Conn) PairSetup(ctx context.Context, id Identity, code string) (*Pairing, error) {
	s := c.Setup(id)
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	if err := s.Prove(ctx, code); err != nil {
		return nil, err
	}
	return s.Exchange(ctx)
}

// sealExchange makes M5's encrypted part.
func (i Identity) sealExchange(key []byte) ([]byte, error) {
	x, err := frame.Derive(key, "Pair-Setup-Controller-Sign-Salt", "Pair-Setup-Controller-Sign-Info")
	if err != nil {
		return nil, err
	}
	secret := ed25519.NewKeyFromSeed(i.Seed)
	sig := ed25519.Sign(secret, bytes.Join([][]byte{x, []byte(i.ID), i.LTPK()}, nil))
	plain := tlv8.AppendString(nil, tlvIdentifier, i.ID)
	plain = tlv8.Append(plain, tlvPublicKey, i.LTPK())
	plain = tlv8.Append(plain, tlvSignature, sig)
	enc, err := frame.Derive(key, "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	if err != nil {
		return nil, err
	}
	return frame.SealMessage(enc, "PS-Msg05", plain)
}

// openExchange reads M6's encrypted part.
func (i Identity) openExchange(key, sealed []byte) (*Pairing, error) {
	enc, err := frame.Derive(key, "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	if err != nil {
		return nil, err
	}
	plain, err := frame.OpenMessage(enc, "PS-Msg06", sealed)
	if err != nil {
		return nil, err
	}
	is, err := items(plain)
	if err != nil {
		return nil, err
	}
	v, err := need(is, tlvIdentifier, tlvPublicKey, tlvSignature)
	if err != nil {
		return nil, err
	}
	x, err := frame.Derive(key, "Pair-Setup-Accessory-Sign-Salt", "Pair-Setup-Accessory-Sign-Info")
	if err != nil {
		return nil, err
	}
	if len(v[1]) != ed25519.PublicKeySize || !ed25519.Verify(v[1], bytes.Join([][]byte{x, v[0], v[1]}, nil), v[2]) {
		return nil, fmt.Errorf("%w: the accessory's signature is wrong", ErrProtocol)
	}
	return &Pairing{Controller: i, AccessoryID: string(v[0]), AccessoryLTPK: bytes.Clone(v[1])}, nil
}

// Verify runs pair-verify; the connection is encrypted afterwards.
func (c *Conn) Verify(ctx context.Context, p *Pairing) error {
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	m1 := tlv8.Append(tlv8.AppendByte(nil, tlvState, 1), tlvPublicKey, own.PublicKey().Bytes())
	m2, err := c.Exchange(ctx, "/pair-verify", m1)
	if err != nil {
		return err
	}
	v, err := need(m2, tlvPublicKey, tlvEncrypted)
	if err != nil {
		return err
	}
	peer, err := ecdh.X25519().NewPublicKey(v[0])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	shared, err := own.ECDH(peer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	sealed, err := p.verifyExchange(shared, own.PublicKey().Bytes(), v[0], v[1])
	if err != nil {
		return err
	}
	opener, sealer, err := keys(shared)
	if err != nil {
		return err
	}
	m3 := tlv8.Append(tlv8.AppendByte(nil, tlvState, 3), tlvEncrypted, sealed)
	_, err = c.exchange(ctx, "/pair-verify", m3, func(r *Response) error {
		if _, err := items(r.Body); r.Code != 200 || err != nil {
			return err
		}
		c.keyMu.Lock()
		defer c.keyMu.Unlock()
		c.opener, c.sealer = opener, sealer
		return nil
	})
	return err
}

func keys(shared []byte) (*frame.Opener, *frame.Sealer, error) {
	toAccessory, toController, err := frame.Keys(shared)
	if err != nil {
		return nil, nil, err
	}
	opener, err := frame.NewOpener(toController)
	if err != nil {
		return nil, nil, err
	}
	sealer, err := frame.NewSealer(toAccessory)
	return opener, sealer, err
}

// verifyExchange checks M2's encrypted part and makes M3's.
func (p *Pairing) verifyExchange(shared, own, peer, sealed []byte) ([]byte, error) {
	enc, err := frame.Derive(shared, "Pair-Verify-Encrypt-Salt", "Pair-Verify-Encrypt-Info")
	if err != nil {
		return nil, err
	}
	plain, err := frame.OpenMessage(enc, "PV-Msg02", sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	is, err := items(plain)
	if err != nil {
		return nil, err
	}
	v, err := need(is, tlvIdentifier, tlvSignature)
	if err != nil {
		return nil, err
	}
	if string(v[0]) != p.AccessoryID || !ed25519.Verify(p.AccessoryLTPK, bytes.Join([][]byte{peer, v[0], own}, nil), v[1]) {
		return nil, fmt.Errorf("%w: this is another accessory", ErrProtocol)
	}
	secret := ed25519.NewKeyFromSeed(p.Controller.Seed)
	sub := tlv8.AppendString(nil, tlvIdentifier, p.Controller.ID)
	sub = tlv8.Append(sub, tlvSignature, ed25519.Sign(secret, bytes.Join([][]byte{own, []byte(p.Controller.ID), peer}, nil)))
	return frame.SealMessage(enc, "PV-Msg03", sub)
}

// AddPairing adds or changes a controller; admins only.
func (c *Conn) AddPairing(ctx context.Context, id string, ltpk []byte, admin bool) error {
	var permissions byte
	if admin {
		permissions = 1
	}
	b := tlv8.AppendString([]byte{tlvState, 1, 1, tlvMethod, 1, 3}, tlvIdentifier, id)
	b = tlv8.AppendByte(tlv8.Append(b, tlvPublicKey, ltpk), tlvPermissions, permissions)
	_, err := c.Exchange(ctx, "/pairings", b)
	return err
}

// RemovePairing removes a controller; admins only.
func (c *Conn) RemovePairing(ctx context.Context, id string) error {
	_, err := c.Exchange(ctx, "/pairings", tlv8.AppendString([]byte{tlvState, 1, 1, tlvMethod, 1, 4}, tlvIdentifier, id))
	return err
}

// PairingEntry is one line of ListPairings.
type PairingEntry struct {
	ID    string
	LTPK  []byte
	Admin bool
}

// ListPairings lists the controllers; admins only.
func (c *Conn) ListPairings(ctx context.Context) ([]PairingEntry, error) {
	is, err := c.Exchange(ctx, "/pairings", []byte{tlvState, 1, 1, tlvMethod, 1, 5})
	if err != nil {
		return nil, err
	}
	var out []PairingEntry
	for _, it := range is {
		switch it.Type {
		case tlvIdentifier:
			out = append(out, PairingEntry{ID: string(it.Value)})
		case tlvPublicKey, tlvPermissions:
			if len(out) == 0 {
				return nil, fmt.Errorf("%w: list begins with item %d", ErrProtocol, it.Type)
			}
			if it.Type == tlvPublicKey {
				out[len(out)-1].LTPK = bytes.Clone(it.Value)
			} else {
				out[len(out)-1].Admin = len(it.Value) == 1 && it.Value[0] == 1
			}
		case tlvState, tlvSeparator:
		}
	}
	return out, nil
}
