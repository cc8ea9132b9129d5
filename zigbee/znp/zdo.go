package znp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// A ZDO request may take this long, and is made this often (a lock fresh in the network polls several times a second).
const (
	zdoTimeout = 10 * time.Second
	zdoTries   = 3
)

// fromNode says whether a ZDO response, which begins with its source, is from nwk.
func fromNode(p []byte, nwk zigbee.NWK) bool {
	return len(p) >= 3 && zigbee.NWK(binary.LittleEndian.Uint16(p)) == nwk
}

// zdoRequest sends one ZDO request at a time, a few times if need be, and reads the response of node nwk into rsp. match, if set, must agree.
func (s *session) zdoRequest(ctx context.Context, nwk zigbee.NWK, req, rsp mt.Message, match func([]byte) bool) error {
	select {
	case <-s.zdo:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return s.cause()
	}
	defer func() { s.zdo <- struct{}{} }()
	var err error
	for range zdoTries {
		if err = s.zdoOnce(ctx, nwk, req, rsp, match); err == nil || !errors.Is(err, errNoReply) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", zigbee.ErrUnreachable, err)
}

func (s *session) zdoOnce(ctx context.Context, nwk zigbee.NWK, req, rsp mt.Message, match func([]byte) bool) error {
	w := s.expect(rsp.Command(), func(p []byte) bool { return fromNode(p, nwk) && (match == nil || match(p)) })
	defer s.forget(w)
	if err := s.status(ctx, req); err != nil {
		return err
	}
	p, err := s.wait(ctx, w, zdoTimeout)
	if err != nil {
		return err
	}
	return rsp.ParsePayload(p)
}

// zdoFailure makes an error of the status of a ZDO response.
func zdoFailure(st mt.Status) error {
	switch st {
	case mt.Success:
		return nil
	case 0x80, 0x84, 0x8B, 0x8C, 0x8D: // invalid, not supported, not permitted, table full, not authorised
		return fmt.Errorf("status %#02x: %w", uint8(st), zigbee.ErrRefused)
	case 0x81: // no such device
		return fmt.Errorf("status %#02x: %w", uint8(st), zigbee.ErrUnknownNode)
	}
	return fmt.Errorf("status %#02x: %w", uint8(st), zigbee.ErrUnreachable)
}

// Interview implements zigbee.Radio.
func (c *Coordinator) Interview(ctx context.Context, id zigbee.EUI64) (zigbee.Node, error) {
	s, err := c.session()
	var n zigbee.Node
	if err == nil {
		err = s.atNode(ctx, id, func(nwk zigbee.NWK) error {
			n, err = s.interview(ctx, id, nwk)
			return err
		})
	}
	if err != nil {
		return zigbee.Node{}, fmt.Errorf("znp: interview of %v: %w", id, err)
	}
	return n, nil
}

// atNode calls f with a node's network address, and once more if the node turns out to have got another meanwhile, as it may when it rejoins.
func (s *session) atNode(ctx context.Context, id zigbee.EUI64, f func(zigbee.NWK) error) error {
	nwk, err := s.locate(ctx, id)
	if err != nil {
		return err
	}
	if err = f(nwk); err != nil && ctx.Err() == nil {
		if now, ok := s.c.nodes.byID(id); ok && now != nwk {
			return f(now)
		}
	}
	return err
}

func (s *session) interview(ctx context.Context, id zigbee.EUI64, nwk zigbee.NWK) (n zigbee.Node, err error) {
	desc := mt.NodeDescRsp{}
	if err := s.zdoRequest(ctx, nwk, &mt.NodeReq{Cmd: mt.ZDONodeDescReq, Dst: nwk, NWK: nwk}, &desc, nil); err != nil {
		return n, err
	}
	if err := zdoFailure(desc.Status); err != nil {
		return n, fmt.Errorf("node descriptor: %w", err)
	}
	n = zigbee.Node{ID: id, NWK: nwk, Parent: s.c.join.parent(id), ManufacturerCode: desc.Manufacturer, Router: desc.Type == 1,
		MainsPowered: desc.Capabilities&mt.CapabilityMainsPowered != 0, RxOnWhenIdle: desc.Capabilities&mt.CapabilityRxOnWhenIdle != 0}
	eps := mt.EndpointsRsp{Cmd: mt.ZDOActiveEPRsp}
	if err := s.zdoRequest(ctx, nwk, &mt.NodeReq{Cmd: mt.ZDOActiveEPReq, Dst: nwk, NWK: nwk}, &eps, nil); err != nil {
		return n, err
	}
	if err := zdoFailure(eps.Status); err != nil {
		return n, fmt.Errorf("active endpoints: %w", err)
	}
	for _, ep := range eps.Endpoints {
		if ep == 0 || ep > 240 && ep != 242 {
			continue // 0 is the device object, the others are reserved
		}
		var d mt.SimpleDescRsp
		err := s.zdoRequest(ctx, nwk, &mt.SimpleDescReq{Dst: nwk, NWK: nwk, Endpoint: ep}, &d, func(p []byte) bool {
			var d mt.SimpleDescRsp
			return d.ParsePayload(p) != nil || d.Status != mt.Success || d.Endpoint == ep
		})
		if err != nil {
			return n, err
		}
		if d.Status != mt.Success {
			s.c.log.Debug("an endpoint has no simple descriptor", "device", id, "endpoint", ep, "status", uint8(d.Status))
			continue // some devices list endpoints that they do not have
		}
		n.Endpoints = append(n.Endpoints, zigbee.Endpoint{ID: ep, Profile: d.Profile, DeviceType: d.Device, In: d.In, Out: d.Out})
	}
	return n, nil
}

// Bind implements zigbee.Radio.
func (c *Coordinator) Bind(ctx context.Context, id zigbee.EUI64, endpoint uint8, cluster uint16) error {
	s, err := c.session()
	if err == nil {
		err = s.atNode(ctx, id, func(nwk zigbee.NWK) error { return s.bind(ctx, id, nwk, endpoint, cluster) })
	}
	if err != nil {
		return fmt.Errorf("znp: bind cluster %#04x of %v: %w", cluster, id, err)
	}
	return nil
}

func (s *session) bind(ctx context.Context, id zigbee.EUI64, nwk zigbee.NWK, endpoint uint8, cluster uint16) error {
	rsp := mt.ZDOStatusRsp{Cmd: mt.ZDOBindRsp}
	req := mt.BindReq{Cmd: mt.ZDOBindReq, Dst: nwk, Src: id, SrcEndpoint: endpoint, Cluster: cluster, Mode: 3, To: s.self, ToEndpoint: ourEndpoint}
	if err := s.zdoRequest(ctx, nwk, &req, &rsp, nil); err != nil {
		return err
	}
	return zdoFailure(rsp.Status)
}

// Evict implements zigbee.Radio. It forgets the node even if that cannot be told to leave.
func (c *Coordinator) Evict(ctx context.Context, id zigbee.EUI64) error {
	s, err := c.session()
	if err == nil {
		err = s.evict(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("znp: evict %v: %w", id, err)
	}
	return nil
}

func (s *session) evict(ctx context.Context, id zigbee.EUI64) error {
	nwk, err := s.locate(ctx, id)
	if err == nil {
		rsp := mt.ZDOStatusRsp{Cmd: mt.ZDOMgmtLeaveRsp}
		if err = s.zdoRequest(ctx, nwk, &mt.MgmtLeaveReq{Dst: nwk, IEEE: id}, &rsp, nil); err == nil {
			err = zdoFailure(rsp.Status)
		}
	}
	s.c.forget(id)
	if s.version.Product == productZStack3x && s.version.Revision >= revAssocRemove {
		if e := ifRefused(s.status(ctx, &mt.AssocRemove{IEEE: id})); e != nil && err == nil {
			err = e
		}
	}
	if e := s.save(ctx); e != nil && err == nil {
		err = e
	}
	return err
}
