// Package frame is HomeKit's session security (HAP R2 section 6.5.2): frames
// of up to 1024 octets under ChaCha20-Poly1305, a little-endian length before
// each as additional data, a counter as nonce.
package frame

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	// Max is the most a frame carries.
	Max = 1024
	// Overhead is what a frame adds: length and tag.
	Overhead = 2 + chacha20poly1305.Overhead
)

// Errors end the session.
var (
	ErrTooLong = errors.New("frame: longer than 1024 octets")
	ErrForged  = errors.New("frame: does not decrypt")
)

// Keys derives both directions from pair-verify's shared secret:
// toController is the accessory's writing key.
func Keys(shared []byte) (toAccessory, toController []byte, err error) {
	if toController, err = Derive(shared, "Control-Salt", "Control-Read-Encryption-Key"); err != nil {
		return nil, nil, err
	}
	toAccessory, err = Derive(shared, "Control-Salt", "Control-Write-Encryption-Key")
	return toAccessory, toController, err
}

// Derive is HKDF-SHA-512 to 32 octets, the only form HomeKit uses.
func Derive(secret []byte, salt, info string) ([]byte, error) {
	return hkdf.Key(sha512.New, secret, []byte(salt), info, 32)
}

// direction is one key with its counter.
type direction struct {
	aead  cipher.AEAD
	count uint64
	nonce [chacha20poly1305.NonceSize]byte
}

func (d *direction) next() []byte {
	binary.LittleEndian.PutUint64(d.nonce[4:], d.count)
	d.count++
	return d.nonce[:]
}

// Opener decrypts one direction.
type Opener struct{ d direction }

// NewOpener takes a key of 32 octets.
func NewOpener(key []byte) (*Opener, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return &Opener{direction{aead: aead}}, nil
}

// Open decrypts the first frame of src behind dst and says how many octets
// of src it took: 0 while the frame is incomplete.
func (o *Opener) Open(dst, src []byte) (out []byte, used int, err error) {
	if len(src) < 2 {
		return dst, 0, nil
	}
	n := int(binary.LittleEndian.Uint16(src))
	if n > Max {
		return dst, 0, fmt.Errorf("%w: %d", ErrTooLong, n)
	}
	used = n + Overhead
	if len(src) < used {
		return dst, 0, nil
	}
	out, err = o.d.aead.Open(dst, o.d.next(), src[2:used], src[:2])
	if err != nil {
		return dst, 0, ErrForged
	}
	return out, used, nil
}

// Sealer encrypts the other direction.
type Sealer struct{ d direction }

// NewSealer takes a key of 32 octets.
func NewSealer(key []byte) (*Sealer, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return &Sealer{direction{aead: aead}}, nil
}

// Seal encrypts plain behind dst in as many frames as it needs. plain and
// dst must not overlap.
func (s *Sealer) Seal(dst, plain []byte) []byte {
	for len(plain) > 0 {
		n := min(len(plain), Max)
		at := len(dst)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		dst = s.d.aead.Seal(dst, s.d.next(), plain[:n], dst[at:at+2])
		plain = plain[n:]
	}
	return dst
}

// SealMessage is the one-off encryption of the pairing messages: nonce is
// eight characters such as "PS-Msg05".
func SealMessage(key []byte, nonce string, plain []byte) ([]byte, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	var n [chacha20poly1305.NonceSize]byte
	copy(n[4:], nonce)
	return aead.Seal(nil, n[:], plain, nil), nil
}

// OpenMessage decrypts what SealMessage made.
func OpenMessage(key []byte, nonce string, sealed []byte) ([]byte, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	var n [chacha20poly1305.NonceSize]byte
	copy(n[4:], nonce)
	plain, err := aead.Open(nil, n[:], sealed, nil)
	if err != nil {
		return nil, ErrForged
	}
	return plain, nil
}
