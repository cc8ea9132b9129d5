package web

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWhatIsWrongIsNamed: a refusal says which part of the request it means, in words of its own.
func TestWhatIsWrongIsNamed(t *testing.T) {
	h := newHouse(t, nil)
	for _, tt := range []struct{ body, says string }{
		{`{"name":"Eve","pin":"","all_locks":true}`, "the code is empty"},
		{`{"name":"Eve","pin":"` + strings.Repeat("7", 33) + `","all_locks":true}`, "at most 32 digits"},
		{`{"name":"Eve","schedule":{"uses":"many"}}`, "The value of schedule.uses is of the wrong kind"},
		{`{"name":"Eve","schedule":{"until":"tomorrow"}}`, "A time is not understood"},
	} {
		if status, body := h.ask("POST", "/api/v1/users", tt.body); status < 400 || status > 499 || !strings.Contains(body, tt.says) || strings.Contains(body, "777") {
			t.Errorf("%s: %d %s; want %q", tt.body, status, body, tt.says)
		}
	}
	if _, body := h.ask("DELETE", "/api/v1/users/Zoe", ""); !strings.Contains(body, `user \"Zoe\"`) {
		t.Error(body)
	}
}

// TestFullDiskUnderTheKeys: a password or token that cannot be kept is told as that.
func TestFullDiskUnderTheKeys(t *testing.T) {
	h := newHouse(t, nil)
	h.kv.mu.Lock()
	h.kv.full = errors.New("no space left on device")
	h.kv.mu.Unlock()
	for _, r := range [][3]string{{"PUT", "/api/v1/password", `{"new":"correct horse"}`}, {"POST", "/api/v1/tokens", `{"name":"x","scope":"read"}`}} {
		if status, body := h.ask(r[0], r[1], r[2]); status != 500 || !strings.Contains(body, TypePrefix+"store") || !strings.Contains(body, "free space") {
			t.Errorf("%s: %d %s", r[1], status, body)
		}
	}
}

// TestSealedStateRefusesChanges: locks can be moved and seen, and nothing can be changed.
func TestSealedStateRefusesChanges(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Sealed = errors.New("store: the key is gone; put it back") })
	for _, r := range [][4]string{
		{"POST", "/api/v1/users", `{"name":"Eve","all_locks":true}`, `"detail":"the key is gone; put it back"`},
		{"DELETE", "/api/v1/users/Ada", "", TypePrefix + "sealed"},
		{"PUT", "/api/v1/password", `{"new":"correct horse"}`, TypePrefix + "sealed"},
	} {
		if status, body := h.ask(r[0], r[1], r[2]); status != 503 || !strings.Contains(body, r[3]) {
			t.Errorf("%s %s: %d %s", r[0], r[1], status, body)
		}
	}
	if status, body := h.ask("POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock"}`); status != 200 {
		t.Errorf("unlock: %d %s", status, body)
	}
	if status, body := h.ask("GET", "/api/v1/users", ""); status != 200 {
		t.Errorf("users: %d %s", status, body)
	}
}

// TestTooLargeIsToldAtOnce: whoever announces a gigabyte and stalls is answered, and not waited for.
func TestTooLargeIsToldAtOnce(t *testing.T) {
	h := newHouse(t, nil)
	c, err := net.Dial("unix", h.server.cfg.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // less than the server waits for a whole request
	go func() {
		_, _ = io.WriteString(c, "POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n"+strings.Repeat(" ", 1<<17))
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("%d, closed %v", resp.StatusCode, resp.Close)
	}
}
