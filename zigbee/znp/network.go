package znp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

const configuredFlag = 0x55

// standing is what a dongle has of a network.
type standing struct {
	nib nib
	key keyInfo
	has bool // a network that was formed to its end
}

// plan is what to do with a dongle.
type plan uint8

const (
	planRefuse plan = iota
	planResume
	planRestore
	planForm
)

// establish brings the dongle onto its network: the one that it has, the saved one, or a new one, or refuses to.
func (s *session) establish(ctx context.Context) error {
	if err := s.findPacking(ctx); err != nil {
		return err
	}
	var ext mt.ExtAddrRsp
	if err := s.link.call(ctx, &mt.Empty{Cmd: mt.SysGetExtAddr}, &ext); err != nil {
		return err
	}
	s.self = ext.IEEE
	saved, err := s.c.vault.Load()
	if err != nil {
		return &Fault{Fatal: true, Err: err, Sentence: "The saved Zigbee network cannot be read (" + err.Error() + "). Restore the state directory from a backup; nothing was changed on the dongle."}
	}
	s.c.remember(saved)
	st, err := s.standing(ctx, saved)
	if err != nil {
		return err
	}
	p, refusal := s.decide(saved, st)
	switch p {
	case planResume:
		if err := s.resume(ctx); err != nil {
			return err
		}
	case planRestore:
		s.c.log.Warn("putting the saved Zigbee network on the dongle", "port", s.c.cfg.Port, "coordinator", saved.Network.Coordinator)
		if err := s.restore(ctx, saved); err != nil {
			return err
		}
	case planForm:
		s.c.log.Warn("forming a new Zigbee network", "port", s.c.cfg.Port)
		if err := s.form(ctx); err != nil {
			return err
		}
	default:
		return refusal
	}
	return s.readNetwork(ctx)
}

// standing reads what network the dongle has.
func (s *session) standing(ctx context.Context, saved Saved) (st standing, err error) {
	flag, err := s.nvRead(ctx, mt.NVConfigured)
	if err != nil {
		return st, err
	}
	if st.nib, err = s.readNIB(ctx); err != nil {
		return st, err
	}
	if st.key, err = s.readKeyInfo(ctx, mt.NVActiveKeyInfo); err != nil {
		return st, err
	}
	// Without the flag the network is ours all the same if it is the saved one: then the flag was about to be written.
	st.has = st.nib.settled() && (len(flag) > 0 && flag[0] == configuredFlag || st.matches(saved))
	if st.has && (len(flag) == 0 || flag[0] != configuredFlag) {
		err = s.nvWrite(ctx, mt.NVConfigured, []byte{configuredFlag})
	}
	return st, err
}

func (st standing) matches(saved Saved) bool {
	return !saved.Empty() && st.nib.settled() && st.nib.pan() == saved.Network.PAN && st.nib.extended() == saved.Network.ExtendedPAN && st.key.key == saved.Key
}

