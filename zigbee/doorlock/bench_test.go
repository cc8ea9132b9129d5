package doorlock

import (
	"context"
	"testing"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// echo is a radio on which a lock answers at once.
type echo struct {
	zigbee.Radio
	d *Driver
}

func (e *echo) Dongle() zigbee.Dongle { return zigbee.Dongle{Up: true} }

func (e *echo) Send(_ context.Context, f zigbee.Frame) error {
	h, _, err := zcl.ParseHeader(f.Payload)
	if err != nil {
		return err
	}
	e.d.Frame(zigbee.Frame{Device: f.Device, SrcEndpoint: f.DstEndpoint, Cluster: f.Cluster,
		Payload: zcl.Append(nil, h.Reply(), &zcl.UnlockDoorResponse{})})
	return nil
}

func benchLock(b *testing.B) (*Driver, *lock) {
	b.Helper()
	r := &echo{}
	d, err := New(Config{}, r)
	if err != nil {
		b.Fatal(err)
	}
	r.d = d
	p := profileOf("Yale", "YRD256 TSDB", 0)
	l := newLock(d, record{Address: testLock, Endpoint: 1, Info: bridge.Info{Model: "YRD256 TSDB", Family: p.Family, Ready: true, Traits: p.traits()}})
	l.bolt.shown = bridge.Unlocked
	d.locks[testLock] = l
	return d, l
}

// BenchmarkActuate is a command from the domain to the radio and its answer back.
func BenchmarkActuate(b *testing.B) {
	_, l := benchLock(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Actuate(ctx, bridge.Action{Kind: bridge.ActUnlock}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReport is a report of a lock, from the radio to the queue of events.
func BenchmarkReport(b *testing.B) {
	d, l := benchLock(b)
	b.ReportAllocs()
	var seq uint8
	for b.Loop() {
		seq++
		l.mu.Lock()
		l.guard = guard{}
		l.mu.Unlock()
		d.Frame(zigbee.Frame{Device: testLock, SrcEndpoint: 1, Cluster: zcl.ClusterDoorLock, Payload: []byte{0x18, seq, 0x0A, 0, 0, 0x30, 1 + seq&1}})
		if seq == 0 {
			d.out.take()
		}
	}
}
