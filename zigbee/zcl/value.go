package zcl

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"
)

// Value is the value of an attribute: its type, and a number or bytes. The zero Value has no data. Strings and collections print only their length, because
// some locks put PINs into them.
type Value struct {
	Type DataType
	num  uint64
	raw  []byte // strings: the octets; collections, keys and unknown types: as on the wire
	null bool   // strings and collections: the non-value (length FF or FFFF)
}

// maxDepth bounds the nesting of arrays and structures (ZCL section 2.6.2.17 allows 15 levels; no lock nests).
const maxDepth = 4

// Number makes a value of a type of up to eight bytes: bool, enumeration, bitmap, data, unsigned, EUI64, UTC and the like. Excess bits are cut.
func Number(t DataType, v uint64) Value {
	if n, ok := t.Width(); ok && n < 8 {
		v &= 1<<(8*n) - 1
	}
	return Value{Type: t, num: v}
}

// Bool, Uint8, Uint16, Uint32, Enum8 and the others below make values of the commonest types.
func Bool(v bool) Value {
	if v {
		return Value{Type: TypeBool, num: 1}
	}
	return Value{Type: TypeBool}
}

// Uint8 makes a TypeUint8 value.
func Uint8(v uint8) Value { return Number(TypeUint8, uint64(v)) }

// Uint16 makes a TypeUint16 value.
func Uint16(v uint16) Value { return Number(TypeUint16, uint64(v)) }

// Uint32 makes a TypeUint32 value.
func Uint32(v uint32) Value { return Number(TypeUint32, uint64(v)) }

// Enum8 makes a TypeEnum8 value.
func Enum8(v uint8) Value { return Number(TypeEnum8, uint64(v)) }

// Map8 makes a TypeMap8 value.
func Map8(v uint8) Value { return Number(TypeMap8, uint64(v)) }

// Map16 makes a TypeMap16 value.
func Map16(v uint16) Value { return Number(TypeMap16, uint64(v)) }

// Map32 makes a TypeMap32 value.
func Map32(v uint32) Value { return Number(TypeMap32, uint64(v)) }

// Int makes a signed value.
func Int(t DataType, v int64) Value { return Number(t, uint64(v)) }

// Single makes a TypeSingle value.
func Single(v float32) Value { return Number(TypeSingle, uint64(math.Float32bits(v))) }

// UTC makes a TypeUTC value.
func UTC(t time.Time) Value { return Number(TypeUTC, uint64(UTCOf(t))) }

// CharString makes a TypeCharString value; at most 254 bytes are sent.
func CharString(s string) Value { return Value{Type: TypeCharString, raw: []byte(s)} }

// OctetString makes a TypeOctetString value. It keeps b.
func OctetString(b []byte) Value { return Value{Type: TypeOctetString, raw: b} }

// Collection makes a value of an array, structure, set, bag, key or unknown type out of its bytes on the wire, without the leading type byte. It keeps b.
func Collection(t DataType, b []byte) Value { return Value{Type: t, raw: b} }

// IsNumber tells whether the value is held as a number.
func (v Value) IsNumber() bool {
	n, ok := v.Type.Width()
	return ok && n > 0 && n <= 8
}

// Uint returns the number, zero-extended.
func (v Value) Uint() (uint64, bool) { return v.num, v.IsNumber() }

// Int returns the number, sign-extended if the type is signed.
func (v Value) Int() (int64, bool) {
	if n, _ := v.Type.Width(); v.Type.signed() && n < 8 {
		s := 64 - 8*n
		return int64(v.num<<s) >> s, true
	}
	return int64(v.num), v.IsNumber()
}

// Bool returns a TypeBool value. Any number but 0 and 1 is the non-value.
func (v Value) Bool() (bool, bool) { return v.num == 1, v.Type == TypeBool && v.num <= 1 }

// Float returns a TypeSingle or TypeDouble value.
func (v Value) Float() (float64, bool) {
	switch v.Type {
	case TypeSingle:
		return float64(math.Float32frombits(uint32(v.num))), true
	case TypeDouble:
		return math.Float64frombits(v.num), true
	default:
		return 0, false
	}
}

// Text returns the octets of a string of any kind as a Go string. It may hold a PIN: know the attribute before printing it.
func (v Value) Text() (string, bool) { return string(v.raw), v.Type.text() && !v.null }

// Bytes returns the octets of a string, or the bytes of a collection as on the wire. The caller must not change them.
func (v Value) Bytes() []byte { return v.raw }

// Null tells whether the value is the type's non-value (ZCL table 2-11): the attribute exists and has nothing to say.
func (v Value) Null() bool {
	if v.null {
		return true
	}
	n, ok := v.Type.Width()
	if !ok || n == 0 || n > 8 {
		return false
	}
	ones := uint64(math.MaxUint64) >> (64 - 8*n)
	switch {
	case v.Type == TypeBool:
		return v.num > 1
	case v.Type.signed():
		return v.num == 1<<(8*n-1)
	case v.Type >= TypeData8 && v.Type <= TypeData64, v.Type >= TypeMap8 && v.Type <= TypeMap64:
		return false // these types have none
	case v.Type == TypeSingle, v.Type == TypeDouble:
		f, _ := v.Float()
		return math.IsNaN(f)
	default:
		return v.num == ones
	}
}

