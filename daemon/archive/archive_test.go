package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
)

var some = []File{{"latchkey.db", bytes.Repeat([]byte("state"), 30000)}, {"master.key", []byte("00ff")}, {"empty", []byte{}}}

// quick encrypts to a key instead of a password, which costs nothing: what is inside is looked at in the same way.
var quick = func() *age.X25519Identity {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err)
	}
	return id
}()

func TestRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if err := Create(&buf, []byte("correct horse"), "v1", made, some); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(buf.Bytes(), []byte("statestate")) || bytes.Contains(buf.Bytes(), []byte("master.key")) {
		t.Error("something of it can be read without the password")
	}
	m, files, err := Open(bytes.NewReader(buf.Bytes()), []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(some, files); diff != "" || m.Version != "v1" || !m.Made.Equal(made) {
		t.Errorf("%+v\n%s", m, diff)
	}
	if _, _, err := Open(bytes.NewReader(buf.Bytes()), []byte("wrong horse")); !errors.Is(err, ErrPassword) {
		t.Errorf("a wrong password: %v", err)
	}
	if _, _, err := Open(bytes.NewReader(buf.Bytes()), nil); !errors.Is(err, ErrPassword) {
		t.Errorf("no password: %v", err)
	}
}

// TestDamage: cut off or changed at any place, an archive is refused whole.
func TestDamage(t *testing.T) {
	var buf bytes.Buffer
	if err := create(&buf, quick.Recipient(), "v1", time.Now(), some); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	for n := 0; n < len(whole); n += 1 + n/7 {
		if _, _, err := open(bytes.NewReader(whole[:n]), quick); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut off at %d: %v", n, err)
		}
		bad := bytes.Clone(whole)
		bad[n] ^= 0x20
		if _, _, err := open(bytes.NewReader(bad), quick); err == nil {
			t.Errorf("changed at %d: accepted", n)
		}
	}
	if _, _, err := open(bytes.NewReader(whole[:len(whole)-1]), quick); !errors.Is(err, ErrDamaged) {
		t.Error("the last byte is missing and nobody minds")
	}
	if _, _, err := open(strings.NewReader("PK\x03\x04 not a backup"), quick); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}

// sealed makes an archive of raw tar headers, as an attacker with the password could.
func sealed(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, quick.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(w)
	for _, h := range headers {
		body := []byte(`{"format":1,"files":["x"]}`)
		if h.Typeflag == tar.TypeReg && h.Size == 0 {
			h.Size = int64(len(body))
		}
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && h.Size == int64(len(body)) {
			if _, err := tw.Write(body); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = tw.Flush() // bodies may be missing on purpose
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestHostileArchives: nothing that leads out of the state directory, and nothing larger than a backup.
func TestHostileArchives(t *testing.T) {
	reg := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600} }
	for name, headers := range map[string][]tar.Header{
		"symlink":       {reg(manifest), {Typeflag: tar.TypeSymlink, Name: "x", Linkname: "/etc/passwd"}},
		"hard link":     {reg(manifest), {Typeflag: tar.TypeLink, Name: "x", Linkname: "/etc/passwd"}},
		"device":        {reg(manifest), {Typeflag: tar.TypeChar, Name: "x"}},
		"directory":     {reg(manifest), {Typeflag: tar.TypeDir, Name: "x/"}},
		"absolute":      {reg(manifest), reg("/etc/x")},
		"parent":        {reg(manifest), reg("../x")},
		"sub directory": {reg(manifest), reg("a/x")},
		"backslash":     {reg(manifest), reg(`a\x`)},
		"dot dot":       {reg(manifest), reg("..")},
		"option":        {reg(manifest), reg("-rf")},
		"huge":          {reg(manifest), {Typeflag: tar.TypeReg, Name: "x", Size: MaxFile + 1}},
		"no manifest":   {reg("x")},
		"other file":    {reg(manifest), reg("y")},
		"missing":       {reg(manifest)},
		"nothing":       {},
	} {
		if _, _, err := open(bytes.NewReader(sealed(t, headers...)), quick); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateRefusesBadNames(t *testing.T) {
	for _, name := range []string{"", "a/b", "../x", manifest, ".", "-x"} {
		if err := create(io.Discard, quick.Recipient(), "v1", time.Now(), []File{{name, nil}}); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestLaterFormat(t *testing.T) {
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, quick.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(w)
	body := `{"format":9,"version":"v9"}`
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: manifest, Size: int64(len(body))}); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(tw, body)
	_ = tw.Close()
	_ = w.Close()
	if _, _, err := open(&buf, quick); err == nil || !strings.Contains(err.Error(), "later version") {
		t.Errorf("%v", err)
	}
}

// FuzzTar fuzzes what stands inside the encryption, where a person with the password can write anything.
func FuzzTar(f *testing.F) {
	var plainTar bytes.Buffer
	tw := tar.NewWriter(&plainTar)
	_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: manifest, Size: 26})
	_, _ = io.WriteString(tw, `{"format":1,"files":["x"]}`)
	_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "x", Size: 1})
	_, _ = io.WriteString(tw, "1")
	_ = tw.Close()
	f.Add(plainTar.Bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var buf bytes.Buffer
		w, err := age.Encrypt(&buf, quick.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(data)
		_ = w.Close()
		_, files, err := open(&buf, quick)
		if err != nil {
			return
		}
		for _, file := range files {
			if !plain(file.Name) {
				t.Fatalf("gave out %q", file.Name)
			}
		}
	})
}
