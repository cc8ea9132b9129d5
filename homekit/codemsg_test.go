package homekit

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// The messages are those of the public description github.com/rednblkx/homekit-lock-access-code (see testdata/README.md)
func TestCodeRequest(t *testing.T) {
	tests := []struct {
		name, in string
		want     codeRequest
	}{
		{"list", "010101", codeRequest{Op: opList}},
		{"add", "010103 0206 020431323334", codeRequest{Op: opAdd, Items: []codeItem{{Code: codeDigits("1234")}}}},
		{"read batch", "010102 0203 010100 0000 0203 010101 0000 0203 010102",
			codeRequest{Op: opRead, Items: []codeItem{{ID: 0, HasID: true}, {ID: 1, HasID: true}, {ID: 2, HasID: true}}}},
		{"batch without separators", "010105 0203 010107 0203 010108", codeRequest{Op: opRemove, Items: []codeItem{{ID: 7, HasID: true}, {ID: 8, HasID: true}}}},
		{"update", "010104 0209 010105 020439393939", codeRequest{Op: opUpdate, Items: []codeItem{{ID: 5, HasID: true, Code: codeDigits("9999")}}}},
		{"wide identifier", "010102 0204 01022c01", codeRequest{Op: opRead, Items: []codeItem{{ID: 300, HasID: true}}}},
		{"item cut short", "010103 0202 0204", codeRequest{Op: opAdd, Items: []codeItem{{bad: true}}}},
		{"identifier too wide", "010102 020b 0109010000000000000000", codeRequest{Op: opRead, Items: []codeItem{{bad: true}}}},
		{"two codes in one item", "010103 0206 020131 020132", codeRequest{Op: opAdd, Items: []codeItem{{bad: true}}}},
		{"unknown operation is kept", "010163", codeRequest{Op: 0x63}},
	}
	for _, tt := range tests {
		got, err := parseCodeRequest(unhex(t, tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got.Op != tt.want.Op || len(got.Items) != len(tt.want.Items) {
			t.Errorf("%s: operation %d with %d items, want %d with %d", tt.name, got.Op, len(got.Items), tt.want.Op, len(tt.want.Items))
			continue
		}
		for i, g := range got.Items {
			w := tt.want.Items[i]
			if g.ID != w.ID || g.HasID != w.HasID || g.bad != w.bad || !bytes.Equal(g.Code, w.Code) {
				t.Errorf("%s: item %d is %+v, want %+v", tt.name, i, g, w)
			}
		}
	}
}

func TestCodeRequestRefused(t *testing.T) {
	for _, in := range []string{"", "0206020431323334", "0100", "01020301", "010100", "010101010102", "0101", "01ff01"} {
		if r, err := parseCodeRequest(unhex(t, in)); err == nil {
			t.Errorf("%q was taken as %+v", in, r)
		}
	}
}

func TestCodeAnswers(t *testing.T) {
	tests := []struct {
		name    string
		op      codeOp
		answers []codeAnswer
		want    string
	}{
		{"empty list", opList, nil, "010101"},
		{"added", opAdd, []codeAnswer{{ID: 1, HasID: true, Code: codeDigits("1234")}}, "010103 030f 010101 020431323334 030100 040100"},
		{"read two", opRead, []codeAnswer{{ID: 0, HasID: true, Code: codeDigits("1234")}, {ID: 1, HasID: true, Code: codeDigits("56789")}},
			"010102 030f 010100 020431323334 030100 040100 0000 0310 010101 02053536373839 030100 040100"},
		{"duplicate", opAdd, []codeAnswer{{Status: codeDuplicate}}, "010103 0306 030100 040104"},
		{"missing", opRemove, []codeAnswer{{ID: 300, HasID: true, Status: codeNotExists}}, "010105 030a 01022c01 030100 040109"},
	}
	for _, tt := range tests {
		if got := appendCodeAnswers(nil, tt.op, tt.answers); !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%s: % x, want %s", tt.name, got, tt.want)
		}
	}
}

func TestCodeLimitsMessage(t *testing.T) {
	got := appendCodeLimits(nil, codeLimits{Min: 4, Max: 8, Count: 250})
	if want := unhex(t, "010101 020104 030108 0401fa"); !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
	got = appendCodeLimits(nil, codeLimits{Min: 4, Max: 8, Count: 1000})
	if want := unhex(t, "010101 020104 030108 0402e803"); !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

func TestCodeDigitsDoNotPrint(t *testing.T) {
	const digits = "90417263"
	r := codeRequest{Op: opAdd, Items: []codeItem{{Code: codeDigits(digits)}}}
	a := codeAnswer{Code: codeDigits(digits)}
	for _, s := range []string{fmt.Sprint(r), fmt.Sprintf("%+v %#v %x %s %d %v", r, r, r.Items[0].Code, r.Items[0].Code, a.Code, a)} {
		if strings.Contains(s, digits) || strings.Contains(s, hex.EncodeToString([]byte(digits))) {
			t.Errorf("digits printed: %s", s)
		}
	}
}

func FuzzCodeRequest(f *testing.F) {
	for _, s := range []string{"010101", "010103 0206 020431323334", "010102 0203 010100 0000 0203 010101", "010104 0209 010105 020439393939", "0103", "010103 0202 0204"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := parseCodeRequest(in)
		if err != nil {
			return
		}
		clean := codeRequest{Op: r.Op}
		for _, it := range r.Items {
			if !it.bad {
				clean.Items = append(clean.Items, it)
			}
		}
		again, err := parseCodeRequest(appendCodeRequest(nil, clean))
		if err != nil || again.Op != clean.Op || len(again.Items) != len(clean.Items) {
			t.Fatalf("%+v became %+v, %v", clean, again, err)
		}
		for i, a := range again.Items {
			b := clean.Items[i]
			if a.ID != b.ID || a.HasID != b.HasID || !bytes.Equal(a.Code, b.Code) || a.bad {
				t.Fatalf("item %d: %+v became %+v", i, b, a)
			}
		}
	})
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// appendCodeRequest is the controller's side, for tests and fuzzing.
func appendCodeRequest(b []byte, r codeRequest) []byte {
	b = tlv8.AppendByte(b, codeTagOperation, byte(r.Op))
	for i, it := range r.Items {
		if i > 0 {
			b = tlv8.AppendSeparator(b, 0)
		}
		var v []byte
		if it.HasID {
			v = appendUint(v, codeTagID, it.ID)
		}
		if it.Code != nil {
			v = tlv8.Append(v, codeTagCode, it.Code)
		}
		b = tlv8.Append(b, codeTagRequest, v)
	}
	return b
}

// parseCodeAnswers is the controller's side, for tests and tours.
func parseCodeAnswers(b []byte) (codeOp, []codeAnswer, error) {
	root, err := tlv8.Parse(b)
	if err != nil {
		return 0, nil, err
	}
	var op codeOp
	var answers []codeAnswer
	for _, it := range root {
		switch it.Type {
		case codeTagOperation:
			if len(it.Value) == 1 {
				op = codeOp(it.Value[0])
			}
		case codeTagResponse:
			items, err := tlv8.Parse(it.Value)
			if err != nil {
				return 0, nil, err
			}
			var a codeAnswer
			for _, f := range items {
				switch n := readUint(f.Value[:min(8, len(f.Value))]); f.Type {
				case codeTagID:
					a.ID, a.HasID = n, true
				case codeTagCode:
					a.Code = append(codeDigits{}, f.Value...)
				case codeTagFlags:
					a.Flags = byte(n)
				case codeTagStatus:
					a.Status = codeStatus(n)
				}
			}
			answers = append(answers, a)
		}
	}
	return op, answers, nil
}
