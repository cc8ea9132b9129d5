package refusals

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/store"
)

// member is a file of an archive.
type member struct {
	name string
	data []byte
}

// sealedArchive is an archive with the manifest given, made by whoever knows its password.
func sealedArchive(t *testing.T, password, manifest string, files ...member) []byte {
	t.Helper()
	r, err := age.NewScryptRecipient(password)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(4)
	var b bytes.Buffer
	w, err := age.Encrypt(&b, r)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(w)
	put := func(name string, data []byte) {
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	put("latchkey-backup.json", []byte(manifest))
	for _, f := range files {
		put(f.name, f.data)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBadBackups: what is no good backup is refused before anything is touched, and each with its own reason.
func TestBadBackups(t *testing.T) {
	t.Parallel()
	const password = "correct horse"
	h := inhabited(t, "backup")
	file := filepath.Join(h.dir, "b.age")
	for _, a := range []asks{
		{name: "a short password", method: "POST", path: "/api/v1/backup", body: `{"passphrase":"short"}`, status: 422, kind: "passphrase", says: "too short",
			args: []string{"backup", "create", file + "2"}, stdin: "short\n", exit: 1},
		{name: "no password", method: "POST", path: "/api/v1/backup", body: `{}`, status: 422, kind: "passphrase", says: "too short",
			args: []string{"backup", "create", file + "2"}, stdin: "\n", exit: 1},
	} {
		h.ask(a)
	}
	config := filepath.Join(h.dir, "l.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "state: %q\n", h.state()), 0o600); err != nil {
		t.Fatal(err)
	}
	restore := func(path, pw string) (int, string) {
		var o, e strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		code := cli.Run(ctx, "v1.2.3", []string{"--config", config, "backup", "restore", path}, strings.NewReader(pw+"\n"), &o, &e)
		return code, o.String() + e.String()
	}
	if code, said := restore(file, password); code != 1 || !strings.Contains(said, "the daemon runs; stop it first") {
		t.Errorf("while the daemon runs: exit %d: %s", code, said)
	}
	h.unharmed("a restore while the daemon runs")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h.stop()
	before := h.file()
	changed := bytes.Clone(good)
	changed[len(changed)/2] ^= 1
	key := bytes.Repeat([]byte("a7"), 32)
	for _, tt := range []struct {
		name string
		data []byte
		pw   string
		says string
	}{
		{"a wrong password", good, "wrong horse", "the password does not open this backup"},
		{"no password", good, "", "the password does not open this backup"},
		{"cut off", good[:len(good)-100], password, "damaged, cut off"},
		{"cut off early", good[:60], password, "damaged, cut off"},
		{"one bit changed", changed, password, "damaged, cut off"},
		{"no backup at all", []byte("PK\x03\x04 holiday pictures"), password, "no Latchkey backup"},
		{"empty", nil, password, "no Latchkey backup"},
		{"of a later version", sealedArchive(t, password, `{"format":2,"version":"v9"}`), password, "of a later version (v9, format 2)"},
		{"without a state", sealedArchive(t, password, `{"format":1,"version":"v1","files":[]}`), password, "does not hold a state and its key: latchkey.db is missing"},
		{"a state without its key", sealedArchive(t, password, `{"format":1,"version":"v1","files":["latchkey.db"]}`, member{store.FileName, before}), password, "does not hold a state and its key: master.key is missing"},
		{"a state with another key", sealedArchive(t, password, `{"format":1,"version":"v1","files":["latchkey.db","master.key"]}`,
			member{store.FileName, before}, member{store.KeyFile, key}), password, "sealed with another master key"},
		{"a state that is none", sealedArchive(t, password, `{"format":1,"version":"v1","files":["latchkey.db","master.key"]}`,
			member{store.FileName, key}, member{store.KeyFile, key}), password, "the state's file is damaged"},
	} {
		path := filepath.Join(h.dir, "bad.age")
		if err := os.WriteFile(path, tt.data, 0o600); err != nil {
			t.Fatal(err)
		}
		code, said := restore(path, tt.pw)
		if code != 1 || !strings.Contains(said, tt.says) {
			t.Errorf("%s: exit %d: %s", tt.name, code, said)
		}
		t.Logf("%-28s exit %d: %s", tt.name, code, said)
		if !bytes.Equal(h.file(), before) {
			t.Errorf("%s: the state was changed", tt.name)
		}
		if left, _ := filepath.Glob(h.state() + ".*"); len(left) > 0 {
			t.Errorf("%s: left behind: %v", tt.name, left)
		}
	}
	if code, said := restore(filepath.Join(h.dir, "none.age"), password); code != 1 || !strings.Contains(said, "none.age") {
		t.Errorf("no such file: exit %d: %s", code, said)
	}
	h.token = ""
	h.start()
	h.settled()
	h.unharmed("after the bad backups")
}
