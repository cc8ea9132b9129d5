package znp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Times and numbers of sending.
const (
	confirmTimeout = 30 * time.Second // for a confirm; the dongle itself gives up after its retries and the parent's hold, well below that
	congestionWait = 1500 * time.Millisecond
	congestionMore = 500 * time.Millisecond // at most so much longer, so that those who wait do not try again together
	routeWait      = 3 * time.Second
	maxAttempts    = 6
	radius         = 30
	maxData        = 230 // fits into AF_DATA_REQUEST; more than any lock takes
)

// Statuses of a confirm (Zigbee specification sections 2.2.9 and 3.7; IEEE 802.15.4 table 78), with what they mean for the frame.
const (
	stMemory         = mt.Status(0x10) // the dongle has no room; nothing was sent
	stBufferFull     = mt.Status(0x11)
	stNoResources    = mt.Status(0x1A)
	stAPSNoAck       = mt.Status(0xB7) // sent, and perhaps received
	stNoRoute        = mt.Status(0xCD)
	stChannelAccess  = mt.Status(0xE1) // the air was never free
	stMACNoAck       = mt.Status(0xE9) // the next hop did not acknowledge
	stExpired        = mt.Status(0xF0) // the child did not fetch it
	stInvalidRequest = mt.Status(0xC2)
)

type consequence uint8

const (
	delivered consequence = iota
	congested             // wait and try again
	lost                  // try again, then look for a route, then for the node
	refused               // trying again brings the same
)

func consequenceOf(st mt.Status) consequence {
	switch st {
	case mt.Success:
		return delivered
	case stMemory, stBufferFull, stNoResources, stChannelAccess:
		return congested
	case stAPSNoAck, stNoRoute, stMACNoAck, stExpired:
		return lost
	}
	return refused
}

// failure makes of a status the error that says what it means to the sender.
func failure(st mt.Status) error {
	switch {
	case st == stExpired:
		return fmt.Errorf("%w (status 0xf0)", zigbee.ErrAsleep)
	case consequenceOf(st) == congested:
		return fmt.Errorf("%w (status %#02x)", zigbee.ErrBusy, uint8(st))
	case consequenceOf(st) == lost:
		return fmt.Errorf("%w (status %#02x)", zigbee.ErrUnreachable, uint8(st))
	}
	return fmt.Errorf("%w (status %#02x)", zigbee.ErrRefused, uint8(st))
}

// pending is a data request on its way.
type pending struct {
	req    mt.DataRequest
	rsp    mt.StatusRsp
	done   chan mt.Status // room for one
	waited *time.Timer    // for the confirm
	left   *time.Timer    // set once its sender went away
}

// Send implements zigbee.Radio. Nothing is written to the dongle once ctx ended; an attempt that is with the dongle by then may still reach the node.
func (c *Coordinator) Send(ctx context.Context, f zigbee.Frame) error {
	s, err := c.session()
	if err == nil {
		err = s.deliver(ctx, &f)
	}
	if err != nil {
		return fmt.Errorf("znp: send to %v: %w", f.Device, err)
	}
	return nil
}

// deliver sends f, again where that may help, until it arrived, cannot, or ctx ends.
func (s *session) deliver(ctx context.Context, f *zigbee.Frame) error {
	if len(f.Payload) > maxData {
		return fmt.Errorf("%d bytes of payload are more than a frame takes: %w", len(f.Payload), zigbee.ErrRefused)
	}
	nwk, err := s.locate(ctx, f.Device)
	if err != nil {
		return err
	}
	var tried rescue
	defer tried.undo(s)
	var last mt.Status
	for attempt := 1; ; attempt++ {
		st, err := s.attempt(ctx, f, nwk)
		if errors.Is(err, errTooLate) && last != mt.Success {
			return failure(last)
		}
		if err != nil {
			if last != mt.Success && ctx.Err() != nil {
				return fmt.Errorf("%w, %w", failure(last), err)
			}
			return err
		}
		if last == stExpired && (st == stNoRoute || st == stMACNoAck) {
			st = stExpired // taken off the list of children, a child that sleeps looks like a node without a route
		}
		last = st
		switch consequenceOf(st) {
		case delivered:
			tried.child = nil
			return nil
		case refused:
			return failure(st)
		case congested:
			if attempt < maxAttempts {
				if err := s.pause(ctx, congestionWait+rand.N(congestionMore)); err != nil {
					return fmt.Errorf("%w, %w", failure(st), err)
				}
				continue
			}
		case lost:
			if attempt < maxAttempts {
				again, err := tried.next(ctx, s, f.Device, &nwk, st, attempt)
				if err != nil {
					return fmt.Errorf("%w, %w", failure(st), err)
				}
				if again {
					continue
				}
			}
		}
		return failure(st)
	}
}

// errTooLate is the end of attempts at Frame.NotAfter.
var errTooLate = fmt.Errorf("the last moment to send it has passed: %w", zigbee.ErrBusy)

func tooLate(f *zigbee.Frame) bool { return !f.NotAfter.IsZero() && !time.Now().Before(f.NotAfter) }

