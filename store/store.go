package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// FileName is the name of the state's file in its directory; SnapshotName that of its daily copy.
const (
	FileName     = "latchkey.db"
	SnapshotName = "latchkey.db.snapshot"
)

// Format is the format that this version writes, and the highest that it reads.
const Format = 1

// Errors by consequence.
var (
	// ErrKey: the master key is missing, malformed, or not the one of this state.
	ErrKey = errors.New("wrong or missing master key")
	// ErrInUse: another process has the state open.
	ErrInUse = errors.New("the state is in use by another process")
	// ErrLater: the state was written by a later version.
	ErrLater = errors.New("the state is of a later format")
	// ErrDamaged: the file is damaged.
	ErrDamaged = errors.New("the state's file is damaged")
	// ErrReadOnly: the state was opened to be read only; nothing is kept.
	ErrReadOnly = errors.New("the state can only be read since the start")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// Config of a Store.
type Config struct {
	Dir      string // made if missing, mode 0700
	Key      Key
	Logger   *slog.Logger  // nil: discard
	Observe  func(Commit)  // told of each commit; must not block; may be nil
	Snapshot time.Duration // how often Run copies the file; zero: 24 h
	Wait     time.Duration // for another process to let go of the file; zero: 1 s
	ReadOnly bool          // for a disk that takes nothing: what is there can be read, and every change fails with ErrReadOnly
}

// Commit is what Observe is told.
type Commit struct {
	Duration time.Duration
	Err      error
	Size     int64 // of the file, bytes
}

// Stats is what a metrics page shows.
type Stats struct {
	Size         int64 // bytes
	Commits      uint64
	Errors       uint64
	LastSnapshot time.Time // zero: none
	Quarantined  int
	Restored     bool // the file was damaged at the start, and its last snapshot took its place
}

// Store is a bridge.Store on disk. It is safe for concurrent use.
type Store struct {
	cfg  Config
	log  *slog.Logger
	path string
	seal sealer
	db   *bbolt.DB

	mu    sync.Mutex
	stats Stats
	bad   []string // records in quarantine, by name
}

var (
	bktMeta       = []byte("meta")
	bktLocks      = []byte("locks")
	bktUsers      = []byte("users")
	bktSlots      = []byte("slots")
	bktResets     = []byte("resets")
	bktCounters   = []byte("counters")
	bktJournal    = []byte("journal")
	bktQuarantine = []byte("quarantine")

	keyFormat = []byte("format")
	keyCheck  = []byte("check")
	keyLastID = []byte("last user")
)

var checkText = []byte("latchkey")

// Open opens the state, or makes an empty one. A damaged file is set aside and its last snapshot takes its place, which is told in the log and in Stats.
func Open(cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Snapshot == 0 {
		cfg.Snapshot = 24 * time.Hour
	}
	if cfg.Wait == 0 {
		cfg.Wait = time.Second
	}
	sl, err := newSealer(cfg.Key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil && !cfg.ReadOnly {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{cfg: cfg, log: cfg.Logger, path: filepath.Join(cfg.Dir, FileName), seal: sl}
	if err := s.openFile(); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		_ = s.db.Close()
		return nil, err
	}
	if fi, err := os.Stat(s.snapshotPath()); err == nil {
		s.stats.LastSnapshot = fi.ModTime()
	}
	return s, nil
}

func (s *Store) snapshotPath() string { return filepath.Join(s.cfg.Dir, SnapshotName) }

// openFile opens the file, or its snapshot in its place.
func (s *Store) openFile() error {
	lost := false
	if fi, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) || err == nil && fi.Size() == 0 {
		_, err := os.Stat(s.snapshotPath())
		lost = err == nil
	}
	if !lost || s.cfg.ReadOnly {
		err := s.openDB()
		if err == nil || !errors.Is(err, ErrDamaged) || s.cfg.ReadOnly {
			return err
		}
		s.log.Error("the state's file is damaged", "file", s.path, "err", err)
		if _, serr := os.Stat(s.snapshotPath()); serr != nil {
			return fmt.Errorf("%w; there is no snapshot beside it: restore a backup, or move the file away to begin anew", err)
		}
		aside := fmt.Sprintf("%s.damaged-%d", s.path, time.Now().Unix())
		if err := os.Rename(s.path, aside); err != nil {
			return fmt.Errorf("store: set the damaged file aside: %w", err)
		}
	}
	if err := copyFile(s.snapshotPath(), s.path); err != nil {
		return fmt.Errorf("store: put the snapshot in place: %w", err)
	}
	s.log.Error("the state's file was damaged or missing; its last snapshot has taken its place: changes since then are lost, check people and codes", "file", s.path)
	s.stats.Restored = true
	return s.openDB()
}

// openDB opens the file and walks through it once. What bbolt trips over in a damaged file becomes ErrDamaged.
func (s *Store) openDB() error {
	var db *bbolt.DB
	err := guard(func() (err error) {
		if db, err = bbolt.Open(s.path, 0o600, &bbolt.Options{ReadOnly: s.cfg.ReadOnly, Timeout: s.cfg.Wait, FreelistType: bbolt.FreelistMapType, InitialMmapSize: 32 << 20}); err != nil {
			return err
		}
		return db.View(func(tx *bbolt.Tx) error {
			fi, err := os.Stat(s.path)
			if err != nil {
				return err
			}
			if fi.Size() < tx.Size() {
				return fmt.Errorf("cut short: %d of %d bytes: %w", fi.Size(), tx.Size(), ErrDamaged)
			}
			var first error
			for err := range tx.Check() {
				if first == nil {
					first = fmt.Errorf("%w: %w", ErrDamaged, err)
				}
			}
			return first
		})
	})
	if err == nil && !s.cfg.ReadOnly {
		err = os.Chmod(s.path, 0o600)
	}
	if err == nil {
		s.db = db
		return nil
	}
	if db != nil {
		_ = guard(db.Close)
	}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("store: %s: another Latchkey is running on this state; stop it first: %w", s.path, ErrInUse)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("store: %s: %w: %w", s.path, ErrDamaged, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("store: %s cannot be opened by this user: %w", s.path, err)
	}
	return fmt.Errorf("store: %s: %w", s.path, err)
}

// guard makes a panic of bbolt, or a fault in its memory map, an error.
func guard(f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	return f()
}

// prepare checks the format and the key, and makes what is missing.
func (s *Store) prepare() error {
	var found uint32
	err := guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			meta := tx.Bucket(bktMeta)
			if meta == nil {
				if s.cfg.ReadOnly {
					return fmt.Errorf("store: %s is empty: %w", s.path, ErrDamaged)
				}
				return nil
			}
			f := meta.Get(keyFormat)
			if len(f) != 4 {
				return fmt.Errorf("store: %s is not a state of Latchkey: %w", s.path, ErrDamaged)
			}
			if found = binary.BigEndian.Uint32(f); found > Format {
				return fmt.Errorf("store: %s has format %d, and this version reads up to %d; install the later version again, or restore a backup: %w", s.path, found, Format, ErrLater)
			}
			if _, err := s.seal.open(bktMeta, keyCheck, meta.Get(keyCheck)); err != nil {
				return fmt.Errorf("store: %s was sealed with another master key; put the right %s back, or restore a backup: %w", s.path, KeyFile, ErrKey)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if s.cfg.ReadOnly {
		return nil
	}
	return s.update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bktMeta, bktLocks, bktUsers, bktSlots, bktResets, bktCounters, bktJournal, bktQuarantine} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		s.stats.Quarantined = tx.Bucket(bktQuarantine).Stats().KeyN
		meta := tx.Bucket(bktMeta)
		if found == 0 {
			if err := meta.Put(keyCheck, s.seal.seal(bktMeta, keyCheck, checkText)); err != nil {
				return err
			}
		}
		return meta.Put(keyFormat, binary.BigEndian.AppendUint32(nil, Format))
	})
}

// update runs one durable transaction and tells of it.
func (s *Store) update(f func(*bbolt.Tx) error) error {
	began := time.Now()
	err := ErrReadOnly
	if !s.cfg.ReadOnly {
		err = guard(func() error { return s.db.Update(f) })
	}
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		err = ErrClosed
	}
	c := Commit{Duration: time.Since(began), Err: err}
	if fi, serr := os.Stat(s.path); serr == nil {
		c.Size = fi.Size()
	}
	s.mu.Lock()
	s.stats.Size = c.Size
	if err != nil {
		s.stats.Errors++
	} else {
		s.stats.Commits++
	}
	s.mu.Unlock()
	if s.cfg.Observe != nil {
		s.cfg.Observe(c)
	}
	return err
}

func (s *Store) view(f func(*bbolt.Tx) error) error {
	err := guard(func() error { return s.db.View(f) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// Close lets go of the file.
func (s *Store) Close() error {
	if err := guard(s.db.Close); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// Stats gives numbers for a metrics page.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Quarantined names the records that could not be read since the store was opened.
func (s *Store) Quarantined() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bad...)
}
