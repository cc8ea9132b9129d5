package znp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Times of the link.
const (
	replyTimeout   = 6 * time.Second // how long a dongle may take to answer a request
	startTimeout   = 40 * time.Second
	resetTimeout   = 30 * time.Second
	ledTimeout     = 500 * time.Millisecond // some firmware never answers this one
	barrierTimeout = 2 * time.Second
	writeTimeout   = 2 * time.Second
	lineTime       = 250 * time.Millisecond // a line that works has carried a frame by then, and the other machine has acknowledged it
	frameGap       = 500 * time.Millisecond // a frame takes 22 ms at 115200 baud; a radio bridge behind TCP may stall in the middle of one
)

// errNoReply marks that a request was written and its reply did not come: what it asked for may have been done.
var errNoReply = errors.New("no reply")

// errRefused marks a request that the dongle refused before any subsystem saw it, because the firmware does not know it or not in that form.
var errRefused = errors.New("the firmware does not know the command")

// link keeps the rules of the MT protocol on an open port: one synchronous request at a time, each reply given to the request that it answers, whatever
// became of the ones before.
type link struct {
	port    Port
	stats   *counters
	onAREQ  func(mt.Frame)                     // called by run in the order of arrival; the payload is good until it returns
	onWrite func(cmd mt.Command, at time.Time) // may be nil
	tap     atomic.Pointer[func([]byte)]       // if set, is shown what is read

	turn chan struct{} // holds a token while no request is on its way
	done chan struct{} // closed with the link
	out  []byte        // the frame being written; belongs to whoever has the turn
	idle *call         // a call to use again; likewise

	mu      sync.Mutex
	cur     *call
	timer   *time.Timer
	suspect bool  // a request got no reply, which may still be on its way
	err     error // why the link closed
}

// call is a request on its way.
type call struct {
	cmd      mt.Command
	rsp      mt.Message // filled in by the reader; nil if nobody wants it
	deadline time.Time
	lenient  bool       // silence is no fault
	left     bool       // its caller went away: the turn passes on when it ends
	end      chan error // room for one
}

func newLink(port Port, stats *counters, onAREQ func(mt.Frame)) *link {
	l := &link{port: port, stats: stats, onAREQ: onAREQ, turn: make(chan struct{}, 1), done: make(chan struct{})}
	l.turn <- struct{}{}
	l.timer = time.AfterFunc(time.Hour, l.expire)
	l.timer.Stop()
	return l
}

// run reads the port until it fails or the link is closed, and closes it. It always returns an error.
func (l *link) run() error {
	parser := mt.Parser{Gap: frameGap}
	buf := make([]byte, 4096)
	armed := false
	for {
		n, err := l.port.Read(buf)
		before := parser.Counters
		if n > 0 {
			if tap := l.tap.Load(); tap != nil {
				(*tap)(buf[:n])
			}
			parser.Feed(time.Now(), buf[:n], l.frame)
		}
		if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			parser.Expire(l.frame)
			err = nil
		}
		after := parser.Counters
		l.stats.fcs.Add(after.FCS - before.FCS)
		l.stats.length.Add(after.Length - before.Length)
		l.stats.timeout.Add(after.Timeout - before.Timeout)
		if pending := parser.Pending() > 0; err == nil && (pending || armed) {
			t := time.Time{}
			if pending {
				t = time.Now().Add(frameGap)
			}
			armed = pending
			err = l.port.SetReadDeadline(t)
		}
		if err != nil {
			l.close(fmt.Errorf("reading the port: %w", err))
			return l.cause()
		}
	}
}

// frame takes a frame from the parser.
func (l *link) frame(f mt.Frame) {
	l.stats.received[f.Command.Type()>>5&3].Add(1)
	switch f.Command.Type() {
	case mt.SRSP:
		l.reply(f)
	case mt.AREQ:
		l.onAREQ(f)
	default:
		l.stats.unexpected.Add(1)
	}
}

