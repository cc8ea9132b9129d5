package daemon

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/latchkeyd/latchkey/store"
)

// sealed is a state that cannot be opened, and what stands in for it: a state that lasts as long as the daemon, in which nothing is known but the locks'
// addresses. The door still opens and closes; people and codes stay sealed as they are.
type sealed struct {
	why   error
	state *store.Sealed
	locks []string
	dir   string // of the state that stands in
}

// openState opens the state, or what stands in for one whose key is missing.
func (d *Daemon) openState() error {
	dir := d.opts.Config.State
	key, err := store.LoadKey(dir, os.Getenv("CREDENTIALS_DIRECTORY"))
	if err == nil {
		err = d.open(dir, key, false)
	}
	if notWritable(err) {
		why := err
		if err = d.open(dir, key, true); err != nil {
			return errors.Join(why, err)
		}
		d.readOnly = why
		d.log.Error("the state can only be read: locks, codes and Apple Home go on as they were, and nothing can be changed or kept; make room or mend the disk, then restart", "err", why)
	}
	if !errors.Is(err, store.ErrKey) && !errors.Is(err, store.ErrLater) {
		return err
	}
	return d.standIn(err)
}

// notWritable tells whether the disk is what keeps a state from being opened: full, read-only or broken for writing.
func notWritable(err error) bool {
	for _, e := range []error{syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (d *Daemon) open(dir string, key store.Key, readOnly bool) (err error) {
	d.store, err = store.Open(store.Config{Dir: dir, Key: key, ReadOnly: readOnly, Logger: d.part("store"), Observe: func(c store.Commit) {
		if d.metrics != nil {
			d.metrics.Committed(c.Duration)
		}
	}})
	return err
}

// standIn opens a state that is forgotten at the end. If that is not possible either, why stands.
func (d *Daemon) standIn(why error) (err error) {
	s := &sealed{why: why}
	defer func() {
		if err != nil || d.sealed == nil {
			err = errors.Join(why, err, s.close())
		}
	}()
	if s.state, err = store.OpenSealed(d.opts.Config.State); errors.Is(err, fs.ErrNotExist) {
		return nil // there is no state yet: why says it all
	} else if err != nil {
		return err
	}
	if s.locks, err = s.state.Keys(recordsSpace); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp(os.Getenv("RUNTIME_DIRECTORY"), "latchkey-"); err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	key, err := store.NewKey(secret)
	if err != nil {
		return err
	}
	if err := d.open(s.dir, key, false); err != nil {
		return err
	}
	d.sealed = s
	d.log.Error("the state cannot be opened: locks are locked and unlocked, and nothing else works until it is", "err", why, "people", s.state.People, "codes", s.state.Codes)
	return nil
}

func (s *sealed) close() (err error) {
	if s.state != nil {
		err = s.state.Close()
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

func (d *Daemon) closeState() error {
	err := d.store.Close()
	if d.sealed != nil {
		err = errors.Join(err, d.sealed.close())
	}
	return err
}

// knownLocks are the addresses of a sealed state's locks.
func (d *Daemon) knownLocks() []string {
	if d.sealed == nil {
		return nil
	}
	return d.sealed.locks
}

func (d *Daemon) sealedWhy() error {
	if d.sealed == nil {
		return nil
	}
	return d.sealed.why
}

// unreadable says what of the state cannot be read, each as a sentence.
func (d *Daemon) unreadable() (out []string) {
	if s := d.sealed; s != nil {
		out = append(out, fmt.Sprintf("the state is sealed: %v; until then locks are locked and unlocked, and nothing else: %d people, %d codes and the HomeKit identity stay sealed as they are, "+
			"and what is changed now is forgotten at the end", s.why, s.state.People, s.state.Codes))
	}
	if d.readOnly != nil {
		out = append(out, fmt.Sprintf("the state can only be read (%v): locks, codes and Apple Home go on as they were, and nothing can be changed or kept; make room or mend the disk, "+
			"then restart", d.readOnly))
	}
	names := d.store.Quarantined()
	if n := len(names); n > 0 {
		more := ""
		if n > 8 {
			names, more = names[:8], " and others"
		}
		out = append(out, fmt.Sprintf("%d of the state's records could not be read and were set aside as they are (%s%s): look at people, codes and locks, or restore a backup",
			n, strings.Join(names, ", "), more))
	}
	return out
}
