package homekit

import (
	"bytes"
	"strings"
	"testing"

	"rsc.io/qr"
)

const sampleURI = "X-HM://0068JRWC7LTCH"

// modules reads half blocks back.
func modules(t *testing.T, s string) [][]bool {
	t.Helper()
	var rows [][]bool
	for line := range strings.Lines(s) {
		var upper, lower []bool
		for _, r := range strings.TrimSuffix(line, "\n") {
			upper = append(upper, r != '█' && r != '▀')
			lower = append(lower, r != '█' && r != '▄')
		}
		rows = append(rows, upper, lower)
	}
	return rows
}

func TestQRText(t *testing.T) {
	var b bytes.Buffer
	if err := QRText(&b, sampleURI); err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(sampleURI, qr.Q)
	if err != nil {
		t.Fatal(err)
	}
	rows := modules(t, b.String())
	if side := code.Size + 2*quiet; len(rows) < side || len(rows) > side+1 {
		t.Fatalf("%d rows for %d modules", len(rows), side)
	}
	for y, row := range rows[:code.Size+2*quiet] {
		if len(row) != code.Size+2*quiet {
			t.Fatalf("row %d has %d columns", y, len(row))
		}
		for x, dark := range row {
			if dark != code.Black(x-quiet, y-quiet) {
				t.Fatalf("module %d,%d is wrong", x, y)
			}
		}
	}
}

func TestQRSVG(t *testing.T) {
	var b bytes.Buffer
	if err := QRSVG(&b, sampleURI); err != nil {
		t.Fatal(err)
	}
	s := b.String()
	code, err := qr.Encode(sampleURI, qr.Q)
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) && !code.Black(x-1, y) {
				runs++
			}
		}
	}
	if got := strings.Count(s, "M"); got != runs {
		t.Errorf("%d runs drawn, want %d", got, runs)
	}
	if !strings.HasPrefix(s, "<svg ") || !strings.HasSuffix(s, "</svg>") || strings.Contains(s, sampleURI) {
		t.Errorf("not the picture alone: %.80s", s)
	}
}

func TestQRRefuses(t *testing.T) {
	for _, in := range []string{"", strings.Repeat("x", 5000)} {
		if err := QRText(&bytes.Buffer{}, in); err == nil {
			t.Errorf("%d characters were drawn", len(in))
		}
		if err := QRSVG(&bytes.Buffer{}, in); err == nil {
			t.Errorf("%d characters were drawn", len(in))
		}
	}
}
