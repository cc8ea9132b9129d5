// Package canary finds PINs of a recognisable pattern in whatever a program leaves behind, in every encoding that a careless line of code would give them.
package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Form is one way in which a PIN can be written down.
type Form struct {
	Name  string
	Bytes []byte
}

// Forms are the ways that Scan knows. PINs need six decimal digits or more: shorter ones turn up in random octets.
func Forms(pin string) []Form {
	p := []byte(pin)
	h := hex.EncodeToString(p)
	forms := []Form{{"ASCII", p}, {"hex", []byte(h)}, {"HEX", []byte(strings.ToUpper(h))},
		{"hex, spaced", fmt.Appendf(nil, "% x", p)}, {"decimal list", bytes.Trim(fmt.Append(nil, p), "[]")},
		{"decimal list, JSON", bytes.ReplaceAll(bytes.Trim(fmt.Append(nil, p), "[]"), []byte(" "), []byte(","))}}
	for at := range min(4, len(p)-3) { // whatever the alignment, one of these stands whole in a dump of memory by words of a little-endian machine
		forms = append(forms, Form{fmt.Sprintf("a word in hex, from digit %d", at), fmt.Appendf(nil, "%x", binary.LittleEndian.Uint32(p[at:]))})
	}
	var le, be, digits []byte
	for _, c := range p {
		le, be, digits = append(le, c, 0), append(be, 0, c), append(digits, c-'0')
	}
	forms = append(forms, Form{"UTF-16LE", le}, Form{"UTF-16BE", be}, Form{"digits as octets", digits})
	for first := range 2 { // whole octets only: what shares one with a neighbour has half of its bits unknown
		var high, low []byte
		for i := first; i+1 < len(digits); i += 2 {
			high, low = append(high, digits[i]<<4|digits[i+1]), append(low, digits[i+1]<<4|digits[i])
		}
		forms = append(forms, Form{fmt.Sprintf("BCD from digit %d", first), high}, Form{fmt.Sprintf("BCD, swapped, from digit %d", first), low})
	}
	for before := range 3 { // the characters that depend on the PIN alone
		padded := append(make([]byte, before), p...)
		from, to := (before*8+5)/6, len(padded)*8/6
		forms = append(forms, Form{fmt.Sprintf("base64 at %d", before), []byte(base64.RawStdEncoding.EncodeToString(padded)[from:to])},
			Form{fmt.Sprintf("base64url at %d", before), []byte(base64.RawURLEncoding.EncodeToString(padded)[from:to])})
	}
	return forms
}

// Scan names the forms in which any of the PINs is in b. What it returns does not hold the PIN.
func Scan(b []byte, pins ...string) []string { return scan(b, 0, pins) }

// sealedFloor is the least octets of a form that is looked for in what is sealed: shorter ones stand in a megabyte of it by chance.
const sealedFloor = 8

// ScanSealed is Scan for what looks random all over, such as the state's file: it leaves the shortest forms out, which are BCD.
func ScanSealed(b []byte, pins ...string) []string { return scan(b, sealedFloor, pins) }

func scan(b []byte, floor int, pins []string) []string {
	var found []string
	for i, pin := range pins {
		for _, f := range Forms(pin) {
			if len(f.Bytes) < floor {
				continue
			}
			if at := bytes.Index(b, f.Bytes); at >= 0 {
				found = append(found, fmt.Sprintf("PIN %d as %s at octet %d", i, f.Name, at))
			}
		}
	}
	return found
}
