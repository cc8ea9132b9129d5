package znp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Revisions of the firmware from which on it can do something.
const (
	revAssocRemove = 20200805
	revAssocAdd    = 20201026
	revLED         = 20210430
	revBroadcast   = 20210708 // permit join by broadcast reaches the dongle itself
)

// session is a dongle at work, from its version to its next reset or the end of the link.
type session struct {
	c       *Coordinator
	link    *link
	version mt.VersionRsp
	aligned bool // items of its memory are padded as its processor likes them
	self    zigbee.EUI64
	network zigbee.Network

	slots chan struct{} // tokens for data requests on their way
	zdo   chan struct{} // token for the one ZDO request on its way

	mu      sync.Mutex
	waiters []*waiter
	pending [256]*pending // data requests on their way, by transaction
	spare   []*pending    // to use again
	awake   bool          // the dongle answered: from now on a reset is news
	cooked  bool          // this firmware sends ZDO responses as such, and not only as raw messages
	next    uint8
	sent    int           // data requests since the network was saved
	jobs    chan job      // things to do between two pings
	done    chan struct{} // closed with the session
	err     error
}

func newSession(c *Coordinator, l *link) *session {
	s := &session{c: c, link: l, zdo: make(chan struct{}, 1), done: make(chan struct{}), jobs: make(chan job, 64)}
	s.zdo <- struct{}{}
	return s
}

var errReset = errors.New("the dongle restarted by itself")

// end ends the session for the reason given.
func (s *session) end(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = reason
		close(s.done)
	}
}

func (s *session) cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// waiter waits for one indication.
type waiter struct {
	cmd   mt.Command
	match func(payload []byte) bool
	got   chan []byte // room for one
}

// expect registers for the next indication that matches; match may be nil. Register before writing what it answers, and forget it afterwards.
func (s *session) expect(cmd mt.Command, match func([]byte) bool) *waiter {
	w := &waiter{cmd: cmd, match: match, got: make(chan []byte, 1)}
	s.mu.Lock()
	s.waiters = append(s.waiters, w)
	s.mu.Unlock()
	return w
}

func (s *session) forget(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, x := range s.waiters {
		if x == w {
			s.waiters = append(s.waiters[:i], s.waiters[i+1:]...)
			return
		}
	}
}

// wait waits for w, at most for d.
func (s *session) wait(ctx context.Context, w *waiter, d time.Duration) ([]byte, error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case p := <-w.got:
		return p, nil
	case <-t.C:
		return nil, fmt.Errorf("znp: %v: %w in %v", w.cmd, errNoReply, d)
	case <-ctx.Done():
		return nil, fmt.Errorf("znp: %v: %w", w.cmd, ctx.Err())
	case <-s.done:
		return nil, s.cause()
	}
}

// offer gives f to those who wait for it.
func (s *session) offer(f mt.Frame) (taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.waiters {
		if w.cmd != f.Command || w.match != nil && !w.match(f.Payload) {
			continue
		}
		select {
		case w.got <- f.Payload:
			taken = true
		default:
		}
	}
	return taken
}

// indication takes an AREQ from the link's reader, which it must not hold up.
func (s *session) indication(f mt.Frame) {
	switch f.Command {
	case mt.AFDataConfirm:
		s.confirmed(f.Payload)
		return
	}
	f.Payload = append([]byte(nil), f.Payload...)
	switch f.Command {
	case mt.SysResetInd:
		if !s.offer(f) && s.isAwake() {
			s.c.stats.resets.Add(1)
			s.end(fmt.Errorf("znp: %w: %w", zigbee.ErrDown, errReset))
			s.link.abort(errReset)
		}
		return
	case mt.ZDOMsgCBIncoming:
		var ok bool
		if f, ok = unwrapZDO(f); !ok || s.isCooked(f.Command) {
			return
		}
	case mt.AppCnfCommissioningNotify:
		var m mt.CommissioningNotify
		if m.ParsePayload(f.Payload) == nil {
			s.c.log.Debug("the dongle tells of its commissioning", "status", m.Status.String(), "mode", uint8(m.Mode))
		}
	default:
		s.noteCooked(f.Command)
	}
	s.offer(f)
	if f.Command == mt.ZDOIEEEAddrRsp || f.Command == mt.ZDONwkAddrRsp {
		m := mt.NodeAddrRsp{Cmd: f.Command}
		if m.ParsePayload(f.Payload) == nil && m.Status == mt.Success {
			s.c.nodes.set(m.IEEE, m.NWK)
		}
		return
	}
	switch f.Command {
	case mt.AFIncomingMsg, mt.AFIncomingMsgExt, mt.ZDOEndDeviceAnnceInd, mt.ZDOTCDevInd, mt.ZDOLeaveInd, mt.ZDOConcentratorInd, mt.ZDOPermitJoinInd:
		s.c.events.push(event{s: s, frame: f}, s.link.done)
	}
}

