package mt

import (
	"bytes"
	"testing"
	"time"
)

// FuzzParser: whatever comes, and however it is cut, the parser gives the same frames and keeps no more than one frame's bytes; a good frame behind it is
// found once the noise is given up.
func FuzzParser(f *testing.F) {
	for i, v := range vectors(f) {
		if i%20 == 0 {
			f.Add(v.bytes(f), uint8(i))
		}
	}
	f.Add([]byte{SOF, SOF, SOF}, uint8(1))
	f.Add([]byte{SOF, 251, 0, 0, SOF, 0, 0x21, 0x01, 0x20}, uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		var whole, parts []Frame
		var p, q Parser
		p.Feed(time.Time{}, in, func(f Frame) { whole = append(whole, Frame{f.Command, bytes.Clone(f.Payload)}) })
		for rest, n := in, int(cut%16)+1; len(rest) > 0; {
			k := min(n, len(rest))
			q.Feed(time.Time{}, rest[:k], func(f Frame) { parts = append(parts, Frame{f.Command, bytes.Clone(f.Payload)}) })
			rest = rest[k:]
		}
		if len(whole) != len(parts) || p.Counters != q.Counters {
			t.Fatalf("%d frames at once, %d in parts; %+v, %+v", len(whole), len(parts), p.Counters, q.Counters)
		}
		for i := range whole {
			if whole[i].Command != parts[i].Command || !bytes.Equal(whole[i].Payload, parts[i].Payload) {
				t.Fatalf("frame %d differs", i)
			}
		}
		if p.Pending() >= MaxPayload+overhead {
			t.Fatalf("%d bytes kept", p.Pending())
		}
		p.Expire(func(Frame) {})
		found := 0
		p.Feed(time.Time{}, []byte{SOF, 0, 0x21, 0x01, 0x20}, func(Frame) { found++ })
		if found != 1 || p.Pending() != 0 {
			t.Fatalf("a good frame behind noise: found %d, %d bytes left", found, p.Pending())
		}
	})
}

// FuzzMessages: a payload that is read can be written, and what was written reads and writes as the same.
func FuzzMessages(f *testing.F) {
	for _, v := range vectors(f) {
		raw := v.bytes(f)
		f.Add(uint16(v.Cmd0)<<8|uint16(v.Cmd1), raw[4:len(raw)-1])
	}
	f.Fuzz(func(t *testing.T, cmd uint16, payload []byte) {
		if len(payload) > MaxPayload {
			return
		}
		in := bytes.Clone(payload)
		m, err := Parse(Frame{Command(cmd), payload})
		if !bytes.Equal(in, payload) {
			t.Fatal("parsing wrote to the payload")
		}
		if err != nil {
			return
		}
		if m.Command() != Command(cmd) {
			t.Fatalf("%v is a %v", Command(cmd), m.Command())
		}
		once := m.AppendPayload(nil)
		again, err := Parse(Frame{Command(cmd), once})
		if err != nil {
			t.Fatalf("%T %+v written as %x: %v", m, m, once, err)
		}
		if twice := again.AppendPayload(nil); !bytes.Equal(once, twice) {
			t.Fatalf("%T written as %x, then as %x", m, once, twice)
		}
	})
}
