package refusals

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/latchkeyd/latchkey/store"
	"github.com/latchkeyd/latchkey/web"
)

// refusedLocally asks by HTTP over the Unix socket, which needs no token.
func (h *home) refusedLocally(method, path, body string) (int, web.Problem) {
	h.t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", h.SocketPath())
	}}}
	req, err := http.NewRequestWithContext(h.t.Context(), method, "http://latchkey"+h.path(path), strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, h.problem(method+" "+path, resp.StatusCode, resp.Header, b)
}

// TestSealedState: a state that cannot be opened stays as it is. The daemon says why, refuses to change anything, and locks and unlocks.
func TestSealedState(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(h *home, key string) error
		says  string
	}{
		{"no key", func(_ *home, key string) error { return os.Remove(key) }, "put the key back, or restore a backup"},
		{"another key", func(_ *home, key string) error { return os.WriteFile(key, bytes.Repeat([]byte("7"), 64), 0o600) }, "sealed with another master key; put the right master.key back"},
		{"a key that is none", func(_ *home, key string) error { return os.WriteFile(key, []byte("hello"), 0o600) }, "a master key is 32 bytes or 64 hexadecimal digits"},
		{"a key that others can read", func(_ *home, key string) error { return os.Chmod(key, 0o644) }, "run: chmod 600"},
		{"a state of a later version", func(h *home, _ string) error {
			h.db(func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte("meta")).Put([]byte("format"), binary.BigEndian.AppendUint32(nil, store.Format+1))
			})
			return nil
		}, "install the later version again, or restore a backup"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := inhabited(t)
			h.stop()
			back := h.aside()
			if err := tt.spoil(h, filepath.Join(h.state(), store.KeyFile)); err != nil {
				t.Fatal(err)
			}
			before := h.file()
			h.start()
			h.wait("the bolt to move", func() bool { // the locks are interviewed first
				code, _, _ := h.cli("", h.other(), "LOCK")
				return code == 0
			})
			h.moves(tt.name)
			st := h.status()
			if said := fmt.Sprint(st.Warnings); !strings.Contains(said, tt.says) || !strings.Contains(said, "2 people, 2 codes") {
				t.Errorf("the warnings: %q", st.Warnings)
			}
			t.Logf("%-30s %q", tt.name, st.Warnings)
			for _, a := range []struct {
				method, path, body string
				args               []string
				stdin              string
			}{
				{"POST", "/api/v1/users", `{"name":"Cleo","pin":"40618273","all_locks":true}`, []string{"users", "add", "Cleo", "--all-locks"}, "40618273\n"},
				{"DELETE", "/api/v1/users/1", "", []string{"users", "rm", "1"}, ""},
				{"PUT", "/api/v1/locks/LOCK/codes/1", `{"pin":"40618273"}`, []string{"codes", "set", "LOCK", "1"}, "40618273\n"},
				{"POST", "/api/v1/locks/LOCK/reset", `{}`, []string{"reset", "LOCK", "--plan"}, ""},
				{"POST", "/api/v1/backup", `{"passphrase":"correct horse"}`, []string{"backup", "create", filepath.Join(h.dir, "c.age")}, "correct horse\n"},
				{"DELETE", "/api/v1/locks/LOCK", "", []string{"forget", "LOCK", "--force", "--yes"}, ""},
			} {
				if status, p := h.refusedLocally(a.method, a.path, a.body); status != 503 || kind(p) != "sealed" || !strings.Contains(sentence(p), tt.says) {
					t.Errorf("%s %s: %d %s %s", a.method, a.path, status, kind(p), sentence(p))
				}
				if code, out, errs := h.cli(a.stdin, a.args...); code == 0 || out != "" || strings.Contains(errs, "40618273") {
					t.Errorf("%v: exit %d %s%s", a.args, code, out, errs)
				}
			}
			if on := h.stands(); len(on) != 2 || !on[people["Ann"]] || !on[people["Bob"]] {
				t.Errorf("a code is gone: %d stand", len(on))
			}
			h.stop()
			if !bytes.Equal(h.file(), before) {
				t.Error("the sealed state was changed")
			}
			back()
			h.token = ""
			h.start()
			h.settled()
			h.unharmed("the key is back")
		})
	}
}

func (h *home) file() []byte {
	h.t.Helper()
	b, err := os.ReadFile(filepath.Join(h.state(), store.FileName))
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// settled waits until a daemon that was started again knows its lock.
func (h *home) settled() {
	h.t.Helper()
	h.wait("the lock to be reached", func() bool {
		code, _, _ := h.cli("", h.other(), "LOCK")
		return code == 0
	})
}
