package tlv8

import (
	"bytes"
	"errors"
	"testing"
)

func TestParse(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 300)
	exact := bytes.Repeat([]byte{7}, 255)
	tests := []struct {
		name string
		in   []byte
		want Items
		err  error
	}{
		{"empty", nil, Items{}, nil},
		{"one", []byte{6, 1, 3}, Items{{6, []byte{3}}}, nil},
		{"empty value is kept", []byte{6, 0, 1, 1, 9}, Items{{6, nil}, {1, []byte{9}}}, nil},
		{"fragments", Append(nil, 3, long), Items{{3, long}}, nil},
		{"exactly one full fragment", Append(nil, 3, exact), Items{{3, exact}}, nil},
		{"same type twice is two items", []byte{1, 1, 2, 1, 1, 3}, Items{{1, []byte{2}}, {1, []byte{3}}}, nil},
		{"separated full fragments stay apart", Append(AppendSeparator(Append(nil, 3, exact), 0xff), 3, exact),
			Items{{3, exact}, {0xff, nil}, {3, exact}}, nil},
		{"no length", []byte{6}, nil, ErrTruncated},
		{"short value", []byte{6, 2, 1}, nil, ErrTruncated},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
			continue
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %d items, want %d", tt.name, len(got), len(tt.want))
			continue
		}
		for i := range got {
			if got[i].Type != tt.want[i].Type || !bytes.Equal(got[i].Value, tt.want[i].Value) {
				t.Errorf("%s: item %d is %v, want %v", tt.name, i, got[i], tt.want[i])
			}
		}
	}
}

func TestParseLeavesItsInputAlone(t *testing.T) {
	in := Append(nil, 3, bytes.Repeat([]byte{7}, 600))
	in = AppendByte(in, 6, 1)
	keep := bytes.Clone(in)
	if _, err := Parse(in); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(in, keep) {
		t.Error("Parse wrote into its input")
	}
}

func TestAccessors(t *testing.T) {
	is, err := Parse(AppendString(AppendByte(nil, 6, 5), 1, "Pair-Setup"))
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := is.Byte(6); !ok || b != 5 {
		t.Errorf("Byte(6) = %d, %v", b, ok)
	}
	if _, ok := is.Byte(1); ok {
		t.Error("Byte took a long value")
	}
	if _, ok := is.Get(2); ok {
		t.Error("Get found what is not there")
	}
	if !is.Unique() || append(is, is[0]).Unique() {
		t.Error("Unique")
	}
}

func FuzzTLV8(f *testing.F) {
	f.Add([]byte{6, 1, 1, 0, 1, 0})
	f.Add(Append(nil, 3, bytes.Repeat([]byte{1}, 384)))
	f.Add([]byte{255, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		items, err := Parse(in)
		if err != nil {
			return
		}
		var out []byte
		for _, it := range items {
			out = Append(out, it.Type, it.Value)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("own encoding refused: %v", err)
		}
		for i := 1; i < len(items); i++ {
			if n := len(items[i-1].Value); items[i-1].Type == items[i].Type && n > 0 && n%255 == 0 {
				return // such neighbours need a separator between them
			}
		}
		if len(again) != len(items) {
			t.Fatalf("%d items became %d", len(items), len(again))
		}
		for i := range items {
			if items[i].Type != again[i].Type || !bytes.Equal(items[i].Value, again[i].Value) {
				t.Fatalf("item %d: %v became %v", i, items[i], again[i])
			}
		}
	})
}
