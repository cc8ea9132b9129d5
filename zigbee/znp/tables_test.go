package znp

import (
	"reflect"
	"testing"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// memory answers for a dongle's non-volatile memory.
type memory struct {
	items map[uint16][]byte
	ex    map[[2]uint16][]byte
}

func (n *memory) answer(d *fakeDongle, f mt.Frame) {
	m, err := mt.Parse(f)
	if err != nil {
		panic(err)
	}
	status := func(st mt.Status) { d.send(&mt.StatusRsp{Cmd: f.Command.Reply(), Status: st}) }
	write := func(item []byte, offset int, v []byte) {
		if offset+len(v) > len(item) {
			status(2)
			return
		}
		copy(item[offset:], v)
		status(0)
	}
	switch m := m.(type) {
	case *mt.NVLength:
		d.send(&mt.NVLengthRsp{Length: uint16(len(n.items[m.ID]))})
	case *mt.NVReadExt:
		rest := n.items[m.ID][m.Offset:]
		d.send(&mt.NVReadExtRsp{Value: rest[:min(len(rest), 100)]})
	case *mt.NVItemInit:
		n.items[m.ID] = make([]byte, m.Length)
		copy(n.items[m.ID], m.Value)
		status(mt.NVCreated)
	case *mt.NVWriteExt:
		write(n.items[m.ID], int(m.Offset), m.Value)
	case *mt.NVDelete:
		delete(n.items, m.ID)
		status(0)
	case *mt.ExtNVLength:
		d.send(&mt.ExtNVLengthRsp{Length: uint8(len(n.ex[[2]uint16{m.Item, m.Sub}]))})
	case *mt.ExtNVRead:
		d.send(&mt.ExtNVReadRsp{Value: n.ex[[2]uint16{m.Item, m.Sub}]})
	case *mt.ExtNVCreate:
		n.ex[[2]uint16{m.Item, m.Sub}] = make([]byte, m.Length)
		status(0)
	case *mt.ExtNVWrite:
		write(n.ex[[2]uint16{m.Item, m.Sub}], int(m.Offset), m.Value)
	default:
		panic(f.Command)
	}
}

// TestBackupRoundTrip writes a saved network into each kind of memory and backs it up from there.
func TestBackupRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		name    string
		product uint8
		aligned bool
	}{{"Z-Stack 3.x.0", productZStack3x, true}, {"Z-Stack 3.0.x", productZStack30, false}} {
		t.Run(tc.name, func(t *testing.T) {
			want := savedExample()
			want.Product = tc.product
			// One key comes from the seed, one does not; the third device has none.
			derived := &LinkKey{Key: linkKey(want.TCLKSeed, 5, 0xAABBCCDD00112233), Rx: 1, Tx: 2}
			want.Devices[0].Link = derived
			want.Devices[0].ID = 0xAABBCCDD00112233
			want.Devices[1] = SavedDevice{ID: 0xAABBCCDD00112244, NWK: 0x5555, Link: &LinkKey{Key: mt.Key{7, 7}, Rx: 3, Tx: 4}}
			want.Devices = append(want.Devices, SavedDevice{ID: 0xAABBCCDD00112255, NWK: 0x6666, Child: true})
			base := make([]byte, nibPackedLen)
			n := &memory{items: map[uint16][]byte{}, ex: map[[2]uint16][]byte{}}
			if tc.aligned {
				base = make([]byte, nibAlignedLen)
			} else {
				for range 20 {
					n.items[nvAddressBook] = append(n.items[nvAddressBook], address{id: ^zigbee.EUI64(0)}.bytes(false)...)
				}
			}
			n.items[mt.NVNIB] = base
			n.items[mt.NVActiveKeyInfo] = keyInfo{want.KeySequence, want.Key}.bytes()
			atWork(t, n.answer, func(t *testing.T, s *session, d *fakeDongle) {
				ctx := t.Context()
				s.version.Product, s.aligned, s.network = tc.product, tc.aligned, want.Network
				b, err := parseNIB(base)
				if err != nil {
					t.Fatal(err)
				}
				b.set(want)
				for _, err := range []error{s.nvWrite(ctx, mt.NVNIB, b.raw), s.nvWrite(ctx, mt.NVTCLKSeed, want.TCLKSeed[:]), s.writeCounters(ctx, want), s.writeDevices(ctx, want)} {
					if err != nil {
						t.Fatal(err)
					}
				}
				got, err := s.backup(ctx, Saved{})
				if err != nil {
					t.Fatal(err)
				}
				if got.FrameCounter != want.FrameCounter+counterMargin {
					t.Errorf("counter %d", got.FrameCounter)
				}
				got.FrameCounter = want.FrameCounter
				for i, d := range got.Devices {
					if d.Link != nil {
						if d.Link.Tx != want.Devices[i].Link.Tx+counterMargin {
							t.Errorf("link counter %d", d.Link.Tx)
						}
						d.Link.Tx -= counterMargin
					}
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("backed up as %+v\nwant %+v", got, want)
				}
				// A counter that the dongle has in a later state than the backup is not turned back.
				late := want
				late.FrameCounter = 5
				if err := s.writeCounters(ctx, late); err != nil {
					t.Fatal(err)
				}
				if c, err := s.readCounter(ctx, want.Network.ExtendedPAN); err != nil || c != want.FrameCounter+counterMargin {
					t.Errorf("counter %d, %v", c, err)
				}
			})
		})
	}
}

// TestTableWithoutEnd: a dongle that has an entry for every number does not hold the reader for ever.
func TestTableWithoutEnd(t *testing.T) {
	atWork(t, func(d *fakeDongle, f mt.Frame) {
		switch f.Command {
		case mt.SysExtNVLength:
			d.send(&mt.ExtNVLengthRsp{Length: 1})
		case mt.SysExtNVRead:
			d.send(&mt.ExtNVReadRsp{Value: []byte{1}})
		}
	}, func(t *testing.T, s *session, d *fakeDongle) {
		rows, err := s.readTable(t.Context(), exLinkKeys, 0, 0)
		if err != nil || len(rows) != tableLimit {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	})
}
