package hap

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// errJSON is any departure from RFC 8259.
var errJSON = errors.New("hap: malformed JSON")

type kind byte

const (
	absent kind = iota
	kindNull
	kindBool
	kindNumber
	kindString
	kindObject
	kindArray
)

// token is one value as it stands in the text.
type token struct {
	kind kind
	raw  []byte
}

const maxDepth = 16

// scanner reads JSON strictly and without reflection.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) take(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// end reports whether nothing but space is left.
func (s *scanner) end() bool { s.space(); return s.i == len(s.b) }

// value reads the next value, whatever it is.
func (s *scanner) value(depth int) (token, error) {
	s.space()
	if s.i >= len(s.b) || depth > maxDepth {
		return token{}, errJSON
	}
	start := s.i
	var k kind
	var err error
	switch c := s.b[s.i]; {
	case c == '"':
		k, err = kindString, s.str()
	case c == '{':
		k = kindObject
		err = s.object(func([]byte) error { _, err := s.value(depth + 1); return err })
	case c == '[':
		k = kindArray
		err = s.array(func() error { _, err := s.value(depth + 1); return err })
	case c == 't':
		k, err = kindBool, s.literal("true")
	case c == 'f':
		k, err = kindBool, s.literal("false")
	case c == 'n':
		k, err = kindNull, s.literal("null")
	default:
		k, err = kindNumber, s.number()
	}
	return token{k, s.b[start:s.i]}, err
}

func (s *scanner) literal(l string) error {
	if len(s.b)-s.i < len(l) || string(s.b[s.i:s.i+len(l)]) != l {
		return errJSON
	}
	s.i += len(l)
	return nil
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

func (s *scanner) number() error {
	if s.i < len(s.b) && s.b[s.i] == '-' {
		s.i++
	}
	first := s.i
	if !s.digits() || s.b[first] == '0' && s.i > first+1 {
		return errJSON
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if !s.digits() {
			return errJSON
		}
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		if !s.digits() {
			return errJSON
		}
	}
	return nil
}

func (s *scanner) str() error {
	for s.i++; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return nil
		case c < 0x20:
			return errJSON
		case c == '\\':
			s.i++
			if s.i >= len(s.b) {
				return errJSON
			}
			switch s.b[s.i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					s.i++
					if s.i >= len(s.b) || !hexDigit(s.b[s.i]) {
						return errJSON
					}
				}
			default:
				return errJSON
			}
		}
	}
	return errJSON
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// object calls member with each key; member reads the value.
func (s *scanner) object(member func(key []byte) error) error {
	if !s.take('{') {
		return errJSON
	}
	if s.take('}') {
		return nil
	}
	for {
		s.space()
		start := s.i
		if s.i >= len(s.b) || s.b[s.i] != '"' || s.str() != nil {
			return errJSON
		}
		key := s.b[start+1 : s.i-1]
		if !s.take(':') {
			return errJSON
		}
		if err := member(key); err != nil {
			return err
		}
		if s.take(',') {
			continue
		}
		if s.take('}') {
			return nil
		}
		return errJSON
	}
}

// array calls element before each element; element reads it.
func (s *scanner) array(element func() error) error {
	if !s.take('[') {
		return errJSON
	}
	if s.take(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.take(',') {
			continue
		}
		if s.take(']') {
			return nil
		}
		return errJSON
	}
}

// uint reads an integer that fits 64 bits.
func (t token) uint() (uint64, bool) {
	if t.kind != kindNumber {
		return 0, false
	}
	v, err := strconv.ParseUint(string(t.raw), 10, 64)
	return v, err == nil
}

// flag reads true, false, 1 or 0, as Apple's accessory does.
func (t token) flag() (value, ok bool) {
	switch string(t.raw) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// text reads a string.
func (t token) text() (string, bool) {
	if t.kind != kindString {
		return "", false
	}
	inner := t.raw[1 : len(t.raw)-1]
	for _, c := range inner {
		if c == '\\' {
			var v string
			err := json.Unmarshal(t.raw, &v)
			return v, err == nil
		}
	}
	return string(inner), utf8.Valid(inner)
}

// appendString writes a JSON string.
func appendString(dst []byte, v string) []byte {
	for i := range len(v) {
		if c := v[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			b, err := json.Marshal(v)
			if err != nil {
				return append(dst, `""`...)
			}
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, v...)
	return append(dst, '"')
}
