package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Server serves the API. Make it with New; Run opens the listeners.
type Server struct {
	cfg     Config
	log     *slog.Logger
	keys    *keyring
	streams chan struct{} // one token for each event stream

	mu      sync.Mutex
	httpAt  string
	metrics string
	ready   chan struct{}
	closing chan struct{}
}

// New makes a server; nothing is opened before Run.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, log: cfg.Logger, keys: &keyring{kv: cfg.KV}, streams: make(chan struct{}, maxSubscribers),
		ready: make(chan struct{}), closing: make(chan struct{})}
}

// Ready is closed once every listener is open.
func (s *Server) Ready() <-chan struct{} { return s.ready }

func (s *Server) String() string { return "http" }

// Addr is the TCP listener's address, MetricsAddr that of the second one; empty if there is none or before Ready.
func (s *Server) Addr() string { s.mu.Lock(); defer s.mu.Unlock(); return s.httpAt }

// MetricsAddr is the address of the listener for /metrics alone.
func (s *Server) MetricsAddr() string { s.mu.Lock(); defer s.mu.Unlock(); return s.metrics }

// Run serves until ctx ends, then lets requests under way end for up to two seconds.
func (s *Server) Run(ctx context.Context) error {
	var servers []*http.Server
	var tasks sync.WaitGroup
	failed := make(chan error, 3)
	serve := func(l net.Listener, h http.Handler) {
		srv := &http.Server{
			Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
			MaxHeaderBytes: maxHeader, ConnContext: peer, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		}
		servers = append(servers, srv)
		tasks.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("web: serve: %w", err)
			}
		})
	}
	opened, err := s.listen(serve)
	if err != nil {
		for _, l := range opened {
			l.Close()
		}
		for _, srv := range servers {
			srv.Close()
		}
		tasks.Wait()
		return err
	}
	close(s.ready)
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	close(s.closing) // event streams end
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	for _, srv := range servers {
		if srv.Shutdown(end) != nil {
			srv.Close()
		}
	}
	tasks.Wait()
	return err
}

// listen opens what the configuration asks for.
func (s *Server) listen(serve func(net.Listener, http.Handler)) (opened []net.Listener, err error) {
	if s.cfg.Socket != "" {
		l, err := listenUnix(s.cfg.Socket)
		if err != nil {
			return opened, err
		}
		opened = append(opened, l)
		serve(&limited{Listener: l, sem: make(chan struct{}, maxConns)}, s.handler(true))
	}
	tcp := func(key, addr string, h func(net.Listener) http.Handler, at *string) error {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("web: %s: %w; is another latchkey running, or does another program use the port? Choose another in the configuration", key, err)
		}
		opened = append(opened, l)
		s.mu.Lock()
		*at = l.Addr().String()
		s.mu.Unlock()
		serve(&limited{Listener: l, sem: make(chan struct{}, maxConns)}, h(l))
		return nil
	}
	if s.cfg.Listen != "" {
		if err := tcp("http.listen", s.cfg.Listen, func(l net.Listener) http.Handler { return s.tcpHandler() }, &s.httpAt); err != nil {
			return opened, err
		}
	}
	if s.cfg.MetricsListen != "" && s.cfg.Metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", s.cfg.Metrics)
		if err := tcp("metrics.listen", s.cfg.MetricsListen, func(net.Listener) http.Handler { return mux }, &s.metrics); err != nil {
			return opened, err
		}
	}
	return opened, nil
}

// listenUnix opens the socket, in place of one that a killed process left behind.
func listenUnix(path string) (*net.UnixListener, error) {
	if len(path) > 107 { // sockaddr_un, unix(7)
		return nil, fmt.Errorf("web: the socket's path %s is longer than 107 characters; choose a shorter state directory", path)
	}
	if fi, err := os.Lstat(path); err == nil {
		if fi.Mode()&fs.ModeSocket == 0 {
			return nil, fmt.Errorf("web: %s is no socket and stands where the socket belongs; move it away", path)
		}
		if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
			c.Close()
			return nil, fmt.Errorf("web: another latchkey serves on %s; stop it first", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("web: remove the old socket: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("web: listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, fmt.Errorf("web: %w", err)
	}
	return l, nil
}

// tcpHandler is the handler of the TCP listener: what stands before the API there.
func (s *Server) tcpHandler() http.Handler {
	allowed := map[string]bool{"localhost": true}
	for _, h := range s.cfg.Hosts {
		allowed[strings.ToLower(h)] = true
	}
	if h, _, err := net.SplitHostPort(s.cfg.Listen); err == nil {
		allowed[strings.ToLower(h)] = true
	}
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.refused("origin")
		writeProblem(w, problem(http.StatusForbidden, "cross-origin", "A page of another site asked for this", "", "Use the API from a program, or from its own page."))
	}))
	return s.hosts(cross.Handler(s.handler(false)), allowed)
}
