// Package archive is the format of Latchkey's backups: a tar of regular files (POSIX.1-2001 pax), encrypted with a password by age (age-encryption.org/v1,
// scrypt recipient). It opens nothing that it did not make: no links, no paths that lead elsewhere, no more than fits, and nothing is given out before the
// whole was read and found intact.
package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"filippo.io/age"
)

// Errors of Open.
var (
	// ErrPassword: the password does not open the archive.
	ErrPassword = errors.New("the password does not open this backup")
	// ErrDamaged: truncated, changed, or no backup of ours.
	ErrDamaged = errors.New("the backup is damaged, cut off, or no Latchkey backup")
)

// Limits of an archive.
const (
	MaxFiles    = 64
	MaxFile     = 64 << 20  // bytes
	MaxTotal    = 128 << 20 // bytes
	workFactor  = 16        // scrypt N = 2^16, 64 MiB: the daemon that makes backups lives in 192 MB
	maxWork     = 20
	manifest    = "latchkey-backup.json"
	maxManifest = 64 << 10
)

// Manifest says what an archive holds.
type Manifest struct {
	Format  int       `json:"format"` // 1
	Version string    `json:"version"`
	Made    time.Time `json:"made"`
	Files   []string  `json:"files"`
}

// File is one file of an archive.
type File struct {
	Name string // plain, without directories
	Data []byte
}

// Create writes files, encrypted with passphrase, to w.
func Create(w io.Writer, passphrase []byte, version string, made time.Time, files []File) error {
	r, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	r.SetWorkFactor(workFactor)
	return create(w, r, version, made, files)
}

func create(w io.Writer, to age.Recipient, version string, made time.Time, files []File) error {
	m := Manifest{Format: 1, Version: version, Made: made.UTC()}
	for _, f := range files {
		if !plain(f.Name) || f.Name == manifest {
			return fmt.Errorf("archive: %q is no plain file name", f.Name)
		}
		m.Files = append(m.Files, f.Name)
	}
	head, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	enc, err := age.Encrypt(w, to)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	tw := tar.NewWriter(enc)
	for _, f := range append([]File{{manifest, head}}, files...) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Mode: 0o600, Size: int64(len(f.Data)), ModTime: m.Made, Format: tar.FormatPAX}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		if _, err := tw.Write(f.Data); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// Open decrypts an archive and returns its files. Its errors are ErrPassword and ErrDamaged, with the particulars.
func Open(r io.Reader, passphrase []byte) (Manifest, []File, error) {
	id, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("archive: %w", ErrPassword)
	}
	id.SetMaxWorkFactor(maxWork)
	return open(r, id)
}

func open(r io.Reader, id age.Identity) (Manifest, []File, error) {
	var m Manifest
	dec, err := age.Decrypt(r, id)
	if err != nil {
		if _, noMatch := errors.AsType[*age.NoIdentityMatchError](err); noMatch {
			return m, nil, fmt.Errorf("archive: %w", ErrPassword)
		}
		return m, nil, fmt.Errorf("archive: %w: %v", ErrDamaged, err)
	}
	damaged := func(what string) error { return fmt.Errorf("archive: %w: %s", ErrDamaged, what) }
	tr := tar.NewReader(io.LimitReader(dec, MaxTotal))
	var files []File
	total := int64(0)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, nil, damaged(err.Error())
		}
		switch total += h.Size; {
		case h.Typeflag != tar.TypeReg:
			return m, nil, damaged("it holds something that is no regular file")
		case !plain(h.Name):
			return m, nil, damaged("it holds a path that leads elsewhere")
		case h.Size < 0 || h.Size > MaxFile || total > MaxTotal || len(files) > MaxFiles:
			return m, nil, damaged("it is larger than any backup")
		}
		var buf bytes.Buffer
		if _, err := io.Copy(&buf, tr); err != nil {
			return m, nil, damaged(err.Error())
		}
		files = append(files, File{h.Name, buf.Bytes()})
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(dec, MaxTotal)); err != nil { // the last chunk's tag says that nothing was cut off
		return m, nil, damaged(err.Error())
	}
	if len(files) == 0 || files[0].Name != manifest || len(files[0].Data) > maxManifest || json.Unmarshal(files[0].Data, &m) != nil || m.Format < 1 {
		return m, nil, damaged("it does not say what it holds")
	}
	if m.Format > 1 {
		return m, nil, fmt.Errorf("archive: the backup is of a later version (%s, format %d) than this program; restore it with that version", m.Version, m.Format)
	}
	files = files[1:]
	if len(files) != len(m.Files) {
		return m, nil, damaged("files are missing")
	}
	for i := range files {
		if files[i].Name != m.Files[i] {
			return m, nil, damaged("its files are not those that it names")
		}
	}
	return m, files, nil
}

// plain tells whether name is a file name without directories, control characters or tricks.
func plain(name string) bool {
	return name != "" && len(name) <= 100 && path.Base(name) == name && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00") &&
		!strings.HasPrefix(name, "-") && strings.IndexFunc(name, func(r rune) bool { return r < ' ' }) < 0
}
