package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/latchkeyd/latchkey/daemon/archive"
	"github.com/latchkeyd/latchkey/store"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// Backup writes the whole state, with the key that opens it, as an archive encrypted with passphrase.
func (d *Daemon) Backup(ctx context.Context, w io.Writer, passphrase []byte) error {
	var db bytes.Buffer
	if _, err := d.store.WriteTo(&db); err != nil {
		return err
	}
	key, err := readKey(d.opts.Config.State)
	if err != nil {
		return err
	}
	defer clear(key)
	now := time.Now()
	files := []archive.File{{Name: store.FileName, Data: db.Bytes()}, {Name: store.KeyFile, Data: key}}
	if d.opts.ConfigFile != "" {
		if b, err := os.ReadFile(d.opts.ConfigFile); err == nil {
			files = append(files, archive.File{Name: configName, Data: b})
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := archive.Create(w, passphrase, d.opts.Version, now, files); err != nil {
		return err
	}
	return d.store.KV("daemon").Put(backupKey, []byte(now.UTC().Format(time.RFC3339)))
}

// configName is the configuration's name in an archive; it is for people, and not put back by itself.
const configName = "latchkey.yaml"

// readKey gives the master key as its file holds it, wherever it is kept.
func readKey(dir string) ([]byte, error) {
	for _, p := range []string{filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), store.KeyCredential), filepath.Join(dir, store.KeyFile)} {
		if !filepath.IsAbs(p) {
			continue
		}
		if b, err := os.ReadFile(p); err == nil {
			return b, nil
		}
	}
	return nil, errors.New("daemon: the master key cannot be read, so that a backup could never be opened")
}

// Restored says what a backup brought.
type Restored struct {
	Made    time.Time // when the backup was made
	Version string    // of the program that made it
	Kept    string    // where the state that stood there before is now; empty: there was none
	Config  []byte    // the configuration of then, for a person to compare; nil: none
}

// Restore puts the state of a backup in place of what is in dir; the daemon must not run. What was there is moved aside, not deleted. The radio's frame
// counter goes forward, past everything that can have been sent since the backup was made: nodes ignore, as replayed, what they have seen (Zigbee
// specification section 4.3.1).
func Restore(dir string, r io.Reader, passphrase []byte) (Restored, error) {
	m, files, err := archive.Open(r, passphrase)
	if err != nil {
		return Restored{}, err
	}
	out := Restored{Made: m.Made, Version: m.Version}
	for _, need := range []string{store.FileName, store.KeyFile} {
		if !slices.ContainsFunc(files, func(f archive.File) bool { return f.Name == need && len(f.Data) > 0 }) {
			return out, fmt.Errorf("daemon: the backup does not hold a state and its key: %s is missing: %w", need, archive.ErrDamaged)
		}
	}
	if err := notRunning(dir); err != nil {
		return out, err
	}
	tmp := dir + ".restoring"
	if err := os.RemoveAll(tmp); err != nil {
		return out, fmt.Errorf("daemon: restore: %w", err)
	}
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return out, fmt.Errorf("daemon: restore: %w", err)
	}
	defer os.RemoveAll(tmp)
	for _, f := range files {
		switch f.Name {
		case configName:
			out.Config = f.Data
		case store.FileName, store.KeyFile:
			if err := writeDurable(filepath.Join(tmp, f.Name), f.Data); err != nil {
				return out, err
			}
		}
	}
	if err := changeState(tmp, "", func(kv *store.KV) error { return adopt(kv, m.Made) }); err != nil {
		return out, fmt.Errorf("daemon: the backup does not open: %w", err)
	}
	if _, err := os.Stat(dir); err == nil {
		out.Kept = dir + ".before-" + time.Now().UTC().Format("20060102-150405")
		if err := os.Rename(dir, out.Kept); err != nil {
			return out, fmt.Errorf("daemon: restore: the present state cannot be moved aside: %w", err)
		}
	}
	if err := ownLike(out.Kept, tmp); err != nil {
		return out, errors.Join(err, os.Rename(out.Kept, dir))
	}
	if err := os.Rename(tmp, dir); err != nil {
		return out, errors.Join(fmt.Errorf("daemon: restore: %w", err), os.Rename(out.Kept, dir))
	}
	return out, nil
}

