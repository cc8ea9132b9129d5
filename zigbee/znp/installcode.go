package znp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// ErrBadInstallCode tells that an install code was mistyped.
var ErrBadInstallCode = errors.New("not an install code: 6, 8, 12 or 16 bytes and a CRC that belongs to them")

// checkInstallCode checks length and CRC of an install code (Zigbee Base Device Behavior section 10.1).
func checkInstallCode(code []byte) error {
	switch len(code) {
	case 6 + 2, 8 + 2, 12 + 2, 16 + 2:
	default:
		return fmt.Errorf("%w (%d bytes)", ErrBadInstallCode, len(code))
	}
	n := len(code) - 2
	if crcX25(code[:n]) != binary.LittleEndian.Uint16(code[n:]) {
		return fmt.Errorf("%w (the CRC differs)", ErrBadInstallCode)
	}
	return nil
}

// crcX25 is CRC-16/X-25: polynomial 0x1021 reflected, initial value and final XOR 0xFFFF.
func crcX25(b []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, c := range b {
		crc ^= uint16(c)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x8408
			} else {
				crc >>= 1
			}
		}
	}
	return ^crc
}

// AddInstallCode implements zigbee.Radio. The dongle derives the key from codes of 16 bytes; shorter ones it is given as a key.
func (c *Coordinator) AddInstallCode(ctx context.Context, id zigbee.EUI64, code []byte) error {
	err := checkInstallCode(code)
	var s *session
	if err == nil {
		s, err = c.session()
	}
	if err == nil {
		err = s.addInstallCode(ctx, id, code)
	}
	if err != nil {
		return fmt.Errorf("znp: install code of %v: %w", id, err)
	}
	return nil
}

func (s *session) addInstallCode(ctx context.Context, id zigbee.EUI64, code []byte) error {
	m := mt.AddInstallCode{Format: mt.InstallCodeAndCRC, IEEE: id, Code: code}
	if len(code) != 18 {
		k := hashMMO(code)
		m.Format, m.Code = mt.InstallCodeKey, k[:]
	}
	err := s.status(ctx, &m)
	if errors.Is(err, errRefused) {
		return fmt.Errorf("%w: this firmware has no install codes", zigbee.ErrUnsupported)
	}
	if err == nil {
		s.c.join.hasCode(id)
	}
	return err
}
