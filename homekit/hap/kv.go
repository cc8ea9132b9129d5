package hap

import (
	"bytes"
	"sync"
)

// KV keeps a server's records: its identity, its pairings, its counters. A
// record is durable when Put returns, and Put is atomic: after a crash Get
// gives the old value or the new one. The records hold private keys and the
// setup code; whoever fulfils KV keeps them secret.
type KV interface {
	Get(key string) (value []byte, found bool, err error)
	Put(key string, value []byte) error
	Delete(key string) error // of a missing key succeeds
}

// Memory returns a KV that lasts as long as the process.
func Memory() KV { return &memory{m: make(map[string][]byte)} }

type memory struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (k *memory) Get(key string) ([]byte, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.m[key]
	return bytes.Clone(v), ok, nil
}

func (k *memory) Put(key string, value []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.m[key] = bytes.Clone(value)
	return nil
}

func (k *memory) Delete(key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.m, key)
	return nil
}