// attempt sends f once and waits for what becomes of it.
func (s *session) attempt(ctx context.Context, f *zigbee.Frame, nwk zigbee.NWK) (mt.Status, error) {
	select {
	case <-s.slots:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.done:
		return 0, s.cause()
	}
	if tooLate(f) {
		s.slots <- struct{}{}
		return 0, errTooLate
	}
	p := s.begin()
	id := p.req.Transaction
	p.req = mt.DataRequest{Dst: nwk, DstEndpoint: f.DstEndpoint, SrcEndpoint: f.SrcEndpoint, Cluster: f.Cluster, Transaction: id, Options: mt.OptionAPSAck,
		Radius: radius, Data: f.Payload}
	if p.req.SrcEndpoint == 0 {
		p.req.SrcEndpoint = ourEndpoint
	}
	p.rsp = mt.StatusRsp{Cmd: mt.AFDataRequest.Reply()}
	begin, stop := ctx, func() {}
	if !f.NotAfter.IsZero() { // the line may be taken by a request that the dongle does not answer
		begin, stop = context.WithDeadlineCause(ctx, f.NotAfter, errTooLate)
	}
	err := s.link.callBegun(ctx, begin, &p.req, &p.rsp, f.Written)
	stop()
	if err != nil {
		if errors.Is(err, errTooLate) { // it was not written
			s.finish(id, p)
			return 0, err
		}
		if errors.Is(err, errRefused) {
			s.finish(id, p)
			return 0, fmt.Errorf("%w: %w", zigbee.ErrUnsupported, err)
		}
		// It may be with the dongle all the same, so its transaction is not used again yet.
		s.leave(id, p)
		if errors.Is(err, errNoReply) {
			err = fmt.Errorf("%w: %w", zigbee.ErrDown, err)
		}
		return 0, err
	}
	if p.rsp.Status != mt.Success {
		s.finish(id, p)
		return p.rsp.Status, nil
	}
	p.waited.Reset(confirmTimeout)
	defer p.waited.Stop()
	select {
	case st := <-p.done:
		s.reuse(p)
		return st, nil
	case <-ctx.Done():
		s.leave(id, p)
		return 0, ctx.Err()
	case <-s.done:
		return 0, s.cause()
	case <-p.waited.C:
		s.leave(id, p)
		return 0, fmt.Errorf("no confirm: %w", zigbee.ErrUnreachable)
	}
}

// begin takes the next free transaction. There are more of them than slots, but those that their senders left may hold some.
func (s *session) begin() *pending {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p *pending
	if n := len(s.spare); n > 0 {
		p, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		p = &pending{done: make(chan mt.Status, 1), waited: time.NewTimer(confirmTimeout)}
		p.waited.Stop()
	}
	for {
		if s.next++; s.next == 0 {
			s.next = 1
		}
		if s.pending[s.next] == nil {
			break
		}
	}
	s.pending[s.next] = p
	s.sent++
	p.req.Transaction = s.next
	return p
}

// reuse frees the slot of p, which is confirmed, and keeps p for another.
func (s *session) reuse(p *pending) {
	p.req.Data = nil
	s.mu.Lock()
	s.spare = append(s.spare, p)
	s.mu.Unlock()
	s.slots <- struct{}{}
}

// finish frees the transaction and the slot of p, of which no confirm is expected.
func (s *session) finish(id uint8, p *pending) {
	s.mu.Lock()
	mine := s.pending[id] == p
	if mine {
		s.pending[id] = nil
	}
	s.mu.Unlock()
	if mine || p.left == nil {
		s.slots <- struct{}{}
	}
}

// leave keeps the transaction and the slot of p, whose sender goes away, until the dongle is done with it.
func (s *session) leave(id uint8, p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending[id] != p {
		s.slots <- struct{}{} // confirmed in the same moment
		return
	}
	p.left = time.AfterFunc(confirmTimeout, func() { s.finish(id, p) })
}

// confirmed takes an AF_DATA_CONFIRM.
func (s *session) confirmed(payload []byte) {
	var m mt.DataConfirm
	if m.ParsePayload(payload) != nil {
		s.c.stats.unexpected.Add(1)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pending[m.Transaction]
	if p == nil {
		s.c.stats.unexpected.Add(1)
		return
	}
	s.pending[m.Transaction] = nil
	if p.left != nil {
		p.left.Stop()
		s.slots <- struct{}{}
		return
	}
	p.done <- m.Status
}

// locate returns the network address of a node: as known, as the dongle knows it, or as the node says when the network is asked.
func (s *session) locate(ctx context.Context, id zigbee.EUI64) (zigbee.NWK, error) {
	if nwk, ok := s.c.nodes.byID(id); ok {
		return nwk, nil
	}
	if id == 0 {
		return 0, zigbee.ErrUnknownNode
	}
	var rsp mt.ExtAddrLookupRsp
	err := s.link.call(ctx, &mt.ExtAddrLookup{IEEE: id}, &rsp)
	if err != nil && !errors.Is(err, errRefused) {
		return 0, err
	}
	if err == nil && rsp.NWK < 0xFFF8 && rsp.NWK != zigbee.Coordinator {
		s.c.nodes.set(id, rsp.NWK)
		return rsp.NWK, nil
	}
	nwk, err := s.ask(ctx, id)
	if errors.Is(err, errNoReply) {
		return 0, zigbee.ErrUnknownNode
	}
	return nwk, err
}
