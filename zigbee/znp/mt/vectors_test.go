package mt

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"
)

type vector struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Cmd0     uint8          `json:"cmd0"`
	Cmd1     uint8          `json:"cmd1"`
	Fields   map[string]any `json:"fields"`
	Hex      string         `json:"hex"`
	Trailing string         `json:"trailing"`
}

func (v vector) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func vectors(t testing.TB) []vector {
	t.Helper()
	f, err := os.Open("testdata/znp-mt.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var l []vector
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var v vector
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		l = append(l, v)
	}
	if err := s.Err(); err != nil || len(l) != 292 {
		t.Fatalf("%d vectors, %v", len(l), err)
	}
	return l
}

// otherwise names the lines that we encode otherwise, and why.
var otherwise = map[string]string{
	"APP_CNF_BDB_COMMISSIONING_NOTIFICATION": "the library reads one byte, firmware sends three, and so do we",
}

// TestVectors decodes every line and encodes it again to the same bytes.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			raw := v.bytes(t)
			var p Parser
			var got []Frame
			p.Feed(time.Time{}, raw, func(f Frame) { got = append(got, Frame{f.Command, bytes.Clone(f.Payload)}) })
			if len(got) != 1 || p.Counters.Frames != 1 || p.Counters.Garbage != 0 {
				t.Fatalf("frames %v, counters %+v", got, p.Counters)
			}
			f := got[0]
			if f.Command != Command(v.Cmd0)<<8|Command(v.Cmd1) || f.Command.Type().String() != v.Type {
				t.Fatalf("command %v", f.Command)
			}
			m, err := Parse(f)
			if err != nil {
				t.Fatal(err)
			}
			trailing, _ := hex.DecodeString(v.Trailing)
			want, err := AppendFrame(nil, f.Command, f.Payload[:len(f.Payload)-len(trailing)])
			if err != nil {
				t.Fatal(err)
			}
			out, err := Append(nil, m)
			if reason, ok := otherwise[v.Name]; ok {
				if bytes.Equal(out, want) {
					t.Errorf("no different any more: %s", reason)
				}
				return
			}
			if err != nil || !bytes.Equal(out, want) {
				t.Errorf("%T %+v\nencoded %x, %v\nwant    %x", m, m, out, err, want)
			}
		})
	}
}
