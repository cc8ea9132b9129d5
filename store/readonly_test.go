package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkeyd/latchkey/bridge"
)

// TestReadOnly: what is there can be read, and every change fails and leaves the file as it is.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(Config{Dir: dir, Key: testKey(t), ReadOnly: true}); err == nil {
		t.Error("opened what is not there")
	}
	s := open(t, dir)
	if err := s.Commit(everything(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.KV("x").Put("k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	s, err = Open(Config{Dir: dir, Key: testKey(t), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	saved, err := s.Load()
	if err != nil || len(saved.Users) != 1 || len(saved.Slots) != 1 || len(saved.Locks) != 1 {
		t.Errorf("%+v %v", saved, err)
	}
	if v, found, err := s.KV("x").Get("k"); err != nil || !found || string(v) != "v" {
		t.Error(v, found, err)
	}
	if err := s.Commit(bridge.Change{DropUsers: []bridge.UserID{4}}); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if err := s.KV("x").Put("k", []byte("w")); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if err := s.KV("x").Delete("k"); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if st := s.Stats(); st.Errors != 3 || st.Commits != 0 {
		t.Errorf("%+v", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, FileName)); err != nil || !bytes.Equal(before, after) {
		t.Error("the file changed", err)
	}
}
