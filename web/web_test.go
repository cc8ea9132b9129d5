package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/latchkeyd/latchkey/bridge"
)

// TestDescriptionIsComplete: every operation stands in the description, and nothing else does.
func TestDescriptionIsComplete(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described[method+" "+path] = true
		}
	}
	for _, r := range (&Server{}).routes() {
		p := r.pattern
		if !described[p] {
			t.Errorf("%s is not described", p)
		}
		delete(described, p)
	}
	for p := range described {
		t.Errorf("%s is described and not there", p)
	}
}

// TestAnswers goes through every operation; each answer is held against the description.
func TestAnswers(t *testing.T) {
	h := newHouse(t, nil)
	h.bridge.emit(bridge.BoltMoved{From: bridge.Unlocked, To: bridge.Locked})
	for _, tc := range []struct {
		method, path, body string
		want               int
		holds              string
	}{
		{"GET", "/healthz", "", 200, "alive"},
		{"GET", "/readyz", "", 200, "ready"},
		{"GET", "/metrics", "", 200, "latchkey_build_info"},
		{"GET", "/api/v1/openapi.yaml", "", 200, "openapi: 3.1.0"},
		{"GET", "/api/v1/status", "", 200, `"in_this_build":false`},
		{"GET", "/api/v1/locks", "", 200, `"Front door"`},
		{"GET", "/api/v1/locks/front-door", "", 200, `"bolt":"locked"`},
		{"GET", "/api/v1/locks/nowhere", "", 404, "no-such-lock"},
		{"PATCH", "/api/v1/locks/front-door", `{"name":"Street door"}`, 200, ""},
		{"PATCH", "/api/v1/locks/front-door", `{"name":" "}`, 422, "name"},
		{"POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock"}`, 200, `"stage":"moved"`},
		{"POST", "/api/v1/locks/front-door/actuate", `{"action":"lock","timeout":"2s","pin":"1234"}`, 200, `"bolt":"locked"`},
		{"POST", "/api/v1/locks/front-door/actuate", `{"action":"toggle"}`, 400, "no toggle"},
		{"POST", "/api/v1/locks/front-door/actuate", `{"action":"lock","timeout":"1h"}`, 400, "out of range"},
		{"POST", "/api/v1/locks/front-door/actuate", `{"action":"lock","timeout":7}`, 400, "duration"},
		{"POST", "/api/v1/locks/front-door/actuate", `{"action":"lock","speed":1}`, 400, "The key speed is not known here."},
		{"POST", "/api/v1/locks/front-door/actuate", `{"action":"lock"}{}`, 400, "more than one"},
		{"POST", "/api/v1/locks/front-door/actuate", `not json`, 400, "bad-request"},
		{"POST", "/api/v1/locks/front-door/actuate", "", 400, "no body"},
		{"POST", "/api/v1/locks/front-door/refresh", "", 200, ""},
		{"POST", "/api/v1/locks/front-door/tamper/ack", "", 204, ""},
		{"POST", "/api/v1/users", `{"name":"Anna","pin":"1234","all_locks":true,"schedule":{"weekly":[{"days":["mon","fri"],"start":"08:00","end":"17:30"}],"until":"2030-01-01T00:00:00Z","uses":3}}`, 201, `"days":["mon","fri"]`},
		{"POST", "/api/v1/users", `{"name":"Bert","pin":"12a4"}`, 422, "code-digits"},
		{"POST", "/api/v1/users", `{"name":"Bert","pin":""}`, 422, "code-length"},
		{"POST", "/api/v1/users", `{"name":"Bert","pin":1234}`, 400, "JSON string"},
		{"POST", "/api/v1/users", `{"pin":"1234"}`, 400, "needs a name"},
		{"POST", "/api/v1/users", `{"name":"Bert","locks":["nowhere"]}`, 404, "no-such-lock"},
		{"POST", "/api/v1/users", `{"name":"Bert","schedule":{"weekly":[{"days":["someday"],"start":"08:00","end":"09:00"}]}}`, 422, "day is not known"},
		{"POST", "/api/v1/users", `{"name":"Bert","schedule":{"weekly":[{"days":["mon"],"start":"8","end":"09:00"}]}}`, 422, "times"},
		{"POST", "/api/v1/users", `{"name":"Bert","schedule":{"from":"2030-01-01T00:00:00Z","until":"2029-01-01T00:00:00Z"}}`, 422, "ends before"},
		{"POST", "/api/v1/users", `{"name":"Bert","schedule":{"uses":-1}}`, 422, "uses"},
		{"GET", "/api/v1/users", "", 200, `"Anna"`},
		{"GET", "/api/v1/users/1", "", 200, `"has_pin":true`},
		{"GET", "/api/v1/users/anna", "", 200, `"id":1`},
		{"GET", "/api/v1/users/77", "", 404, "no-such-user"},
		{"GET", "/api/v1/users/nobody", "", 404, "user \\\"nobody\\\""},
		{"GET", "/api/v1/users/48291374", "", 404, "user [PIN]"},
		{"PATCH", "/api/v1/users/Anna", `{"name":"Anne","locks":["front-door"]}`, 200, `"Anne"`},
		{"GET", "/api/v1/locks/front-door/codes", "", 200, `"state":"pending"`},
		{"PUT", "/api/v1/locks/front-door/codes/1", `{"pin":"8765","wait":"1s"}`, 200, "in sync"},
		{"PUT", "/api/v1/locks/front-door/codes/1", `{"pin":"8765"}`, 202, "pending"},
		{"PUT", "/api/v1/locks/front-door/codes/1", `{}`, 400, "code is missing"},
		{"DELETE", "/api/v1/locks/front-door/codes/1", "", 204, ""},
		{"POST", "/api/v1/locks/front-door/adopt", `{"slot":7,"name":"Cleaner"}`, 201, "Cleaner"},
		{"POST", "/api/v1/locks/front-door/adopt", `{"slot":70000,"name":"Cleaner"}`, 400, "slot"},
		{"POST", "/api/v1/locks/front-door/reconcile", "", 202, ""},
		{"GET", "/api/v1/locks/front-door/reset", "", 200, ""},
		{"POST", "/api/v1/locks/front-door/reset", "", 200, `"hash":"abc"`},
		{"POST", "/api/v1/locks/front-door/reset", `{"method":"hands"}`, 200, `"way":"hands"`},
		{"POST", "/api/v1/locks/front-door/reset", `{"method":"hammer"}`, 400, "method"},
		{"POST", "/api/v1/locks/front-door/reset/confirm", `{"plan":"abc","name":"Back door"}`, 422, "name-mismatch"},
		{"POST", "/api/v1/locks/front-door/reset/confirm", `{"plan":"old","name":"Front door"}`, 409, "conflict"},
		{"POST", "/api/v1/locks/front-door/reset/confirm", `{"plan":"abc","name":"Front door"}`, 202, "confirmed"},
		{"POST", "/api/v1/locks/front-door/reset/ack", `{"step":"hold","answer":{"answer":"done"}}`, 200, ""},
		{"POST", "/api/v1/locks/front-door/reset/cancel", "", 200, ""},
		{"POST", "/api/v1/join", `{"for":"60s"}`, 200, "until"},
		{"POST", "/api/v1/join", `{"for":"0s"}`, 200, "{}"},
		{"POST", "/api/v1/join", `{"for":"1h"}`, 400, "254"},
		{"POST", "/api/v1/join", `{"for":"60s","install_code":"83 FE D3 40 7A 93 97 23","device":"00:0D:6F:00:0A:90:69:E7"}`, 200, ""},
		{"POST", "/api/v1/join", `{"for":"60s","install_code":"zz"}`, 400, "install code"},
		{"GET", "/api/v1/homekit", "", 200, "123-45-678"},
		{"GET", "/api/v1/homekit?codes=true", "", 200, "876-54-321"},
		{"POST", "/api/v1/homekit/front-door/unpair", "", 204, ""},
		{"POST", "/api/v1/homekit/bridge/unpair", "", 204, ""},
		{"GET", "/api/v1/matter", "", 200, "no Matter yet"},
		{"POST", "/api/v1/backup", `{"passphrase":"long enough"}`, 200, "age-encryption.org/v1"},
		{"POST", "/api/v1/backup", `{"passphrase":"short"}`, 422, "8 characters"},
		{"POST", "/api/v1/backup", `{"passphrase":"fail before the first byte"}`, 500, "store"},
		{"GET", "/api/v1/tokens", "", 200, "[]"},
		{"POST", "/api/v1/tokens", `{"name":"x","scope":"root"}`, 400, "scope"},
		{"DELETE", "/api/v1/tokens/none", "", 404, "no-such-token"},
		{"DELETE", "/api/v1/users/1", "", 204, ""},
		{"DELETE", "/api/v1/locks/back-door?force=true", "", 204, ""},
		{"GET", "/nowhere", "", 404, "not-found"},
		{"PUT", "/api/v1/status", "", 405, "GET"},
		{"POST", "/healthz", "", 405, "GET"},
	} {
		status, body := h.ask(tc.method, tc.path, tc.body)
		if status != tc.want || !strings.Contains(body, tc.holds) {
			t.Errorf("%s %s %s: %d %s\nwant %d with %q", tc.method, tc.path, tc.body, status, body, tc.want, tc.holds)
		}
		if status >= 400 && !strings.Contains(body, `"type":"urn:latchkey:problem:`) {
			t.Errorf("%s %s: %s is no problem", tc.method, tc.path, body)
		}
	}
	if _, hidden := h.ask("GET", "/api/v1/homekit", ""); strings.Contains(hidden, "876-54-321") {
		t.Error("the code of a paired accessory is shown without being asked for")
	}
	if j := h.bridge.joins[2]; len(j.InstallCode) != 8 || j.Device != "00:0d:6f:00:0a:90:69:e7" {
		t.Errorf("%+v", j)
	}
	if got := h.bridge.acted[0].Cause; got.Source != bridge.SourceAPI || !strings.HasPrefix(got.Actor, "terminal of ") {
		t.Errorf("the cause is %+v", got)
	}
	if h.count("POST /api/v1/locks/{lock}/actuate") == 0 || h.count(otherRoute) == 0 {
		t.Error("requests are not counted by route")
	}
}

