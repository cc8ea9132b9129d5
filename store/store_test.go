package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_TEST_CHILD"); dir != "" {
		child(dir, os.Getenv("STORE_TEST_MODE"))
		return
	}
	goleak.VerifyTestMain(m)
}

const front = bridge.LockID("00:0d:6f:00:0a:90:69:e7")

func mustPIN(t testing.TB, s string) bridge.PIN {
	t.Helper()
	p, err := bridge.NewPIN([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testKey(t testing.TB) Key {
	t.Helper()
	k, err := NewKey(bytes.Repeat([]byte{7}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(Config{Dir: dir, Key: testKey(t), Wait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// everything is a change with one of each record.
func everything(t testing.TB) bridge.Change {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	percent := 87.5
	relock := 30 * time.Second
	slot := bridge.Slot(3)
	return bridge.Change{
		PutLocks: []bridge.SavedLock{{
			ID: front, Name: "Front door", Slug: "front-door", Added: at, Bolt: bridge.Locked, BoltAt: at, Battery: &percent, BatteryAt: at, Tampered: true,
			Scanned: at, Settings: bridge.Settings{AutoRelock: &relock},
			Info: bridge.Info{ID: front, Manufacturer: "Yale", Ready: true, Traits: bridge.Traits{Slots: 250, FirstSlot: 1, ReadBack: bridge.ReadBackFull, MasterSlots: []bridge.Slot{0}}},
		}},
		PutUsers: []bridge.User{{
			ID: 4, Name: "Ada", PIN: mustPIN(t, "739184"), PINs: map[bridge.LockID]bridge.PIN{front: mustPIN(t, "73918465")}, Locks: []bridge.LockID{front},
			Schedule: bridge.Schedule{Weekly: []bridge.Window{{Days: 62, Start: 480, End: 600}}, From: at, Uses: 3}, Origin: bridge.OriginHomeKit, Used: 1, Created: at, LastUsed: at,
		}},
		PutSlots: []bridge.SavedSlot{{
			SlotKey: bridge.SlotKey{Lock: front, Slot: 3}, User: 4, Want: true, Wanted: mustPIN(t, "73918465"), Observed: bridge.SlotKnown, Seen: mustPIN(t, "73918465"),
			State: bridge.CodeInSync, Attempts: 1, NotBefore: at, Claimed: true, Since: at,
			Own: bridge.SlotSchedule{Want: bridge.Schedule{Weekly: []bridge.Window{{Days: 62, Start: 480, End: 600}}}, Used: true, Refused: "no", Attempts: 2, NotBefore: at},
		}},
		PutResets: []bridge.SavedReset{{Lock: front, Stage: "guarded", Data: []byte(`{"a":1}`), Codes: []bridge.CapturedCode{{Slot: 3, User: 4, PIN: mustPIN(t, "73918465")}}, Since: at,
			Lines: []bridge.Event{{At: at, Lock: front, Cause: bridge.Cause{Source: bridge.SourceAPI}, Body: bridge.ResetMoved{Stage: "guarded"}}}, LineNo: 2}},
		Counters: map[string]uint64{"codes.x": 17},
		Append: []bridge.Event{
			{Seq: 1, At: at, Lock: front, Cause: bridge.Cause{Source: bridge.SourceKeypad, Slot: &slot, User: 4, Name: "Ada"}, Body: bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked}},
			{Seq: 3, At: at, Body: bridge.UserChanged{User: 4, Name: "Ada", Change: "added"}},
		},
	}
}

var cmpPIN = cmp.Comparer(func(x, y bridge.PIN) bool { return x.Equal(y) })

func TestStoreRoundTrip(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ch := everything(t)
	if err := s.Commit(ch); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	got, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := bridge.Saved{Locks: ch.PutLocks, Users: ch.PutUsers, Slots: ch.PutSlots, Resets: ch.PutResets, LastSeq: 3, LastID: 4, Counter: ch.Counters}
	if d := cmp.Diff(want, got, cmpPIN); d != "" {
		t.Error(d)
	}
	evs, err := s.Events(1, 10)
	if err != nil || len(evs) != 1 {
		t.Fatal(evs, err)
	}
	if d := cmp.Diff(ch.Append[1], evs[0]); d != "" {
		t.Error(d)
	}
	// Gone is gone, but ids are not given again.
	err = s.Commit(bridge.Change{DropUsers: []bridge.UserID{4}, DropSlots: []bridge.SlotKey{{Lock: front, Slot: 3}}, DropLocks: []bridge.LockID{front}, DropResets: []bridge.LockID{front}, Prune: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err = s.Load(); err != nil || len(got.Users)+len(got.Slots)+len(got.Locks)+len(got.Resets) != 0 || got.LastID != 4 || got.LastSeq != 3 {
		t.Errorf("%+v %v", got, err)
	}
	if evs, err = s.Events(0, 10); err != nil || len(evs) != 1 || evs[0].Seq != 3 {
		t.Errorf("after pruning: %v %v", evs, err)
	}
}

// A record that was written before locks were told schedules has none.
func TestSlotRecordWithoutASchedule(t *testing.T) {
	key := slotKey(bridge.SlotKey{Lock: front, Slot: 3})
	s, err := decodeSlot(key, []byte(`{"lock":"`+front+`","slot":3,"user":4,"want":true,"wanted":"NzM5MTg0","observed":"known","state":"in sync","claimed":true}`))
	if err != nil || s.State != bridge.CodeInSync || !s.Claimed || s.Own.Used || s.Own.Told || !s.Own.Want.Always() {
		t.Errorf("%+v %v", s, err)
	}
	b, err := encodeSlot(s)
	if err != nil || strings.Contains(string(b), `"own"`) {
		t.Errorf("%v", err)
	}
}

func TestStoreFileIsPrivateAndShowsNoDigits(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Commit(everything(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.KV("homekit").Put("code", []byte("73918465")); err != nil {
		t.Fatal(err)
	}
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{FileName, SnapshotName} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, fi.Mode(), err)
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"739184", "NzM5MTg0", "Ada", "Front door"} { // as digits, as base64, names
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
}

func TestStoreKeys(t *testing.T) {
	dir := t.TempDir()
	k, err := LoadKey(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadKey(dir, "")
	if err != nil || again != k {
		t.Fatal("the key changed", err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v %s %x", k, k, k, k, k), fmt.Sprintf("%x", k.b[0])+fmt.Sprintf("%x", k.b[1])) {
		t.Error("the key prints")
	}
	path := filepath.Join(dir, KeyFile)
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Error(fi.Mode(), err)
	}
	s, err := Open(Config{Dir: dir, Key: k})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir, Key: testKey(t)}); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "another master key") {
		t.Error("another key:", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(dir, ""); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "chmod 600") {
		t.Error("a key for everybody:", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(dir, ""); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "put the key back") {
		t.Error("a state without its key:", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a new key was made for an old state")
	}
	cred := t.TempDir()
	if err := os.WriteFile(filepath.Join(cred, KeyCredential), bytes.Repeat([]byte{7}, 32), 0o400); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadKey(dir, cred); err != nil || got != testKey(t) {
		t.Error("credential:", err)
	}
	for _, bad := range []string{"", "short", strings.Repeat("g", 64), strings.Repeat("a", 63)} {
		if _, err := NewKey([]byte(bad)); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestStoreRefusesALaterFormat(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bktMeta).Put(keyFormat, binary.BigEndian.AppendUint32(nil, Format+1))
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir, Key: testKey(t)}); !errors.Is(err, ErrLater) || !strings.Contains(err.Error(), "install the later version") {
		t.Error(err)
	}
}

func TestStoreHasOneWriter(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := Open(Config{Dir: dir, Key: testKey(t), Wait: 20 * time.Millisecond}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "stop it first") {
		t.Error(err)
	}
}

func TestStoreSetsACorruptRecordAside(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ch := everything(t)
	ch.PutUsers = append(ch.PutUsers, bridge.User{ID: 5, Name: "Bob", Locks: []bridge.LockID{}})
	if err := s.Commit(ch); err != nil {
		t.Fatal(err)
	}
	if err := s.KV("x").Put("k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		flip := func(b, k []byte) error {
			v := bytes.Clone(tx.Bucket(b).Get(k))
			v[len(v)-1] ^= 1
			return tx.Bucket(b).Put(k, v)
		}
		// A record moved to another key is as bad as a flipped bit.
		moved := bytes.Clone(tx.Bucket(bktSlots).Get(slotKey(bridge.SlotKey{Lock: front, Slot: 3})))
		return errors.Join(flip(bktUsers, userKey(4)), flip(bktJournal, seqKey(1)), flip([]byte("kv/x"), []byte("k")),
			tx.Bucket(bktSlots).Put(slotKey(bridge.SlotKey{Lock: front, Slot: 9}), moved))
	}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Users) != 1 || got.Users[0].Name != "Bob" || len(got.Locks) != 1 || len(got.Slots) != 1 || got.Slots[0].Slot != 3 {
		t.Errorf("the rest: %+v", got)
	}
	evs, err := s.Events(0, 10)
	if err != nil || len(evs) != 1 || evs[0].Seq != 3 {
		t.Errorf("journal: %v %v", evs, err)
	}
	if _, ok, err := s.KV("x").Get("k"); err == nil || ok {
		t.Error("a corrupt value was given out")
	}
	if _, ok, err := s.KV("x").Get("k"); err != nil || ok {
		t.Error("a value that is set aside is gone:", ok, err)
	}
	want := []string{"journal/1", "kv/x/k", "slots/" + string(front) + " slot 9", "users/4"}
	names := s.Quarantined()
	slices.Sort(names)
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
	if s.Stats().Quarantined != 4 {
		t.Error(s.Stats())
	}
	if got, err = s.Load(); err != nil || len(got.Users) != 1 || len(s.Quarantined()) != 4 {
		t.Error("second load", err, s.Quarantined())
	}
}

func TestStoreReplacesADamagedFileByItsSnapshot(t *testing.T) {
	damage := map[string]func(path string) error{
		"zeroed":    func(p string) error { return os.WriteFile(p, make([]byte, 32768), 0o600) },
		"noise":     func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("noise"), 9000), 0o600) },
		"cut short": func(p string) error { return os.Truncate(p, 3*4096) },
		"emptied":   func(p string) error { return os.Truncate(p, 0) },
		"missing":   os.Remove,
		"pages overwritten": func(p string) error {
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			for i := 2 * 4096; i < len(b); i++ {
				b[i] = byte(i * 31)
			}
			return os.WriteFile(p, b, 0o600)
		},
	}
	for name, f := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			if err := s.Commit(everything(t)); err != nil {
				t.Fatal(err)
			}
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := f(filepath.Join(dir, FileName)); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			s, err := Open(Config{Dir: dir, Key: testKey(t), Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got, err := s.Load()
			if err != nil || len(got.Users) != 1 || !s.Stats().Restored || !strings.Contains(log.String(), "snapshot") {
				t.Errorf("%+v %v\n%s", got, err, &log)
			}
		})
	}
	t.Run("no snapshot", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, FileName), bytes.Repeat([]byte("noise"), 9000), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Dir: dir, Key: testKey(t)}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "restore a backup") {
			t.Error(err)
		}
	})
}

