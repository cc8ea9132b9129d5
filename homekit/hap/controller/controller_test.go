package controller

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseResponse(t *testing.T) {
	tests := []struct {
		name, in string
		code     int
		event    bool
		body     string
		used     int
		bad      bool
	}{
		{"no content", "HTTP/1.1 204 No Content\r\n\r\nrest", 204, false, "", 27, false},
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}x", 200, false, "{}", 40, false},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", 200, false, "abcd", 66, false},
		{"event", "EVENT/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, true, "", 39, false},
		{"incomplete header", "HTTP/1.1 200 OK\r\n", 0, false, "", 0, false},
		{"incomplete body", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", 0, false, "", 0, false},
		{"incomplete chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", 0, false, "", 0, false},
		{"no HTTP", "HELLO\r\n\r\n", 0, false, "", 0, true},
		{"bad length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n", 0, false, "", 0, true},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 0, false, "", 0, true},
		{"bad header", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", 0, false, "", 0, true},
	}
	for _, tt := range tests {
		r, used, err := parseResponse([]byte(tt.in))
		if (err != nil) != tt.bad || used != tt.used {
			t.Errorf("%s: used %d, %v", tt.name, used, err)
			continue
		}
		if r != nil && (r.Code != tt.code || r.event != tt.event || string(r.Body) != tt.body) {
			t.Errorf("%s: %+v", tt.name, r)
		}
	}
}

// peer plays an accessory that says what it is told to say.
func peer(t *testing.T, says ...string) *Conn {
	t.Helper()
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1024)
		for _, s := range says {
			if _, err := far.Read(buf); err != nil {
				return
			}
			if _, err := io.WriteString(far, s); err != nil {
				return
			}
		}
		far.Close()
	}()
	c := NewConn(near)
	t.Cleanup(func() { c.Close(); far.Close(); <-done })
	return c
}

func TestEventsBetweenAnswers(t *testing.T) {
	ev := `{"characteristics":[{"aid":1,"iid":2,"value":true}]}`
	c := peer(t, "EVENT/1.0 200 OK\r\nContent-Length: 52\r\n\r\n"+ev+"HTTP/1.1 204 No Content\r\n\r\nEVENT/1.0 200 OK\r\nContent-Length: 52\r\n\r\n"+ev)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if rs, err := c.Put(ctx, Write{ID: ID{1, 2}, Value: true}); err != nil || rs != nil {
		t.Fatalf("%v, %v", rs, err)
	}
	for range 2 {
		e, err := c.NextEvent(ctx)
		if err != nil || len(e) != 1 || e[0].ID != (ID{1, 2}) || e[0].Value != true {
			t.Errorf("%v, %v", e, err)
		}
	}
	if _, err := c.NextEvent(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestBadPeers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, says := range []string{"garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\x06", "HTTP/1.1 500 Oh\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\x06\x01\x02"} {
		if _, err := peer(t, says).PairSetup(ctx, NewIdentity(), "123-45-679"); err == nil {
			t.Errorf("%q was taken for M2", says)
		}
		if err := peer(t, says).Verify(ctx, &Pairing{Controller: NewIdentity()}); err == nil {
			t.Errorf("%q was taken for M2 of verify", says)
		}
	}
	var pe PairingError
	if _, err := peer(t, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\x06\x01\x02\x07\x01\x05").PairSetup(ctx, NewIdentity(), "123-45-679"); !errors.As(err, &pe) || pe != 5 {
		t.Errorf("max tries: %v", err)
	}
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("EVENT/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, used, err := parseResponse(b)
		if used < 0 || used > len(b) || err == nil && (r == nil) != (used == 0) {
			t.Fatalf("used %d of %d, %v, %v", used, len(b), r, err)
		}
		if r != nil {
			parseResults(r.Body)
		}
	})
}
