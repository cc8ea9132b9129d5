package znp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Tables of the dongle's memory. Z-Stack 3.x.0 keeps them in its extended memory, one item an entry; Z-Stack 3.0.x in items of their own.
const (
	exSystem        = 1
	exAddressBook   = 1 // user flags, network address, IEEE address
	exLinkKeys      = 4 // counters, IEEE address, attributes, type, shift of the seed
	exAppKeys       = 6 // key, counters
	exNwkCounters   = 7 // counter, extended PAN
	nvAddressBook   = 0x0023
	nvSecurityTable = 0x004C // address index, key index, authentication; behind a count
	nvAppKeys       = 0x0201
	nwkCountersLen  = 12
	linkKeysLen     = 239
	appKeysLen      = 255
	tableLimit      = 1024 // no dongle has longer tables; a broken one might answer forever
)

// User flags of an entry of the address book.
const (
	userChild    = 0x01
	userSecurity = 0x02
)

// readTable reads the entries of a table: the extended item, or the items from legacy on.
func (s *session) readTable(ctx context.Context, item, legacy uint16, most int) (rows [][]byte, err error) {
	for i := range tableLimit {
		var row []byte
		if s.version.Product == productZStack3x {
			row, err = s.exRead(ctx, item, uint16(i))
		} else if i < most {
			row, err = s.nvRead(ctx, legacy+uint16(i))
		}
		if err != nil || row == nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// writeTable writes the first entries of a table.
func (s *session) writeTable(ctx context.Context, item, legacy uint16, rows [][]byte) error {
	for i, row := range rows {
		var err error
		if s.version.Product == productZStack3x {
			err = s.exWrite(ctx, item, uint16(i), row)
		} else {
			err = s.nvWrite(ctx, legacy+uint16(i), row)
		}
		if err != nil {
			return fmt.Errorf("table %d, entry %d: %w", item, i, err)
		}
	}
	return nil
}

// exRead reads an item of the extended memory; nil where there is none.
func (s *session) exRead(ctx context.Context, item, sub uint16) ([]byte, error) {
	var length mt.ExtNVLengthRsp
	err := s.link.call(ctx, &mt.ExtNVLength{System: exSystem, Item: item, Sub: sub}, &length)
	if err != nil || length.Length == 0 {
		return nil, err
	}
	var rsp mt.ExtNVReadRsp
	if err := s.link.call(ctx, &mt.ExtNVRead{System: exSystem, Item: item, Sub: sub, Length: length.Length}, &rsp); err != nil {
		return nil, err
	}
	if rsp.Status != mt.Success || len(rsp.Value) != int(length.Length) {
		return nil, fmt.Errorf("znp: reading table %d, entry %d: status %v, %d bytes", item, sub, rsp.Status, len(rsp.Value))
	}
	return rsp.Value, nil
}

func (s *session) exWrite(ctx context.Context, item, sub uint16, value []byte) error {
	var length mt.ExtNVLengthRsp
	if err := s.link.call(ctx, &mt.ExtNVLength{System: exSystem, Item: item, Sub: sub}, &length); err != nil {
		return err
	}
	if length.Length == 0 {
		if err := s.status(ctx, &mt.ExtNVCreate{System: exSystem, Item: item, Sub: sub, Length: uint32(len(value))}); err != nil {
			return err
		}
	}
	return s.status(ctx, &mt.ExtNVWrite{System: exSystem, Item: item, Sub: sub, Value: value})
}

// address is an entry of the address book.
type address struct {
	user uint8
	nwk  zigbee.NWK
	id   zigbee.EUI64
}

func (a address) used() bool { return a.user != 0 && a.id != 0 && a.id != ^zigbee.EUI64(0) }

// addressLen returns the length of an entry of the address book: behind the flags may be a byte of padding.
func addressLen(aligned bool) int {
	if aligned {
		return 12
	}
	return 11
}

func parseAddress(b []byte) (a address, err error) {
	switch len(b) {
	case 11:
		return address{b[0], zigbee.NWK(binary.LittleEndian.Uint16(b[1:])), zigbee.EUI64FromLE(b[3:])}, nil
	case 12:
		return address{b[0], zigbee.NWK(binary.LittleEndian.Uint16(b[2:])), zigbee.EUI64FromLE(b[4:])}, nil
	}
	return a, fmt.Errorf("%w: address entry of %d bytes", errOddMemory, len(b))
}

func (a address) bytes(aligned bool) []byte {
	b := []byte{a.user}
	if aligned {
		b = append(b, 0xFF)
	}
	return a.id.AppendLE(binary.LittleEndian.AppendUint16(b, uint16(a.nwk)))
}

// readAddresses reads the address book, empty entries included: others point into it.
func (s *session) readAddresses(ctx context.Context) (book []address, err error) {
	var rows [][]byte
	if s.version.Product == productZStack3x {
		rows, err = s.readTable(ctx, exAddressBook, 0, 0)
	} else {
		var all []byte
		all, err = s.nvRead(ctx, nvAddressBook)
		for n := addressLen(s.aligned); len(all) >= n; all = all[n:] {
			rows = append(rows, all[:n])
		}
	}
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		a, err := parseAddress(row)
		if err != nil {
			return nil, err
		}
		book = append(book, a)
	}
	return book, nil
}

// linkEntry is an entry of the table of trust-centre link keys. The key is the seed, rotated by shift bytes, XORed with the node's address.
type linkEntry struct {
	tx, rx uint32
	id     zigbee.EUI64
	shift  uint8
}

const linkEntryLen = 19 // and a byte of padding where aligned

func parseLinkEntry(b []byte) (e linkEntry, err error) {
	if len(b) < linkEntryLen {
		return e, fmt.Errorf("%w: link key entry of %d bytes", errOddMemory, len(b))
	}
	return linkEntry{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), zigbee.EUI64FromLE(b[8:]), b[18]}, nil
}

