package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/latchkeyd/latchkey/bridge"
)

var _ bridge.Store = (*Store)(nil)

// damage is a record that cannot be read.
type damage struct {
	bucket, key, value []byte
	err                error
}

// Load implements bridge.Store. Records that cannot be read are set aside in the quarantine and named in the log; the rest works.
func (s *Store) Load() (bridge.Saved, error) {
	saved := bridge.Saved{Counter: map[string]uint64{}}
	var bad []damage
	err := s.view(func(tx *bbolt.Tx) error {
		take := func(name []byte, decode func(key, plain []byte) error) error {
			return tx.Bucket(name).ForEach(func(k, v []byte) error {
				plain, err := s.seal.open(name, k, v)
				if err == nil {
					err = decode(k, plain)
					clear(plain)
				}
				if errors.Is(err, errVersion) {
					return fmt.Errorf("%s: %w", printable(string(name), k), ErrLater)
				}
				if err != nil {
					bad = append(bad, damage{name, bytes.Clone(k), bytes.Clone(v), err})
				}
				return nil
			})
		}
		if err := errors.Join(
			take(bktLocks, collect(&saved.Locks, decodeLock)),
			take(bktUsers, collect(&saved.Users, decodeUser)),
			take(bktSlots, collect(&saved.Slots, decodeSlot)),
			take(bktResets, collect(&saved.Resets, decodeReset)),
			take(bktCounters, func(k, p []byte) error {
				if len(p) != 8 {
					return errRecord
				}
				saved.Counter[string(k)] = binary.BigEndian.Uint64(p)
				return nil
			}),
		); err != nil {
			return err
		}
		if k, _ := tx.Bucket(bktJournal).Cursor().Last(); len(k) == 8 {
			saved.LastSeq = binary.BigEndian.Uint64(k)
		}
		if b := tx.Bucket(bktMeta).Get(keyLastID); len(b) == 4 {
			saved.LastID = bridge.UserID(binary.BigEndian.Uint32(b))
		}
		return nil
	})
	if err != nil {
		return bridge.Saved{}, fmt.Errorf("store: load: %w", err)
	}
	for _, d := range bad {
		if k, ok := parseSlotKey(d.key); ok && bytes.Equal(d.bucket, bktSlots) {
			saved.Lost = append(saved.Lost, k)
		}
		if bytes.Equal(d.bucket, bktResets) {
			saved.LostResets = append(saved.LostResets, bridge.LockID(d.key))
		}
	}
	s.quarantine(bad)
	return saved, nil
}

func collect[T any](to *[]T, decode func(key, plain []byte) (T, error)) func(key, plain []byte) error {
	return func(k, p []byte) error {
		v, err := decode(k, p)
		if err == nil {
			*to = append(*to, v)
		}
		return err
	}
}

// quarantine moves records aside. A failure to do so is no reason to stop: they are as unreadable where they are.
func (s *Store) quarantine(bad []damage) {
	if len(bad) == 0 {
		return
	}
	for _, d := range bad {
		s.log.Error("a record cannot be read and is set aside; the rest works: set it up anew or restore a backup", "record", printable(string(d.bucket), d.key), "err", d.err)
	}
	err := s.update(func(tx *bbolt.Tx) error {
		q := tx.Bucket(bktQuarantine)
		for _, d := range bad {
			if !bytes.Equal(tx.Bucket(d.bucket).Get(d.key), d.value) {
				continue // written anew meanwhile
			}
			if err := tx.Bucket(d.bucket).Delete(d.key); err != nil {
				return err
			}
			if err := q.Put(slices.Concat(d.bucket, []byte{0}, d.key), d.value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.log.Error("setting unreadable records aside failed", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range bad {
		if name := printable(string(d.bucket), d.key); len(s.bad) < 1000 && !slices.Contains(s.bad, name) {
			s.bad = append(s.bad, name)
		}
	}
	s.stats.Quarantined += len(bad)
}

// Commit implements bridge.Store. Drops come before puts.
func (s *Store) Commit(ch bridge.Change) error {
	err := s.update(func(tx *bbolt.Tx) error {
		put := func(name, key, plain []byte, err error) error {
			if err != nil {
				return err
			}
			sealed := s.seal.seal(name, key, plain)
			clear(plain)
			return tx.Bucket(name).Put(key, sealed)
		}
		for _, id := range ch.DropLocks {
			if err := tx.Bucket(bktLocks).Delete([]byte(id)); err != nil {
				return err
			}
		}
		for _, id := range ch.DropUsers {
			if err := tx.Bucket(bktUsers).Delete(userKey(id)); err != nil {
				return err
			}
		}
		for _, k := range ch.DropSlots {
			if err := tx.Bucket(bktSlots).Delete(slotKey(k)); err != nil {
				return err
			}
		}
		for _, id := range ch.DropResets {
			if err := tx.Bucket(bktResets).Delete([]byte(id)); err != nil {
				return err
			}
		}
		for _, l := range ch.PutLocks {
			plain, err := json.Marshal(l)
			if err := put(bktLocks, []byte(l.ID), plain, err); err != nil {
				return err
			}
		}
		for _, u := range ch.PutUsers {
			plain, err := encodeUser(u)
			if err := put(bktUsers, userKey(u.ID), plain, err); err != nil {
				return err
			}
			if err := raiseLastID(tx.Bucket(bktMeta), u.ID); err != nil {
				return err
			}
		}
		for _, sl := range ch.PutSlots {
			plain, err := encodeSlot(sl)
			if err := put(bktSlots, slotKey(sl.SlotKey), plain, err); err != nil {
				return err
			}
		}
		for _, r := range ch.PutResets {
			plain, err := encodeReset(r)
			if err := put(bktResets, []byte(r.Lock), plain, err); err != nil {
				return err
			}
		}
		for name, v := range ch.Counters {
			if err := put(bktCounters, []byte(name), binary.BigEndian.AppendUint64(nil, v), nil); err != nil {
				return err
			}
		}
		journal := tx.Bucket(bktJournal)
		for _, ev := range ch.Append {
			plain, err := json.Marshal(ev)
			if err := put(bktJournal, seqKey(ev.Seq), plain, err); err != nil {
				return err
			}
		}
		if ch.Prune > 0 {
			c := journal.Cursor()
			for k, _ := c.First(); len(k) == 8 && binary.BigEndian.Uint64(k) <= ch.Prune; k, _ = c.First() {
				if err := c.Delete(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: save: %w", err)
	}
	return nil
}

func raiseLastID(meta *bbolt.Bucket, id bridge.UserID) error {
	if b := meta.Get(keyLastID); len(b) == 4 && bridge.UserID(binary.BigEndian.Uint32(b)) >= id {
		return nil
	}
	return meta.Put(keyLastID, userKey(id))
}

// Events implements bridge.Store. Entries that cannot be read, and those of a kind that only a later version knows, are left out.
func (s *Store) Events(after uint64, limit int) ([]bridge.Event, error) {
	var out []bridge.Event
	var bad []damage
	err := s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bktJournal).Cursor()
		for k, v := c.Seek(seqKey(after + 1)); k != nil && len(out) < limit; k, v = c.Next() {
			plain, err := s.seal.open(bktJournal, k, v)
			var ev bridge.Event
			if err == nil {
				ev, err = decodeEvent(k, plain)
			}
			switch {
			case err == nil:
				out = append(out, ev)
			case errors.Is(err, bridge.ErrKind), errors.Is(err, errVersion):
			default:
				bad = append(bad, damage{bktJournal, bytes.Clone(k), bytes.Clone(v), err})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: read the journal: %w", err)
	}
	s.quarantine(bad)
	return out, nil
}
