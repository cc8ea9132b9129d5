package zcl_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// clusters are those whose commands have types; the last is none of ours.
var clusters = []uint16{zcl.ClusterDoorLock, zcl.ClusterBasic, zcl.ClusterPowerConfig, zcl.ClusterIdentify, zcl.ClusterAlarms, zcl.ClusterTime,
	zcl.ClusterOTA, zcl.ClusterPollControl, zcl.ClusterAssaC4, 0x0006}

// FuzzParse: whatever parses, encodes to a frame that parses to the same message.
func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(v.Cluster, b)
	}
	f.Fuzz(func(t *testing.T, cluster uint16, frame []byte) {
		for _, c := range append(clusters, cluster) {
			roundTrip(t, c, frame)
		}
	})
}

func roundTrip(t *testing.T, cluster uint16, frame []byte) {
	t.Helper()
	before := bytes.Clone(frame)
	h, m, err := zcl.Parse(cluster, frame)
	if !bytes.Equal(before, frame) {
		t.Fatal("Parse changed its input")
	}
	if err != nil {
		if m != nil {
			t.Fatalf("an error and a message: %v, %T", err, m)
		}
		return
	}
	again := zcl.Append(nil, h, m)
	h2, m2, err := zcl.Parse(cluster, again)
	if err != nil {
		t.Fatalf("%T does not parse again: %v\n%x\n%x", m, err, frame, again)
	}
	if h != h2 {
		t.Fatalf("header %+v became %+v", h, h2)
	}
	if !reflect.DeepEqual(m, m2) {
		t.Fatalf("%T changed:\n%x\n%x", m, frame, again)
	}
	if third := zcl.Append(nil, h2, m2); !bytes.Equal(again, third) {
		t.Fatalf("%T is not stable: %x, %x", m, again, third)
	}
}

// FuzzVendor: the decoders of makers' own layouts take anything.
func FuzzVendor(f *testing.F) {
	for _, s := range []string{"00000003010000", "0000000110000500", "212223092403", "000203", "0d341207010000"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	long := make([]byte, 85)
	long[3], long[80] = 7, 3
	f.Add(long)
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, ok := zcl.ParseAqaraStatus(b); ok && s.Event != b[3] {
			t.Error("Aqara event")
		}
		if e, ok := zcl.ParseJAVISEvent(b); ok && (e.User != b[3] || e.Source != b[5]) {
			t.Error("JAVIS event")
		}
		if e, ok := zcl.ParseYMCEvent(b); ok && (e.Action != b[0] || (e.User == 0xFFFF) != (len(b) < 3)) {
			t.Error("YMC event")
		}
		if w, ok := zcl.ParseWyze(b); ok && w.State == zcl.LockStateNotFullyLocked {
			t.Error("Wyze never says not fully locked")
		}
		v := zcl.OctetString(b)
		if e, ok := zcl.ParseAqaraOpened(v); ok && len(b) < 8 {
			t.Errorf("Aqara entry %+v out of %d bytes", e, len(b))
		}
		if _, ok := zcl.ParseAqaraRefused(v); ok && len(b) < 8 {
			t.Error("Aqara refusal out of too little")
		}
	})
}

// FuzzLocalTime: a wall clock survives, in a zone without changes.
func FuzzLocalTime(f *testing.F) {
	f.Add(uint32(0))
	f.Add(uint32(820454400))
	f.Add(uint32(zcl.InvalidTime))
	f.Fuzz(func(t *testing.T, s uint32) {
		zone := time.FixedZone("east", 5*3600+1800)
		at, ok := zcl.LocalTime(s).In(zone)
		if ok != (s != zcl.InvalidTime) {
			t.Fatal("validity")
		}
		if ok && at.After(time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)) && at.Before(time.Date(2136, 1, 1, 0, 0, 0, 0, time.UTC)) &&
			zcl.LocalTimeOf(at) != zcl.LocalTime(s) {
			t.Fatalf("%d became %d", s, zcl.LocalTimeOf(at))
		}
	})
}