// decide says what to do. A dongle is never trusted because it is plugged in: it must have the saved network and the address that goes with it, or a person
// must have said what to do.
func (s *session) decide(saved Saved, st standing) (plan, error) {
	port, policy := s.c.cfg.Port, s.c.cfg.Form
	locks := len(saved.Devices)
	if f := s.c.cfg.Locks; f != nil {
		locks = max(locks, f())
	}
	refuse := func(format string, args ...any) (plan, error) {
		return planRefuse, &Fault{Fatal: true, Err: zigbee.ErrRefused, Sentence: fmt.Sprintf(format, args...)}
	}
	known := !saved.Empty()
	rightDongle := !known || saved.Network.Coordinator == s.self
	if st.has && st.matches(saved) {
		switch {
		case rightDongle:
			return planResume, nil
		case policy == FormRestore:
			return planRestore, nil
		}
		return refuse("The dongle at %s has the locks' network, but is not the dongle that it was formed on (its address is %v, expected %v). Plug in the right dongle, or set form to restore to use this one in its place.", port, s.self, saved.Network.Coordinator)
	}
	switch policy {
	case FormForce:
		return planForm, nil
	case FormRestore:
		if known {
			return planRestore, nil
		}
	case FormAdopt:
		if st.has && !known {
			s.c.log.Warn("the dongle's network is taken as it is: what was saved of the locks' network cannot be read", "port", port)
			return planResume, nil
		}
	}
	there := "has no network"
	if st.has {
		there = fmt.Sprintf("has another network (PAN 0x%04x, channel %d)", st.nib.pan(), st.nib.channel())
	}
	switch {
	case known && locks > 0:
		return refuse("The dongle at %s %s, not the one that the locks are on. Plug in the dongle with address %v, or set form to restore to put the locks' network on this one.", port, there, saved.Network.Coordinator)
	case st.has && known:
		return refuse("The dongle at %s %s, not the saved one. Plug in the dongle with address %v, or set form to restore or to force.", port, there, saved.Network.Coordinator)
	case st.has:
		return refuse("The dongle at %s %s, which was not formed here. Use a blank dongle, or set form to force to give this one a new network; every device of the old one must then be joined again.", port, there)
	case locks > 0:
		return refuse("The dongle at %s has no network, and the network of the %d known locks was not saved. Plug in the dongle that they joined, or set form to force; the locks must then be joined again.", port, locks)
	case policy == FormAdopt:
		return refuse("The dongle at %s has no network, and what was saved of the locks' network cannot be read. Plug in the dongle that the locks joined, or restore a backup.", port)
	case policy == FormNever:
		return refuse("The dongle at %s has no network, and form is set to never. Plug in the dongle that has the network, or set form to auto.", port)
	}
	return planForm, nil
}

// form forms a network. It is saved before it exists, so that a dongle with it is known as ours even if nothing goes well after that.
func (s *session) form(ctx context.Context) error {
	n, err := s.c.cfg.newNetwork()
	if err != nil {
		return err
	}
	n.Network.Coordinator, n.Product = s.self, s.version.Product
	if err := s.c.keep(n); err != nil {
		return err
	}
	if err := s.commission(ctx, n); err != nil {
		return err
	}
	return s.nvWrite(ctx, mt.NVConfigured, []byte{configuredFlag})
}

// newNetwork makes up a network as configured.
func (cfg Config) newNetwork() (n Saved, err error) {
	var b [26]byte
	rand.Read(b[:]) // never fails
	n.Level = 5
	copy(n.Key[:], b[10:])
	n.Network = zigbee.Network{PAN: cfg.PAN, ExtendedPAN: cfg.ExtendedPAN, Channel: cfg.Channel}
	if n.Network.PAN == 0 {
		n.Network.PAN = 1 + binary.LittleEndian.Uint16(b[:])%0xFFFD // 0x0001 to 0xFFFD
	}
	if n.Network.ExtendedPAN == 0 {
		n.Network.ExtendedPAN = zigbee.EUI64FromLE(b[2:]) | 1
	}
	if n.Network.Channel == 0 {
		n.Network.Channel = 15
	}
	if n.Network.PAN >= 0xFFFE || n.Network.Channel < 11 || n.Network.Channel > 26 {
		return n, &Fault{Fatal: true, Sentence: fmt.Sprintf("A Zigbee network cannot have PAN 0x%04x and channel %d. Set a channel from 11 to 26 and a PAN from 0x0001 to 0xfffd, or leave them out.", n.Network.PAN, n.Network.Channel)}
	}
	return n, nil
}

// Times of forming.
const (
	formTimeout = 100 * time.Second
	nibPause    = 3 * time.Second
	nibReads    = 10
)

