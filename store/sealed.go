package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// Sealed is a state that cannot be opened, because its key is missing or it is of a later format: what can be told of it are the names of its records, never
// what is in them. Nothing of it is changed, and no other process opens it meanwhile to write.
type Sealed struct {
	People int // records of people
	Codes  int // records of codes
	db     *bbolt.DB
}

// OpenSealed opens the state in dir for that.
func OpenSealed(dir string) (*Sealed, error) {
	path := filepath.Join(dir, FileName)
	s := &Sealed{}
	err := guard(func() (err error) {
		if s.db, err = bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second}); err != nil {
			return err
		}
		return s.db.View(func(tx *bbolt.Tx) error {
			for name, n := range map[string]*int{string(bktUsers): &s.People, string(bktSlots): &s.Codes} {
				if b := tx.Bucket([]byte(name)); b != nil {
					*n = b.Stats().KeyN
				}
			}
			return nil
		})
	})
	if err == nil {
		return s, nil
	}
	if s.db != nil {
		_ = guard(s.db.Close)
	}
	if errors.Is(err, berrors.ErrTimeout) {
		err = ErrInUse
	}
	return nil, fmt.Errorf("store: %s: %w", path, err)
}

// Keys lists the keys of a namespace.
func (s *Sealed) Keys(namespace string) (keys []string, err error) {
	err = guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error { return eachKey(tx, kvBucket(namespace), &keys) })
	})
	if err != nil {
		return nil, fmt.Errorf("store: read the names of %s: %w", namespace, err)
	}
	return keys, nil
}

// Close lets go of the file.
func (s *Sealed) Close() error {
	if err := guard(s.db.Close); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// InUse tells that a process has the state in dir open, whether it could be opened with its key or not.
func InUse(dir string) bool {
	f, err := os.Open(filepath.Join(dir, FileName))
	if err != nil {
		return false
	}
	defer f.Close()                                                                        // which lets go of the lock
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK) // as bbolt locks it
}

func eachKey(tx *bbolt.Tx, bucket []byte, keys *[]string) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, _ []byte) error {
		*keys = append(*keys, string(k))
		return nil
	})
}