// TestEveryErrorHasItsProblem: each sentinel of the domain is told with its own type, status and advice, and how far the command came.
func TestEveryErrorHasItsProblem(t *testing.T) {
	h := newHouse(t, nil)
	types := map[string]error{}
	for _, k := range kinds {
		h.bridge.mu.Lock()
		h.bridge.fail = fmt.Errorf("bridge: lock: %w", k.err)
		h.bridge.mu.Unlock()
		status, body := h.ask("POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock"}`)
		if status != k.status || !strings.Contains(body, TypePrefix+k.kind+`"`) || !strings.Contains(body, `"do":"`) || !strings.Contains(body, `"stage":"accepted"`) {
			t.Errorf("%v: %d %s", k.err, status, body)
		}
		if other := types[k.kind]; other != nil {
			t.Errorf("%v and %v share %s", k.err, other, k.kind)
		}
		types[k.kind] = k.err
	}
	h.bridge.mu.Lock()
	h.bridge.fail = errors.New("disk /dev/sda1 says 314159")
	h.bridge.mu.Unlock()
	status, body := h.ask("POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock"}`)
	if status != 500 || strings.Contains(body, "314159") {
		t.Errorf("an unknown error tells too much: %d %s", status, body)
	}
}

// TestTCPNeedsATokenOfTheScope: without a token only health, metrics and the description; with one, what its scope allows.
func TestTCPNeedsATokenOfTheScope(t *testing.T) {
	h := newHouse(t, nil)
	tokens := map[string]string{}
	for _, scope := range []string{"read", "operate", "admin"} {
		_, body := h.ask("POST", "/api/v1/tokens", `{"name":"t-`+scope+`","scope":"`+scope+`"}`)
		_, rest, _ := strings.Cut(body, `"token":"`)
		tokens[scope], _, _ = strings.Cut(rest, `"`)
	}
	for _, v := range h.kv.m {
		for _, tok := range tokens {
			if strings.Contains(string(v), tok) {
				t.Error("a token is kept in clear")
			}
		}
	}
	for _, tc := range []struct {
		token, method, path, body string
		want                      int
	}{
		{"", "GET", "/healthz", "", 200},
		{"", "GET", "/metrics", "", 200},
		{"", "GET", "/api/v1/openapi.yaml", "", 200},
		{"", "GET", "/api/v1/status", "", 401},
		{"", "GET", "/api/v1/homekit", "", 401},
		{"", "POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock"}`, 401},
		{"latchkey_nonsense", "GET", "/api/v1/status", "", 401},
		{tokens["read"], "GET", "/api/v1/status", "", 200},
		{tokens["read"], "POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock"}`, 403},
		{tokens["operate"], "POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock"}`, 200},
		{tokens["operate"], "GET", "/api/v1/homekit", "", 403},
		{tokens["operate"], "POST", "/api/v1/users", `{"name":"x"}`, 403},
		{tokens["admin"], "GET", "/api/v1/homekit", "", 200},
		{tokens["admin"], "POST", "/api/v1/users", `{"name":"x"}`, 201},
		{tokens["admin"], "PUT", "/api/v1/password", `{"new":"a new password"}`, 204},
		{tokens["admin"], "PUT", "/api/v1/password", `{"new":"another password"}`, 403}, // the old one is asked for
		{tokens["admin"], "PUT", "/api/v1/password", `{"new":"another password","old":"a new password"}`, 204},
	} {
		header := http.Header{}
		if tc.token != "" {
			header.Set("Authorization", "Bearer "+tc.token)
		}
		if status, body := h.send(h.tcp, h.base, tc.method, tc.path, tc.body, header); status != tc.want {
			t.Errorf("%.20q %s %s: %d, want %d: %s", tc.token, tc.method, tc.path, status, tc.want, body)
		}
	}
	if got := h.bridge.acted[0].Cause.Actor; got != "token t-operate" {
		t.Errorf("the actor is %q", got)
	}
	_, list := h.ask("GET", "/api/v1/tokens", "")
	id := strings.Split(strings.SplitN(list, `"id":"`, 2)[1], `"`)[0]
	h.ask("DELETE", "/api/v1/tokens/"+id, "")
	if status, _ := h.send(h.tcp, h.base, "GET", "/api/v1/status", "", http.Header{"Authorization": {"Bearer " + tokens["read"]}}); status != 401 {
		t.Errorf("a revoked token gives %d", status)
	}
	if h.count("auth:no_token") != 3 || h.count("auth:bad_token") != 2 || h.count("auth:scope") != 3 {
		t.Errorf("%v", h.counts)
	}
}

// TestOtherSites: pages of other sites reach nothing, neither by a name of their own nor by the browser's hand.
func TestOtherSites(t *testing.T) {
	h := newHouse(t, nil)
	for _, tc := range []struct {
		header http.Header
		want   int
	}{
		{http.Header{"Host": {"evil.example"}}, 421},
		{http.Header{"Host": {"locks.home.arpa"}}, 200},
		{http.Header{"Host": {"LOCALHOST:8440"}}, 200},
	} {
		if status, body := h.send(h.tcp, h.base, "GET", "/healthz", "", tc.header); status != tc.want {
			t.Errorf("%v: %d %s", tc.header, status, body)
		}
	}
	_, tok := h.ask("POST", "/api/v1/tokens", `{"name":"t","scope":"admin"}`)
	tok = strings.Split(strings.SplitN(tok, `"token":"`, 2)[1], `"`)[0]
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}, "Authorization": {"Bearer " + tok}},
		{"Origin": {"https://evil.example"}, "Authorization": {"Bearer " + tok}},
	} {
		if status, body := h.send(h.tcp, h.base, "POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock"}`, header); status != 403 {
			t.Errorf("%v: %d %s", header, status, body)
		}
	}
	if len(h.bridge.acted) != 0 {
		t.Error("a page of another site moved a bolt")
	}
}

