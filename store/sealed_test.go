package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestSealed: without the key the names of records can be told, and nobody changes the file meanwhile.
func TestSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Commit(everything(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.KV("doorlock").Put(string(front), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if keys, err := s.KV("doorlock").Keys(); err != nil || len(keys) != 1 {
		t.Error(keys, err)
	}
	if _, err := OpenSealed(dir); !errors.Is(err, ErrInUse) {
		t.Error("beside a running one:", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	x, err := OpenSealed(dir)
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := x.Keys("doorlock"); err != nil || len(keys) != 1 || keys[0] != string(front) || x.People != 1 || x.Codes != 1 {
		t.Error(keys, err, x.People, x.Codes)
	}
	if keys, err := x.Keys("nothing"); err != nil || len(keys) != 0 {
		t.Error(keys, err)
	}
	if _, err := Open(Config{Dir: dir, Key: testKey(t), Wait: 1}); !errors.Is(err, ErrInUse) {
		t.Error("opened to write meanwhile:", err)
	}
	if !InUse(dir) {
		t.Error("nobody seems to have it open")
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if InUse(dir) || InUse(t.TempDir()) {
		t.Error("somebody seems to have it open")
	}
	after, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || !bytes.Equal(before, after) {
		t.Error("the file changed", err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("noise"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSealed(dir); err == nil {
		t.Error("noise was opened")
	}
}
