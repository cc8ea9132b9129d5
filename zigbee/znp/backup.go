package znp

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// counterMargin is added to a frame counter that is put on another dongle. It covers what was sent since the backup was made: nodes drop, as replayed,
// frames with a counter that they have seen. Counters are saved every hour or 500 messages, and a coordinator sends a link status every 15 s.
const counterMargin = 2500

// save reads the network from the dongle and keeps it.
func (s *session) save(ctx context.Context) error {
	s.c.mu.Lock()
	old := s.c.saved
	s.c.mu.Unlock()
	n, err := s.backup(ctx, old)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.sent = 0
	s.mu.Unlock()
	return s.c.keep(n)
}

// backup reads everything that another dongle would need to take the network over.
func (s *session) backup(ctx context.Context, old Saved) (n Saved, err error) {
	base, err := s.readNIB(ctx)
	if err != nil {
		return n, err
	}
	if !base.exists() {
		return n, fmt.Errorf("%w: no network information base", errOddMemory)
	}
	key, err := s.readKeyInfo(ctx, mt.NVActiveKeyInfo)
	if err != nil {
		return n, err
	}
	n = Saved{Network: s.network, UpdateID: base.update(), Level: base.level(), Key: key.key, KeySequence: key.sequence, Product: s.version.Product}
	if n.FrameCounter, err = s.readCounter(ctx, n.Network.ExtendedPAN); err != nil && !unsupported(err) {
		return n, err
	}
	same := old.Network.ExtendedPAN == n.Network.ExtendedPAN && old.Key == n.Key
	if same {
		n.FrameCounter = max(n.FrameCounter, old.FrameCounter)
	}
	seed, err := s.nvRead(ctx, mt.NVTCLKSeed)
	if err != nil {
		return n, err
	}
	copy(n.TCLKSeed[:], seed)
	book, err := s.readAddresses(ctx)
	if err != nil && !unsupported(err) {
		return n, err
	}
	keys, err := s.readLinkKeys(ctx, n.TCLKSeed, book)
	if err != nil && !unsupported(err) {
		return n, err
	}
	devices := map[zigbee.EUI64]SavedDevice{}
	if same {
		for _, d := range old.Devices {
			devices[d.ID] = d // a dongle forgets routers and nodes behind them; their keys are still good
		}
	}
	for _, a := range book {
		if !a.used() || a.user&(userChild|userSecurity) == 0 {
			continue
		}
		d := SavedDevice{ID: a.id, NWK: a.nwk, Child: a.user&userChild != 0, Link: devices[a.id].Link}
		if k, ok := keys[a.id]; ok {
			d.Link = &k
		}
		devices[a.id] = d
		if a.nwk != zigbee.NWKUnknown {
			if _, known := s.c.nodes.byID(a.id); !known {
				s.c.nodes.set(a.id, a.nwk)
			}
		}
	}
	for id, d := range devices {
		if nwk, ok := s.c.nodes.byID(id); ok {
			d.NWK = nwk
			devices[id] = d
		}
		if s.c.join.gone(id) {
			delete(devices, id)
		}
	}
	for _, d := range devices {
		n.Devices = append(n.Devices, d)
	}
	slices.SortFunc(n.Devices, func(a, b SavedDevice) int { return cmp.Compare(a.ID, b.ID) })
	return n, nil
}

// restore puts a saved network on the dongle, its address included, so that for the nodes nothing changes.
func (s *session) restore(ctx context.Context, n Saved) error {
	// A network of its own, made up and never used, gives the dongle complete tables to overwrite.
	p, err := Config{}.newNetwork()
	if err != nil {
		return err
	}
	p.Network.Channel = n.Network.Channel
	if err := s.commission(ctx, p); err != nil {
		return err
	}
	base, err := s.readNIB(ctx)
	if err != nil {
		return err
	}
	base.set(n)
	if err := s.nvWrite(ctx, mt.NVExtAddr, n.Network.Coordinator.AppendLE(nil)); err != nil {
		return err
	}
	if n.TCLKSeed != (mt.Key{}) {
		if err := s.nvWrite(ctx, mt.NVTCLKSeed, n.TCLKSeed[:]); err != nil {
			return err
		}
	}
	if err := s.writeCounters(ctx, n); err != nil {
		return err
	}
	if err := s.writeDevices(ctx, n); err != nil {
		return err
	}
	if err := s.writeParameters(ctx, n); err != nil {
		return err
	}
	info := keyInfo{n.KeySequence, n.Key}.bytes()
	for _, item := range []struct {
		id    uint16
		value []byte
	}{
		{mt.NVAlternateKeyInfo, info},
		{mt.NVActiveKeyInfo, info},
		// This one comes last: with it the network counts as restored, should everything end here. Without the counters it must not.
		{mt.NVNIB, base.raw},
	} {
		if err := s.nvWrite(ctx, item.id, item.value); err != nil {
			return err
		}
	}
	if err := s.pause(ctx, time.Second); err != nil { // flash is written in the background
		return err
	}
	if err := s.reset(ctx); err != nil {
		return err
	}
	if err := s.resume(ctx); err != nil {
		return err
	}
	return s.nvWrite(ctx, mt.NVConfigured, []byte{configuredFlag})
}