// ImportNetwork takes a network from an open-coordinator-backup (zigbee2mqtt, ZHA), to be put on the dongle at the next start; the daemon must not run. It
// refuses to replace another network that is known, unless force is set.
func ImportNetwork(dir, credentials string, r io.Reader, force bool) (znp.Saved, error) {
	var s znp.Saved
	b, err := io.ReadAll(io.LimitReader(r, 4<<20))
	if err != nil {
		return s, fmt.Errorf("daemon: import: %w", err)
	}
	if err := s.UnmarshalJSON(b); err != nil {
		return s, fmt.Errorf("daemon: import: %w", err)
	}
	if s.Empty() {
		return s, errors.New("daemon: import: the file holds no network")
	}
	err = changeState(dir, credentials, func(kv *store.KV) error {
		old, err := vault{kv}.Load()
		if err != nil {
			return err
		}
		if !old.Empty() && old.Network.ExtendedPAN != s.Network.ExtendedPAN && !force {
			return fmt.Errorf("another network is known already (PAN 0x%04x): its locks would be lost; --force replaces it", old.Network.PAN)
		}
		s.FrameCounter = bump(max(s.FrameCounter, old.FrameCounter), time.Hour)
		if err := (vault{kv}).Save(s); err != nil {
			return err
		}
		return kv.Put(restoreKey, []byte{1})
	})
	if err != nil {
		return s, fmt.Errorf("daemon: import: %w", err)
	}
	return s, nil
}

// adopt moves the frame counter of a restored network on, and lets it be put on another dongle.
func adopt(kv *store.KV, made time.Time) error {
	v := vault{kv}
	s, err := v.Load()
	if err != nil || s.Empty() {
		return err
	}
	s.FrameCounter = bump(s.FrameCounter, time.Since(made))
	for i := range s.Devices {
		if l := s.Devices[i].Link; l != nil {
			l.Tx = bump(l.Tx, time.Since(made))
		}
	}
	if err := v.Save(s); err != nil {
		return err
	}
	if err := kv.Delete(portKey); err != nil { // the dongle may be another one
		return err
	}
	return kv.Put(restoreKey, []byte{1})
}

// bump adds what can have been sent in the time since: four frames a second, many times what a network of locks sends, and a margin.
func bump(counter uint32, since time.Duration) uint32 {
	more := uint64(max(since, 0)/time.Second)*4 + 10000
	return uint32(min(uint64(counter)+more, math.MaxUint32-1<<20))
}

// notRunning refuses if a daemon has the state open.
func notRunning(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, store.FileName)); err != nil {
		return nil //nolint:nilerr // no state, nobody has it open
	}
	if store.InUse(dir) {
		return fmt.Errorf("the daemon runs; stop it first (sudo systemctl stop latchkey): %w", store.ErrInUse)
	}
	return nil // damaged or without its key is what a restore is for
}

// changeState opens the state of a daemon that does not run.
func changeState(dir, credentials string, f func(*store.KV) error) (err error) {
	key, err := store.LoadKey(dir, credentials)
	if err != nil {
		return err
	}
	s, err := store.Open(store.Config{Dir: dir, Key: key})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := s.Close(); err == nil {
			err = cerr
		}
	}()
	return f(s.KV(radioSpace))
}

// ownLike gives the files of dir to the owner of the state that they replace, because root restores what the daemon's user must read.
func ownLike(before, dir string) error {
	if before == "" || os.Geteuid() != 0 {
		return nil
	}
	fi, err := os.Stat(before)
	if err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(st.Uid), int(st.Gid))
	})
}

func writeDurable(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("daemon: restore: %w", err)
	}
	return nil
}
