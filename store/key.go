package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeyFile is the name of the master key's file in the state directory.
const KeyFile = "master.key"

// KeyCredential is the name of the systemd credential.
const KeyCredential = "master-key"

// keySize in bytes.
const keySize = 32

// Key is the master key. It cannot be printed.
type Key struct{ b [keySize]byte }

// NewKey takes 32 bytes, or 64 hexadecimal digits with or without a line end.
func NewKey(b []byte) (Key, error) {
	var k Key
	if len(b) == keySize {
		copy(k.b[:], b)
		return k, nil
	}
	t := bytes.TrimSpace(b)
	if len(t) == 2*keySize {
		if _, err := hex.Decode(k.b[:], t); err == nil {
			return k, nil
		}
	}
	return Key{}, fmt.Errorf("store: a master key is %d bytes or %d hexadecimal digits: %w", keySize, 2*keySize, ErrKey)
}

// String implements fmt.Stringer.
func (Key) String() string { return "[key]" }

// GoString implements fmt.GoStringer.
func (Key) GoString() string { return "[key]" }

// Format implements fmt.Formatter.
func (Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[key]")) }

// LoadKey gives the master key: the credential master-key if the service manager gives one (credentialsDir is $CREDENTIALS_DIRECTORY, or empty), else the
// file master.key in dir, which is made at the first start. A state that has lost its key is refused.
func LoadKey(dir, credentialsDir string) (Key, error) {
	if credentialsDir != "" {
		b, err := os.ReadFile(filepath.Join(credentialsDir, KeyCredential))
		if err == nil {
			defer clear(b)
			return NewKey(b)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Key{}, fmt.Errorf("store: read the credential %s: %w", KeyCredential, err)
		}
	}
	path := filepath.Join(dir, KeyFile)
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		defer clear(b)
		fi, err := os.Stat(path)
		if err != nil {
			return Key{}, fmt.Errorf("store: %w", err)
		}
		if fi.Mode().Perm()&0o077 != 0 {
			return Key{}, fmt.Errorf("store: %s can be read by others; run: chmod 600 %s: %w", path, path, ErrKey)
		}
		k, err := NewKey(b)
		if err != nil {
			return Key{}, fmt.Errorf("store: %s: %w", path, err)
		}
		return k, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Key{}, fmt.Errorf("store: %w", err)
	}
	if fi, err := os.Stat(filepath.Join(dir, FileName)); err == nil && fi.Size() > 0 {
		return Key{}, fmt.Errorf("store: %s is there, but its key %s is not; put the key back, or restore a backup: %w", filepath.Join(dir, FileName), path, ErrKey)
	}
	return makeKey(dir, path)
}

func makeKey(dir, path string) (Key, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Key{}, fmt.Errorf("store: %w", err)
	}
	var k Key
	if _, err := rand.Read(k.b[:]); err != nil {
		return Key{}, fmt.Errorf("store: make a key: %w", err)
	}
	text := make([]byte, 0, 2*keySize+1)
	text = append(hex.AppendEncode(text, k.b[:]), '\n')
	defer clear(text)
	// Under another name first: a key that was cut short by a crash must not be taken for one.
	tmp := path + ".new"
	_ = os.Remove(tmp)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Key{}, fmt.Errorf("store: make a key: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Link(tmp, path) // fails when another process was faster
	}
	_ = os.Remove(tmp)
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return Key{}, fmt.Errorf("store: make a key: %w", err)
	}
	return k, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
