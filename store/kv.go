package store

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"
)

// KV keeps another package's records under a name of its own, sealed and durable like everything else.
type KV struct {
	s      *Store
	bucket []byte
}

// valueLimit bounds one value.
const valueLimit = 4 << 20

// KV gives the records of a namespace; it is made with the first Put.
func (s *Store) KV(namespace string) *KV { return &KV{s, kvBucket(namespace)} }

func kvBucket(namespace string) []byte { return []byte("kv/" + namespace) }

// Keys lists the keys, also of values that cannot be read.
func (k *KV) Keys() (keys []string, err error) {
	if err = k.s.view(func(tx *bbolt.Tx) error { return eachKey(tx, k.bucket, &keys) }); err != nil {
		return nil, fmt.Errorf("store: read %s: %w", k.bucket, err)
	}
	return keys, nil
}

// Get gives a value, or false. A value that cannot be read is set aside and reported as an error once.
func (k *KV) Get(key string) ([]byte, bool, error) {
	var out []byte
	var bad []damage
	err := k.s.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(k.bucket)
		if b == nil {
			return nil
		}
		v := b.Get([]byte(key))
		if v == nil {
			return nil
		}
		plain, err := k.s.seal.open(k.bucket, []byte(key), v)
		if err != nil {
			bad = append(bad, damage{k.bucket, []byte(key), bytes.Clone(v), err})
			return err
		}
		if out = plain; out == nil {
			out = []byte{}
		}
		return nil
	})
	k.s.quarantine(bad)
	if err != nil {
		return nil, false, fmt.Errorf("store: read %s/%s: %w", k.bucket, key, err)
	}
	return out, out != nil, nil
}

// Put makes a value durable.
func (k *KV) Put(key string, value []byte) error {
	if key == "" || len(value) > valueLimit {
		return fmt.Errorf("store: write %s/%s: a key is needed, and a value has at most %d bytes", k.bucket, key, valueLimit)
	}
	err := k.s.update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(k.bucket)
		if err != nil {
			return err
		}
		return b.Put([]byte(key), k.s.seal.seal(k.bucket, []byte(key), value))
	})
	if err != nil {
		return fmt.Errorf("store: write %s/%s: %w", k.bucket, key, err)
	}
	return nil
}

// Delete removes a value; one that is not there is no error.
func (k *KV) Delete(key string) error {
	if key == "" {
		return nil
	}
	err := k.s.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(k.bucket)
		if b == nil {
			return nil
		}
		return b.Delete([]byte(key))
	})
	if err != nil {
		return fmt.Errorf("store: delete %s/%s: %w", k.bucket, key, err)
	}
	return nil
}

// Each calls f with every value in the order of the keys, outside any transaction, so that f may write. Values that cannot be read are set aside and left
// out. The first error of f ends it.
func (k *KV) Each(f func(key string, value []byte) error) error {
	type pair struct {
		key   string
		value []byte
	}
	var all []pair
	var bad []damage
	err := k.s.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(k.bucket)
		if b == nil {
			return nil
		}
		return b.ForEach(func(key, v []byte) error {
			plain, err := k.s.seal.open(k.bucket, key, v)
			if err != nil {
				bad = append(bad, damage{k.bucket, bytes.Clone(key), bytes.Clone(v), err})
				return nil
			}
			all = append(all, pair{string(key), plain})
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("store: read %s: %w", k.bucket, err)
	}
	k.s.quarantine(bad)
	for _, p := range all {
		if err := f(p.key, p.value); err != nil {
			return err
		}
	}
	return nil
}
