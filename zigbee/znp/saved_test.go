package znp

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

func savedExample() Saved {
	return Saved{
		Network:  zigbee.Network{Coordinator: 0x00124B001CA1F00D, PAN: 0x1A62, ExtendedPAN: 0x1122334455667788, Channel: 15},
		UpdateID: 3, Level: 5, Key: mt.Key{1, 2, 3}, KeySequence: 1, FrameCounter: 66219, TCLKSeed: mt.Key{9, 8, 7}, Product: 1,
		Devices: []SavedDevice{
			{ID: lockID, NWK: 0x3F1A, Child: true, Link: &LinkKey{Key: mt.Key{4, 5}, Rx: 10, Tx: 20}},
			{ID: 0x0102030405060708, NWK: zigbee.NWKUnknown},
		},
	}
}

func TestSavedJSON(t *testing.T) {
	want := savedExample()
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	// What other programs look for.
	for _, part := range []string{`"format":"zigpy/open-coordinator-backup","version":1`, `"coordinator_ieee":"00124b001ca1f00d"`, `"pan_id":"1a62"`,
		`"extended_pan_id":"1122334455667788"`, `"channel_mask":[15]`, `"frame_counter":66219`, `"nwk_address":"3f1a"`, `"nwk_address":null`,
		`"tclk_seed":"09080700000000000000000000000000"`, `"rx_counter":10,"tx_counter":20`} {
		if !strings.Contains(string(b), part) {
			t.Errorf("lacks %s:\n%s", part, b)
		}
	}
	var got Saved
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back as %+v, %v", got, err)
	}
}

func TestSavedJSONRefuses(t *testing.T) {
	good, _ := json.Marshal(savedExample())
	for _, tc := range []struct{ old, new string }{
		{`"version":1`, `"version":2`}, {`zigpy/open`, `other/open`}, {`"pan_id":"1a62"`, `"pan_id":"1a6"`}, {`"channel":15`, `"channel":27`},
		{`00124b001ca1f00d`, `zz124b001ca1f00d`}, {`"key":"0102`, `"key":"01`}, {`"nwk_address":"3f1a"`, `"nwk_address":"3f1a00"`}, {`{`, `[`},
	} {
		bad := strings.Replace(string(good), tc.old, tc.new, 1)
		got := savedExample()
		err := got.UnmarshalJSON([]byte(bad))
		if !errors.Is(err, ErrBadBackup) || !reflect.DeepEqual(got, savedExample()) {
			t.Errorf("%s accepted, or half read: %v", tc.new, err)
		}
		if err != nil && strings.Contains(err.Error(), "0102") {
			t.Errorf("the error shows a key: %v", err)
		}
	}
}

func FuzzSaved(f *testing.F) {
	b, _ := json.Marshal(savedExample())
	f.Add(b)
	f.Add([]byte(`{"metadata":{"format":"zigpy/open-coordinator-backup","version":1}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var s, again Saved
		if s.UnmarshalJSON(in) != nil {
			return
		}
		out, err := s.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalJSON(out); err != nil || !reflect.DeepEqual(s, again) {
			t.Fatalf("%+v, %+v, %v", s, again, err)
		}
	})
}

// TestLinkKey derives a link key from a seed, and finds its shift again.
func TestLinkKey(t *testing.T) {
	var seed mt.Key
	for i := range seed {
		seed[i] = byte(i*17 + 3)
	}
	for shift := range uint8(16) {
		k := linkKey(seed, shift, lockID)
		if got, ok := shiftOf(seed, k, lockID); !ok || got != shift {
			t.Errorf("shift %d found as %d, %v", shift, got, ok)
		}
	}
	if _, ok := shiftOf(seed, mt.Key{1}, lockID); ok {
		t.Error("a shift for a key that has none")
	}
	k := linkKey(seed, 2, lockID)
	if k[0] != seed[2]^0xC4 || k[15] != seed[1] {
		t.Errorf("%x", k[:])
	}
}

func TestMemoryLayouts(t *testing.T) {
	for _, aligned := range []bool{false, true} {
		a := address{user: 3, nwk: 0x3F1A, id: lockID}
		b := a.bytes(aligned)
		if got, err := parseAddress(b); err != nil || got != a || len(b) != addressLen(aligned) {
			t.Errorf("%+v, %v, %d bytes", got, err, len(b))
		}
		e := linkEntry{tx: 5, rx: 6, id: lockID, shift: 7}
		if got, err := parseLinkEntry(e.bytes(aligned)); err != nil || got != e {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := parseAddress(make([]byte, 5)); !errors.Is(err, errOddMemory) {
		t.Error(err)
	}
	if _, err := parseLinkEntry(make([]byte, 5)); !errors.Is(err, errOddMemory) {
		t.Error(err)
	}
	if _, err := parseNIB(make([]byte, 100)); !errors.Is(err, errOddMemory) {
		t.Error(err)
	}
}

// TestNIB reads the two packings of another library's vectors, and writes a saved network into each.
func TestNIB(t *testing.T) {
	for _, v := range mtVectors(t) {
		if !strings.Contains(v.Name, "SRSP NIB") {
			continue
		}
		n, err := parseNIB(v.value(t))
		if err != nil {
			t.Fatal(err)
		}
		if n.channel() != 15 || n.pan() != 6754 || n.extended() != 0x1122334455667788 || n.level() != 5 || n.update() != 0 || !n.settled() {
			t.Errorf("%s: channel %d, PAN %d, extended %v, level %d, update %d", v.Name, n.channel(), n.pan(), n.extended(), n.level(), n.update())
		}
		s := savedExample()
		s.Network.Channel, s.Network.PAN, s.Network.ExtendedPAN = 26, 0xBEEF, 0x0807060504030201
		n.set(s)
		if n.channel() != 26 || n.pan() != 0xBEEF || n.extended() != 0x0807060504030201 || n.update() != 3 || n.raw[n.at.channels+3] != 0x04 {
			t.Errorf("%s: written as channel %d, PAN %d, extended %v", v.Name, n.channel(), n.pan(), n.extended())
		}
	}
}
