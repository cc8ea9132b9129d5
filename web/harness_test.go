package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a running server with everything around it.
type house struct {
	t      *testing.T
	bridge *fakeBridge
	server *Server
	unix   *http.Client
	tcp    *http.Client
	base   string // of the TCP listener
	router routers.Router
	logs   *lockedBuffer
	kv     *memKV
	hk     *fakeHomeKit
	mu     sync.Mutex
	counts map[string]int
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (h *house) Request(route string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[route]++
}

func (h *house) AuthFailure(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts["auth:"+reason]++
}

func (h *house) count(key string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts[key]
}

type fakeHomeKit struct{ unpaired []bridge.LockID }

func (f *fakeHomeKit) Accessories() []Accessory {
	return []Accessory{{"00:0d:6f:00:0a:90:69:e7", "Front door", "123-45-678", "X-HM://00ABC", false, 51826, "AA:BB:CC:DD:EE:FF"},
		{"00:0d:6f:00:0a:90:69:e8", "Back door", "876-54-321", "X-HM://00DEF", true, 51827, "AA:BB:CC:DD:EE:F0"}}
}

func (f *fakeHomeKit) Unpair(id bridge.LockID) error {
	f.unpaired = append(f.unpaired, id)
	return nil
}

func newHouse(t *testing.T, change func(*Config)) *house {
	t.Helper()
	h := &house{t: t, bridge: newFake(), logs: &lockedBuffer{}, kv: &memKV{m: map[string][]byte{}}, hk: &fakeHomeKit{}, counts: map[string]int{}}
	socket := filepath.Join(t.TempDir(), "s")
	cfg := Config{
		Socket: socket, Listen: "127.0.0.1:0", Hosts: []string{"locks.home.arpa"}, Bridge: h.bridge, KV: h.kv, HomeKit: h.hk, Observer: h,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "latchkey_build_info 1\n") }),
		Facts: func() Facts {
			return Facts{Version: "1", Started: time.Now(), HomeKit: FaceFacts{Enabled: true, Built: true, Mode: "accessories"}, Matter: FaceFacts{Fault: "this build has no Matter yet"}}
		},
		Backup: func(_ context.Context, w io.Writer, pass []byte) error {
			if string(pass) == "fail before the first byte" {
				return bridge.ErrStore
			}
			_, err := w.Write([]byte("age-encryption.org/v1"))
			return err
		},
		Logger: slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	h.server = New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-h.server.Ready():
	case err := <-done:
		done <- nil
		t.Fatal(err)
	}
	h.unix = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	h.tcp = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	h.base = "http://" + h.server.Addr()
	h.router = describe(t)
	return h
}

func describe(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ask sends a request over the Unix socket and holds the answer against the description.
func (h *house) ask(method, path, body string) (int, string) {
	h.t.Helper()
	return h.send(h.unix, "http://latchkey", method, path, body, nil)
}

func (h *house) send(c *http.Client, base, method, path, body string, header http.Header) (int, string) {
	h.t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, base+path, rd)
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := c.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	h.conforms(req, resp, b)
	return resp.StatusCode, string(b)
}

// conforms validates an answer. Requests are not validated: the tests send bad ones on purpose.
func (h *house) conforms(req *http.Request, resp *http.Response, body []byte) {
	h.t.Helper()
	req.URL.Scheme, req.URL.Host, req.Host = "", "", ""
	rt, params, err := h.router.FindRoute(req)
	if errors.Is(err, routers.ErrPathNotFound) || errors.Is(err, routers.ErrMethodNotAllowed) {
		return
	}
	if err != nil {
		h.t.Errorf("%s %s: %v", req.Method, req.URL, err)
		return
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: rt},
		Status:                 resp.StatusCode, Header: resp.Header,
	}
	in.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(h.t.Context(), in); err != nil {
		h.t.Errorf("%s %s answers %d, which is not as described: %v\n%s", req.Method, req.URL, resp.StatusCode, err, body)
	}
}
