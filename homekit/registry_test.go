package homekit

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/latchkeyd/latchkey/homekit/hap"
)

// unreadableKV reports its records as unreadable once, as the store does, and not at all after that.
type unreadableKV struct {
	hap.KV
	told bool
}

func (k *unreadableKV) Get(key string) ([]byte, bool, error) {
	if !k.told {
		k.told = true
		return nil, false, errors.New("the record cannot be opened")
	}
	return k.KV.Get(key)
}

// TestUnreadableRegistry: it is begun anew, and no lock comes to stand under an aid that another one had.
func TestUnreadableRegistry(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	kv := &unreadableKV{KV: hap.Memory()}
	for range 2 { // and so it stays after a restart
		reg, err := openRegistry(kv, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if aid, err := reg.admit(lockID(0), true); err != nil || aid < 1<<30 {
			t.Errorf("aid %d, %v", aid, err)
		}
	}
}
