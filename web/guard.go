package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/user"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchkeyd/latchkey/bridge"
)

// who is asking.
type who struct {
	scope Scope
	actor string // "token kitchen", "terminal of pi"
	local bool   // over the Unix socket
}

type whoKey struct{}
type peerKey struct{}

// cause is what the journal will say of the request.
func cause(r *http.Request) bridge.Cause {
	w, _ := r.Context().Value(whoKey{}).(who)
	return bridge.Cause{Source: bridge.SourceAPI, Actor: w.actor}
}

// peer notes on a Unix socket's connection whose process is at the other end (unix(7), SO_PEERCRED).
func peer(ctx context.Context, c net.Conn) context.Context {
	if l, ok := c.(*limitedConn); ok {
		c = l.Conn
	}
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	name := "terminal"
	if raw, err := uc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
			if err != nil {
				return
			}
			id := strconv.Itoa(int(cred.Uid))
			name = "terminal of uid " + id
			if u, err := user.LookupId(id); err == nil {
				name = "terminal of " + u.Username
			}
		})
	}
	return context.WithValue(ctx, peerKey{}, name)
}

// identify says who is asking, and how far that goes.
func (s *Server) identify(r *http.Request, local bool) (who, error) {
	if local {
		name, _ := r.Context().Value(peerKey{}).(string)
		return who{ScopeAdmin, name, true}, nil
	}
	t, scope, err := s.keys.bearer(r)
	if err != nil {
		return who{}, err
	}
	return who{scope, "token " + t.Name, false}, nil
}

// guarded runs one route behind everything that protects it.
func (s *Server) guarded(rt route, local bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sw := &statusWriter{ResponseWriter: w}
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // the server compares it like that, too
					panic(v)
				}
				// The panic's own value may hold a part of the request: only its type and the stack are told, and stacks hold addresses, not texts.
				s.log.Error("web: a handler panicked", "route", rt.pattern, "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
				if sw.status == 0 {
					writeProblem(sw, problem(http.StatusInternalServerError, "internal", "Something went wrong here", "", "The daemon's log says what; please report it."))
				}
			}
			s.observe(rt.pattern, sw.status)
		}()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody) // w itself, which then does not wait for the rest of what is too large
		if err := s.serve(rt, local, sw, r); err != nil {
			p := asProblem(err)
			if p.Status == http.StatusInternalServerError {
				s.log.Error("web: request failed", "route", rt.pattern, "err", err)
			}
			if p.Status == http.StatusUnauthorized {
				sw.Header().Set("WWW-Authenticate", "Bearer")
			}
			if sw.status == 0 {
				writeProblem(sw, p)
			}
		}
	})
}

func (s *Server) serve(rt route, local bool, w http.ResponseWriter, r *http.Request) error {
	me := who{ScopeNone, "", local}
	if local || rt.scope > ScopeNone {
		var err error
		me, err = s.identify(r, local)
		switch {
		case errors.Is(err, errNoToken):
			s.refused("no_token")
			return problem(http.StatusUnauthorized, "no-token", "This needs a token", "", "Make one where the daemon runs: latchkey token create NAME --scope "+rt.scope.String()+".")
		case errors.Is(err, errBadToken):
			s.refused("bad_token")
			return problem(http.StatusUnauthorized, "bad-token", "The token is not known", "", "Make another where the daemon runs: latchkey token create NAME.")
		case err != nil:
			return err
		case me.scope < rt.scope:
			s.refused("scope")
			return problem(http.StatusForbidden, "scope", "The token does not allow this", "It allows "+me.scope.String()+", this needs "+rt.scope.String()+".", "Make a token with that scope.")
		}
	}
	if s.cfg.Sealed != nil && rt.scope == ScopeAdmin && r.Method != http.MethodGet {
		return problem(http.StatusServiceUnavailable, "sealed", "The state is sealed", particulars(s.cfg.Sealed, nil),
			"Locks can be locked and unlocked meanwhile. Nothing of the state is lost: do what the sentence says, and start the daemon again.")
	}
	return rt.serve(w, r.WithContext(context.WithValue(r.Context(), whoKey{}, me)))
}

func (s *Server) observe(route string, status int) {
	if s.cfg.Observer != nil {
		s.cfg.Observer.Request(route, status)
	}
}

func (s *Server) refused(reason string) {
	if s.cfg.Observer != nil {
		s.cfg.Observer.AuthFailure(reason)
	}
}

// hosts lets only requests through that name us in their Host header, which keeps pages of other sites from reaching us by a DNS name of their own.
func (s *Server) hosts(next http.Handler, allowed map[string]bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if ip := net.ParseIP(host); !allowed[host] && (ip == nil || !ip.IsLoopback()) {
			s.refused("host")
			writeProblem(w, problem(http.StatusMisdirectedRequest, "host", "This name is not served here", "", "Use the listener's own address, or add the name to http.hosts."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// statusWriter remembers the status. It keeps ResponseController working.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