// TestReveal: a code is shown after the password only, and trying is slowed down.
func TestReveal(t *testing.T) {
	h := newHouse(t, nil)
	h.ask("POST", "/api/v1/users", `{"name":"Anna","pin":"314159"}`)
	if status, body := h.ask("POST", "/api/v1/users/Anna/reveal", `{"password":"x"}`); status != 409 || !strings.Contains(body, "latchkey password set") {
		t.Errorf("without a password: %d %s", status, body)
	}
	if status, _ := h.ask("PUT", "/api/v1/password", `{"new":"short"}`); status != 422 {
		t.Errorf("a short password: %d", status)
	}
	if status, body := h.ask("PUT", "/api/v1/password", `{"new":"correct horse"}`); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	if strings.Contains(string(h.kv.m[passwordKey]), "correct horse") {
		t.Error("the password is kept in clear")
	}
	if status, body := h.ask("POST", "/api/v1/users/Anna/reveal", `{"password":"correct horse"}`); status != 200 || body != "{\"pin\":\"314159\"}\n" {
		t.Errorf("%d %s", status, body)
	}
	last := 0
	for range 7 {
		last, _ = h.ask("POST", "/api/v1/users/Anna/reveal", `{"password":"wrong"}`)
	}
	if last != 429 {
		t.Errorf("the seventh wrong password gives %d", last)
	}
	if status, _ := h.ask("POST", "/api/v1/users/Anna/reveal", `{"password":"correct horse"}`); status != 429 {
		t.Errorf("the right one in between: %d", status)
	}
	if strings.Contains(h.logs.String(), "314159") || strings.Contains(h.logs.String(), "correct horse") {
		t.Errorf("a secret is in the log:\n%s", h.logs)
	}
}

