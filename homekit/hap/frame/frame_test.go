package frame

import (
	"bytes"
	"errors"
	"testing"
)

func pair(t testing.TB) (*Sealer, *Opener) {
	t.Helper()
	key := bytes.Repeat([]byte{3}, 32)
	s, err := NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(key)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func openAll(o *Opener, src []byte) (out, rest []byte, err error) {
	for {
		var used int
		out, used, err = o.Open(out, src)
		if err != nil || used == 0 {
			return out, src, err
		}
		src = src[used:]
	}
}

func TestEveryLengthComesBack(t *testing.T) {
	s, o := pair(t)
	for _, n := range []int{1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 10000} {
		plain := bytes.Repeat([]byte{byte(n)}, n)
		sealed := s.Seal(nil, plain)
		if frames := (n + Max - 1) / Max; len(sealed) != n+frames*Overhead {
			t.Errorf("%d octets: sealed %d", n, len(sealed))
		}
		got, rest, err := openAll(o, sealed)
		if err != nil || len(rest) != 0 || !bytes.Equal(got, plain) {
			t.Fatalf("%d octets: got %d, rest %d, %v", n, len(got), len(rest), err)
		}
	}
}

func TestAnySplit(t *testing.T) {
	s, o := pair(t)
	plain := bytes.Repeat([]byte("GET /"), 700)
	sealed := s.Seal(nil, plain)
	var got, have []byte
	for _, b := range sealed {
		have = append(have, b)
		var used int
		var err error
		if got, used, err = o.Open(got, have); err != nil {
			t.Fatal(err)
		}
		have = have[used:]
	}
	if !bytes.Equal(got, plain) {
		t.Fatal("octet by octet it came out different")
	}
}

func TestForgery(t *testing.T) {
	s, _ := pair(t)
	sealed := s.Seal(nil, []byte("hello"))
	for i := range sealed {
		_, o := pair(t)
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		out, _, err := o.Open(nil, bad)
		if len(out) != 0 {
			t.Fatalf("octet %d changed, yet it decrypts", i)
		}
		if i >= 2 && !errors.Is(err, ErrForged) {
			t.Fatalf("octet %d: %v", i, err)
		}
	}
	_, o := pair(t)
	if _, _, err := o.Open(nil, []byte{1, 4}); !errors.Is(err, ErrTooLong) {
		t.Errorf("1025 octets: %v", err)
	}
}

func TestReplayIsRefused(t *testing.T) {
	s, o := pair(t)
	sealed := s.Seal(nil, []byte("hello"))
	if _, _, err := o.Open(nil, sealed); err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.Open(nil, sealed); !errors.Is(err, ErrForged) {
		t.Errorf("the same frame again: %v", err)
	}
}

func TestMessages(t *testing.T) {
	key, err := Derive([]byte("secret"), "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := SealMessage(key, "PS-Msg05", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenMessage(key, "PS-Msg05", sealed); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := OpenMessage(key, "PS-Msg06", sealed); !errors.Is(err, ErrForged) {
		t.Errorf("another message's nonce: %v", err)
	}
}

func BenchmarkSealOpen(b *testing.B) {
	s, o := pair(b)
	plain := bytes.Repeat([]byte{1}, 200)
	var sealed, out []byte
	b.ReportAllocs()
	for b.Loop() {
		sealed = s.Seal(sealed[:0], plain)
		out, _, _ = o.Open(out[:0], sealed)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{0, 0}, false)
	f.Add([]byte{0, 4, 1, 2, 3}, false)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, genuine bool) {
		s, o := pair(t)
		src := data
		if genuine {
			src = s.Seal(nil, data)
		}
		out, rest, err := openAll(o, src)
		switch {
		case genuine && (err != nil || len(rest) != 0 || !bytes.Equal(out, data)):
			t.Fatalf("genuine frames: %d of %d octets, %v", len(out), len(data), err)
		case !genuine && len(out) != 0:
			t.Fatal("forged frames decrypt")
		}
	})
}
