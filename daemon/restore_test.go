package daemon

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/daemon/archive"
	"github.com/latchkeyd/latchkey/store"
)

// TestRestoreNeedsAState: an archive that opens and holds no state, or none with its key, does not take the place of the one that is there.
func TestRestoreNeedsAState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for missing, files := range map[string][]archive.File{
		store.FileName: {{Name: store.KeyFile, Data: []byte("x")}},
		store.KeyFile:  {{Name: store.FileName, Data: []byte("x")}, {Name: store.KeyFile, Data: []byte{}}},
	} {
		var b bytes.Buffer
		if err := archive.Create(&b, []byte("correct horse"), "v1", time.Now(), files); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(dir, &b, []byte("correct horse")); !errors.Is(err, archive.ErrDamaged) || !strings.Contains(err.Error(), missing+" is missing") {
			t.Errorf("without %s: %v", missing, err)
		}
		if _, err := os.Stat(there); err != nil {
			t.Error("what was there is gone:", err)
		}
	}
}
