package mt

import (
	"testing"
	"time"
)

func BenchmarkAppendDataRequest(b *testing.B) {
	b.ReportAllocs()
	m := &DataRequest{Dst: 0x3F1A, DstEndpoint: 1, SrcEndpoint: 1, Cluster: 0x0101, Options: OptionAPSAck, Radius: 30, Data: []byte{0x11, 7, 1, 0}}
	var out []byte
	for b.Loop() {
		m.Transaction++
		out, _ = Append(out[:0], m)
	}
}

func BenchmarkParser(b *testing.B) {
	b.ReportAllocs()
	in, _ := Append(nil, &IncomingMsg{Cluster: 0x0101, Src: 0x3F1A, Data: []byte{0x18, 0x33, 0x0A, 0, 0, 0x30, 1}})
	b.SetBytes(int64(len(in)))
	var p Parser
	n := 0
	emit := func(Frame) { n++ }
	for b.Loop() {
		p.Feed(time.Time{}, in, emit)
	}
	if n == 0 {
		b.Fatal("no frame")
	}
}

func BenchmarkParseIncoming(b *testing.B) {
	b.ReportAllocs()
	p := (&IncomingMsg{Cluster: 0x0101, Src: 0x3F1A, Data: []byte{0x18, 0x33, 0x0A, 0, 0, 0x30, 1}}).AppendPayload(nil)
	var m IncomingMsg
	for b.Loop() {
		if err := m.ParsePayload(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseSimpleDesc(b *testing.B) {
	b.ReportAllocs()
	p := (&SimpleDescRsp{Endpoint: 1, Profile: 0x0104, Device: 10, In: []uint16{0, 1, 3, 9, 10, 32, 257}, Out: []uint16{10, 25}}).AppendPayload(nil)
	var m SimpleDescRsp
	for b.Loop() {
		if err := m.ParsePayload(p); err != nil {
			b.Fatal(err)
		}
	}
}
