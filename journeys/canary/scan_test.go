package canary

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

const planted = "73917391"

// TestPlanted writes a PIN by the standard library's encoders, not by Forms, and expects Scan to see it.
func TestPlanted(t *testing.T) {
	text := "level=DEBUG msg=x pin=" + planted + " y"
	places := map[string][]byte{
		"ascii": []byte(text), "hex": []byte(hex.EncodeToString([]byte(text))), "HEX": fmt.Appendf(nil, "%X", text),
		"spaced": fmt.Appendf(nil, "% x", text), "octets": fmt.Appendf(nil, "%v", []byte(text)),
		"bcd": {1, 0x73, 0x91, 0x73, 0x91, 2}, "bcd shifted": {0xF7, 0x39, 0x17, 0x39, 0x1F}, "bcd swapped": {0x37, 0x19, 0x37, 0x19},
		"digits": {7, 3, 9, 1, 7, 3, 9, 1},
	}
	places["Go syntax"] = fmt.Appendf(nil, "%#v", []byte(text))
	for shift := range 8 {
		var dump []byte
		memory := append(make([]byte, shift), planted+"\x00\x00\x00\x00\x00\x00\x00\x00"...)
		for i := 0; i+8 <= len(memory); i += 8 {
			dump = fmt.Appendf(dump, "%#x, ", binary.LittleEndian.Uint64(memory[i:]))
		}
		places[fmt.Sprint("words, shifted by ", shift)] = dump
	}
	numbers := make([]int, len(text))
	for i, c := range []byte(text) {
		numbers[i] = int(c)
	}
	places["json numbers"], _ = json.Marshal(numbers)
	for i := range 3 {
		s := []byte(strings.Repeat("x", i) + text)
		places[fmt.Sprint("base64 ", i)] = []byte(base64.StdEncoding.EncodeToString(s))
		places[fmt.Sprint("base64url ", i)] = []byte(base64.URLEncoding.EncodeToString(s))
	}
	for _, u := range utf16.Encode([]rune(text)) {
		places["utf16le"] = binary.LittleEndian.AppendUint16(places["utf16le"], u)
		places["utf16be"] = binary.BigEndian.AppendUint16(places["utf16be"], u)
	}
	for name, b := range places {
		if found := Scan(b, planted); len(found) == 0 {
			t.Errorf("%s: the planted PIN is not found", name)
		} else if strings.Contains(strings.Join(found, " "), planted) {
			t.Errorf("%s: the finding tells the PIN", name)
		}
		if found := ScanSealed(b, planted); len(found) == 0 && !strings.HasPrefix(name, "bcd") {
			t.Errorf("%s: the planted PIN is not found in what is sealed", name)
		}
		if found := Scan(b, "62846284"); len(found) > 0 {
			t.Errorf("%s: found what is not there: %v", name, found)
		}
	}
}
