package refusals

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/store"
	"github.com/latchkeyd/latchkey/web"
)

func (h *home) state() string { return filepath.Join(h.dir, "s") }

// records lists the sealed records of the state of a daemon that does not run, and each of its buckets.
func (h *home) records() map[string][][]byte {
	h.t.Helper()
	out := map[string][][]byte{}
	h.db(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, _ []byte) error {
				out[string(name)] = append(out[string(name)], bytes.Clone(k))
				return nil
			})
		})
	})
	return out
}

// db opens the state's file itself.
func (h *home) db(f func(*bbolt.Tx) error) {
	h.t.Helper()
	db, err := bbolt.Open(filepath.Join(h.state(), store.FileName), 0o600, &bbolt.Options{Timeout: 5 * time.Second, NoSync: true})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := db.Update(f); err != nil {
		h.t.Error(err)
	}
	if err := db.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// flip changes one bit of a sealed record, and gives what it was.
func (h *home) flip(bucket string, key []byte) (was []byte) {
	h.t.Helper()
	h.db(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		v := bytes.Clone(b.Get(key))
		was = bytes.Clone(v)
		v[len(v)/2] ^= 0x10
		return b.Put(key, v)
	})
	return was
}

// aside copies the state away, and gives what puts it back.
func (h *home) aside() (back func()) {
	h.t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{store.FileName, store.KeyFile, store.SnapshotName} {
		b, err := os.ReadFile(filepath.Join(h.state(), name))
		if err == nil {
			files[name] = b
		}
	}
	return func() {
		h.t.Helper()
		if err := os.RemoveAll(h.state()); err != nil {
			h.t.Fatal(err)
		}
		if err := os.Mkdir(h.state(), 0o700); err != nil {
			h.t.Fatal(err)
		}
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(h.state(), name), b, 0o600); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// inhabited is a home with people, codes and a token, and with what else the test needs: a paired phone, a password, a backup.
func inhabited(t *testing.T, with ...string) *home {
	t.Helper()
	h := open(t, yale, nil)
	for _, w := range with {
		switch w {
		case "phone":
			h.phone(1, 0, "")
			h.hapConn.Close()
		case "password":
			if code, out, errs := h.cli("correct horse\n", "password", "set"); code != 0 {
				t.Fatal(out, errs)
			}
		case "backup":
			if code, out, errs := h.cli("correct horse\n", "backup", "create", filepath.Join(h.dir, "b.age")); code != 0 {
				t.Fatal(out, errs)
			}
		}
	}
	h.api("GET", "/api/v1/status", "", "")
	return h
}

func (h *home) status() web.Status {
	h.t.Helper()
	code, out, errs := h.cli("", "status", "--json")
	var st web.Status
	if err := json.Unmarshal([]byte(out), &st); err != nil || code != 0 {
		h.t.Fatalf("status: exit %d %s: %v", code, errs, err)
	}
	return st
}

// TestCorruptRecord spoils every record of the state in turn. Whatever it was: the daemon runs, says that a record cannot be read, keeps it sealed as it was,
// takes no code from a lock, and moves the bolt.
func TestCorruptRecord(t *testing.T) {
	with := map[string][]string{"kv/homekit": {"phone"}, "kv/web": {"password"}, "kv/daemon": {"backup"}}
	for _, bucket := range []string{"locks", "users", "slots", "counters", "journal", "kv/radio", "kv/doorlock", "kv/homekit", "kv/web", "kv/daemon"} {
		t.Run(strings.ReplaceAll(bucket, "/", "-"), func(t *testing.T) {
			t.Parallel()
			h := inhabited(t, with[bucket]...)
			h.stop()
			keys := h.records()[bucket]
			if len(keys) == 0 {
				t.Fatal("the state has no such records")
			}
			if bucket == "journal" {
				keys = keys[len(keys)-1:]
			}
			back := h.aside()
			for _, key := range keys {
				back()
				h.corrupt(bucket, key)
			}
			if len(keys) > 1 {
				back()
				h.corrupt(bucket, keys...)
			}
			h.token = ""
			h.start() // what was made of it lasts
			h.settled()
			h.everybody(bucket + ", at the next start")
			if st := h.status(); len(st.Warnings) > 0 && bucket != "kv/homekit" {
				t.Errorf("at the next start: %q", st.Warnings)
			}
			h.stop()
		})
	}
}

// everybody waits until both people have their codes on the lock and in the list.
func (h *home) everybody(what string) {
	h.t.Helper()
	var last string
	ok := func() bool {
		codes, err := h.Bridge().Codes(h.id)
		on := h.stands()
		last = fmt.Sprintf("%+v, %v, on the lock %v %v", codes, err, on[people["Ann"]], on[people["Bob"]])
		if err != nil || len(codes) != 2 || len(on) != 2 || !on[people["Ann"]] || !on[people["Bob"]] {
			return false
		}
		for _, c := range codes {
			if c.User == 0 || c.State != bridge.CodeInSync {
				return false
			}
		}
		return true
	}
	for until := time.Now().Add(5 * time.Second); !ok() && time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
	}
	if !ok() {
		h.t.Errorf("%s: %s", what, last)
	}
}

func (h *home) corrupt(bucket string, keys ...[]byte) {
	t := h.t
	t.Helper()
	what := fmt.Sprintf("%s/%q", bucket, keys)
	var was [][]byte
	for _, key := range keys {
		was = append(was, h.flip(bucket, key))
	}
	h.token = ""
	began := time.Now()
	h.start()
	if err := h.Online(h.within(10 * time.Second)); err != nil {
		t.Errorf("%s: %v: %s", what, err, h.Radio().Dongle().Fault)
		return
	}
	h.wait("the lock to be known: "+what, func() bool {
		v, err := h.Bridge().Find(string(h.id))
		return err == nil && v.Info.Ready
	})
	h.wait("the bolt to move: "+what, func() bool { // a lock whose record is gone is interviewed first
		code, _, _ := h.cli("", h.other(), "LOCK")
		return code == 0
	})
	h.moves(what)
	h.everybody(what)
	st := h.status()
	if bucket != "journal" && !strings.Contains(fmt.Sprint(st.Warnings), "could not be read") {
		t.Errorf("%s: warnings %q", what, st.Warnings)
	}
	t.Logf("%s: %v, %q", what, time.Since(began), st.Warnings)
	h.stop()
	if bucket == "journal" {
		return // nobody asked for that entry
	}
	h.db(func(tx *bbolt.Tx) error {
		for i, key := range keys { // one bit was flipped, and that is how it is kept
			kept := tx.Bucket([]byte("quarantine")).Get(slices.Concat([]byte(bucket), []byte{0}, key))
			if len(kept) != len(was[i]) || !bytes.Equal(kept[:len(kept)/2], was[i][:len(was[i])/2]) {
				t.Errorf("%s: the sealed record is gone", what)
			}
		}
		return nil
	})
}
