package mt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// feed gives the chunks to a parser one after another, as if a second apart if slow, and returns the frames.
func feed(p *Parser, slow bool, chunks ...[]byte) (got []string) {
	now := time.Unix(0, 0)
	for _, c := range chunks {
		p.Feed(now, c, func(f Frame) { got = append(got, fmt.Sprintf("%04x:%x", uint16(f.Command), f.Payload)) })
		if slow {
			now = now.Add(time.Second)
		}
	}
	return got
}

func frame(t testing.TB, cmd Command, payload ...byte) []byte {
	t.Helper()
	b, err := AppendFrame(nil, cmd, payload)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParser(t *testing.T) {
	ping, pong := frame(t, SysPing), frame(t, SysPing.Reply(), 0x59, 0x06)
	long := frame(t, AFIncomingMsg, bytes.Repeat([]byte{SOF}, MaxPayload)...)
	bad := bytes.Clone(pong)
	bad[len(bad)-1] ^= 0x80
	cat := func(b ...[]byte) []byte { return bytes.Join(b, nil) }
	for _, tc := range []struct {
		name   string
		chunks [][]byte
		slow   bool
		want   []string
		count  Counters
	}{
		{"one", [][]byte{ping}, false, []string{"2101:"}, Counters{Frames: 1}},
		{"two at once", [][]byte{cat(ping, pong)}, false, []string{"2101:", "6101:5906"}, Counters{Frames: 2}},
		{"longest, full of SOF", [][]byte{long}, false, []string{fmt.Sprintf("4481:%x", bytes.Repeat([]byte{SOF}, MaxPayload))}, Counters{Frames: 1}},
		{"garbage before, between and behind", [][]byte{cat([]byte{0, 1}, ping, []byte{7}, pong, []byte{9, 9, 9})}, false, []string{"2101:", "6101:5906"}, Counters{Frames: 2, Garbage: 6}},
		{"bad FCS, then good", [][]byte{cat(bad, pong)}, false, []string{"6101:5906"}, Counters{Frames: 1, FCS: 1, Garbage: 7}},
		{"FE FE FE before a frame", [][]byte{cat([]byte{SOF, SOF, SOF}, pong)}, false, []string{"6101:5906"}, Counters{Frames: 1, Length: 3, Garbage: 3}},
		{"length 251", [][]byte{cat([]byte{SOF, 251, 0x44, 0x81}, pong)}, false, []string{"6101:5906"}, Counters{Frames: 1, Length: 1, Garbage: 4}},
		{"frame inside a frame with a bad FCS", [][]byte{cat([]byte{SOF, 7, 0x44, 0x81}, pong, []byte{0xAA, 0xAA})}, false, []string{"6101:5906"}, Counters{Frames: 1, FCS: 1, Garbage: 6}},
		{"slow bytes are given up", [][]byte{pong[:3], pong}, true, []string{"6101:5906"}, Counters{Frames: 1, Timeout: 1, Garbage: 3}},
		{"given up with a frame inside", [][]byte{cat([]byte{SOF, 200, 0x44, 0x81}, pong), ping}, true, []string{"6101:5906", "2101:"}, Counters{Frames: 2, Timeout: 1, Garbage: 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &Parser{Gap: 500 * time.Millisecond}
			if got := feed(p, tc.slow, tc.chunks...); fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("frames %v, want %v", got, tc.want)
			}
			if p.Counters != tc.count {
				t.Errorf("counters %+v, want %+v", p.Counters, tc.count)
			}
			if p.Pending() != 0 {
				t.Errorf("%d bytes left", p.Pending())
			}
			if tc.slow {
				return
			}
			// However the bytes are cut, the frames are the same.
			all := cat(tc.chunks...)
			for n := 1; n <= 7; n++ {
				var cut [][]byte
				for rest := all; len(rest) > 0; {
					k := min(n, len(rest))
					cut, rest = append(cut, rest[:k]), rest[k:]
				}
				p := &Parser{Gap: 500 * time.Millisecond}
				if got := feed(p, false, cut...); fmt.Sprint(got) != fmt.Sprint(tc.want) || p.Counters != tc.count {
					t.Errorf("cut into %d: frames %v, counters %+v", n, got, p.Counters)
				}
			}
		})
	}
}

