package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) find(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for range 500 {
		o.mu.Lock()
		m := re.FindStringSubmatch(o.b.String())
		o.mu.Unlock()
		if m != nil {
			return m[1]
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never printed %s", pattern)
	return ""
}

// sim runs locksim until the test ends or stop is called.
func sim(t *testing.T, args ...string) (out *output, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out = &output{}
	done := make(chan error, 1)
	go func() { done <- run(ctx, args, out, io.Discard) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	t.Cleanup(stop)
	return out, stop
}

func call(t *testing.T, method, url, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var v map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&v)
	return resp.StatusCode, v
}

func TestControl(t *testing.T) {
	out, _ := sim(t, "--tcp", "127.0.0.1:0", "--control", "127.0.0.1:0", "--model", "YRD226 TSDB", "--model", "SMARTCODE_DEADBOLT_10", "--speed", "100")
	url := out.find(t, `control: (\S+)`)
	tests := []struct {
		name, method, path, body string
		status                   int
		key                      string
		want                     any
	}{
		{"a lock", "GET", "/locks/1", "", 200, "bolt", "locked"},
		{"thumb turn", "POST", "/locks/1/turn", `{"lock":false}`, 200, "bolt", "unlocked"},
		{"factory code", "POST", "/locks/2/keypad", `{"code":"1234"}`, 200, "battery", 100.0},
		{"wrong code", "POST", "/locks/2/keypad", `{"code":"9999"}`, 409, "error", "lockfw: the lock refuses"},
		{"master", "POST", "/locks/1/master", `{"code":"24680"}`, 200, "needs_master", false},
		{"user", "POST", "/locks/1/user", `{"master":"24680","slot":3,"code":"1357"}`, 200, "bolt", "unlocked"},
		{"batteries out", "POST", "/locks/1/batteries", `{"percent":0}`, 200, "battery", 0.0},
		{"batteries in", "POST", "/locks/1/batteries", `{"percent":80}`, 200, "battery", 80.0},
		{"a short hold", "POST", "/locks/1/hold-reset", `{"for":"1s"}`, 200, "needs_master", false},
		{"the reset", "POST", "/locks/1/reset", "", 200, "needs_master", true},
		{"a switch", "POST", "/locks/1/faults", `{"SetPINLies":"true","longpoll":"2s"}`, 200, "LongPoll", "2s"},
		{"no such switch", "POST", "/locks/1/faults", `{"Nonsense":"1"}`, 400, "", nil},
		{"no such lock", "GET", "/locks/9", "", 404, "error", `there is no lock "9"`},
		{"a field that is none", "POST", "/locks/1/jam", `{"onn":true}`, 400, "", nil},
		{"one more lock", "POST", "/locks", `{"model":"V3-BTZB"}`, 200, "family", "danalock"},
		{"the dongle", "GET", "/dongle", "", 200, "up", false},
		{"unplug", "POST", "/dongle/unplug", "", 200, "done", "unplug"},
		{"air", "POST", "/air", `{"loss":0.1}`, 200, "done", "air"},
	}
	for _, tt := range tests {
		status, v := call(t, tt.method, url+tt.path, tt.body)
		if status != tt.status || tt.key != "" && v[tt.key] != tt.want {
			t.Errorf("%s: %d %v", tt.name, status, v)
		}
	}
}

func TestStateSurvives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "home.json")
	args := []string{"--tcp", "127.0.0.1:0", "--control", "127.0.0.1:0", "--model", "SMARTCODE_DEADBOLT_10", "--state", file}
	out, stop := sim(t, args...)
	id := out.find(t, `address (\S+)`)
	call(t, "POST", out.find(t, `control: (\S+)`)+"/locks/1/turn", `{"lock":false}`)
	stop()
	out, _ = sim(t, args...)
	if again := out.find(t, `address (\S+)`); again != id {
		t.Errorf("%s became %s", id, again)
	}
	if _, v := call(t, "GET", out.find(t, `control: (\S+)`)+"/locks/1", ""); v["bolt"] != "unlocked" {
		t.Errorf("%v", v)
	}
}

func TestPortsAnswerAPing(t *testing.T) {
	out, _ := sim(t, "--tcp", "127.0.0.1:0", "--pty", "--link", filepath.Join(t.TempDir(), "tty"))
	addr := out.find(t, `dongle: tcp://(\S+)`)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ping(t, conn)
	ping(t, openPort(t, out.find(t, `dongle: (/\S+)`)))
}

func ping(t *testing.T, port io.ReadWriteCloser) {
	t.Helper()
	defer port.Close()
	if _, err := port.Write([]byte{0xFE, 0, 0x21, 1, 0x20}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 7)
	if _, err := io.ReadFull(port, got); err != nil || got[2] != 0x61 {
		t.Errorf("%x %v", got, err)
	}
}

func openPort(t *testing.T, path string) io.ReadWriteCloser {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
