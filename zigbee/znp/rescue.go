package znp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// rescue is what was tried so far to get a frame through.
type rescue struct {
	parent bool         // the list of children was looked at
	child  *mt.AssocAdd // was taken off that list: put it back if that did not help
	route  bool
	search bool
}

// next does the next thing that may help after the attempt with this number failed with st, and tells whether to try again.
//
// A frame is tried once more as it is. Then, if the dongle holds it for a child that does not fetch it, the child is taken off the list of children: it may
// have another parent by now, to which the dongle looks for a route only if it does not believe itself to be the parent. Then a route is looked for, and then
// the node.
func (r *rescue) next(ctx context.Context, s *session, id zigbee.EUI64, nwk *zigbee.NWK, st mt.Status, attempt int) (again bool, err error) {
	if err := r.restore(ctx, s); err != nil {
		return false, err
	}
	if attempt == 1 {
		return true, ctx.Err()
	}
	if !r.parent && (st == stExpired || st == stAPSNoAck) {
		r.parent = true
		taken, err := r.disown(ctx, s, id, *nwk)
		if taken || err != nil {
			return taken, err
		}
	}
	if !r.route {
		r.route = true
		return true, s.discoverRoute(ctx, *nwk)
	}
	if !r.search {
		r.search = true
		now, err := s.ask(ctx, id)
		if err != nil && (ctx.Err() != nil || !errors.Is(err, errNoReply) && !errors.Is(err, zigbee.ErrRefused)) {
			return false, err
		}
		if err == nil && now != *nwk {
			*nwk = now
			return true, nil
		}
	}
	return false, nil
}

// disown takes a node off the dongle's list of children if it is on it and the firmware can put it back.
func (r *rescue) disown(ctx context.Context, s *session, id zigbee.EUI64, nwk zigbee.NWK) (bool, error) {
	if s.version.Product != productZStack3x || s.version.Revision < revAssocRemove {
		return false, nil
	}
	var entry mt.AssocGetRsp
	if err := s.link.call(ctx, &mt.AssocGet{IEEE: id, NWK: nwk}, &entry); err != nil {
		return false, ifRefused(err)
	}
	if entry.NWK >= 0xFFF8 || entry.Relation == 0xFF {
		return false, nil
	}
	if s.version.Revision >= revAssocAdd {
		r.child = &mt.AssocAdd{IEEE: id, NWK: entry.NWK, Relation: entry.Relation}
	}
	if err := s.status(ctx, &mt.AssocRemove{IEEE: id}); err != nil {
		return false, ifRefused(err)
	}
	return true, nil
}

// restore puts the child back that was taken off the list in vain: it is there and asleep.
func (r *rescue) restore(ctx context.Context, s *session) error {
	if r.child == nil {
		return nil
	}
	add := r.child
	r.child = nil
	return ifRefused(s.status(ctx, add))
}

// undo restores after the sender's time is over; the child could not be reached any more otherwise.
func (r *rescue) undo(s *session) {
	if r.child == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), replyTimeout)
	defer cancel()
	if err := r.restore(ctx, s); err != nil && !errors.Is(err, zigbee.ErrDown) {
		s.c.log.Warn("a device could not be put back on the dongle's list of children", "err", err)
	}
}

// ifRefused makes nothing of a refusal.
func ifRefused(err error) error {
	if errors.Is(err, errRefused) || errors.Is(err, zigbee.ErrRefused) {
		return nil
	}
	return err
}

// discoverRoute has the dongle look for a route and gives it time to.
func (s *session) discoverRoute(ctx context.Context, nwk zigbee.NWK) error {
	if err := ifRefused(s.status(ctx, &mt.ExtRouteDisc{Dst: nwk, Radius: radius})); err != nil {
		return err
	}
	return s.pause(ctx, routeWait)
}

// askWait is how long the network may take to say where a node is. It is asked by broadcast, and a sleepy node's parent answers for it.
const askWait = 5 * time.Second

// ask asks the network for a node's address.
func (s *session) ask(ctx context.Context, id zigbee.EUI64) (zigbee.NWK, error) {
	rsp := mt.NodeAddrRsp{Cmd: mt.ZDONwkAddrRsp}
	w := s.expect(mt.ZDONwkAddrRsp, func(p []byte) bool {
		m := mt.NodeAddrRsp{Cmd: mt.ZDONwkAddrRsp}
		return m.ParsePayload(p) == nil && m.IEEE == id
	})
	defer s.forget(w)
	if err := s.status(ctx, &mt.NwkAddrReq{IEEE: id}); err != nil {
		return 0, err
	}
	p, err := s.wait(ctx, w, askWait)
	if err != nil {
		return 0, err
	}
	if err := rsp.ParsePayload(p); err != nil {
		return 0, err
	}
	if rsp.Status != mt.Success {
		return 0, fmt.Errorf("znp: %v: status %v: %w", mt.ZDONwkAddrRsp, rsp.Status, zigbee.ErrRefused)
	}
	s.c.nodes.set(id, rsp.NWK)
	return rsp.NWK, nil
}
