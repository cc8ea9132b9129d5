package doorlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

const (
	// sendAgain is how long a question that may be asked twice waits for its answer before it is: a lock's answer takes up to five seconds.
	sendAgain = 6 * time.Second
	// courtesy is how long a question at least waits for its answer when a person wants the bolt moved. Most locks answer within a second of their fetching.
	courtesy = 1500 * time.Millisecond
	// asks is how often such a question is sent at most.
	asks = 3
	// busyPause is the first pause after the network was congested; it doubles.
	busyPause = 200 * time.Millisecond
	// awake is how long after it was heard a sleepy lock is taken to fetch what waits for it.
	awake = 3 * time.Second
)

// request is one transaction with a lock.
type request struct {
	cluster      uint16
	endpoint     uint8 // zero: the lock's
	manufacturer uint16
	msg          zcl.Message
	prio         priority
	once         bool // must not be sent again once it may have arrived
	wantDefault  bool // has no answer of its own: ask for the default response
	state        bool // reads the state: the one thing that may be sent while the state is in doubt
	answers      func(zcl.Message) bool
	satisfied    func(fact) bool // an event that shows that the request was carried out, as good as an answer
	action       *bridge.Action  // of an actuation
	asked        time.Time       // likewise: when
	stage        bridge.Stage    // how far it has come
}

// answer is what came back: a message, or nothing but the fact that satisfied the request.
type answer struct {
	msg zcl.Message
	err error
}

// pending is the request in flight, by which inbound frames are recognised.
type pending struct {
	req *request
	seq uint8
	ch  chan answer // one
}

// transact carries one request through: its turn, the sending, the answer. The error tells by its kind whether anything may have been carried out.
func (l *lock) transact(ctx context.Context, r *request) (zcl.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, ended(ctx)
	}
	t := l.box.enter(r.prio)
	defer l.left(t)
	r.progress(bridge.StageQueued)
	if err := l.turn(ctx, t); err != nil {
		return nil, err
	}
	if !r.state && r.prio != background {
		if err := l.clearDoubt(ctx, t); err != nil {
			return nil, err
		}
	}
	for try := 1; ; try++ {
		m, err := l.deliver(ctx, t, r)
		switch {
		case errors.Is(err, errOvertaken):
			try--
		case err == nil, r.once, try == asks, ctx.Err() != nil, !errors.Is(err, bridge.ErrUnreachable):
			return m, err
		}
		l.box.yield(t)
		if err := l.turn(ctx, t); err != nil {
			return nil, err
		}
	}
}

// left gives the turn up, and lets a lock that polls fast for us rest when nothing waits any more.
func (l *lock) left(t *ticket) {
	l.box.leave(t)
	if l.box.waiting() == 0 {
		l.rest()
	}
}

// turn waits for the ticket's turn. Without a dongle nothing waits for one: it may be long gone by the time that there is a dongle again.
func (l *lock) turn(ctx context.Context, t *ticket) error {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	if !l.d.radio.Dongle().Up {
		return bridge.ErrDown
	}
	select {
	case <-t.turn:
		return nil
	case <-t.over:
		return bridge.ErrSuperseded
	case <-l.gone:
		return fmt.Errorf("%w: %w", bridge.ErrUnreachable, errForgotten)
	case <-down:
		return bridge.ErrDown
	case <-ctx.Done():
		return ended(ctx)
	}
}

// hearings counts how often the lock was heard.
func (l *lock) hearings() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

// untilHeard waits for a sleeping lock to speak. If it spoke while the frame was under way, the frame is tried again soon.
func (l *lock) untilHeard(ctx context.Context, t *ticket, before uint64) error {
	l.mu.Lock()
	spoke := l.heard != before
	if !spoke {
		l.box.park(t) // under l.mu, so that the lock is not heard in between
	}
	l.mu.Unlock()
	if !spoke {
		return l.turn(ctx, t)
	}
	if sleep(ctx, busyPause) != nil {
		return ended(ctx)
	}
	return nil
}

// clearDoubt reads the state if an earlier command went unanswered, before anything else is sent.
func (l *lock) clearDoubt(ctx context.Context, t *ticket) error {
	l.mu.Lock()
	doubt := l.doubt && !l.p.Silent
	l.mu.Unlock()
	if !doubt {
		return nil
	}
	if _, err := l.deliver(ctx, t, l.stateRequest(t.prio)); err != nil && !answered(err) {
		return err
	}
	l.mu.Lock()
	l.doubt = false // also if the lock does not let its state be read: then nobody can know more
	l.mu.Unlock()
	return nil
}

