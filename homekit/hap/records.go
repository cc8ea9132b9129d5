package hap

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// identity is written once, when a server is first opened. The port is the
// one used last; controllers keep addresses.
type identity struct {
	Version int          `json:"v"`
	ID      string       `json:"id"`   // device identifier
	Seed    []byte       `json:"seed"` // of the long-term Ed25519 key
	Code    string       `json:"code"`
	SetupID string       `json:"setup_id"`
	Port    int          `json:"port"`
	Config  configRecord `json:"config"` // the first; later ones have their own record
}

// configRecord is c# with the hash of the database it stands for.
type configRecord struct {
	Number int    `json:"number"` // 1..65535
	Hash   string `json:"hash"`
}

// controllerKey is one pairing.
type controllerKey struct {
	ID    string `json:"id"`
	LTPK  []byte `json:"ltpk"`
	Admin bool   `json:"admin"`
}

// pairingSet is immutable; a change makes a new one.
type pairingSet map[string]*controllerKey

func (p pairingSet) admins() int {
	n := 0
	for _, k := range p {
		if k.Admin {
			n++
		}
	}
	return n
}

func (p pairingSet) sorted() []*controllerKey {
	return slices.SortedFunc(maps.Values(p), func(a, b *controllerKey) int { return strings.Compare(a.ID, b.ID) })
}

// records are a server's entries in its KV.
type records struct {
	kv  KV
	key string
}

var recordNames = []string{"identity", "config", "pairings", "tries"}

func (r records) get(name string, v any) (bool, error) {
	b, ok, err := r.kv.Get(r.key + "/" + name)
	if err != nil {
		return false, fmt.Errorf("hap: read %s of %s: %w", name, r.key, err)
	}
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		// The error of encoding/json would quote the record, which is secret.
		return false, fmt.Errorf("hap: %s of %s is damaged; restore it from a backup, or forget the accessory and pair it anew", name, r.key)
	}
	return true, nil
}

func (r records) put(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("hap: encode %s of %s: %w", name, r.key, err)
	}
	if err := r.kv.Put(r.key+"/"+name, b); err != nil {
		return fmt.Errorf("hap: keep %s of %s: %w", name, r.key, err)
	}
	return nil
}

func (r records) forget() error {
	// The identity goes last: a half forgotten server is still itself.
	for _, name := range slices.Backward(recordNames) {
		if err := r.kv.Delete(r.key + "/" + name); err != nil {
			return fmt.Errorf("hap: forget %s of %s: %w", name, r.key, err)
		}
	}
	return nil
}

// identity loads the server's identity; found is false if it has none yet.
func (r records) identity() (id identity, found bool, err error) {
	found, err = r.get("identity", &id)
	if err != nil || !found {
		return id, false, err
	}
	if id.Version != 1 {
		return id, false, fmt.Errorf("hap: identity of %s has version %d, this program knows 1", r.key, id.Version)
	}
	if len(id.Seed) != ed25519.SeedSize || len(id.ID) != 17 || !validCode(id.Code) || len(id.SetupID) != 4 {
		return id, false, fmt.Errorf("hap: identity of %s is damaged; restore it from a backup, or forget the accessory and pair it anew", r.key)
	}
	return id, true, nil
}

// newIdentity draws one.
func newIdentity() identity {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	var mac [6]byte
	rand.Read(mac[:])
	parts := make([]string, len(mac))
	for i, b := range mac {
		parts[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return identity{Version: 1, ID: strings.Join(parts, ":"), Seed: seed, Code: newCode(), SetupID: newSetupID()}
}

func (r records) config(id identity) (configRecord, error) {
	var c configRecord
	found, err := r.get("config", &c)
	if err != nil {
		return c, err
	}
	if !found {
		c = id.Config
	}
	if c.Number < 1 || c.Number > 65535 {
		return c, fmt.Errorf("hap: configuration number of %s is %d, outside 1 to 65535", r.key, c.Number)
	}
	return c, nil
}

func (r records) pairings() (pairingSet, error) {
	var list []*controllerKey
	if _, err := r.get("pairings", &list); err != nil {
		return nil, err
	}
	set := make(pairingSet, len(list))
	for _, k := range list {
		if k == nil || len(k.LTPK) != ed25519.PublicKeySize || k.ID == "" {
			return nil, fmt.Errorf("hap: pairings of %s are damaged; restore them from a backup, or unpair the accessory", r.key)
		}
		set[k.ID] = k
	}
	return set, nil
}

func (r records) putPairings(p pairingSet) error { return r.put("pairings", p.sorted()) }

func (r records) tries() (int, error) {
	var n int
	_, err := r.get("tries", &n)
	return n, err
}
