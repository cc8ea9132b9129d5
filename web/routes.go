package web

import (
	_ "embed"
	"net/http"
)

// OpenAPI is the description of the API (OpenAPI 3.1).
//
//go:embed openapi.yaml
var OpenAPI []byte

// Prefix is where version 1 of the API stands.
const Prefix = "/api/v1"

// route is one operation.
type route struct {
	pattern string // method and path, as ServeMux wants them
	scope   Scope
	serve   func(http.ResponseWriter, *http.Request) error
}

// routes are all operations. The test of the description holds them against openapi.yaml.
func (s *Server) routes() []route {
	v1 := func(method, path string, scope Scope, f func(http.ResponseWriter, *http.Request) error) route {
		return route{method + " " + Prefix + path, scope, f}
	}
	return []route{
		v1("GET", "/openapi.yaml", ScopeNone, s.openapi),
		v1("GET", "/status", ScopeRead, s.status),
		v1("GET", "/locks", ScopeRead, s.listLocks),
		v1("GET", "/locks/{lock}", ScopeRead, s.getLock),
		v1("PATCH", "/locks/{lock}", ScopeAdmin, s.renameLock),
		v1("DELETE", "/locks/{lock}", ScopeAdmin, s.forgetLock),
		v1("POST", "/locks/{lock}/actuate", ScopeOperate, s.actuate),
		v1("POST", "/locks/{lock}/refresh", ScopeOperate, s.refresh),
		v1("POST", "/locks/{lock}/tamper/ack", ScopeAdmin, s.ackTamper),
		v1("GET", "/locks/{lock}/codes", ScopeRead, s.listCodes),
		v1("POST", "/locks/{lock}/adopt", ScopeAdmin, s.adopt),
		v1("POST", "/locks/{lock}/reconcile", ScopeAdmin, s.reconcile),
		v1("PUT", "/locks/{lock}/codes/{user}", ScopeAdmin, s.setCode),
		v1("DELETE", "/locks/{lock}/codes/{user}", ScopeAdmin, s.clearCode),
		v1("GET", "/locks/{lock}/reset", ScopeRead, s.resetStatus),
		v1("POST", "/locks/{lock}/reset", ScopeAdmin, s.planReset),
		v1("POST", "/locks/{lock}/reset/confirm", ScopeAdmin, s.confirmReset),
		v1("POST", "/locks/{lock}/reset/ack", ScopeAdmin, s.ackReset),
		v1("POST", "/locks/{lock}/reset/cancel", ScopeAdmin, s.cancelReset),
		v1("GET", "/users", ScopeRead, s.listUsers),
		v1("POST", "/users", ScopeAdmin, s.addUser),
		v1("GET", "/users/{user}", ScopeRead, s.getUser),
		v1("PATCH", "/users/{user}", ScopeAdmin, s.changeUser),
		v1("DELETE", "/users/{user}", ScopeAdmin, s.removeUser),
		v1("POST", "/users/{user}/reveal", ScopeAdmin, s.reveal),
		v1("POST", "/join", ScopeAdmin, s.join),
		v1("GET", "/events", ScopeRead, s.events),
		v1("GET", "/homekit", ScopeAdmin, s.homekit),
		v1("POST", "/homekit/{lock}/unpair", ScopeAdmin, s.unpair),
		v1("GET", "/matter", ScopeRead, s.matter),
		v1("POST", "/backup", ScopeAdmin, s.backup),
		v1("PUT", "/password", ScopeAdmin, s.setPassword),
		v1("GET", "/tokens", ScopeAdmin, s.listTokens),
		v1("POST", "/tokens", ScopeAdmin, s.createToken),
		v1("DELETE", "/tokens/{id}", ScopeAdmin, s.revokeToken),
		{"GET /healthz", ScopeNone, s.healthz},
		{"GET /readyz", ScopeNone, s.readyz},
	}
}

// Routes are the patterns of all operations, for the metrics.
func (s *Server) Routes() []string {
	var out []string
	for _, r := range s.routes() {
		out = append(out, r.pattern)
	}
	return append(out, otherRoute)
}

const otherRoute = "other"

// handler is the API as it stands behind one listener.
func (s *Server) handler(local bool) http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle(r.pattern, s.guarded(r, local))
	}
	if s.cfg.Metrics != nil {
		mux.Handle("GET /metrics", s.cfg.Metrics)
	}
	nothing := s.guarded(route{otherRoute, ScopeNone, func(w http.ResponseWriter, r *http.Request) error {
		var asked statusOnly
		h, _ := mux.Handler(r)
		h.ServeHTTP(&asked, r)
		if asked.status == http.StatusMethodNotAllowed {
			allow := asked.header.Get("Allow")
			w.Header().Set("Allow", allow)
			return problem(asked.status, "method", "This cannot be done here", "", "Use one of "+allow+".")
		}
		return problem(http.StatusNotFound, "not-found", "There is nothing here", "", "The API's description is at "+Prefix+"/openapi.yaml.")
	}}, local)
	return headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			nothing.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// statusOnly hears what ServeMux would answer to a request that fits no pattern.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header {
	if s.header == nil {
		s.header = http.Header{}
	}
	return s.header
}
func (s *statusOnly) WriteHeader(code int)        { s.status = code }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// headers go with every answer.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) openapi(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(OpenAPI) // the connection is gone if this fails
	return nil
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, http.StatusOK, map[string]string{"status": "alive"})
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) error {
	if s.cfg.Ready != nil {
		if err := s.cfg.Ready(); err != nil {
			return problem(http.StatusServiceUnavailable, "not-ready", "The daemon does not serve yet", err.Error(), "Ask again in a moment; the daemon's log says what it waits for.")
		}
	}
	return reply(w, http.StatusOK, map[string]string{"status": "ready"})
}
