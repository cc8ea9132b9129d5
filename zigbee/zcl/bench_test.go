package zcl_test

import (
	"testing"

	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

func BenchmarkAppendUnlockDoor(b *testing.B) {
	b.ReportAllocs()
	buf, m := make([]byte, 0, 64), &zcl.UnlockDoor{}
	for i := range b.N {
		buf = zcl.Append(buf[:0], zcl.Header{Seq: uint8(i), DisableDefaultResponse: true}, m)
	}
}

func BenchmarkAppendSetPINCode(b *testing.B) {
	b.ReportAllocs()
	buf, m := make([]byte, 0, 64), &zcl.SetPINCode{User: 5, Status: zcl.UserEnabled, PIN: zcl.PIN("123456")}
	for i := range b.N {
		buf = zcl.Append(buf[:0], zcl.Header{Seq: uint8(i)}, m)
	}
}

func benchmarkParse(b *testing.B, cluster uint16, frame string) {
	b.ReportAllocs()
	in := []byte(frame)
	for range b.N {
		if _, _, err := zcl.Parse(cluster, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseLockStateReport(b *testing.B) {
	benchmarkParse(b, zcl.ClusterDoorLock, "\x18\x01\x0a\x00\x00\x30\x01")
}

func BenchmarkParseOperationEvent(b *testing.B) {
	benchmarkParse(b, zcl.ClusterDoorLock, "\x09\x01\x20\x00\x02\x05\x00\x041234\x00\x24\xe7\x30\x00")
}

func BenchmarkParseUnlockDoorResponse(b *testing.B) {
	benchmarkParse(b, zcl.ClusterDoorLock, "\x09\x01\x01\x00")
}