func (s *session) isAwake() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.awake
}

func (s *session) nowAwake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awake = true
}

// isResponse says whether an indication is the response to a ZDO request of ours.
func isResponse(c mt.Command) bool { return c >= mt.ZDONwkAddrRsp && c < mt.ZDOStateChangeInd }

func (s *session) noteCooked(c mt.Command) {
	if !isResponse(c) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cooked = true
}

// isCooked says whether a response that came raw comes a second time as such, or did already. The second of two equal responses could be taken for the
// response to the next request. Start-up asks for the endpoints before it asks for raw messages, so it is known by then.
func (s *session) isCooked(c mt.Command) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cooked && isResponse(c)
}

// unwrapZDO makes of a raw ZDO message the indication that says the same, where there is one: some firmware sends only the one, some the other, some both.
func unwrapZDO(f mt.Frame) (mt.Frame, bool) {
	var m mt.MsgCBIncoming
	if m.ParsePayload(f.Payload) != nil {
		return f, false
	}
	const announce = 0x0013
	switch {
	case m.Cluster == announce:
		f.Command = mt.ZDOEndDeviceAnnceInd
	case m.Cluster == 0x8000 || m.Cluster == 0x8001: // these do not carry the source
		return mt.Frame{Command: mt.Command(0x4580 | m.Cluster&0x7F), Payload: m.Data}, true
	case m.Cluster&0xFF80 == 0x8000:
		f.Command = mt.Command(0x4580 | m.Cluster&0x7F)
	default:
		return f, false
	}
	f.Payload = append([]byte{byte(m.Src), byte(m.Src >> 8)}, m.Data...)
	return f, true
}

// serve works with an open port until it fails or ctx ends, and closes it.
func (c *Coordinator) serve(ctx context.Context, port Port) error {
	var mu sync.Mutex
	var cur *session
	l := newLink(port, &c.stats, func(f mt.Frame) {
		mu.Lock()
		s := cur
		mu.Unlock()
		if s != nil {
			s.indication(f)
		}
	})
	l.onWrite = c.cfg.OnWrite
	var wg sync.WaitGroup
	wg.Go(func() {
		err := l.run()
		mu.Lock()
		defer mu.Unlock()
		if cur != nil {
			cur.end(err)
		}
	})
	defer wg.Wait()
	defer l.close(errors.New("closed"))
	woken := false
	for restarts := 0; ; restarts++ {
		s := newSession(c, l)
		mu.Lock()
		cur = s
		mu.Unlock()
		began := time.Now()
		err := s.work(ctx, woken)
		s.end(err)
		if ctx.Err() != nil || !errors.Is(err, errReset) || l.cause() != nil || restarts >= 5 {
			return err
		}
		if time.Since(began) > goodRun {
			restarts = 0
		}
		woken = true
		c.down("The Zigbee dongle restarted by itself. It is being started again; if this goes on, use another USB port or a powered hub.")
		c.log.Warn("Zigbee dongle restarted by itself", "port", c.cfg.Port)
	}
}

// work starts the dongle and keeps watch over it until it fails or ctx ends.
func (s *session) work(ctx context.Context, woken bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { s.end(fmt.Errorf("znp: %w: %w", zigbee.ErrDown, context.Canceled)) })
	defer stop()
	d, err := s.start(ctx, woken)
	if err != nil {
		if cause := s.cause(); cause != nil && ctx.Err() == nil && !errors.Is(err, errUnanswered) {
			return cause // a reset or the end of the line, which made start fail
		}
		return err
	}
	s.c.up(s, d)
	return s.watch(ctx)
}
