package doorlock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// families is one model of each family, so that each decoder is reached.
var families = []struct{ manufacturer, model string }{
	{"Yale", "YRD256 TSDB"}, {"Yale", "YRD256-TSDB"}, {"Yale", "YRD210 PB DB"}, {"Yale", "YMC420"}, {"Yale", "ZYA-C4-MOD-S"}, {"Onesti Products AS", "NimlyPRO"},
	{"EasyAccess/Datek", "EasyCode903G2.1"}, {"Datek", "ID Lock 150"}, {"SAMSUNG SDS", ""}, {"LUMI", "lumi.lock.acn02"}, {"LUMI", "lumi.lock.v1"},
	{"Wyze", "Ford"}, {"JAVIS", "JAVISLOCK"}, {"Nobody", "Generic"},
}

// still is a radio on which nothing arrives.
type still struct{ zigbee.Radio }

func (still) Send(context.Context, zigbee.Frame) error { return zigbee.ErrDown }

// FuzzIntake gives a known lock of each family anything to say. Whatever it is, nothing panics, the bolt moves only by the lock's own word, and what is queued
// stays in proportion.
func FuzzIntake(f *testing.F) {
	for i, e := range lines[eventLine](f, "lock-events.jsonl.gz") {
		if i%40 == 0 {
			f.Add(uint8(i), clusterOf(f, e.Cluster), unhex(f, e.Hex), unhex(f, e.Hex))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, cluster uint16, first, second []byte) {
		m := families[int(which)%len(families)]
		synctest.Test(t, func(t *testing.T) {
			d, err := New(Config{}, still{})
			if err != nil {
				t.Fatal(err)
			}
			p := profileOf(m.manufacturer, m.model, 0)
			rec := record{Address: testLock, Endpoint: 1, Info: bridge.Info{Manufacturer: m.manufacturer, Model: m.model, Family: p.Family, Ready: true, Traits: p.traits()}}
			l := newLock(d, rec)
			d.locks[testLock] = l
			l.bolt.shown = bridge.Locked
			for i, frame := range [][]byte{first, second} {
				d.Frame(zigbee.Frame{Device: testLock, SrcEndpoint: 1, DstEndpoint: 1, Cluster: cluster, Payload: append([]byte(nil), frame...)})
				if i == 0 {
					time.Sleep(time.Second)
				}
			}
			evs := d.out.take()
			if len(evs) > 2*(len(first)+len(second))+4 {
				t.Errorf("%d events out of %d bytes", len(evs), len(first)+len(second))
			}
			own := boltWord(p, cluster, first) || boltWord(p, cluster, second)
			for _, ev := range evs {
				if _, ok := ev.Body.(bridge.BoltMoved); ok && !own {
					t.Errorf("the bolt moved without the lock's word: %+v", ev)
				}
			}
			l.mu.Lock()
			l.stopTimers()
			l.mu.Unlock()
		})
	})
}

// boltWord tells whether a frame holds the lock's own word about its bolt.
func boltWord(p *profile, cluster uint16, frame []byte) bool {
	d := decoder{p: p}
	_, _, fs, err := d.decode(cluster, append([]byte(nil), frame...))
	if err != nil {
		return false
	}
	for _, f := range fs {
		switch f := f.(type) {
		case factBolt:
			return true
		case factAlarm:
			if f.jam {
				return true
			}
		}
	}
	return false
}

// FuzzDecode: no family's decoder panics, and a frame never yields more facts than it has bytes.
func FuzzDecode(f *testing.F) {
	f.Add(uint16(zcl.ClusterDoorLock), []byte("\x09\x01\x20\x00\x02\x05\x00"))
	f.Add(uint16(zcl.ClusterAlarms), []byte("\x09\x01\x00\x09\x00\xfc"))
	f.Add(uint16(zcl.ClusterBasic), []byte("\x18\x70\x0a\x00\x42\x42\x06\x21\x22\x23\x09\x24\x03"))
	f.Fuzz(func(t *testing.T, cluster uint16, frame []byte) {
		for i := range profiles() {
			d := decoder{p: &profiles()[i]}
			_, _, fs, _ := d.decode(cluster, append([]byte(nil), frame...))
			if len(fs) > len(frame)+2 {
				t.Errorf("%d facts out of %d bytes", len(fs), len(frame))
			}
		}
	})
}

// FuzzRecord: a record that is taken is kept as it is.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"endpoint":1,"info":{"Model":"YRD256 TSDB","Ready":true}}`))
	f.Add([]byte(`{"version":9}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(testLock, b)
		if err == nil && (r.Address != testLock || r.Version != recordVersion) {
			t.Errorf("%+v", r)
		}
	})
}
