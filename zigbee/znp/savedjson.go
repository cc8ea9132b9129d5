package znp

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// ErrBadBackup tells that a text is not an open-coordinator-backup of version 1.
var ErrBadBackup = errors.New("znp: not an open-coordinator-backup of version 1")

const backupFormat = "zigpy/open-coordinator-backup"

// The JSON form of a backup. Numbers in hex are written most significant digit first, without separators.
type backupJSON struct {
	Metadata struct {
		Format   string         `json:"format"`
		Version  int            `json:"version"`
		Source   string         `json:"source"`
		Internal map[string]any `json:"internal"`
	} `json:"metadata"`
	StackSpecific struct {
		ZStack struct {
			TCLKSeed string `json:"tclk_seed,omitempty"`
		} `json:"zstack"`
	} `json:"stack_specific"`
	Coordinator   string `json:"coordinator_ieee"`
	PAN           string `json:"pan_id"`
	ExtendedPAN   string `json:"extended_pan_id"`
	UpdateID      uint8  `json:"nwk_update_id"`
	SecurityLevel uint8  `json:"security_level"`
	Channel       uint8  `json:"channel"`
	ChannelMask   []int  `json:"channel_mask"`
	NetworkKey    struct {
		Key          string `json:"key"`
		Sequence     uint8  `json:"sequence_number"`
		FrameCounter uint32 `json:"frame_counter"`
	} `json:"network_key"`
	Devices []deviceJSON `json:"devices"`
}

type deviceJSON struct {
	NWK     *string   `json:"nwk_address"`
	IEEE    string    `json:"ieee_address"`
	IsChild bool      `json:"is_child"`
	LinkKey *linkJSON `json:"link_key,omitempty"`
}

type linkJSON struct {
	Key string `json:"key"`
	Rx  uint32 `json:"rx_counter"`
	Tx  uint32 `json:"tx_counter"`
}

// MarshalJSON writes the network as an open-coordinator-backup, version 1: the form in which other Zigbee software for the same dongles reads it. It holds
// every key in clear.
func (s Saved) MarshalJSON() ([]byte, error) {
	var b backupJSON
	b.Metadata.Format, b.Metadata.Version, b.Metadata.Source = backupFormat, 1, "latchkey"
	b.Metadata.Internal = map[string]any{"date": time.Now().UTC().Format(time.RFC3339), "znpVersion": s.Product}
	if s.TCLKSeed != (mt.Key{}) {
		b.StackSpecific.ZStack.TCLKSeed = hex.EncodeToString(s.TCLKSeed[:])
	}
	b.Coordinator = hex64(s.Network.Coordinator)
	b.PAN = fmt.Sprintf("%04x", s.Network.PAN)
	b.ExtendedPAN = hex64(s.Network.ExtendedPAN)
	b.UpdateID, b.SecurityLevel = s.UpdateID, s.Level
	b.Channel, b.ChannelMask = s.Network.Channel, []int{int(s.Network.Channel)}
	b.NetworkKey.Key, b.NetworkKey.Sequence, b.NetworkKey.FrameCounter = hex.EncodeToString(s.Key[:]), s.KeySequence, s.FrameCounter
	b.Devices = make([]deviceJSON, 0, len(s.Devices))
	for _, d := range s.Devices {
		j := deviceJSON{IEEE: hex64(d.ID), IsChild: d.Child}
		if d.NWK != zigbee.NWKUnknown {
			n := fmt.Sprintf("%04x", uint16(d.NWK))
			j.NWK = &n
		}
		if d.Link != nil {
			j.LinkKey = &linkJSON{Key: hex.EncodeToString(d.Link.Key[:]), Rx: d.Link.Rx, Tx: d.Link.Tx}
		}
		b.Devices = append(b.Devices, j)
	}
	return json.Marshal(b)
}

// UnmarshalJSON reads an open-coordinator-backup, version 1, from this or other software.
func (s *Saved) UnmarshalJSON(p []byte) error {
	var b backupJSON
	if err := json.Unmarshal(p, &b); err != nil {
		return fmt.Errorf("%w: %w", ErrBadBackup, err)
	}
	if b.Metadata.Format != backupFormat || b.Metadata.Version != 1 {
		return fmt.Errorf("%w: format %q, version %d", ErrBadBackup, b.Metadata.Format, b.Metadata.Version)
	}
	var out Saved
	r := hexReader{}
	out.Network.Coordinator = zigbee.EUI64(r.number(b.Coordinator, 8, "coordinator_ieee"))
	out.Network.PAN = uint16(r.number(b.PAN, 2, "pan_id"))
	out.Network.ExtendedPAN = zigbee.EUI64(r.number(b.ExtendedPAN, 8, "extended_pan_id"))
	out.Network.Channel = b.Channel
	if b.Channel < 11 || b.Channel > 26 {
		r.fail("channel")
	}
	out.UpdateID, out.Level = b.UpdateID, b.SecurityLevel
	out.Key = r.key(b.NetworkKey.Key, "network_key")
	out.KeySequence, out.FrameCounter = b.NetworkKey.Sequence, b.NetworkKey.FrameCounter
	if seed := b.StackSpecific.ZStack.TCLKSeed; seed != "" {
		out.TCLKSeed = r.key(seed, "tclk_seed")
	}
	if v, ok := b.Metadata.Internal["znpVersion"].(float64); ok && v >= 0 && v < 256 {
		out.Product = uint8(v)
	}
	for _, j := range b.Devices {
		d := SavedDevice{ID: zigbee.EUI64(r.number(j.IEEE, 8, "ieee_address")), NWK: zigbee.NWKUnknown, Child: j.IsChild}
		if j.NWK != nil {
			d.NWK = zigbee.NWK(r.number(*j.NWK, 2, "nwk_address"))
		}
		if j.LinkKey != nil {
			d.Link = &LinkKey{Key: r.key(j.LinkKey.Key, "link_key"), Rx: j.LinkKey.Rx, Tx: j.LinkKey.Tx}
		}
		out.Devices = append(out.Devices, d)
	}
	if r.err != nil {
		return r.err
	}
	*s = out
	return nil
}

func hex64(e zigbee.EUI64) string { return fmt.Sprintf("%016x", uint64(e)) }

// hexReader reads fields and remembers the first that is wrong, without its value, which may be a key.
type hexReader struct{ err error }

func (r *hexReader) fail(field string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: bad %s", ErrBadBackup, field)
	}
}

func (r *hexReader) number(s string, size int, field string) (v uint64) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != size {
		r.fail(field)
		return 0
	}
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

func (r *hexReader) key(s, field string) (k mt.Key) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(k) {
		r.fail(field)
		return k
	}
	copy(k[:], b)
	return k
}
