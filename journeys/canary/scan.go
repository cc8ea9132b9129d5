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
	listed := make([]string, len(p))
	for i, c := range p {
		listed[i] = fmt.Sprintf("%#x", c)
	}
	forms = append(forms, Form{"hex list, as in Go", []byte(strings.Join(listed, ", "))})
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

// known is a form of one of the PINs.
type known struct {
	Form
	pin, at int // where it was seen; -1: nowhere
}

// scan goes through b once: at each octet it looks up whether a form begins with the three octets from there on.
func scan(b []byte, floor int, pins []string) []string {
	const lead = 3
	var all []*known
	begin := map[[lead]byte][]*known{}
	var may [1 << 16]bool // by the first two octets
	for i, pin := range pins {
		for _, f := range Forms(pin) {
			if len(f.Bytes) < max(floor, lead) {
				continue
			}
			k := &known{f, i, -1}
			all = append(all, k)
			begin[[lead]byte(f.Bytes)] = append(begin[[lead]byte(f.Bytes)], k)
			may[int(f.Bytes[0])<<8|int(f.Bytes[1])] = true
		}
	}
	for at := range max(0, len(b)-lead+1) {
		if !may[int(b[at])<<8|int(b[at+1])] {
			continue
		}
		for _, k := range begin[[lead]byte(b[at:])] {
			if k.at < 0 && bytes.HasPrefix(b[at:], k.Bytes) {
				k.at = at
			}
		}
	}
	var found []string
	for _, k := range all {
		if k.at >= 0 {
			found = append(found, fmt.Sprintf("PIN %d as %s at octet %d", k.pin, k.Name, k.at))
		}
	}
	return found
}
