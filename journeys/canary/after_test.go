package canary

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/daemon/archive"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/store"
)

// backups: one is made on the command line, which asks the API for it, and is opened.
func (w *world) backups() {
	w.t.Helper()
	w.passphrase = w.next(10)
	w.backup = filepath.Join(w.t.TempDir(), "latchkey.age")
	w.cli(0, w.passphrase+"\n", "backup", "create", w.backup)
	w.cli(1, "short\n", "backup", "create", w.backup+"2")
	w.cli(1, w.passphrase+"\n", "backup", "restore", w.backup) // the daemon runs
	w.api(422, "POST", "/api/v1/backup", `{"passphrase":"short"}`)
	b, err := os.ReadFile(w.backup)
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(inBackup, b)
	w.open(b)
}

// open captures what is in a backup. The key that is in it, too, opens the records; that is what a backup is for.
func (w *world) open(b []byte) {
	w.t.Helper()
	_, files, err := archive.Open(bytes.NewReader(b), []byte(w.passphrase))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		w.add(inOpened, append([]byte("\n"+f.Name+"\n"), f.Data...))
	}
}

// restart ends the daemon, puts the backup in place of its state, spoils a record in it, and starts it again.
func (w *world) restart() {
	w.t.Helper()
	w.phone.close()
	w.stop()
	w.disk()
	for _, args := range [][]string{{"status"}, {"codes"}, {"users"}} {
		w.cli(1, "", args...)
	}
	w.cli(0, "", "doctor")
	w.cli(1, w.next(10)+"\n", "backup", "restore", w.backup)
	w.cli(0, w.passphrase+"\n", "backup", "restore", w.backup)
	w.spoil("slots", []byte(string(house.ID(w.dana))+"\x00"), func(sealed []byte) []byte {
		return append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1)
	})
	w.start()
	w.eventually("the spoilt record to be told", w.has(inLogText, "is set aside"))
	w.eventually("the daily copy", func() bool { _, err := os.Stat(filepath.Join(w.dir, store.SnapshotName)); return err == nil })
	for _, l := range w.house.Locks {
		if _, err := w.home.Known(w.ctx, l); err != nil {
			w.t.Fatal(err)
		}
	}
	w.phone = w.connect(w.paired)
	w.cli(0, w.next(8)+"\n", "users", "change", "Anna", "--pin")
	w.synced("Anna", w.yale, w.idlock)
	w.enters("Anna", w.idlock)
}

// spoil changes the first record of a bucket whose key begins so, or all that are there if the prefix is empty.
func (w *world) spoil(bucket string, prefix []byte, change func(sealed []byte) []byte) {
	w.t.Helper()
	db, err := bbolt.Open(filepath.Join(w.dir, store.FileName), 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		w.t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		key, sealed := tx.Bucket([]byte(bucket)).Cursor().Seek(prefix)
		if key == nil || !bytes.HasPrefix(key, prefix) {
			return fmt.Errorf("no record in %s", bucket)
		}
		return tx.Bucket([]byte(bucket)).Put(bytes.Clone(key), change(sealed))
	})
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// plant puts a PIN into every place, by the way by which things come there: as a person's and a lock's name where names are shown, and as itself elsewhere.
func (w *world) plant(followed func()) (pin string) {
	w.t.Helper()
	pin = w.next(8)
	w.log.Debug("planted", "code", pin)
	w.cli(0, w.next(8)+"\n", "users", "add", pin, "--lock", "Door 1")
	w.synced(pin, w.yale)
	told := func() bool { return len(Scan(w.get(inHomeEvent), pin)) > 0 }
	for n := 0; n < 5 && !told(); n++ { // a controller is told once a second at most, and what was last: a lock that locks itself hides who unlocked it
		w.quiet(inHomeEvent)
		w.enters(pin, w.yale)
		soon(told)
	}
	w.eventually("the person in the event stream", w.has(inStream, pin))
	w.phone.close()
	w.stop()
	followed()
	another, err := w.house.Air.AddLock(lockfw.LockConfig{Model: "ID Lock 150"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.named = map[bridge.LockID]string{house.ID(another): pin}
	w.start()
	if _, err := w.home.Join(w.ctx, another); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.home.Accessory(w.ctx, another); err != nil {
		w.t.Fatal(err)
	}
	w.phone = w.connect(w.pair(another))
	w.look()
	w.phone.close()
	w.stop()
	w.spoil("users", nil, func([]byte) []byte { return fmt.Appendf(nil, `{"name":"X","pin":%q}`, pin) })
	w.disk()
	db, err := os.ReadFile(filepath.Join(w.dir, store.FileName))
	if err != nil {
		w.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := archive.Create(&b, []byte(w.passphrase), "v0.0.0", time.Now(), []archive.File{{Name: store.FileName, Data: db}}); err != nil {
		w.t.Fatal(err)
	}
	w.open(b.Bytes())
	w.add(inBackup, append(b.Bytes(), pin...))
	return pin
}

// expectations are what each place must hold of what happened, in words that come there by that alone.
func (w *world) expectations() []expectation {
	front := string(house.ID(w.yale))
	return []expectation{
		{inLogText, false, []string{"latchkey is ready", "is set aside", "web: a code was shown", "Zigbee dongle restarted by itself", "part=znp", "part=store", "level=DEBUG"}},
		{inLogJSON, false, []string{`"msg":"latchkey is ready"`, `"level":"ERROR"`, `"part":"homekit"`}},
		{inLogSystem, false, []string{`<6>msg="latchkey is ready"`, "<3>msg=", "<7>msg="}},
		{inCLI, false, []string{"Anna is added", "too short", `"stage":"done"`, "read back", string(bridge.CodeNotOurs), "wrong code", "Dongle", "Restored the state", "[PIN] is no slot",
			"code memory is full", "already holds this code", "did not store the code", "too long"}},
		{inAPI, false, []string{`"name":"Anna"`, "urn:latchkey:problem:duplicate-code", `"Door 7"`, `"stage":"done"`, `"model":"NimlyPRO"`, "user [PIN]"}},
		{inStream, false, []string{"data: {", `"name":"Anna"`, `"kind":"entry_refused"`, front}},
		{inJournal, false, []string{`"name":"Anna"`, `"kind":"entry_refused"`, `"kind":"code_moved"`, `"kind":"lock_programmed"`, front}},
		{inMetrics, false, []string{`latchkey_code_slots{lock="danalock-v3"} 20`, "latchkey_backup_last_success_timestamp_seconds"}},
		{inHomeKit, false, []string{`"value":"Door 1"`, "access code refused", "-70"}},
		{inHomeEvent, false, []string{w.phone.ids.Current.String() + " 0 0", w.phone.ids.LastAction.String() + " 0"}},
		{inMDNS, false, []string{"_hap._tcp", "Door 1"}},
		{inState, true, []string{"/" + store.FileName + "\n", "/" + store.SnapshotName + "\n", "/" + store.KeyFile + "\n", ".before-", front}},
		{inBackup, true, []string{"age-encryption.org/v1", "scrypt"}},
		{inOpened, true, []string{"\n" + store.FileName + "\n", "\n" + store.KeyFile + "\n", front}},
	}
}
