package store

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// recordVersion stands in front of each sealed record, and in its associated data.
const recordVersion = 1

// sealLimit bounds a record that is opened; bbolt's pages end far above.
const sealLimit = 16 << 20

var (
	errRecord  = errors.New("the record cannot be opened: it is damaged, or was moved from another place")
	errVersion = errors.New("the record is of a later format")
)

// sealer seals records. A record opens only in the bucket and under the key where it was put, and in its format.
type sealer struct{ aead cipher.AEAD }

func newSealer(k Key) (sealer, error) {
	a, err := chacha20poly1305.NewX(k.b[:])
	if err != nil {
		return sealer{}, fmt.Errorf("store: %w", err)
	}
	return sealer{a}, nil
}

// ad binds a record to its place. Lengths stand in it, so that no other place gives the same bytes.
func ad(bucket, key []byte) []byte {
	out := make([]byte, 0, 3+len(bucket)+len(key))
	out = append(out, recordVersion, byte(len(bucket)>>8), byte(len(bucket)))
	out = append(out, bucket...)
	return append(out, key...)
}

// seal gives version, nonce (192 bits, random: no two records of a home ever share one), ciphertext.
func (s sealer) seal(bucket, key, plain []byte) []byte {
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, 1+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	out[0] = recordVersion
	if _, err := rand.Read(out[1:]); err != nil {
		panic(err) // cannot happen: crypto/rand.Read never returns an error
	}
	return s.aead.Seal(out, out[1:], plain, ad(bucket, key))
}

func (s sealer) open(bucket, key, sealed []byte) ([]byte, error) {
	if len(sealed) < 1+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead || len(sealed) > sealLimit {
		return nil, errRecord
	}
	if sealed[0] > recordVersion {
		return nil, errVersion
	}
	if sealed[0] != recordVersion {
		return nil, errRecord
	}
	nonce, ct := sealed[1:1+chacha20poly1305.NonceSizeX], sealed[1+chacha20poly1305.NonceSizeX:]
	plain, err := s.aead.Open(nil, nonce, ct, ad(bucket, key))
	if err != nil {
		return nil, errRecord
	}
	return plain, nil
}
