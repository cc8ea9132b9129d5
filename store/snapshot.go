package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// String names the task.
func (s *Store) String() string { return "store" }

// Run copies the file once a day, until ctx ends, and keeps little of it in memory. A copy that is due is made at the start.
func (s *Store) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.trim(ctx) })
	for {
		wait := time.Until(s.Stats().LastSnapshot.Add(s.cfg.Snapshot))
		if wait <= 0 {
			wait = s.cfg.Snapshot
			if err := s.Snapshot(); err != nil {
				s.log.Error("the daily copy of the state failed; tried again in an hour", "err", err)
				wait = min(time.Hour, s.cfg.Snapshot)
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// Snapshot copies the file as it is now beside it. The copy is sealed with the same key.
func (s *Store) Snapshot() error {
	path := s.snapshotPath()
	err := replaceFile(path, func(w io.Writer) error {
		return s.view(func(tx *bbolt.Tx) error {
			_, err := tx.WriteTo(w)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("store: snapshot: %w", err)
	}
	s.mu.Lock()
	s.stats.LastSnapshot = time.Now()
	s.mu.Unlock()
	return nil
}

// WriteTo writes a consistent copy of the file, for a backup.
func (s *Store) WriteTo(w io.Writer) (n int64, err error) {
	err = s.view(func(tx *bbolt.Tx) (err error) {
		n, err = tx.WriteTo(w)
		return err
	})
	if err != nil {
		return n, fmt.Errorf("store: copy: %w", err)
	}
	return n, nil
}

func copyFile(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return replaceFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// replaceFile writes a file under another name, makes it durable and moves it into place.
func replaceFile(path string, write func(io.Writer) error) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return syncDir(filepath.Dir(path))
}