func TestKV(t *testing.T) {
	s := open(t, t.TempDir())
	a, b := s.KV("homekit"), s.KV("znp")
	if _, ok, err := a.Get("k"); ok || err != nil {
		t.Error(ok, err)
	}
	for _, k := range []string{"b", "a", "c"} {
		if err := a.Put(k, []byte("value "+k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Put("empty", nil); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := a.Get("empty"); !ok || err != nil || len(v) != 0 {
		t.Error(v, ok, err)
	}
	if _, ok, _ := b.Get("a"); ok {
		t.Error("namespaces mix")
	}
	if err := errors.Join(a.Delete("empty"), a.Delete("never"), b.Delete("never")); err != nil {
		t.Error(err)
	}
	var keys []string
	if err := a.Each(func(k string, v []byte) error {
		keys = append(keys, k+"="+string(v))
		return a.Put(k, append(v, '!')) // f may write
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a=value a", "b=value b", "c=value c"}, keys); d != "" {
		t.Error(d)
	}
	if err := a.Each(func(string, []byte) error { return io.EOF }); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := a.Put("", nil); err == nil {
		t.Error("an empty key was taken")
	}
}

func TestStoreClosed(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(everything(t)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := s.Load(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestStoreTellsOfCommits(t *testing.T) {
	var seen []Commit
	s, err := Open(Config{Dir: t.TempDir(), Key: testKey(t), Observe: func(c Commit) { seen = append(seen, c) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Commit(everything(t)); err != nil {
		t.Fatal(err)
	}
	last := seen[len(seen)-1]
	if st := s.Stats(); last.Err != nil || last.Size == 0 || last.Duration <= 0 || st.Size != last.Size || st.Commits != uint64(len(seen)) || st.Errors != 0 {
		t.Errorf("%+v %+v", last, s.Stats())
	}
}

func FuzzRecords(f *testing.F) {
	ch := everything(f)
	user, _ := encodeUser(ch.PutUsers[0])
	slot, _ := encodeSlot(ch.PutSlots[0])
	reset, _ := encodeReset(ch.PutResets[0])
	event, _ := ch.Append[0].MarshalJSON()
	f.Add(userKey(4), user)
	f.Add(slotKey(ch.PutSlots[0].SlotKey), slot)
	f.Add([]byte(front), reset)
	f.Add(seqKey(1), event)
	f.Add([]byte{}, []byte(`{"pin":"YWJj","id":1}`))
	f.Fuzz(func(t *testing.T, key, b []byte) {
		if u, err := decodeUser(key, b); err == nil {
			again, err := encodeUser(u)
			if err != nil {
				t.Fatal(err)
			}
			v, err := decodeUser(key, again)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(u, v, cmpPIN); d != "" {
				t.Error(d)
			}
		}
		if s, err := decodeSlot(key, b); err == nil {
			again, err := encodeSlot(s)
			if err != nil {
				t.Fatal(err)
			}
			v, err := decodeSlot(key, again)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(s, v, cmpPIN); d != "" {
				t.Error(d)
			}
		}
		_, _ = decodeReset(key, b)
		_, _ = decodeLock(key, b)
		_, _ = decodeEvent(key, b)
		_ = printable("slots", key)
		sl, err := newSealer(Key{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sl.open(bktUsers, key, b); err == nil {
			t.Error("something that was never sealed opened")
		}
		if p, err := sl.open(bktUsers, key, sl.seal(bktUsers, key, b)); err != nil || !bytes.Equal(p, b) {
			t.Error("sealing does not come back")
		}
	})
}

func BenchmarkCommit(b *testing.B) {
	s := open(b, b.TempDir())
	ch := everything(b)
	var worst []time.Duration
	seq := uint64(1)
	for b.Loop() {
		seq++
		ch.Append = ch.Append[:1]
		ch.Append[0].Seq = seq
		began := time.Now()
		if err := s.Commit(ch); err != nil {
			b.Fatal(err)
		}
		worst = append(worst, time.Since(began))
	}
	slices.Sort(worst)
	b.ReportMetric(float64(worst[len(worst)*99/100].Microseconds()), "p99-µs")
}
