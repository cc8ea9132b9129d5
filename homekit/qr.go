package homekit

import (
	"fmt"
	"io"
	"strings"

	"rsc.io/qr"
)

// quiet is the light border that readers need around a QR code, in modules (ISO/IEC 18004, 9.1).
const quiet = 4

// QRText draws text as a QR code in half blocks, two modules a character, for a terminal of dark background: light modules are drawn, dark ones left out.
func QRText(w io.Writer, text string) error {
	code, err := encodeQR(text)
	if err != nil {
		return err
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := !code.Black(x, y), !code.Black(x, y+1) && y+1 < code.Size+quiet
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// QRSVG draws text as a QR code in an SVG image, dark on white, one unit a module. It has no size of its own: the page gives it.
func QRSVG(w io.Writer, text string) error {
	code, err := encodeQR(text)
	if err != nil {
		return err
	}
	side := code.Size + 2*quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges" role="img" aria-label="QR code">`, side, side)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`, side, side)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			start := x
			for code.Black(x, y) {
				x++
			}
			if x > start {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", start+quiet, y+quiet, x-start, x-start)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	_, err = io.WriteString(w, b.String())
	return err
}

func encodeQR(text string) (*qr.Code, error) {
	if text == "" {
		return nil, fmt.Errorf("homekit: nothing to draw as a QR code")
	}
	// Level Q is what Apple's setup codes are printed with: they are read from worn stickers and reflecting screens.
	code, err := qr.Encode(text, qr.Q)
	if err != nil {
		return nil, fmt.Errorf("homekit: draw QR code: %w", err)
	}
	return code, nil
}