// reply gives a synchronous reply, or the refusal of a request, to the request that waits for it.
func (l *link) reply(f mt.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.cur
	if c == nil {
		l.stats.unexpected.Add(1)
		return
	}
	if f.Command == mt.RPCError {
		var e mt.RPCErrorRsp
		if e.ParsePayload(f.Payload) != nil || e.Request != c.cmd {
			l.stats.unexpected.Add(1)
			return
		}
		l.finish(fmt.Errorf("%v: %w (code %d)", c.cmd, errRefused, e.Code))
		return
	}
	if f.Command != c.cmd.Reply() {
		l.stats.unexpected.Add(1)
		return
	}
	if c.cmd == mt.SysPing {
		// The dongle answers in order: nothing that was asked before this ping can still be answered.
		l.suspect = false
	}
	var err error
	if c.rsp != nil {
		if err = c.rsp.ParsePayload(f.Payload); err != nil {
			l.stats.unexpected.Add(1)
		}
	}
	l.finish(err)
}

// finish ends the call on its way. l.mu is held.
func (l *link) finish(err error) {
	c := l.cur
	l.cur = nil
	l.timer.Stop()
	if c.left {
		l.turn <- struct{}{}
		return
	}
	c.end <- err
}

// expire ends a call whose reply did not come.
func (l *link) expire() {
	l.mu.Lock()
	c := l.cur
	if c == nil || time.Now().Before(c.deadline) {
		l.mu.Unlock()
		return
	}
	l.suspect = true
	dead := c.cmd == mt.SysPing && !c.lenient
	if !c.lenient {
		l.stats.timeout.Add(1)
	}
	l.finish(fmt.Errorf("%v: %w", c.cmd, errNoReply))
	l.mu.Unlock()
	if dead {
		l.close(errors.New("the dongle no longer answers"))
	}
}

// close ends the link for the reason given and everything that waits on it.
func (l *link) close(reason error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = fmt.Errorf("znp: %w: %w", zigbee.ErrDown, reason)
		if l.cur != nil {
			l.finish(l.err)
		}
		close(l.done)
	}
	l.mu.Unlock()
	l.port.Close()
}

// abort ends the request on its way because the dongle forgot it.
func (l *link) abort(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cur != nil {
		l.finish(fmt.Errorf("%v: %w: %w", l.cur.cmd, zigbee.ErrDown, reason))
	}
	l.suspect = false
}

// cause says why the link closed.
func (l *link) cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// call sends req and waits for its reply, which it reads into rsp unless that is nil. If ctx ended nothing is written. If ctx ends later, call returns at
// once, and the next request waits until the reply of this one came or its time was over.
func (l *link) call(ctx context.Context, req, rsp mt.Message) error {
	return l.callWithin(ctx, ctx, req, rsp, timeoutOf(req.Command()), req.Command() == mt.UtilLEDControl, nil)
}

func timeoutOf(cmd mt.Command) time.Duration {
	switch cmd {
	case mt.ZDOStartupFromApp, mt.AppCnfStartCommissioning:
		return startTimeout
	case mt.UtilLEDControl:
		return ledTimeout
	}
	return replyTimeout
}

// callBegun is call for a request that is not written any more once begin has ended. wrote is called when it was written; it may be nil.
func (l *link) callBegun(ctx, begin context.Context, req, rsp mt.Message, wrote func()) error {
	return l.callWithin(ctx, begin, req, rsp, timeoutOf(req.Command()), false, wrote)
}

// callWithin is callBegun with a time-out of its own. Silence in answer to a lenient ping does not close the link.
func (l *link) callWithin(ctx, begin context.Context, req, rsp mt.Message, timeout time.Duration, lenient bool, wrote func()) error {
	select {
	case <-l.turn:
	case <-begin.Done():
		return fmt.Errorf("znp: %v: %w", req.Command(), context.Cause(begin))
	case <-l.done:
		return l.cause()
	}
	l.mu.Lock()
	suspect := l.suspect
	l.mu.Unlock()
	if suspect && req.Command() != mt.SysPing {
		if held, err := l.exchange(begin, begin, &mt.Empty{Cmd: mt.SysPing}, nil, barrierTimeout, false, nil); err != nil {
			if held {
				l.turn <- struct{}{}
			}
			if begin.Err() != nil {
				err = context.Cause(begin)
			}
			return fmt.Errorf("znp: %v: %w", req.Command(), err)
		}
	}
	if begin.Err() != nil {
		l.turn <- struct{}{}
		return fmt.Errorf("znp: %v: %w", req.Command(), context.Cause(begin))
	}
	held, err := l.exchange(ctx, begin, req, rsp, timeout, lenient, wrote)
	if held {
		l.turn <- struct{}{}
	}
	if err != nil && !errors.Is(err, zigbee.ErrDown) {
		err = fmt.Errorf("znp: %w", err)
	}
	return err
}

