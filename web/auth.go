package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/latchkeyd/latchkey/bridge"
)

// Scope is what a token allows. Each scope includes those before it.
type Scope int

// Scopes.
const (
	ScopeNone    Scope = iota // no token needed
	ScopeRead                 // see locks, people and events
	ScopeOperate              // lock and unlock
	ScopeAdmin                // everything
)

var scopeNames = [...]string{"none", "read", "operate", "admin"}

func (s Scope) String() string { return scopeNames[s] }

// ParseScope reads a scope's name.
func ParseScope(s string) (Scope, bool) {
	i := slices.Index(scopeNames[1:], s)
	return Scope(i + 1), i >= 0
}

const (
	passwordKey = "web/password"
	tokensKey   = "web/tokens"
	maxTokens   = 64

	minPassword = 8
	maxPassword = 256
)

// argon2id with RFC 9106's second recommended option, halved in memory because the daemon lives in 192 MB and checks one password at a time.
const (
	argonTime, argonMemory, argonThreads, argonKey = 3, 32 << 10, 1, 32 // memory in KiB
)

type passwordRecord struct {
	Version int    `json:"v"`
	Salt    []byte `json:"salt"`
	Hash    []byte `json:"hash"`
	Time    uint32 `json:"t"`
	Memory  uint32 `json:"m"` // KiB
	Threads uint8  `json:"p"`
}

// Token is one token as it is listed; its secret is known to whoever made it only.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Scope   string    `json:"scope"`
	Created time.Time `json:"created"`
	Hash    string    `json:"hash,omitempty"` // SHA-256 in hex: the secret has 256 random bits, so that nothing slower is needed
}

// keyring checks passwords and tokens.
type keyring struct {
	kv KV

	mu     sync.Mutex // over changes of the records
	slow   sync.Mutex // one argon2 at a time bounds memory
	tries  int        // wrong passwords in a row
	closed time.Time  // until then no password is looked at
}

// HasPassword tells whether one is set.
func (k *keyring) hasPassword() (bool, error) {
	_, found, err := k.kv.Get(passwordKey)
	return found, err
}

// check compares a password. After five wrong ones in a row each further one closes the door for a while, which doubles up to a quarter of an hour.
func (k *keyring) check(password []byte) error {
	raw, found, err := k.kv.Get(passwordKey)
	if err != nil {
		return err
	}
	if !found {
		return problem(http.StatusConflict, "no-password", "No password is set", "This needs the password, and none has been set.", "Set one: latchkey password set.")
	}
	var rec passwordRecord
	if err := json.Unmarshal(raw, &rec); err != nil {
		return fmt.Errorf("web: the password's record is damaged: %w", err)
	}
	k.slow.Lock()
	defer k.slow.Unlock()
	if wait := time.Until(k.closed); wait > 0 {
		return problem(http.StatusTooManyRequests, "too-many-tries", "Too many wrong passwords", "", fmt.Sprintf("Wait %v and try again.", wait.Round(time.Second)))
	}
	got := argon2.IDKey(password, rec.Salt, rec.Time, rec.Memory, rec.Threads, uint32(len(rec.Hash)))
	if len(rec.Hash) == 0 || subtle.ConstantTimeCompare(got, rec.Hash) != 1 {
		k.tries++
		if k.tries >= 5 {
			k.closed = time.Now().Add(min(time.Second<<min(k.tries-5, 10), 15*time.Minute))
		}
		return problem(http.StatusForbidden, "wrong-password", "The password is wrong", "", "Try again; latchkey password set, run where the daemon runs, sets another.")
	}
	k.tries, k.closed = 0, time.Time{}
	return nil
}

// put makes a record durable, or says that it is not.
func (k *keyring) put(key string, value []byte) error {
	if err := k.kv.Put(key, value); err != nil {
		return fmt.Errorf("%w: %w", bridge.ErrStore, err)
	}
	return nil
}

// set makes password the one that is asked for.
func (k *keyring) set(password []byte) error {
	if len(password) < minPassword || len(password) > maxPassword {
		return problem(http.StatusUnprocessableEntity, "password-length", "The password's length does not do", fmt.Sprintf("A password has %d to %d characters.", minPassword, maxPassword), "Choose another.")
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	k.slow.Lock()
	hash := argon2.IDKey(password, salt, argonTime, argonMemory, argonThreads, argonKey)
	k.slow.Unlock()
	raw, err := json.Marshal(passwordRecord{1, salt, hash, argonTime, argonMemory, argonThreads})
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.put(passwordKey, raw)
}

func (k *keyring) tokens() ([]Token, error) {
	raw, found, err := k.kv.Get(tokensKey)
	if err != nil || !found {
		return nil, err
	}
	var list []Token
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("web: the tokens' record is damaged: %w", err)
	}
	return list, nil
}

// tokenPrefix makes a token recognisable to people and to scanners of leaked secrets.
const tokenPrefix = "latchkey_"

func (k *keyring) create(name string, scope Scope) (Token, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := k.tokens()
	if err != nil {
		return Token{}, "", err
	}
	if len(list) >= maxTokens {
		return Token{}, "", problem(http.StatusConflict, "too-many-tokens", "There are too many tokens", "", "Remove one first.")
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	text := tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	sum := sha256.Sum256([]byte(text))
	t := Token{ID: hex.EncodeToString(sum[:4]), Name: name, Scope: scope.String(), Created: time.Now().UTC().Truncate(time.Second), Hash: hex.EncodeToString(sum[:])}
	raw, err := json.Marshal(append(list, t))
	if err != nil {
		return Token{}, "", err
	}
	return t, text, k.put(tokensKey, raw)
}

func (k *keyring) revoke(id string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := k.tokens()
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(list), func(t Token) bool { return t.ID == id })
	if len(rest) == len(list) {
		return problem(http.StatusNotFound, "no-such-token", "No such token", "", "List the tokens to see their ids.")
	}
	raw, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	return k.put(tokensKey, raw)
}

var errNoToken, errBadToken = errors.New("no token"), errors.New("unknown token")

// bearer finds the token of a request (RFC 6750 section 2.1; never from the URL).
func (k *keyring) bearer(r *http.Request) (Token, Scope, error) {
	kind, text, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "Bearer") {
		return Token{}, ScopeNone, errNoToken
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(text)))
	want := hex.EncodeToString(sum[:])
	list, err := k.tokens()
	if err != nil {
		return Token{}, ScopeNone, err
	}
	for _, t := range list {
		if subtle.ConstantTimeCompare([]byte(t.Hash), []byte(want)) == 1 {
			if scope, ok := ParseScope(t.Scope); ok {
				return t, scope, nil
			}
		}
	}
	return Token{}, ScopeNone, errBadToken
}

// HasPassword tells whether a password is set in kv, for whoever decides where to listen before there is a Server.
func HasPassword(kv KV) (bool, error) { return (&keyring{kv: kv}).hasPassword() }
