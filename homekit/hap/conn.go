package hap

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap/frame"
)

// conn is one connection. The goroutine in serve reads requests, answers
// them and is the only one to change the pairing exchanges; events are
// written by others, between requests.
type conn struct {
	s      *Server
	nc     net.Conn
	addr   netip.Addr
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	// Of the serving goroutine.
	raw      [2048]byte // as received
	rawLen   int
	in       []byte // in clear
	parser   parser
	opener   *frame.Opener
	began    time.Time // of a request that has half arrived
	deadline time.Time // as set on nc
	setup    *setupExchange
	verify   *verifyExchange
	prepared prepared
	closing  bool   // after this answer
	after    func() // once this answer is written
	// That a plain write was refused was told.
	plainTold bool

	// Read by others.
	controller atomic.Pointer[string] // pairing identifier, once verified
	active     atomic.Int64           // UnixNano of the last request
	asked      atomic.Bool            // a whole request has come
	pairing    atomic.Bool            // a pair-setup is under way
	setupSince atomic.Int64           // UnixNano of its M1

	// wmu is held while a message is written; sealer is set under it.
	wmu    sync.Mutex
	sealer *frame.Sealer

	// mu guards the state of events; never held while writing.
	mu      sync.Mutex
	closed  bool
	busy    bool // a request has begun to arrive or is being answered
	sending bool // an event is being written
	last    time.Time
	timer   *time.Timer
	flagged []*attribute
	subs    map[*attribute]struct{}
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, nc: nc, subs: make(map[*attribute]struct{})}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.addr = a.AddrPort().Addr().Unmap().WithZone("")
	}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.active.Store(time.Now().UnixNano())
	return c
}

// hangUp ends the connection from any goroutine; serve then cleans up.
func (c *conn) hangUp() {
	c.cancel()
	c.nc.Close()
}

func (c *conn) serve() {
	defer c.cleanUp()
	for {
		if err := c.receive(); err != nil {
			c.refuse(err)
			return
		}
		c.active.Store(time.Now().UnixNano())
		c.asked.Store(true)
		size := c.parser.req.size
		if err := c.handle(&c.parser.req); err != nil || c.closing {
			return
		}
		c.parser.reset()
		c.in = c.in[:copy(c.in, c.in[size:])]
		if len(c.in) == 0 && cap(c.in) > 4096 {
			c.in = nil
		}
		if err := c.decrypt(); err != nil {
			return
		}
		c.idle()
	}
}

func (c *conn) cleanUp() {
	c.hangUp()
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	subs := c.subs
	c.subs, c.flagged = nil, nil
	c.mu.Unlock()
	for a := range subs {
		a.subscribe(c, false)
	}
	c.s.leave(c)
}

// receive reads until a whole request stands in c.in.
func (c *conn) receive() error {
	l := &c.s.host.limits
	body := l.BodyUnverified
	if c.opener != nil {
		body = l.Body
	}
	for {
		if len(c.in) > 0 {
			whole, err := c.parser.next(c.in, l.Header, body)
			if whole || err != nil {
				return err
			}
		}
		if err := c.setDeadline(l); err != nil {
			return err
		}
		n, err := c.nc.Read(c.raw[c.rawLen:])
		if n > 0 {
			c.rawLen += n
			c.began = c.begin()
			if err := c.decrypt(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
	}
}

// begin keeps events out until the request is answered.
func (c *conn) begin() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy {
		c.busy = true
		return time.Now()
	}
	return c.began
}

// idle ends the request; what is flagged may go out.
func (c *conn) idle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.in)+c.rawLen > 0 {
		c.began = time.Now() // the next request has begun
		return
	}
	c.busy = false
	c.kick(false)
}

func (c *conn) setDeadline(l *Limits) error {
	var t time.Time
	switch {
	case len(c.in)+c.rawLen > 0:
		t = c.began.Add(l.RequestTime)
	case c.opener != nil:
	case c.pairing.Load(): // people look for the code
		t = time.Now().Add(5 * l.IdleUnverified)
	default:
		t = time.Now().Add(l.IdleUnverified)
	}
	if t.Equal(c.deadline) {
		return nil
	}
	c.deadline = t
	return c.nc.SetReadDeadline(t)
}

// decrypt moves what has been received to c.in, at most a request's worth.
func (c *conn) decrypt() error {
	if c.opener == nil {
		c.in = append(c.in, c.raw[:c.rawLen]...)
		c.rawLen = 0
		return nil
	}
	limit := c.s.host.limits.Header + c.s.host.limits.Body
	at := 0
	for at < c.rawLen && len(c.in) <= limit {
		out, used, err := c.opener.Open(c.in, c.raw[at:c.rawLen])
		if err != nil {
			return err
		}
		if used == 0 {
			break
		}
		c.in, at = out, at+used
	}
	c.rawLen = copy(c.raw[:], c.raw[at:c.rawLen])
	return nil
}

// refuse answers a request that cannot be read, then lets the peer see it.
func (c *conn) refuse(err error) {
	code := 400
	switch {
	case errors.Is(err, errTooLarge):
		code = 413
	case !errors.Is(err, errBadRequest):
		return
	}
	if c.respond(code, "", nil) != nil {
		return
	}
	if t, ok := c.nc.(*net.TCPConn); ok {
		t.CloseWrite()
		c.nc.SetReadDeadline(time.Now().Add(250 * time.Millisecond))
		io.CopyN(io.Discard, c.nc, 64<<10)
	}
}

// respond writes an answer.
func (c *conn) respond(code int, contentType string, body []byte) error {
	return c.write(statusLines[code], contentType, body)
}

// write sends one message in one system call.
func (c *conn) write(line, contentType string, body []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return c.writeLocked(line, contentType, body)
}

func (c *conn) writeLocked(line, contentType string, body []byte) error {
	plain := getBuffer()
	defer putBuffer(plain)
	*plain = appendMessage(*plain, line, contentType, body)
	out := *plain
	if c.sealer != nil {
		sealed := getBuffer()
		defer putBuffer(sealed)
		*sealed = c.sealer.Seal(*sealed, *plain)
		out = *sealed
	}
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.s.host.limits.WriteTime)); err != nil {
		return err
	}
	if _, err := c.nc.Write(out); err != nil {
		c.hangUp() // what follows a torn message cannot be read
		return err
	}
	return nil
}

// upgrade encrypts all that follows.
func (c *conn) upgrade(opener *frame.Opener, sealer *frame.Sealer) {
	c.opener = opener
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.sealer = sealer
}
