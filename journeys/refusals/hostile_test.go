package refusals

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestHostileRequests: whatever is sent to the API, it is refused in the same form, changes nothing, and shows nothing of what was sent.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	h := open(t, yale, nil)
	const j = "application/json"
	deep := strings.Repeat(`{"schedule":`, 20000) + "1" + strings.Repeat("}", 20000)
	for _, tt := range []struct {
		name, method, path, ct, body string
		status                       int
		kind, says                   string
	}{
		{"an unknown key", "POST", "/api/v1/users", j, `{"name":"Cleo","pinn":"40618273"}`, 400, "bad-request", "The key pinn is not known here"},
		{"a key that is markup", "POST", "/api/v1/users", j, `{"<script>40618273":1}`, 400, "bad-request", "A key is not known here"},
		{"the wrong type", "POST", "/api/v1/users", j, `{"name":4711}`, 400, "bad-request", "The value of name is of the wrong kind"},
		{"a PIN that is a number", "POST", "/api/v1/users", j, `{"name":"Cleo","pin":40618273}`, 400, "bad-request", "A PIN or password is a JSON string"},
		{"a PIN with escapes", "POST", "/api/v1/users", j, `{"name":"Cleo","pin":"\u0034\u0030618273"}`, 400, "bad-request", "without escapes"},
		{"a list in place of an object", "POST", "/api/v1/users", j, `[]`, 400, "bad-request", "not the JSON object"},
		{"two values", "POST", "/api/v1/users", j, `{"name":"Cleo"}{"name":"Cleo"}`, 400, "bad-request", "more than one JSON value"},
		{"half an object", "POST", "/api/v1/users", j, `{"name":"Cleo","pin":"40618273"`, 400, "bad-request", "not the JSON object"},
		{"no JSON", "POST", "/api/v1/users", j, "name=Cleo&pin=40618273", 400, "bad-request", "not the JSON object"},
		{"octets that are no text", "POST", "/api/v1/users", j, "\xff\xfe\x00{", 400, "bad-request", "not the JSON object"},
		{"an object without end", "POST", "/api/v1/users", j, deep, 413, "too-large", "at most 64 KiB"},
		{"deeper than anybody needs", "POST", "/api/v1/users", j, strings.Repeat("[", 60000), 400, "bad-request", "not the JSON object"},
		{"no body", "POST", "/api/v1/users", j, "", 400, "bad-request", "has no body"},
		{"a form", "POST", "/api/v1/users", "application/x-www-form-urlencoded", `{"name":"Cleo"}`, 415, "media-type", "Content-Type"},
		{"no content type", "POST", "/api/v1/users", "", `{"name":"Cleo"}`, 415, "media-type", "Content-Type"},
		{"a content type that is none", "POST", "/api/v1/users", "json;;;", `{"name":"Cleo"}`, 415, "media-type", "Content-Type"},
		{"a huge body", "POST", "/api/v1/users", j, `{"name":"` + strings.Repeat("A", 1<<20) + `"}`, 413, "too-large", "at most 64 KiB"},
		{"a huge name", "POST", "/api/v1/users", j, `{"name":"` + strings.Repeat("A", 60000) + `"}`, 422, "name", "1 to 64 characters"},
		{"a name with control characters", "POST", "/api/v1/users", j, `{"name":"Cleo\u001b[2J"}`, 422, "name", "no control characters"},
		{"an unknown route", "GET", "/api/v1/nothing", "", "", 404, "not-found", "There is nothing here"},
		{"another version", "GET", "/api/v9/status", "", "", 404, "not-found", "There is nothing here"},
		{"a method that is not allowed", "DELETE", "/api/v1/status", "", "", 405, "method", "Use one of"},
		{"a method that does not exist", "BREW", "/api/v1/locks/LOCK/actuate", "", "", 405, "method", "Use one of POST"},
		{"toggling", "POST", "/api/v1/locks/LOCK/actuate", j, `{"action":"toggle"}`, 400, "bad-request", "no toggle"},
		{"a timeout that is none", "POST", "/api/v1/locks/LOCK/actuate", j, `{"action":"unlock","timeout":"forever"}`, 400, "bad-request", "duration"},
		{"a negative timeout", "POST", "/api/v1/locks/LOCK/actuate", j, `{"action":"unlock","timeout":"-1s"}`, 400, "bad-request", "duration"},
		{"a timeout of a year", "POST", "/api/v1/locks/LOCK/actuate", j, `{"action":"unlock","timeout":"8760h"}`, 400, "bad-request", "out of range"},
		{"a path as a name", "GET", "/api/v1/locks/..%2f..%2f..%2fetc%2fpasswd", "", "", 404, "no-such-lock", "no such lock"},
		{"a path with dots", "GET", "/api/v1/locks/%2e%2e/%2e%2e/users", "", "", 404, "not-found", "There is nothing here"},
		{"a nought in a name", "GET", "/api/v1/locks/%00", "", "", 404, "no-such-lock", "no such lock"},
		{"a name longer than any", "GET", "/api/v1/locks/" + strings.Repeat("A", 8000), "", "", 404, "no-such-lock", "no such lock"},
		{"a number of a user beyond all", "GET", "/api/v1/users/18446744073709551616", "", "", 404, "no-such-user", "no such user"},
		{"a negative number of a user", "GET", "/api/v1/users/-1", "", "", 404, "no-such-user", "no such user"},
		{"user 0", "GET", "/api/v1/users/0", "", "", 404, "no-such-user", "no such user"},
		{"a slot as a text", "POST", "/api/v1/locks/LOCK/adopt", j, `{"slot":"1","name":"Cleo"}`, 400, "bad-request", "slot"},
		{"a slot that is half", "POST", "/api/v1/locks/LOCK/adopt", j, `{"slot":1.5,"name":"Cleo"}`, 400, "bad-request", "slot"},
		{"a negative slot", "POST", "/api/v1/locks/LOCK/adopt", j, `{"slot":-1,"name":"Cleo"}`, 400, "bad-request", "slot"},
		{"a way of resetting that is none", "POST", "/api/v1/locks/LOCK/reset", j, `{"method":"hammer"}`, 400, "bad-request", "The method is not known"},
		{"a reset that nobody planned", "POST", "/api/v1/locks/LOCK/reset/confirm", j, `{"plan":"x","name":"Yale Assure"}`, 409, "", ""},
		{"an answer to nothing", "POST", "/api/v1/locks/LOCK/reset/ack", j, `{"step":"x","answer":{"answer":"done"}}`, 409, "", ""},
		{"a code shown without a password", "POST", "/api/v1/users/Ann/reveal", j, `{}`, 409, "no-password", "No password is set"},
		{"a token that is none", "DELETE", "/api/v1/tokens/..%2f", "", "", 404, "no-such-token", "List the tokens"},
		{"an event of the future", "GET", "/api/v1/events?since=tomorrow", "", "", 400, "bad-request", ""},
	} {
		status, head, b := h.api(tt.method, tt.path, tt.ct, tt.body)
		p := h.problem(tt.name, status, head, b)
		if status != tt.status || tt.kind != "" && kind(p) != tt.kind || !strings.Contains(sentence(p), tt.says) {
			t.Errorf("%s: %d %s: %s; want %d %s with %q", tt.name, status, kind(p), sentence(p), tt.status, tt.kind, tt.says)
		}
		if strings.Contains(string(b), "40618273") || strings.Contains(string(b), "<script>") || len(b) > 2000 {
			t.Errorf("%s: the answer holds what was sent: %.300q", tt.name, b)
		}
		t.Logf("%-36s HTTP %d %s: %s", tt.name, status, kind(p), p.Error())
	}
	h.raw()
	h.unharmed("the hostile requests")
	h.silent("40618273", people["Ann"], people["Bob"])
}

