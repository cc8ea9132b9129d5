package znp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// lookupTimeout bounds what the dispatcher asks the dongle itself; nothing goes over the air for it.
const lookupTimeout = 2 * time.Second

// dispatch gives one event to the handler. It is called from one goroutine, in the order of arrival.
func (c *Coordinator) dispatch(ctx context.Context, h zigbee.Handler, ev event) {
	switch {
	case ev.dongle != nil:
		h.Dongle(*ev.dongle)
		return
	case ev.isPermit:
		h.PermitJoin(ev.permit)
		return
	}
	s := ev.s
	var err error
	switch ev.frame.Command {
	case mt.AFIncomingMsg:
		err = s.incoming(ctx, h, ev.frame.Payload)
	case mt.AFIncomingMsgExt:
		err = s.incomingExt(ctx, h, ev.frame.Payload)
	case mt.ZDOTCDevInd:
		var m mt.TCDevInd
		if err = m.ParsePayload(ev.frame.Payload); err == nil {
			s.joined(h, m)
		}
	case mt.ZDOEndDeviceAnnceInd:
		var m mt.EndDeviceAnnceInd
		if err = m.ParsePayload(ev.frame.Payload); err == nil {
			s.announced(h, m)
		}
	case mt.ZDOConcentratorInd:
		var m mt.ConcentratorInd
		if err = m.ParsePayload(ev.frame.Payload); err == nil {
			c.nodes.set(m.IEEE, m.Src)
		}
	case mt.ZDOLeaveInd:
		var m mt.LeaveInd
		if err = m.ParsePayload(ev.frame.Payload); err == nil && !m.Rejoin && m.IEEE != 0 {
			c.forget(m.IEEE)
			h.Left(m.IEEE)
		}
	}
	if err != nil {
		c.stats.unexpected.Add(1)
		c.log.Warn("an indication from the dongle could not be used", "command", ev.frame.Command.String(), "bytes", len(ev.frame.Payload), "err", err)
	}
}

// joined handles the trust centre's word that it let a node in.
func (s *session) joined(h zigbee.Handler, m mt.TCDevInd) {
	_, known := s.c.nodes.byID(m.IEEE)
	if !known && s.c.join.stranger(m.IEEE) {
		s.c.log.Warn("a device that was not asked to join is sent away", "device", m.IEEE)
		s.later(func(ctx context.Context) {
			if err := s.status(ctx, &mt.MgmtLeaveReq{Dst: m.NWK, IEEE: m.IEEE}); err != nil && ctx.Err() == nil {
				s.c.log.Error("a device that was not asked to join could not be sent away", "device", m.IEEE, "err", err)
			}
		})
		return
	}
	s.c.nodes.set(m.IEEE, m.NWK)
	s.c.join.came(m.IEEE, m.Parent)
	s.later(func(ctx context.Context) {
		if err := ifRefused(s.status(ctx, &mt.ExtRouteDisc{Dst: m.NWK, Radius: radius})); err != nil && ctx.Err() == nil {
			s.c.log.Debug("no route to a device that joined", "device", m.IEEE, "err", err)
		}
	})
	h.Announced(m.IEEE, m.NWK, !known || s.c.join.remaining() > 0)
}

// announced handles a Device_annce.
func (s *session) announced(h zigbee.Handler, m mt.EndDeviceAnnceInd) {
	_, known := s.c.nodes.byID(m.IEEE)
	if !known && s.c.join.stranger(m.IEEE) || s.c.join.repeated(m.IEEE, m.NWK) {
		return
	}
	s.c.nodes.set(m.IEEE, m.NWK)
	s.c.join.came(m.IEEE, zigbee.NWKUnknown)
	h.Announced(m.IEEE, m.NWK, false)
}

func (s *session) incoming(ctx context.Context, h zigbee.Handler, p []byte) error {
	var m mt.IncomingMsg
	if err := m.ParsePayload(p); err != nil {
		return err
	}
	h.Frame(zigbee.Frame{Device: s.sender(ctx, m.Src), NWK: m.Src, SrcEndpoint: m.SrcEndpoint, DstEndpoint: m.DstEndpoint, Profile: profileHA,
		Cluster: m.Cluster, Payload: m.Data, LQI: m.LQI, Secure: m.Secure, Broadcast: m.Broadcast})
	return nil
}

func (s *session) incomingExt(ctx context.Context, h zigbee.Handler, p []byte) error {
	var m mt.IncomingMsgExt
	if err := m.ParsePayload(p); err != nil {
		return err
	}
	data := m.Data
	if int(m.Length) > len(data) {
		var err error
		if data, err = s.retrieve(ctx, &m); err != nil {
			return err
		}
	}
	f := zigbee.Frame{SrcEndpoint: m.SrcEndpoint, DstEndpoint: m.DstEndpoint, Profile: profileHA, Cluster: m.Cluster, Payload: data[:m.Length:m.Length],
		LQI: m.LQI, Secure: m.Secure, Broadcast: m.Broadcast}
	const mode64 = 3
	if m.Mode == mode64 {
		f.Device, f.NWK = m.Src, zigbee.NWKUnknown
		if nwk, ok := s.c.nodes.byID(m.Src); ok {
			f.NWK = nwk
		}
	} else {
		f.NWK = zigbee.NWK(m.Src)
		f.Device = s.sender(ctx, f.NWK)
	}
	h.Frame(f)
	return nil
}

// retrieve fetches the data of a long message from the dongle and frees them there.
func (s *session) retrieve(ctx context.Context, m *mt.IncomingMsgExt) (data []byte, err error) {
	const chunk = 240
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	for len(data) < int(m.Length) {
		var rsp mt.DataRetrieveRsp
		n := min(chunk, int(m.Length)-len(data))
		if err = s.link.call(ctx, &mt.DataRetrieve{Timestamp: m.Timestamp, Index: uint16(len(data)), Length: uint8(n)}, &rsp); err != nil {
			break
		}
		if rsp.Status != mt.Success || len(rsp.Data) == 0 {
			err = fmt.Errorf("znp: %v at %d of %d: status %v, %d bytes", mt.AFDataRetrieve, len(data), m.Length, rsp.Status, len(rsp.Data))
			break
		}
		data = append(data, rsp.Data...)
	}
	if e := s.link.call(ctx, &mt.DataRetrieve{Timestamp: m.Timestamp}, nil); e != nil && err == nil && !errors.Is(e, errRefused) {
		s.c.log.Debug("a long message could not be freed", "err", e)
	}
	return data, err
}

// sender returns who has a network address, zero where nobody knows yet. Then the network is asked for the next time.
func (s *session) sender(ctx context.Context, nwk zigbee.NWK) zigbee.EUI64 {
	if id, ok := s.c.nodes.byNWK(nwk); ok {
		return id
	}
	if !s.c.join.askFor(nwk) {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var rsp mt.NwkAddrLookupRsp
	if err := s.link.call(ctx, &mt.NwkAddrLookup{NWK: nwk}, &rsp); err == nil && rsp.IEEE != 0 && rsp.IEEE != ^zigbee.EUI64(0) {
		s.c.nodes.set(rsp.IEEE, nwk)
		return rsp.IEEE
	}
	s.later(func(ctx context.Context) {
		// The answer comes as an indication, which teaches the address book whenever it comes.
		if err := s.status(ctx, &mt.IEEEAddrReq{NWK: nwk}); err != nil && ctx.Err() == nil {
			s.c.log.Debug("a sender could not be asked who it is", "nwk", nwk, "err", err)
		}
	})
	return 0
}
