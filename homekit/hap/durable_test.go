package hap

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

// failingKV refuses to keep some records.
type failingKV struct {
	KV
	mu   sync.Mutex
	fail string
}

func (k *failingKV) Put(key string, v []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != "" && strings.HasSuffix(key, k.fail) {
		return errors.New("disk full")
	}
	return k.KV.Put(key, v)
}

func (k *failingKV) set(fail string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail = fail
}

func TestTryThatCannotBeCountedIsNoTry(t *testing.T) {
	kv := &failingKV{KV: Memory()}
	r := newRig(t, Config{}, func(sc *ServerConfig) { sc.Store = kv })
	kv.set("/tries")
	_, err := controller.Pair(testContext(t), r.addr, r.s.SetupCode())
	wantPairingError(t, err, codeUnknown)
	if r.s.Paired() {
		t.Error("paired")
	}
}

func TestPairingIsDurableBeforeItIsAnswered(t *testing.T) {
	kv := &failingKV{KV: Memory()}
	r := newRig(t, Config{}, func(sc *ServerConfig) { sc.Store = kv })
	kv.set("/pairings")
	_, err := controller.Pair(testContext(t), r.addr, r.s.SetupCode())
	wantPairingError(t, err, codeUnknown)
	if r.s.Paired() {
		t.Error("paired without a record")
	}
	kv.set("")
	p := r.pair()
	r.stop()
	again := newRig(t, Config{}, func(sc *ServerConfig) { sc.Store = kv })
	p.Address = again.addr
	again.connect(p)
	if again.s.ID() != r.s.ID() || again.s.SetupCode() != r.s.SetupCode() || again.s.SetupURI() != r.s.SetupURI() {
		t.Error("identity changed over a restart")
	}
}
