package zcl

import "fmt"

// DataType is the type of an attribute's value (ZCL section 2.6.2, table 2-11).
type DataType uint8

// Data types.
const (
	TypeNoData          DataType = 0x00
	TypeData8           DataType = 0x08
	TypeData16          DataType = 0x09
	TypeData24          DataType = 0x0A
	TypeData32          DataType = 0x0B
	TypeData40          DataType = 0x0C
	TypeData48          DataType = 0x0D
	TypeData56          DataType = 0x0E
	TypeData64          DataType = 0x0F
	TypeBool            DataType = 0x10
	TypeMap8            DataType = 0x18
	TypeMap16           DataType = 0x19
	TypeMap24           DataType = 0x1A
	TypeMap32           DataType = 0x1B
	TypeMap64           DataType = 0x1F
	TypeUint8           DataType = 0x20
	TypeUint16          DataType = 0x21
	TypeUint24          DataType = 0x22
	TypeUint32          DataType = 0x23
	TypeUint40          DataType = 0x24
	TypeUint48          DataType = 0x25
	TypeUint56          DataType = 0x26
	TypeUint64          DataType = 0x27
	TypeInt8            DataType = 0x28
	TypeInt16           DataType = 0x29
	TypeInt24           DataType = 0x2A
	TypeInt32           DataType = 0x2B
	TypeInt64           DataType = 0x2F
	TypeEnum8           DataType = 0x30
	TypeEnum16          DataType = 0x31
	TypeSemi            DataType = 0x38
	TypeSingle          DataType = 0x39
	TypeDouble          DataType = 0x3A
	TypeOctetString     DataType = 0x41
	TypeCharString      DataType = 0x42
	TypeLongOctetString DataType = 0x43
	TypeLongCharString  DataType = 0x44
	TypeArray           DataType = 0x48
	TypeStruct          DataType = 0x4C
	TypeSet             DataType = 0x50
	TypeBag             DataType = 0x51
	TypeTimeOfDay       DataType = 0xE0
	TypeDate            DataType = 0xE1
	TypeUTC             DataType = 0xE2
	TypeClusterID       DataType = 0xE8
	TypeAttributeID     DataType = 0xE9
	TypeBACnetOID       DataType = 0xEA
	TypeEUI64           DataType = 0xF0
	TypeKey128          DataType = 0xF1
	TypeUnknown         DataType = 0xFF
)

// String writes the number as 0x and two hex digits.
func (t DataType) String() string { return fmt.Sprintf("type 0x%02x", uint8(t)) }

// Width is the number of bytes of a value of a fixed-size type, and whether the type is one.
func (t DataType) Width() (int, bool) {
	switch {
	case t == TypeNoData, t == TypeUnknown:
		return 0, true
	case t >= TypeData8 && t <= TypeData64, t >= TypeMap8 && t <= TypeMap64, t >= TypeUint8 && t <= TypeUint64, t >= TypeInt8 && t <= TypeInt64:
		return int(t&7) + 1, true
	}
	switch t {
	case TypeBool, TypeEnum8:
		return 1, true
	case TypeEnum16, TypeSemi, TypeClusterID, TypeAttributeID:
		return 2, true
	case TypeSingle, TypeTimeOfDay, TypeDate, TypeUTC, TypeBACnetOID:
		return 4, true
	case TypeDouble, TypeEUI64:
		return 8, true
	case TypeKey128:
		return 16, true
	}
	return 0, false
}

// Analog tells whether values of the type have a distance, so that a reporting configuration carries a reportable change (ZCL section 2.6.2).
func (t DataType) Analog() bool {
	switch {
	case t >= TypeUint8 && t <= TypeInt64, t >= TypeSemi && t <= TypeDouble, t >= TypeTimeOfDay && t <= TypeUTC:
		return true
	default:
		return false
	}
}

// signed tells whether the type is a two's-complement number.
func (t DataType) signed() bool { return t >= TypeInt8 && t <= TypeInt64 }

// text tells whether the type is a string of any kind.
func (t DataType) text() bool { return t >= TypeOctetString && t <= TypeLongCharString }