func (e linkEntry) bytes(aligned bool) []byte {
	const verified, unique = 2, 0 // attributes and type of a key that a node confirmed
	b := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, e.tx), e.rx)
	b = append(e.id.AppendLE(b), verified, unique, e.shift)
	if aligned {
		b = append(b, 0)
	}
	return b
}

// linkKey derives a node's link key from the seed.
func linkKey(seed mt.Key, shift uint8, id zigbee.EUI64) (k mt.Key) {
	a := id.AppendLE(nil)
	for i := range k {
		k[i] = seed[(i+int(shift))%16] ^ a[i%8]
	}
	return k
}

// shiftOf finds the shift that makes key of seed, if one does.
func shiftOf(seed, key mt.Key, id zigbee.EUI64) (uint8, bool) {
	for i := range uint8(16) {
		if linkKey(seed, i, id) == key {
			return i, true
		}
	}
	return 0, false
}

// readCounter reads the outgoing frame counter of the network key for the network with the extended PAN given, zero where there is none.
func (s *session) readCounter(ctx context.Context, extended zigbee.EUI64) (uint32, error) {
	rows, err := s.readTable(ctx, exNwkCounters, mt.NVNwkSecMaterial, nwkCountersLen)
	if err != nil {
		return 0, err
	}
	const generic = ^zigbee.EUI64(0)
	var own, any uint32
	for _, row := range rows {
		if len(row) < 12 {
			return 0, fmt.Errorf("%w: counter entry of %d bytes", errOddMemory, len(row))
		}
		switch zigbee.EUI64FromLE(row[4:]) {
		case extended:
			own = max(own, binary.LittleEndian.Uint32(row))
		case generic:
			any = max(any, binary.LittleEndian.Uint32(row))
		}
	}
	if own != 0 {
		return own, nil
	}
	return any, nil
}

// readLinkKeys reads the link keys of the nodes in book.
func (s *session) readLinkKeys(ctx context.Context, seed mt.Key, book []address) (map[zigbee.EUI64]LinkKey, error) {
	keys := map[zigbee.EUI64]LinkKey{}
	rows, err := s.readTable(ctx, exLinkKeys, mt.NVTCLKTable, linkKeysLen)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		e, err := parseLinkEntry(row)
		if err != nil {
			return nil, err
		}
		if e.id != 0 && e.id != ^zigbee.EUI64(0) {
			keys[e.id] = LinkKey{Key: linkKey(seed, e.shift, e.id), Rx: e.rx, Tx: e.tx}
		}
	}
	security, err := s.nvRead(ctx, nvSecurityTable)
	if err != nil || len(security) < 2 {
		return keys, err
	}
	apps, err := s.readTable(ctx, exAppKeys, nvAppKeys, appKeysLen)
	if err != nil {
		return nil, err
	}
	n := securityLen(s.aligned)
	used := int(binary.LittleEndian.Uint16(security))
	for b := security[2:]; len(b) >= n && used > 0; b, used = b[n:], used-1 {
		at, key := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
		if s.version.Product != productZStack3x {
			key -= nvAppKeys
		}
		if at >= len(book) || !book[at].used() || key < 0 || key >= len(apps) || len(apps[key]) < 24 {
			continue
		}
		a := apps[key]
		keys[book[at].id] = LinkKey{Key: mt.Key(a[:16]), Tx: binary.LittleEndian.Uint32(a[16:]), Rx: binary.LittleEndian.Uint32(a[20:])}
	}
	return keys, nil
}

// securityLen is the length of an entry of the security table.
func securityLen(aligned bool) int {
	if aligned {
		return 6
	}
	return 5
}

// unsupported says that a dongle does not have what was asked for, without which a backup is poorer but not wrong.
func unsupported(err error) bool { return errors.Is(err, errRefused) }