// deliver sends until the frame has arrived, and waits for the answer.
func (l *lock) deliver(ctx context.Context, t *ticket, r *request) (zcl.Message, error) {
	pause := busyPause
	for try := 0; ; {
		p, f, err := l.prepare(r)
		if err != nil {
			return nil, err
		}
		f.NotAfter = l.notAfter(ctx, r, try)
		switch {
		case ctx.Err() != nil:
			l.drop(p)
			return nil, ended(ctx)
		case !f.NotAfter.IsZero() && !time.Now().Before(f.NotAfter):
			l.drop(p)
			if err := l.untilAwake(ctx, t); err != nil {
				return nil, err
			}
			continue
		}
		if !l.box.send(t) {
			l.drop(p)
			return nil, bridge.ErrSuperseded
		}
		try++
		l.outgoing(ctx, r)
		r.progress(bridge.StageSent)
		if r.action != nil {
			f.Written = func() { r.progress(bridge.StageWritten) }
		}
		heard := l.hearings()
		err = l.d.radio.Send(ctx, f)
		if err == nil {
			clear(f.Payload) // it may hold a PIN
			r.progress(bridge.StageDelivered)
			return l.await(ctx, t, r, p)
		}
		l.drop(p)
		switch {
		case errors.Is(err, zigbee.ErrAsleep) && !errors.Is(err, zigbee.ErrDown):
			if !l.box.unsent(t) {
				return nil, bridge.ErrSuperseded
			}
			if err := l.untilHeard(ctx, t, heard); err != nil {
				return nil, err
			}
		case errors.Is(err, zigbee.ErrBusy) && !errors.Is(err, zigbee.ErrDown):
			if !l.box.unsent(t) {
				return nil, bridge.ErrSuperseded
			}
			if err := sleep(ctx, pause); err != nil {
				return nil, ended(ctx)
			}
			pause *= 2
		default:
			if ctx.Err() != nil {
				err = unanswered(ctx)
			} else {
				err = consequence(err)
			}
			if got, ok := p.taken(); ok { // the answer came although the acknowledgement was lost
				return l.settled(r, got)
			}
			switch {
			case ctx.Err() != nil:
				l.abandon(ctx, r)
			case errors.Is(err, bridge.ErrUnreachable), errors.Is(err, bridge.ErrDown):
				l.unreachable(r)
			}
			return nil, err
		}
	}
}

// outgoing notes a command before it goes, so that a report that overtakes its answer finds its cause.
func (l *lock) outgoing(ctx context.Context, r *request) {
	if r.action == nil {
		return
	}
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bolt.sent(r.action.Cause, r.action.Kind, until)
}

// await waits for the answer to a frame that has arrived. A question is given up for a person who wants the bolt moved: it can be asked again.
func (l *lock) await(ctx context.Context, t *ticket, r *request, p *pending) (zcl.Message, error) {
	defer l.drop(p)
	var again, overtaken <-chan time.Time
	var hurry <-chan struct{}
	if !r.once && !r.state {
		hurry = t.hurry
	}
	if !r.once {
		timer := time.NewTimer(sendAgain)
		defer timer.Stop()
		again = timer.C
	}
	arrived := time.Now()
	for {
		select {
		case got := <-p.ch:
			return l.settled(r, got)
		case <-hurry:
			timer := time.NewTimer(time.Until(arrived.Add(courtesy)))
			defer timer.Stop()
			hurry, overtaken = nil, timer.C
		case <-overtaken:
			return nil, errOvertaken
		case <-again:
			l.unreachable(r)
			return nil, fmt.Errorf("%w: no answer in %v", bridge.ErrUnreachable, sendAgain)
		case <-l.gone:
			return nil, fmt.Errorf("%w: %w", bridge.ErrUnreachable, errForgotten)
		case <-ctx.Done():
			if got, ok := p.taken(); ok { // both came at once
				return l.settled(r, got)
			}
			l.abandon(ctx, r)
			return nil, unanswered(ctx)
		}
	}
}

// settled makes an error of an answer that refuses.
func (l *lock) settled(r *request, got answer) (zcl.Message, error) {
	if got.err != nil {
		return nil, got.err
	}
	if d, ok := got.msg.(*zcl.DefaultResponse); ok && !d.Status.OK() {
		return nil, refusal(d.Status)
	}
	r.progress(bridge.StageAccepted)
	return got.msg, nil
}