// TestPanic: a handler that panics is answered for, and what it panicked with is told nowhere.
func TestPanic(t *testing.T) {
	h := newHouse(t, nil)
	h.bridge.mu.Lock()
	h.bridge.panic_ = true
	h.bridge.mu.Unlock()
	status, body := h.ask("GET", "/api/v1/locks", "")
	if status != 500 || strings.Contains(body, "314159") || strings.Contains(h.logs.String(), "314159") {
		t.Errorf("%d %s\n%s", status, body, h.logs)
	}
}

// TestHangUp: the command of somebody who hung up ends at once.
func TestHangUp(t *testing.T) {
	h := newHouse(t, nil)
	h.bridge.block = true
	status, body := h.ask("POST", "/api/v1/locks/front-door/actuate", `{"action":"unlock","timeout":"150ms"}`)
	if status != 504 || !strings.Contains(body, "asleep") || !strings.Contains(body, `"stage":"queued"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := h.ask("PUT", "/api/v1/locks/front-door/codes/x", `{"pin":"1234"}`); status != 404 {
		t.Errorf("%d %s", status, body)
	}
}

// TestLimits: too large, too slow, too many: each refused, and the next request served.
func TestLimits(t *testing.T) {
	h := newHouse(t, nil)
	if status, body := h.ask("POST", "/api/v1/users", `{"name":"`+strings.Repeat("x", maxBody)+`"}`); status != 413 || !strings.Contains(body, "too-large") {
		t.Errorf("a large body: %d %s", status, body)
	}
	c, err := net.Dial("tcp", h.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large headers: %v %v", resp, err)
	} else {
		resp.Body.Close()
	}
	var idle []net.Conn
	for range maxConns + 20 {
		c, err := net.Dial("tcp", h.server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	if status, _ := h.ask("GET", "/healthz", ""); status != 200 {
		t.Errorf("the socket's client is not served while TCP is full: %d", status)
	}
	for _, c := range idle {
		c.Close()
	}
	if status, _ := h.send(h.tcp, h.base, "GET", "/healthz", "", nil); status != 200 {
		t.Errorf("TCP is not served after the flood: %d", status)
	}
}

// TestMediaType: what is not JSON is not read.
func TestMediaType(t *testing.T) {
	h := newHouse(t, nil)
	status, body := h.send(h.unix, "http://latchkey", "POST", "/api/v1/join", `{"for":"60s"}`, http.Header{"Content-Type": {"text/plain"}})
	if status != 415 || len(h.bridge.joins) != 0 {
		t.Errorf("%d %s", status, body)
	}
}

// stream opens an event stream and returns its lines.
func (h *house) stream(path string, header http.Header) (*bufio.Scanner, io.Closer) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), "GET", "http://latchkey/api/v1/events"+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := h.unix.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("%v", resp)
	}
	return bufio.NewScanner(resp.Body), resp.Body
}

func next(t *testing.T, sc *bufio.Scanner, prefix string) string {
	t.Helper()
	for sc.Scan() {
		if rest, ok := strings.CutPrefix(sc.Text(), prefix); ok {
			return rest
		}
	}
	t.Fatalf("the stream ended: %v", sc.Err())
	return ""
}

func TestEventStream(t *testing.T) {
	h := newHouse(t, nil)
	for range 3 {
		h.bridge.emit(bridge.BoltMoved{From: bridge.Locked, To: bridge.Unlocked})
	}
	sc, body := h.stream("?since=1", nil)
	defer body.Close()
	if id := next(t, sc, "id: "); id != "2" {
		t.Errorf("the first event is %s", id)
	}
	if id := next(t, sc, "id: "); id != "3" {
		t.Errorf("the second event is %s", id)
	}
	next(t, sc, "data: ")
	h.bridge.emit(bridge.Heard{LQI: 3}) // no news
	h.bridge.emit(bridge.UserChanged{User: 1, Name: "Anna", Change: "added"})
	if kind := next(t, sc, "event: "); kind != "user_changed" {
		t.Errorf("%s", kind)
	}
	if data := next(t, sc, "data: "); !strings.Contains(data, `"seq":5`) {
		t.Errorf("%s", data)
	}
	again, body2 := h.stream("?since=1", http.Header{"Last-Event-Id": {"3"}})
	defer body2.Close()
	if id := next(t, again, "id: "); id != "5" {
		t.Errorf("Last-Event-ID 3 goes on with %s", id)
	}
}

func TestEventList(t *testing.T) {
	h := newHouse(t, nil)
	for range 30 {
		h.bridge.emit(bridge.BatteryRead{Percent: 50})
	}
	asJSON := http.Header{"Accept": {"application/json"}}
	for _, tc := range []struct {
		query string
		want  int
		first string
	}{{"", 30, `"seq":1,`}, {"?limit=5", 5, `"seq":26,`}, {"?since=10&limit=3", 3, `"seq":11,`}, {"?since=1h", 30, `"seq":1,`}, {"?since=2100-01-01T00:00:00Z", 0, ""}, {"?lock=back-door", 0, ""}} {
		status, body := h.send(h.unix, "http://latchkey", "GET", "/api/v1/events"+tc.query, "", asJSON)
		if status != 200 || strings.Count(body, `"kind"`) != tc.want || !strings.Contains(body, tc.first) {
			t.Errorf("%s: %d, %d events: %s", tc.query, status, strings.Count(body, `"kind"`), body)
		}
	}
	for _, q := range []string{"?since=yesterday", "?limit=0", "?limit=x", "?lock=nowhere"} {
		if status, _ := h.send(h.unix, "http://latchkey", "GET", "/api/v1/events"+q, "", asJSON); status != 400 && status != 404 {
			t.Errorf("%s: %d", q, status)
		}
	}
}

// TestStreamsAreBounded: one stream too many is refused, and one that ends makes room.
func TestStreamsAreBounded(t *testing.T) {
	h := newHouse(t, nil)
	var open []io.Closer
	for range maxSubscribers {
		_, c := h.stream("", nil)
		open = append(open, c)
	}
	if status, body := h.ask("GET", "/api/v1/events", ""); status != 503 || !strings.Contains(body, "too-many-streams") {
		t.Errorf("%d %s", status, body)
	}
	for _, c := range open {
		c.Close()
	}
	for len(h.server.streams) > 0 { // each turn is a round trip; a stream that never ends is the test's time-out
		h.ask("GET", "/healthz", "")
	}
	_, c := h.stream("", nil)
	c.Close()
}

// TestSocketInTheWay: a socket left behind is replaced; one that is served, or a file, is not.
func TestSocketInTheWay(t *testing.T) {
	h := newHouse(t, nil)
	second := New(Config{Socket: h.server.cfg.Socket, Bridge: h.bridge, KV: h.kv})
	if err := second.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another latchkey") {
		t.Errorf("%v", err)
	}
	long := New(Config{Socket: "/" + strings.Repeat("x", 120), Bridge: h.bridge, KV: h.kv})
	if err := long.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "107") {
		t.Errorf("%v", err)
	}
	taken := New(Config{Listen: h.server.Addr(), Bridge: h.bridge, KV: h.kv})
	if err := taken.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("%v", err)
	}
}

// TestNotReady: the daemon says so while it starts, and the process is alive all the same.
func TestNotReady(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Ready = func() error { return errors.New("the store is being opened") } })
	if status, body := h.ask("GET", "/readyz", ""); status != 503 || !strings.Contains(body, "the store is being opened") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := h.ask("GET", "/healthz", ""); status != 200 {
		t.Errorf("%d", status)
	}
}
