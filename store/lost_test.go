package store

import (
	"bytes"
	"errors"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/latchkeyd/latchkey/bridge"
)

// TestLoadSaysWhatIsLost: the names of slots and resets outlive their records.
func TestLoadSaysWhatIsLost(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Commit(everything(t)); err != nil {
		t.Fatal(err)
	}
	k := bridge.SlotKey{Lock: front, Slot: 3}
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		flip := func(b, k []byte) error {
			v := bytes.Clone(tx.Bucket(b).Get(k))
			v[len(v)-1] ^= 1
			return tx.Bucket(b).Put(k, v)
		}
		return errors.Join(flip(bktSlots, slotKey(k)), flip(bktResets, []byte(front)))
	}); err != nil {
		t.Fatal(err)
	}
	saved, err := s.Load()
	if err != nil || len(saved.Lost) != 1 || saved.Lost[0] != k || len(saved.LostResets) != 1 || saved.LostResets[0] != front {
		t.Errorf("%v %v %v", saved.Lost, saved.LostResets, err)
	}
	for _, bad := range [][]byte{nil, {0, 0, 3}, []byte(front)} {
		if _, ok := parseSlotKey(bad); ok {
			t.Errorf("%q is a slot's key", bad)
		}
	}
	if got, ok := parseSlotKey(slotKey(k)); !ok || got != k {
		t.Error(got, ok)
	}
}