func (p *pending) taken() (answer, bool) {
	select {
	case got := <-p.ch:
		return got, true
	default:
		return answer{}, false
	}
}

// prepare gives the request a sequence number and makes it the one in flight.
func (l *lock) prepare(r *request) (*pending, zigbee.Frame, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ep := r.endpoint
	if ep == 0 {
		ep = l.endpoint
	}
	if ep == 0 {
		return nil, zigbee.Frame{}, fmt.Errorf("%w: %w", bridge.ErrUnreachable, errNoEndpoint)
	}
	l.seq++
	h := zcl.Header{Seq: l.seq, DisableDefaultResponse: !r.wantDefault}
	if r.manufacturer != 0 {
		h.ManufacturerSpecific, h.Manufacturer = true, r.manufacturer
	}
	p := &pending{req: r, seq: l.seq, ch: make(chan answer, 1)}
	l.inFlight = p
	return p, zigbee.Frame{Device: l.id, DstEndpoint: ep, Cluster: r.cluster, Payload: zcl.Append(nil, h, r.msg)}, nil
}

// drop ends the flight: what comes now comes too late and moves nothing.
func (l *lock) drop(p *pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inFlight == p {
		l.inFlight = nil
	}
}

// recognise gives an inbound message to the request in flight if it answers it. The caller holds l.mu.
func (l *lock) recognise(cluster uint16, h zcl.Header, m zcl.Message) bool {
	p := l.inFlight
	if p == nil || h.Seq != p.seq || cluster != p.req.cluster || h.Direction != zcl.ToClient || m == nil {
		return false
	}
	sent := p.req.msg.Route()
	if d, ok := m.(*zcl.DefaultResponse); ok {
		if d.Command != sent.Command {
			return false
		}
	} else if p.req.answers == nil || !p.req.answers(m) {
		return l.contradicts(h, m)
	}
	select {
	case p.ch <- answer{msg: m}:
		return true
	default:
		return false
	}
}

// unreadable ends the request in flight if what could not be read is its answer: no better one follows, and others wait. What moved the bolt is waited for
// all the same, because the bolt reports itself. The caller holds l.mu.
func (l *lock) unreadable(f zigbee.Frame) {
	h, _, err := zcl.ParseHeader(f.Payload)
	p := l.inFlight
	if err != nil || p == nil || p.req.action != nil || h.Seq != p.seq || f.Cluster != p.req.cluster || h.Direction != zcl.ToClient {
		return
	}
	if sent := p.req.msg.Route(); h.Type == zcl.ClusterSpecific && h.Command != sent.Command || h.Type == zcl.Global && h.Command == zcl.CmdReportAttributes {
		return // something that the lock said by itself
	}
	l.fail(fmt.Errorf("%w: it cannot be read", bridge.ErrNonsense))
}

// contradicts ends the request in flight with an answer to its number and of its kind that speaks of something else. The caller holds l.mu.
func (l *lock) contradicts(h zcl.Header, m zcl.Message) bool {
	p := l.inFlight
	if h.Type != zcl.ClusterSpecific || p.req.action != nil || h.Command != p.req.msg.Route().Command {
		return false
	}
	if r, ok := m.(*zcl.GetPINCodeResponse); ok {
		r.PIN.Wipe()
	}
	l.fail(fmt.Errorf("%w: it speaks of another slot than was asked for", bridge.ErrNonsense))
	return true
}

// satisfies gives a fact to the request in flight if it shows that the request was carried out. The caller holds l.mu.
func (l *lock) satisfies(f fact) {
	if p := l.inFlight; p != nil && p.req.satisfied != nil && p.req.satisfied(f) {
		select {
		case p.ch <- answer{}:
		default:
		}
	}
}

// fail ends the request in flight with an error. The caller holds l.mu.
func (l *lock) fail(err error) {
	if p := l.inFlight; p != nil {
		l.doubt = l.doubt || p.req.once
		select {
		case p.ch <- answer{err: err}:
		default:
		}
	}
}

// progress tells the caller of an actuation how far it has come, each stage once.
func (r *request) progress(s bridge.Stage) {
	if r.action == nil || s <= r.stage {
		return
	}
	r.stage = s
	if r.action.Progress != nil {
		r.action.Progress(s)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
