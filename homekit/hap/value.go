package hap

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/brutella/hap/characteristic"
)

// defaults of R2 table 6-3.
const (
	defaultMaxLen     = 64
	defaultMaxDataLen = 2 << 20
)

// constraints are what a value must satisfy.
type constraints struct {
	format   string
	min, max float64 // of integers and floats; exact for all but uint64
	umax     uint64  // of uint64
	step     float64 // 0 = none
	maxLen   int
	valid    []int
	ranged   bool
	lo, hi   int // valid-values-range
}

// newConstraints reads those of c.
func newConstraints(c *characteristic.C) (constraints, error) {
	k := constraints{format: c.Format, maxLen: c.MaxLen, valid: c.ValidVals, umax: math.MaxUint64}
	switch c.Format {
	case characteristic.FormatBool:
	case characteristic.FormatUInt8:
		k.max = math.MaxUint8
	case characteristic.FormatUInt16:
		k.max = math.MaxUint16
	case characteristic.FormatUInt32:
		k.max = math.MaxUint32
	case characteristic.FormatUInt64:
		k.max = math.MaxUint64
	case characteristic.FormatInt32:
		k.min, k.max = math.MinInt32, math.MaxInt32
	case characteristic.FormatFloat:
		k.min, k.max = -math.MaxFloat64, math.MaxFloat64
	case characteristic.FormatString:
		if k.maxLen == 0 {
			k.maxLen = defaultMaxLen
		}
	case characteristic.FormatData, characteristic.FormatTLV8:
		if k.maxLen == 0 {
			k.maxLen = defaultMaxDataLen
		}
	default:
		return k, fmt.Errorf("format %q is none of R2 table 6-5", c.Format)
	}
	if v, ok := number(c.MinVal); ok {
		k.min = v
	}
	if v, ok := number(c.MaxVal); ok {
		k.max = v
		if v >= 0 && v < math.MaxUint64 {
			k.umax = uint64(v)
		}
	}
	if v, ok := number(c.StepVal); ok {
		k.step = v
	}
	if len(c.ValidRange) == 2 {
		k.ranged, k.lo, k.hi = true, c.ValidRange[0], c.ValidRange[1]
	}
	return k, nil
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int32:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint8:
		return float64(n), true
	case uint16:
		return float64(n), true
	case uint32:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float32:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// parse validates what a controller wrote.
func (k *constraints) parse(t token) (any, bool) {
	switch k.format {
	case characteristic.FormatBool:
		return t.flag()
	case characteristic.FormatString:
		s, ok := t.text()
		return s, ok && len(s) <= k.maxLen
	case characteristic.FormatData, characteristic.FormatTLV8:
		s, ok := t.text()
		if !ok || len(s) > base64.StdEncoding.EncodedLen(k.maxLen) {
			return nil, false
		}
		b, err := base64.StdEncoding.Strict().DecodeString(s)
		return b, err == nil && len(b) <= k.maxLen
	case characteristic.FormatFloat:
		if t.kind != kindNumber {
			return nil, false
		}
		f, err := strconv.ParseFloat(string(t.raw), 64)
		return f, err == nil && k.fits(f)
	case characteristic.FormatUInt64:
		return k.parseUint64(t)
	default:
		return k.parseInt(t)
	}
}

func (k *constraints) parseInt(t token) (any, bool) {
	var n int64
	switch t.kind {
	case kindBool: // Apple's accessory takes true as 1
		if t.raw[0] == 't' {
			n = 1
		}
	case kindNumber:
		var err error
		if n, err = strconv.ParseInt(string(t.raw), 10, 64); err != nil {
			return nil, false
		}
	default:
		return nil, false
	}
	return int(n), n >= math.MinInt32 && n <= math.MaxUint32 && k.fits(float64(n))
}

func (k *constraints) parseUint64(t token) (any, bool) {
	n, ok := t.uint()
	if t.kind == kindBool {
		b, _ := t.flag()
		n, ok = 0, true
		if b {
			n = 1
		}
	}
	return n, ok && float64(n) >= k.min && n <= k.umax
}

func (k *constraints) fits(f float64) bool {
	if math.IsNaN(f) || f < k.min || f > k.max {
		return false
	}
	if k.step > 0 {
		steps := (f - k.min) / k.step
		if k.min == -math.MaxFloat64 {
			steps = f / k.step
		}
		if math.Abs(steps-math.Round(steps)) > 1e-6 {
			return false
		}
	}
	if k.format == characteristic.FormatFloat {
		return true
	}
	if len(k.valid) > 0 {
		for _, v := range k.valid {
			if float64(v) == f {
				return true
			}
		}
		return false
	}
	return !k.ranged || f >= float64(k.lo) && f <= float64(k.hi)
}

// accept validates what the accessory's own side gives and brings it to the
// form parse makes. nil is a value (of stateless switches).
func (k *constraints) accept(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	bad := fmt.Errorf("%T does not fit format %s within its limits", v, k.format)
	switch k.format {
	case characteristic.FormatBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		if n, ok := number(v); ok && (n == 0 || n == 1) {
			return n == 1, nil
		}
		return nil, bad
	case characteristic.FormatString:
		if s, ok := v.(string); ok && utf8.ValidString(s) {
			return s, nil
		}
		return nil, bad
	case characteristic.FormatData, characteristic.FormatTLV8:
		switch b := v.(type) {
		case []byte:
			return append([]byte(nil), b...), nil
		case string: // the model keeps base64 text
			if d, err := base64.StdEncoding.DecodeString(b); err == nil {
				return d, nil
			}
		}
		return nil, bad
	case characteristic.FormatUInt64:
		if n, ok := v.(uint64); ok {
			if float64(n) >= k.min && n <= k.umax {
				return n, nil
			}
			return nil, bad
		}
		if n, ok := number(v); ok && n >= k.min && n <= k.max && n >= 0 && n == math.Trunc(n) {
			return uint64(n), nil
		}
		return nil, bad
	}
	n, ok := number(v)
	if !ok || !k.fits(n) {
		return nil, bad
	}
	if k.format == characteristic.FormatFloat {
		return n, nil
	}
	if n != math.Trunc(n) {
		return nil, bad
	}
	return int(n), nil
}

// zero is the value of a characteristic that has none yet.
func (k *constraints) zero() any {
	switch k.format {
	case characteristic.FormatBool:
		return false
	case characteristic.FormatString:
		return ""
	case characteristic.FormatData, characteristic.FormatTLV8:
		return []byte(nil)
	case characteristic.FormatUInt64:
		return uint64(max(k.min, 0))
	}
	n := 0.0
	switch {
	case len(k.valid) > 0:
		n = float64(k.valid[0])
	case k.ranged:
		n = float64(k.lo)
	case n < k.min:
		n = k.min
	case n > k.max:
		n = k.max
	}
	if k.format == characteristic.FormatFloat {
		return n
	}
	return int(n)
}

// appendValue writes a value as JSON. Booleans are 0 and 1, as Apple's
// accessory sends them.
func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, '1')
		}
		return append(dst, '0')
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	case string:
		return appendString(dst, v)
	case []byte:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v)
		return append(dst, '"')
	}
	return append(dst, "null"...)
}
