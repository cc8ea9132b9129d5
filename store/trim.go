package store

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// Times of trim: after the start, when all was read, and then as often, if anything was written meanwhile.
const (
	firstRest = 3 * time.Second
	rest      = 15 * time.Second
)

// trim lets go of the file's pages in this process's memory until ctx ends. Reading everything at the start, and each later change, maps pages that stay
// resident however rarely they are looked at again; the file's pages remain in the system's cache, where others can have the room.
func (s *Store) trim(ctx context.Context) {
	t := time.NewTicker(firstRest)
	defer t.Stop()
	trimmed, once := uint64(0), false
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			t.Reset(rest)
		}
		n := s.Stats().Commits
		if once && n == trimmed {
			continue
		}
		if err := s.Trim(); err != nil {
			s.log.Debug("memory of the state was not let go of", "err", err)
			return
		}
		trimmed, once = n, true
	}
}

// Trim takes the file's pages out of this process's resident memory. They come back as they are needed (madvise(2), MADV_DONTNEED on a shared mapping).
func (s *Store) Trim() error {
	err := s.view(func(tx *bbolt.Tx) error { // the mapping cannot move while it is read
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, tx.DB().Info().Data, uintptr(tx.Size()), unix.MADV_DONTNEED); errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: let go of memory: %w", err)
	}
	return nil
}