// raw sends what no HTTP client would.
func (h *home) raw() {
	t := h.t
	t.Helper()
	auth := "Authorization: Bearer " + h.token + "\r\n"
	for name, tt := range map[string]struct {
		send   string
		status []int // any of these, or the connection is closed without an answer
	}{
		"another name in Host":    {"GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n" + auth + "\r\n", []int{421}},
		"no Host":                 {"GET /api/v1/status HTTP/1.1\r\n" + auth + "\r\n", []int{400}},
		"a page of another site":  {"POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 2\r\n" + auth + "\r\n{}", []int{403}},
		"no token":                {"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", []int{401}},
		"a wrong token":           {"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer latchkey_x\r\n\r\n", []int{401}},
		"headers without end":     {"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("A", 1<<20) + "\r\n\r\n", []int{431}},
		"two lengths":             {"POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 7\r\n" + auth + "\r\n{}", []int{400}},
		"a length and chunks":     {"POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + auth + "\r\n0\r\n\r\n", []int{400}},
		"a chunk of a gigabyte":   {"POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + auth + "\r\n40000000\r\n" + strings.Repeat(" ", 1<<17), []int{413, 400}},
		"noise":                   {strings.Repeat("\x00\xff", 200) + "\r\n\r\n", []int{400}},
		"another protocol":        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", nil},
		"a path that leads above": {"GET /api/v1/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n" + auth + "\r\n", []int{404, 301, 307}},
	} {
		c, err := net.Dial("tcp", h.HTTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		go func() { _, _ = io.WriteString(c, tt.send) }()
		if tt.status == nil { // nothing is complete here: who hangs up is forgotten
			_ = c.Close()
			continue
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		ok := false
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			ok = strings.Contains(fmt.Sprint(tt.status), fmt.Sprint(resp.StatusCode))
		}
		_ = c.Close()
		if !ok {
			t.Errorf("%s: %+v %v, want %v", name, resp, err, tt.status)
		}
	}
}
