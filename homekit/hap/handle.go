package hap

import (
	"context"
	"runtime/debug"
	"time"
)

var (
	bodyNotAuthorized = []byte(`{"status":-70411}`)
	bodyPrivileges    = []byte(`{"status":-70401}`)
	bodyResources     = []byte(`{"status":-70407}`)
	bodyOK            = []byte(`{"status":0}`)
)

// handle answers one request. An error ends the connection.
func (c *conn) handle(r *request) error {
	err := c.route(r)
	if f := c.after; f != nil {
		c.after = nil
		f()
	}
	return err
}

func (c *conn) route(r *request) error {
	switch r.path {
	case "/pair-setup", "/pair-verify", "/identify":
		if r.method != "POST" {
			return c.respond(405, "", nil)
		}
		switch r.path {
		case "/pair-setup":
			return c.handlePairSetup(r.body)
		case "/pair-verify":
			return c.handlePairVerify(r.body)
		}
		return c.handleIdentify()
	}
	if c.opener == nil {
		switch r.path {
		case "/accessories", "/characteristics", "/prepare":
			return c.respond(470, typeJSON, bodyNotAuthorized)
		}
		return c.respond(470, "", nil)
	}
	k := (*c.s.pairings.Load())[*c.controller.Load()]
	if k == nil { // removed while the request was on its way
		c.closing = true
		return c.respond(470, typeJSON, bodyNotAuthorized)
	}
	switch r.path {
	case "/accessories":
		if r.method == "GET" {
			return c.handleAccessories(k)
		}
	case "/characteristics":
		switch r.method {
		case "GET":
			return c.handleRead(k, r.query)
		case "PUT":
			return c.handleWrite(k, r.body)
		}
	case "/prepare":
		if r.method == "PUT" {
			return c.handlePrepare(r.body)
		}
	case "/pairings":
		if r.method == "POST" {
			return c.handlePairings(k, r.body)
		}
	default:
		return c.respond(404, "", nil)
	}
	return c.respond(405, "", nil)
}

func (c *conn) handleIdentify() error {
	if c.s.Paired() {
		return c.respond(400, typeJSON, bodyPrivileges)
	}
	c.s.showSelf(1)
	return c.respond(204, "", nil)
}

// result is what a handler gave.
type result struct {
	index  int
	value  any
	status Status
}

// patience is the time handlers of one request have together.
func (c *conn) patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.ctx, c.s.host.limits.Patience)
}

// launch runs a handler apart from the connection: one that overruns its
// context is left behind and its result dropped. results must have room.
func (s *Server) launch(a *attribute, results chan<- result, index int, f func() (any, Status)) {
	if !a.start() {
		results <- result{index, nil, StatusBusy}
		return
	}
	s.tasks.Go(func() {
		defer a.done()
		r := result{index: index, status: StatusUnreachable}
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("hap: handler panicked", "aid", a.id.aid, "iid", a.id.iid, "panic", p, "stack", string(debug.Stack()))
				r = result{index: index, status: StatusUnreachable}
			}
			results <- r
		}()
		r.value, r.status = f()
		r.status = r.status.valid()
	})
}

// collect gives take the results that come in time; of n
// handlers some may not.
func collect(ctx context.Context, results <-chan result, n int, take func(result)) {
	for range n {
		select {
		case r := <-results:
			take(r)
		case <-ctx.Done():
			// What has come by now still counts.
			for {
				select {
				case r := <-results:
					take(r)
				default:
					return
				}
			}
		}
	}
}

// expired reports whether a moment has passed.
func expired(t time.Time) bool { return !time.Now().Before(t) }