// writeCounters writes the frame counter for the network and for any other.
func (s *session) writeCounters(ctx context.Context, n Saved) error {
	rows, err := s.readTable(ctx, exNwkCounters, mt.NVNwkSecMaterial, nwkCountersLen)
	if err != nil {
		return err
	}
	next := n.FrameCounter + counterMargin
	for i, row := range rows {
		if len(row) >= 12 && zigbee.EUI64FromLE(row[4:]) == n.Network.ExtendedPAN {
			next = max(next, binary.LittleEndian.Uint32(row)) // the dongle was on this network later than the backup
		}
		rows[i] = make([]byte, 12)
	}
	counter := binary.LittleEndian.AppendUint32(nil, next)
	if len(rows) == 0 {
		rows = make([][]byte, nwkCountersLen)
		for i := range rows {
			rows[i] = make([]byte, 12)
		}
	}
	rows[0] = n.Network.ExtendedPAN.AppendLE(slices.Clone(counter))
	rows[len(rows)-1] = (^zigbee.EUI64(0)).AppendLE(slices.Clone(counter))
	return s.writeTable(ctx, exNwkCounters, mt.NVNwkSecMaterial, rows)
}

// writeDevices fills the address book and the tables of keys.
func (s *session) writeDevices(ctx context.Context, n Saved) error {
	present, err := s.readAddresses(ctx)
	if err != nil {
		return err
	}
	if len(present) < len(n.Devices) && s.version.Product != productZStack3x {
		return &Fault{Fatal: true, Sentence: fmt.Sprintf("The dongle at %s has room for %d devices, but the saved network has %d. Use a larger dongle, with a CC2652 or CC1352.", s.c.cfg.Port, len(present), len(n.Devices))}
	}
	var book, links, apps [][]byte
	security := []byte{0, 0}
	for i, d := range n.Devices {
		a := address{nwk: d.NWK, id: d.ID}
		if d.Child {
			a.user |= userChild
		}
		if d.Link != nil {
			a.user |= userSecurity
			if shift, ok := shiftOf(n.TCLKSeed, d.Link.Key, d.ID); ok {
				links = append(links, linkEntry{tx: d.Link.Tx + counterMargin, rx: d.Link.Rx, id: d.ID, shift: shift}.bytes(s.aligned))
			} else {
				at := len(apps)
				if s.version.Product != productZStack3x {
					at += nvAppKeys
				}
				k := binary.LittleEndian.AppendUint32(slices.Clone(d.Link.Key[:]), d.Link.Tx+counterMargin)
				apps = append(apps, binary.LittleEndian.AppendUint32(k, d.Link.Rx))
				const authenticated = 1
				e := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, uint16(i)), uint16(at))
				security = append(security, append(e, authenticated, 0)[:securityLen(s.aligned)]...)
				binary.LittleEndian.PutUint16(security, uint16(len(apps)))
			}
		}
		book = append(book, a.bytes(s.aligned))
	}
	if s.version.Product == productZStack3x {
		err = s.writeTable(ctx, exAddressBook, 0, book)
	} else if len(book) > 0 {
		for i := len(book); i < len(present); i++ {
			book = append(book, address{nwk: 0xFFFF, id: ^zigbee.EUI64(0)}.bytes(s.aligned))
		}
		err = s.nvWrite(ctx, nvAddressBook, slices.Concat(book...))
	}
	if err != nil {
		return err
	}
	if err := s.writeTable(ctx, exLinkKeys, mt.NVTCLKTable, links); err != nil {
		return err
	}
	if len(apps) == 0 {
		return nil
	}
	if err := s.writeTable(ctx, exAppKeys, nvAppKeys, apps); err != nil {
		return err
	}
	return s.nvWrite(ctx, nvSecurityTable, security)
}
