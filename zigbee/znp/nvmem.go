package znp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// nvChunk is how much of an item fits into one frame of writing.
const nvChunk = 240

// nvRead reads an item of the dongle's memory. There being none gives nil and no error.
func (s *session) nvRead(ctx context.Context, id uint16) ([]byte, error) {
	var length mt.NVLengthRsp
	if err := s.link.call(ctx, &mt.NVLength{ID: id}, &length); err != nil {
		return nil, err
	}
	if length.Length == 0 {
		return nil, nil
	}
	value := make([]byte, 0, length.Length)
	for len(value) < int(length.Length) {
		var rsp mt.NVReadExtRsp
		if err := s.link.call(ctx, &mt.NVReadExt{ID: id, Offset: uint16(len(value))}, &rsp); err != nil {
			return nil, err
		}
		if rsp.Status != mt.Success || len(rsp.Value) == 0 {
			return nil, fmt.Errorf("znp: reading item %#04x at %d: status %v, %d bytes", id, len(value), rsp.Status, len(rsp.Value))
		}
		value = append(value, rsp.Value...)
	}
	return value[:length.Length], nil
}

// nvWrite writes an item and makes it if there is none.
func (s *session) nvWrite(ctx context.Context, id uint16, value []byte) error {
	var length mt.NVLengthRsp
	if err := s.link.call(ctx, &mt.NVLength{ID: id}, &length); err != nil {
		return err
	}
	if length.Length == 0 {
		init := mt.StatusRsp{Cmd: mt.SysNVItemInit.Reply()}
		if err := s.link.call(ctx, &mt.NVItemInit{ID: id, Length: uint16(len(value)), Value: value[:min(len(value), nvChunk)]}, &init); err != nil {
			return err
		}
		if init.Status != mt.NVCreated && init.Status != mt.Success {
			return fmt.Errorf("znp: making item %#04x: status %v", id, init.Status)
		}
	}
	for off := 0; off < len(value); off += nvChunk {
		part := value[off:min(off+nvChunk, len(value))]
		if err := s.status(ctx, &mt.NVWriteExt{ID: id, Offset: uint16(off), Value: part}); err != nil {
			return fmt.Errorf("item %#04x at %d: %w", id, off, err)
		}
	}
	return nil
}

// nvDelete deletes an item if there is one.
func (s *session) nvDelete(ctx context.Context, id uint16) error {
	var length mt.NVLengthRsp
	if err := s.link.call(ctx, &mt.NVLength{ID: id}, &length); err != nil || length.Length == 0 {
		return err
	}
	st := mt.StatusRsp{Cmd: mt.SysNVDelete.Reply()}
	if err := s.link.call(ctx, &mt.NVDelete{ID: id, Length: length.Length}, &st); err != nil {
		return err
	}
	if st.Status != mt.Success && st.Status != mt.NVCreated {
		return fmt.Errorf("znp: deleting item %#04x: status %v", id, st.Status)
	}
	return nil
}

// errOddMemory tells that an item does not look as it should.
var errOddMemory = errors.New("znp: the dongle's memory is not laid out as expected")

// nib is what concerns us of the network information base, with the bytes that it came from.
type nib struct {
	raw []byte
	at  *nibLayout
}

// nibLayout tells at which offset a field is, for each of the two packings.
type nibLayout struct{ level, channel, coordinator, pan, channels, extended, update int }

var (
	nibPacked  = &nibLayout{level: 12, channel: 22, coordinator: 25, pan: 33, channels: 36, extended: 53, update: 109}
	nibAligned = &nibLayout{level: 12, channel: 24, coordinator: 28, pan: 36, channels: 40, extended: 57, update: 114}
)

// Lengths of the network information base.
const (
	nibPackedLen  = 110
	nibAlignedLen = 116
)

func parseNIB(raw []byte) (nib, error) {
	switch len(raw) {
	case nibPackedLen:
		return nib{raw, nibPacked}, nil
	case nibAlignedLen:
		return nib{raw, nibAligned}, nil
	}
	return nib{}, fmt.Errorf("%w: network information base of %d bytes", errOddMemory, len(raw))
}

func (n nib) exists() bool   { return n.raw != nil }
func (n nib) level() uint8   { return n.raw[n.at.level] }
func (n nib) channel() uint8 { return n.raw[n.at.channel] }
func (n nib) pan() uint16    { return binary.LittleEndian.Uint16(n.raw[n.at.pan:]) }
func (n nib) update() uint8  { return n.raw[n.at.update] }
func (n nib) extended() zigbee.EUI64 {
	return zigbee.EUI64FromLE(n.raw[n.at.extended:])
}

// settled says that the network is formed.
func (n nib) settled() bool { return n.exists() && n.channel() != 0 && n.pan() != 0xFFFF }

// set writes a saved network into the base.
func (n nib) set(s Saved) {
	n.raw[n.at.level] = s.Level
	n.raw[n.at.channel] = s.Network.Channel
	copy(n.raw[n.at.coordinator:], s.Network.Coordinator.AppendLE(nil))
	binary.LittleEndian.PutUint16(n.raw[n.at.pan:], s.Network.PAN)
	binary.LittleEndian.PutUint32(n.raw[n.at.channels:], 1<<s.Network.Channel)
	copy(n.raw[n.at.extended:], s.Network.ExtendedPAN.AppendLE(nil))
	n.raw[n.at.update] = s.UpdateID
}

func (s *session) readNIB(ctx context.Context) (nib, error) {
	raw, err := s.nvRead(ctx, mt.NVNIB)
	if err != nil || raw == nil {
		return nib{}, err
	}
	return parseNIB(raw)
}

// keyInfo is a network key with its sequence number (17 bytes: sequence, key).
type keyInfo struct {
	sequence uint8
	key      mt.Key
}

func (s *session) readKeyInfo(ctx context.Context, id uint16) (k keyInfo, err error) {
	raw, err := s.nvRead(ctx, id)
	if err != nil || raw == nil {
		return k, err
	}
	if len(raw) < 17 {
		return k, fmt.Errorf("%w: key information of %d bytes", errOddMemory, len(raw))
	}
	k.sequence = raw[0]
	copy(k.key[:], raw[1:17])
	return k, nil
}

func (k keyInfo) bytes() []byte { return append([]byte{k.sequence}, k.key[:]...) }

// findPacking learns how items are packed from the length of one.
func (s *session) findPacking(ctx context.Context) error {
	var length mt.NVLengthRsp
	if err := s.link.call(ctx, &mt.NVLength{ID: mt.NVNwkKey}, &length); err != nil {
		return err
	}
	s.aligned = length.Length != 21 // 24 aligned; a dongle without the item is one of the newer ones, which align
	return nil
}
