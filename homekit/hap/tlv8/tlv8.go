// Package tlv8 reads and writes the type-length-value encoding of HomeKit
// (HAP R2 section 14.1): one octet type, one octet length, values over 255
// octets in consecutive fragments of the same type.
package tlv8

import (
	"errors"
	"fmt"
)

// ErrTruncated is a length that points past the end.
var ErrTruncated = errors.New("tlv8: value is shorter than its length")

// Item is one decoded value.
type Item struct {
	Type  byte
	Value []byte
}

// Items are values in the order they came.
type Items []Item

// Parse decodes b. The values of unfragmented items are parts of b.
func Parse(b []byte) (Items, error) {
	items := make(Items, 0, 8)
	more := false // the last fragment was a full one
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return nil, fmt.Errorf("item %d: %w", len(items), ErrTruncated)
		}
		typ, n := b[0], int(b[1])
		v := b[2 : 2+n : 2+n]
		b = b[2+n:]
		if last := len(items) - 1; more && items[last].Type == typ {
			items[last].Value = append(items[last].Value, v...)
		} else {
			items = append(items, Item{typ, v})
		}
		more = n == 255
	}
	return items, nil
}

// Get returns the first value of that type.
func (is Items) Get(typ byte) ([]byte, bool) {
	for i := range is {
		if is[i].Type == typ {
			return is[i].Value, true
		}
	}
	return nil, false
}

// Byte returns the first value of that type if it is one octet.
func (is Items) Byte(typ byte) (byte, bool) {
	v, ok := is.Get(typ)
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// Unique reports whether no type comes twice.
func (is Items) Unique() bool {
	var seen [256]bool
	for i := range is {
		if seen[is[i].Type] {
			return false
		}
		seen[is[i].Type] = true
	}
	return true
}

// Append encodes one value behind dst. An empty value is an item of length 0.
func Append(dst []byte, typ byte, value []byte) []byte {
	for len(value) > 255 {
		dst = append(dst, typ, 255)
		dst = append(dst, value[:255]...)
		value = value[255:]
	}
	dst = append(dst, typ, byte(len(value)))
	return append(dst, value...)
}

// AppendByte encodes a value of one octet.
func AppendByte(dst []byte, typ, value byte) []byte {
	return append(dst, typ, 1, value)
}

// AppendString encodes text.
func AppendString(dst []byte, typ byte, value string) []byte {
	return Append(dst, typ, []byte(value))
}

// AppendSeparator sets two items of the same type apart.
func AppendSeparator(dst []byte, typ byte) []byte { return append(dst, typ, 0) }