// exchange writes a request, unless begin ends before the line takes it, and waits for its end. held tells that the caller still has the turn.
func (l *link) exchange(ctx, begin context.Context, req, rsp mt.Message, timeout time.Duration, lenient bool, wrote func()) (held bool, err error) {
	c := l.idle
	if l.idle = nil; c == nil {
		c = &call{end: make(chan error, 1)}
	}
	c.cmd, c.rsp, c.lenient, c.left = req.Command(), rsp, lenient, false
	l.out, err = mt.Append(l.out[:0], req)
	if err != nil {
		return true, err
	}
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return true, l.err
	}
	if err := ctx.Err(); err != nil {
		l.mu.Unlock()
		return true, fmt.Errorf("%v: %w", c.cmd, err)
	}
	c.deadline = time.Now().Add(timeout)
	l.cur = c
	l.timer.Reset(timeout)
	l.mu.Unlock()
	last, limited := begin.Deadline()
	written := l.write(c.cmd, last, limited)
	if written && wrote != nil && l.open() {
		wrote()
	}
	if !written && l.withdraw(c) {
		<-begin.Done() // now, as the line's deadline was the same
		l.idle = c
		return true, fmt.Errorf("%v: %w", c.cmd, context.Cause(begin))
	}
	select {
	case err = <-c.end:
		c.rsp = nil
		l.idle = c
		return true, err
	case <-begin.Done():
		l.recall(c)
	}
	select {
	case err = <-c.end:
	case <-ctx.Done():
		l.mu.Lock()
		if l.cur == c {
			c.left, c.rsp = true, nil
			l.mu.Unlock()
			return false, fmt.Errorf("%v: %w", req.Command(), ctx.Err())
		}
		l.mu.Unlock()
		err = <-c.end // it ended in the same moment
	}
	c.rsp = nil
	l.idle = c
	return true, err
}

// open tells that the port took everything so far.
func (l *link) open() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err == nil
}

// send writes a request that has no reply.
func (l *link) send(ctx context.Context, req mt.Message) error {
	b, err := mt.Append(nil, req)
	if err != nil {
		return fmt.Errorf("znp: %w", err)
	}
	return l.raw(ctx, b)
}

// raw writes bytes when no request is on its way.
func (l *link) raw(ctx context.Context, b []byte) error {
	select {
	case <-l.turn:
	case <-ctx.Done():
		return fmt.Errorf("znp: %w", ctx.Err())
	case <-l.done:
		return l.cause()
	}
	defer func() { l.turn <- struct{}{} }()
	l.out = append(l.out[:0], b...)
	var cmd mt.Command
	if len(b) >= 4 && b[0] == mt.SOF {
		cmd = mt.Command(b[2])<<8 | mt.Command(b[3])
	}
	l.write(cmd, time.Time{}, false)
	return l.cause()
}

// write writes l.out, and closes the link if the port does not take it. If limited, the port must take it before last; if it took nothing by then, write
// is false and the link goes on.
func (l *link) write(cmd mt.Command, last time.Time, limited bool) bool {
	until := time.Now().Add(writeTimeout)
	if limited = limited && last.Before(until); limited {
		until = last
	}
	_ = l.port.SetWriteDeadline(until)
	if l.onWrite != nil {
		l.onWrite(cmd, time.Now())
	}
	n, err := l.port.Write(l.out)
	if err != nil {
		if limited && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		l.close(fmt.Errorf("writing to the port: %w", err))
		return true
	}
	l.stats.sent[cmd.Type()>>5&3].Add(1)
	return true
}
