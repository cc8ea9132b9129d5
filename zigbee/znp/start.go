package znp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Products that SYS_VERSION tells.
const (
	productZStack12 = 0
	productZStack3x = 1 // Z-Stack 3.x.0: CC2652, CC1352
	productZStack30 = 2 // Z-Stack 3.0.x: CC2531, CC2538
)

var products = map[uint8]string{productZStack12: "Z-Stack 1.2", productZStack3x: "Z-Stack 3.x.0", productZStack30: "Z-Stack 3.0.x"}

// start brings the network up. woken tells that the dongle was talked to before on this line.
func (s *session) start(ctx context.Context, woken bool) (d zigbee.Dongle, err error) {
	if !woken {
		if err := s.wake(ctx); err != nil {
			return d, err
		}
	}
	s.nowAwake()
	if err := s.link.call(ctx, &mt.Empty{Cmd: mt.SysVersion}, &s.version); err != nil {
		return d, err
	}
	port := s.c.cfg.Port
	switch s.version.Product {
	case productZStack3x:
		s.slots = make(chan struct{}, 16)
	case productZStack30:
		s.slots = make(chan struct{}, 2)
	case productZStack12:
		return d, &Fault{Fatal: true, Sentence: fmt.Sprintf("The dongle at %s runs Z-Stack 1.2 (Z-Stack Home), which is too old to keep a lock's keys safe. Flash it with Z-Stack 3.x.0 coordinator firmware, or use a dongle with a CC2652 or CC1352.", port)}
	default:
		return d, &Fault{Fatal: true, Sentence: fmt.Sprintf("The dongle at %s runs firmware of an unknown kind (product %d). Flash it with Z-Stack 3.x.0 coordinator firmware.", port, s.version.Product)}
	}
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	if err := s.establish(ctx); err != nil {
		return d, err
	}
	if err := s.settle(ctx); err != nil {
		return d, err
	}
	return zigbee.Dongle{Port: port, Product: products[s.version.Product], Revision: s.version.Revision, Network: s.network, Up: true}, nil
}

// pause waits, unless the session or ctx ends first.
func (s *session) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return s.cause()
	}
}

// reset starts the dongle again, softly, and waits until it did.
func (s *session) reset(ctx context.Context) error {
	w := s.expect(mt.SysResetInd, nil)
	defer s.forget(w)
	if err := s.link.send(ctx, &mt.ResetReq{Kind: 1}); err != nil {
		return err
	}
	_, err := s.wait(ctx, w, resetTimeout)
	return err
}

// resume starts the network that the dongle has.
func (s *session) resume(ctx context.Context) error {
	var info mt.DeviceInfoRsp
	if err := s.link.call(ctx, &mt.Empty{Cmd: mt.UtilGetDeviceInfo}, &info); err != nil {
		return err
	}
	if info.State == mt.CoordinatorStarted {
		return nil
	}
	w := s.expect(mt.ZDOStateChangeInd, isCoordinator)
	defer s.forget(w)
	st := mt.StatusRsp{Cmd: mt.ZDOStartupFromApp.Reply()}
	if err := s.link.call(ctx, &mt.StartupFromApp{Delay: 100}, &st); err != nil {
		return err
	}
	if st.Status > 1 { // 0 restored, 1 new
		return fmt.Errorf("znp: %v: status %v", mt.ZDOStartupFromApp, st.Status)
	}
	_, err := s.wait(ctx, w, 60*time.Second)
	return err
}

func isCoordinator(p []byte) bool {
	var m mt.StateChangeInd
	return m.ParsePayload(p) == nil && m.State == mt.CoordinatorStarted
}

// Our endpoint: a Home Automation controller with the clusters that locks look for in a coordinator.
const (
	ourEndpoint = 1
	profileHA   = 0x0104
	deviceCtrl  = 0x0005
	clusterTime = 0x000A
	clusterOTA  = 0x0019
)

// settle does what has to be done after every start of the dongle, whose endpoints do not outlive one.
func (s *session) settle(ctx context.Context) error {
	if err := s.register(ctx); err != nil {
		return err
	}
	if err := s.status(ctx, &mt.MsgCB{Cluster: 0xFFFF}); err != nil {
		return err
	}
	if dbm := s.c.cfg.TxPower; dbm != 0 {
		err := s.link.call(ctx, &mt.StackTune{Value: dbm}, &mt.StackTuneRsp{})
		if errors.Is(err, errRefused) {
			err = s.link.call(ctx, &mt.SetTxPower{Level: dbm}, &mt.SetTxPowerRsp{})
		}
		if err != nil && !errors.Is(err, errRefused) {
			return err
		}
	}
	if s.version.Revision >= revLED {
		led := mt.StatusRsp{Cmd: mt.UtilLEDControl.Reply()}
		if err := s.link.call(ctx, &mt.LEDControl{LED: 3}, &led); err != nil && !errors.Is(err, errRefused) && !errors.Is(err, errNoReply) {
			return err
		}
	}
	if err := s.admit(ctx, 0); err != nil {
		return err
	}
	if err := s.permit(ctx, 0); err != nil {
		return err
	}
	err := s.save(ctx)
	if errors.Is(err, errUnsaved) { // the network is up all the same, and what it is was saved before
		s.c.log.Error(unsaved, "err", err)
		return nil
	}
	return err
}

func (s *session) register(ctx context.Context) error {
	w := s.expect(mt.ZDOActiveEPRsp, func(p []byte) bool { return fromNode(p, zigbee.Coordinator) })
	defer s.forget(w)
	if err := s.status(ctx, &mt.NodeReq{Cmd: mt.ZDOActiveEPReq}); err != nil {
		return err
	}
	p, err := s.wait(ctx, w, zdoTimeout)
	if err != nil {
		return err
	}
	eps := mt.EndpointsRsp{Cmd: mt.ZDOActiveEPRsp}
	if err := eps.ParsePayload(p); err != nil {
		return err
	}
	if bytes.IndexByte(eps.Endpoints, ourEndpoint) >= 0 {
		return nil
	}
	st := mt.StatusRsp{Cmd: mt.AFRegister.Reply()}
	err = s.link.call(ctx, &mt.Register{Endpoint: ourEndpoint, Profile: profileHA, Device: deviceCtrl, In: []uint16{clusterTime, clusterOTA}}, &st)
	if err != nil {
		return err
	}
	if st.Status != mt.Success && st.Status != statusDuplicate {
		return fmt.Errorf("znp: %v: status %v", mt.AFRegister, st.Status)
	}
	return nil
}

// statusDuplicate says that an endpoint is registered already.
const statusDuplicate = mt.Status(0xB8)

// status sends a request whose reply is a status, and makes an error of any but success.
func (s *session) status(ctx context.Context, req mt.Message) error {
	st := mt.StatusRsp{Cmd: req.Command().Reply()}
	if err := s.link.call(ctx, req, &st); err != nil {
		return err
	}
	if st.Status != mt.Success {
		return fmt.Errorf("znp: %v: status %v: %w", req.Command(), st.Status, zigbee.ErrRefused)
	}
	return nil
}
