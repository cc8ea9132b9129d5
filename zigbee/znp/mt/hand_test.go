package mt

import (
	"encoding/hex"
	"reflect"
	"testing"
)

// TestByHand holds layouts that the vectors lack, with bytes written from the MT API.
func TestByHand(t *testing.T) {
	for _, tc := range []struct {
		msg Message
		hex string
	}{
		{&SetJoinUsesInstallCode{Set: true}, "01"},
		{&RandomRsp{Value: 0x1234}, "3412"},
		{&SetTxPowerRsp{Level: -3}, "fd"},
		{&AssocCountRsp{Count: 300}, "2c01"},
		{&NVInfoRsp{Status: 0x1F, IEEE: 0x00124B001CA1F00D, Channels: 0x07FFF800, PAN: 0x1A62, SecurityLevel: 5, Key: Key{1, 2, 15: 16}}, "1f0df0a11c004b120000f8ff07621a0501020000000000000000000000000010"},
		{&LinkKeyDataGetRsp{Key: Key{7}, TxCounter: 1, RxCounter: 2}, "0007000000000000000000000000000000" + "0100000002000000"},
		{&NwkUpdateNotify{Src: 0, Channels: 0x00018000, Transmissions: 10, Failures: 1, Energy: []byte{200, 100}}, "0000" + "00" + "00800100" + "0a00" + "0100" + "02c864"},
		{&TableRsp{Cmd: ZDOMgmtRtgRsp, Src: 0x3F1A, Status: 0x84}, "1a3f84"},
	} {
		if got := hex.EncodeToString(tc.msg.AppendPayload(nil)); got != tc.hex {
			t.Errorf("%T written as %s, want %s", tc.msg, got, tc.hex)
		}
		p, _ := hex.DecodeString(tc.hex)
		got, err := Parse(Frame{tc.msg.Command(), p})
		if err != nil || !reflect.DeepEqual(got, tc.msg) {
			t.Errorf("%s read as %+v, %v; want %+v", tc.hex, got, err, tc.msg)
		}
	}
}

func TestNeighbours(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Name != "ZDO_MGMT_LQI_RSP" {
			continue
		}
		raw := v.bytes(t)
		m := TableRsp{Cmd: ZDOMgmtLqiRsp}
		if err := m.ParsePayload(raw[4 : len(raw)-1]); err != nil {
			t.Fatal(err)
		}
		l, err := m.Neighbours()
		want := Neighbour{ExtendedPAN: 0x1122334455667788, IEEE: 0x000D6F0003A1B2C4, NWK: 0x3F1A, Flags: 0x12, PermitJoin: 2, Depth: 1, LQI: 140}
		if err != nil || len(l) != 1 || l[0] != want {
			t.Errorf("%+v, %v", l, err)
		}
		if got := l[0].Append(nil); string(got) != string(m.Entries) {
			t.Errorf("%x, want %x", got, m.Entries)
		}
		m.Count = 2
		if _, err := m.Neighbours(); err == nil {
			t.Error("a second entry where there is none")
		}
	}
}

func TestReset(t *testing.T) {
	var p Parser
	p.Feed(p.last, []byte{SOF, 5}, func(Frame) {})
	p.Reset()
	if p.Pending() != 0 {
		t.Error("bytes left")
	}
}