// commission clears the dongle and makes it form the network n.
func (s *session) commission(ctx context.Context, n Saved) error {
	if err := s.nvDelete(ctx, mt.NVNIB); err != nil {
		return err
	}
	if err := s.nvWrite(ctx, mt.NVStartupOption, []byte{mt.StartupClearConfig | mt.StartupClearState}); err != nil {
		return err
	}
	if err := s.reset(ctx); err != nil {
		return err
	}
	if err := s.writeParameters(ctx, n); err != nil {
		return err
	}
	mask := uint32(1) << n.Network.Channel
	if err := s.status(ctx, &mt.SetChannel{Primary: true, Mask: mask}); err != nil {
		return err
	}
	if err := s.status(ctx, &mt.SetChannel{}); err != nil {
		return err
	}
	w := s.expect(mt.ZDOStateChangeInd, isCoordinator)
	defer s.forget(w)
	if err := s.status(ctx, &mt.StartCommissioning{Mode: 4}); err != nil {
		return err
	}
	if _, err := s.wait(ctx, w, formTimeout); err != nil {
		return &Fault{Err: err, Sentence: fmt.Sprintf("The dongle at %s could not form a network. A network with the same PAN or extended PAN may be near; leave both out of the configuration, or choose another channel.", s.c.cfg.Port)}
	}
	for range nibReads {
		base, err := s.readNIB(ctx)
		if err != nil {
			return err
		}
		if base.settled() {
			var info mt.ExtNwkInfoRsp
			if err := s.link.call(ctx, &mt.Empty{Cmd: mt.ZDOExtNwkInfo}, &info); err != nil {
				return err
			}
			if info.PAN != n.Network.PAN {
				return &Fault{Sentence: fmt.Sprintf("A Zigbee network with PAN 0x%04x is near, and the dongle chose another. Leave the PAN out of the configuration, or choose another.", n.Network.PAN)}
			}
			return nil
		}
		if err := s.pause(ctx, nibPause); err != nil {
			return err
		}
	}
	return &Fault{Sentence: fmt.Sprintf("The dongle at %s formed a network but did not store it. Unplug it and plug it in again; if that does not help, flash it anew.", s.c.cfg.Port)}
}

// writeParameters writes what a dongle forms, or starts, a network from.
func (s *session) writeParameters(ctx context.Context, n Saved) error {
	extended := n.Network.ExtendedPAN.AppendLE(nil)
	for _, item := range []struct {
		id    uint16
		value []byte
	}{
		{mt.NVStartupOption, []byte{0}},
		{mt.NVLogicalType, []byte{0}},
		{mt.NVZDODirectCB, []byte{1}},
		{mt.NVChannelList, binary.LittleEndian.AppendUint32(nil, 1<<n.Network.Channel)},
		{mt.NVPANID, binary.LittleEndian.AppendUint16(nil, n.Network.PAN)},
		{mt.NVExtendedPANID, extended},
		{mt.NVApsUseExtPANID, extended},
		{mt.NVPrecfgKeyEnable, []byte{0}},
		{mt.NVPrecfgKey, n.Key[:]},
	} {
		if err := s.nvWrite(ctx, item.id, item.value); err != nil {
			return err
		}
	}
	return nil
}

// readNetwork reads where the dongle stands now.
func (s *session) readNetwork(ctx context.Context) error {
	var ext mt.ExtAddrRsp
	if err := s.link.call(ctx, &mt.Empty{Cmd: mt.SysGetExtAddr}, &ext); err != nil {
		return err
	}
	var info mt.ExtNwkInfoRsp
	if err := s.link.call(ctx, &mt.Empty{Cmd: mt.ZDOExtNwkInfo}, &info); err != nil {
		return err
	}
	s.self = ext.IEEE
	s.network = zigbee.Network{Coordinator: ext.IEEE, PAN: info.PAN, ExtendedPAN: info.ExtendedPAN, Channel: info.Channel}
	return nil
}

// remember takes over what was saved.
func (c *Coordinator) remember(saved Saved) {
	c.mu.Lock()
	c.saved = saved
	c.mu.Unlock()
	for _, d := range saved.Devices {
		if _, ok := c.nodes.byID(d.ID); !ok {
			c.nodes.set(d.ID, d.NWK)
		}
	}
}

const unsaved = "the Zigbee network could not be saved; a new dongle could not take it over as it is now"

var errUnsaved = errors.New("znp: saving the network")

// keep saves a network.
func (c *Coordinator) keep(n Saved) error {
	if err := c.vault.Save(n); err != nil {
		return fmt.Errorf("%w: %w", errUnsaved, err)
	}
	c.mu.Lock()
	c.saved = n
	c.mu.Unlock()
	return nil
}