// TestParserGarbage feeds a million bytes of noise and then frames, of which at most the first may be lost with a frame that the noise began.
func TestParserGarbage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1e6)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	var p Parser
	p.Feed(time.Time{}, noise, func(Frame) {})
	if p.Pending() > MaxPayload+overhead || cap(p.buf) > 4*(MaxPayload+overhead) {
		t.Errorf("%d bytes pending in %d", p.Pending(), cap(p.buf))
	}
	n := 0
	for range 100 {
		p.Feed(time.Time{}, frame(t, SysPing), func(f Frame) {
			if f.Command == SysPing && len(f.Payload) == 0 {
				n++
			}
		})
	}
	if n != 100 && p.Pending() == 0 {
		t.Errorf("%d of 100 frames after noise", n)
	}
	if c := p.Counters; c.FCS == 0 || c.Length == 0 || c.Garbage == 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestTooLong(t *testing.T) {
	dst := []byte{1, 2}
	if out, err := AppendFrame(dst, SysPing, make([]byte, MaxPayload+1)); err == nil || len(out) != 2 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	if out, err := Append(dst, &DataRequest{Data: make([]byte, 300)}); err == nil || len(out) != 2 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

// TestShort cuts every message of the vectors at every length: it is refused or read as far as the layout allows, and never read as zeros where a fixed
// field is missing.
func TestShort(t *testing.T) {
	for _, v := range vectors(t) {
		raw := v.bytes(t)
		f := Frame{Command(v.Cmd0)<<8 | Command(v.Cmd1), raw[4 : len(raw)-1]}
		full, err := Parse(f)
		if err != nil {
			t.Fatal(err)
		}
		need := len(full.AppendPayload(nil))
		for n := range f.Payload {
			m, err := Parse(Frame{f.Command, f.Payload[:n]})
			if err != nil || n >= need {
				continue
			}
			// What was accepted must not claim more than was there.
			if got := len(m.AppendPayload(nil)); got > n && !shortForm[f.Command] {
				t.Errorf("%s: %d of %d bytes accepted as %d", v.Name, n, need, got)
			}
		}
	}
}

// shortForm lists messages that firmware sends in a shorter form too.
var shortForm = map[Command]bool{
	SysVersion.Reply(): true, AppCnfCommissioningNotify: true, ZDONwkAddrRsp: true, ZDOIEEEAddrRsp: true, ZDOSimpleDescRsp: true,
	ZDOActiveEPRsp: true, ZDOMatchDescRsp: true, ZDOPowerDescRsp: true,
}

func TestKeyDoesNotPrint(t *testing.T) {
	k := Key{0xDE, 0xAD}
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s", k, k, k, k), fmt.Sprintf("%x %X %d %q", k, k, k, k), fmt.Sprintf("%+v", ExtUpdateNwkKey{Key: k})} {
		if bytes.Contains(bytes.ToLower([]byte(s)), []byte("dead")) || bytes.Contains([]byte(s), []byte("222")) {
			t.Errorf("a key prints as %s", s)
		}
	}
}

func TestCommandNames(t *testing.T) {
	for c, want := range map[Command]string{SysPing: "SYS_PING", SysPing.Reply(): "SYS_PING SRSP", AFDataConfirm: "AF_DATA_CONFIRM", 0x4599: "ZDO AREQ 0x99", 0x3F01: "subsystem 0x1f SREQ 0x01"} {
		if c.String() != want {
			t.Errorf("%#04x is %q, want %q", uint16(c), c, want)
		}
	}
}