// Equal compares type and contents.
func (v Value) Equal(w Value) bool {
	return v.Type == w.Type && v.num == w.num && v.null == w.null && string(v.raw) == string(w.raw)
}

// Wipe overwrites the octets, which may be a PIN.
func (v Value) Wipe() { clear(v.raw) }

// Append writes the value as on the wire, without its type.
func (v Value) Append(dst []byte) []byte {
	switch v.Type {
	case TypeOctetString, TypeCharString:
		if v.null {
			return append(dst, 0xFF)
		}
		return appendOctets(dst, v.raw)
	case TypeLongOctetString, TypeLongCharString:
		if v.null {
			return append(dst, 0xFF, 0xFF)
		}
		b := v.raw[:min(len(v.raw), 0xFFFE)]
		return append(appendU16(dst, uint16(len(b))), b...)
	}
	if n, ok := v.Type.Width(); ok && n <= 8 {
		return appendUint(dst, v.num, n)
	}
	return append(dst, v.raw...)
}

// appendTyped writes the type and the value.
func (v Value) appendTyped(dst []byte) []byte { return v.Append(append(dst, byte(v.Type))) }

// typedValue reads a type and a value.
func (r *reader) typedValue(field string) Value {
	return r.value(field, DataType(r.u8(field+" type")))
}

// value reads a value of a type. A type that the standard does not know has a length that nobody knows: it takes the rest of the frame.
func (r *reader) value(field string, t DataType) Value {
	if r.err != nil {
		return Value{}
	}
	if n, ok := t.Width(); ok {
		if n > 8 {
			return Value{Type: t, raw: append([]byte(nil), r.take(field, n)...)}
		}
		return Value{Type: t, num: r.uint(field, n)}
	}
	switch t {
	case TypeOctetString, TypeCharString:
		b, null := r.octets(field)
		return Value{Type: t, raw: b, null: null}
	case TypeLongOctetString, TypeLongCharString:
		n := r.u16(field)
		if n == 0xFFFF {
			return Value{Type: t, null: true}
		}
		return Value{Type: t, raw: append([]byte(nil), r.take(field, int(n))...)}
	case TypeArray, TypeSet, TypeBag, TypeStruct:
		from := r.b
		r.skip(field, t, maxDepth)
		if r.err != nil {
			return Value{}
		}
		return Value{Type: t, raw: append([]byte(nil), from[:len(from)-len(r.b)]...)}
	default:
		return Value{Type: t, raw: r.rest()}
	}
}

// skip passes over one value without keeping it.
func (r *reader) skip(field string, t DataType, depth int) {
	if n, ok := t.Width(); ok {
		r.take(field, n)
		return
	}
	if depth == 0 {
		r.fail(field, ErrMalformed)
		return
	}
	switch t {
	case TypeOctetString, TypeCharString:
		if n := r.u8(field); n != 0xFF {
			r.take(field, int(n))
		}
	case TypeLongOctetString, TypeLongCharString:
		if n := r.u16(field); n != 0xFFFF {
			r.take(field, int(n))
		}
	case TypeArray, TypeSet, TypeBag:
		el := DataType(r.u8(field + " element type"))
		n := r.u16(field + " count")
		if n == 0xFFFF {
			return
		}
		if w, fixed := el.Width(); fixed {
			r.take(field, w*int(n)) // a count without bytes behind it costs nothing
			return
		}
		for i := 0; i < int(n) && r.err == nil; i++ {
			r.skip(field, el, depth-1)
		}
	case TypeStruct:
		n := r.u16(field + " count")
		if n == 0xFFFF {
			return
		}
		for i := 0; i < int(n) && r.err == nil; i++ {
			r.skip(field, DataType(r.u8(field+" element type")), depth-1)
		}
	default:
		r.fail(field, ErrMalformed) // inside a collection there is no rest to take
	}
}

// String shows numbers, and of strings and collections only the length.
func (v Value) String() string {
	switch {
	case v.Null():
		return "none"
	case v.Type == TypeBool:
		return strconv.FormatBool(v.num == 1)
	case v.Type.signed():
		i, _ := v.Int()
		return strconv.FormatInt(i, 10)
	case v.IsNumber():
		return strconv.FormatUint(v.num, 10)
	default:
		return fmt.Sprintf("%d bytes of %v", len(v.raw), v.Type)
	}
}

// GoString implements fmt.GoStringer.
func (v Value) GoString() string { return v.String() }

// Format implements fmt.Formatter: every verb prints what String does.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(v.String())) }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalText implements encoding.TextMarshaler, and with it JSON.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }
