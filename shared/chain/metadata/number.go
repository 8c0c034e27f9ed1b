package metadata

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
)

// number reads every form of a whole number that encoding accepts.
func number(v any) (*big.Int, error) {
	switch v := v.(type) {
	case *big.Int:
		if v == nil {
			return nil, fmt.Errorf("%w: no number", ErrValue)
		}
		return v, nil
	case json.Number:
		return numberText(string(v))
	case string:
		return numberText(v)
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return nil, fmt.Errorf("%w: %v is not a whole number that a float64 holds exactly", ErrValue, v)
		}
		return big.NewInt(int64(v)), nil
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.IsValid() && rv.CanInt():
		return big.NewInt(rv.Int()), nil
	case rv.IsValid() && rv.CanUint():
		return new(big.Int).SetUint64(rv.Uint()), nil
	}
	return nil, fmt.Errorf("%w: %s where a whole number belongs", ErrValue, shapeOf(v))
}

// maxDigits bounds the text of a number: 2^512 has 155 decimal digits.
const maxDigits = 160

func numberText(text string) (*big.Int, error) {
	if len(text) > maxDigits {
		return nil, fmt.Errorf("%w: number of %d characters", ErrValue, len(text))
	}
	base, digits := 10, text
	if hex, ok := strings.CutPrefix(text, "0x"); ok {
		base, digits = 16, hex
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok || strings.ContainsAny(digits, "+_") {
		return nil, fmt.Errorf("%w: %q is not a whole number", ErrValue, text)
	}
	return n, nil
}

// fits reports whether v is a whole number of the integer primitive's range.
func fits(v *big.Int, p Primitive) bool {
	if p >= U8 && p <= U256 {
		return v.Sign() >= 0 && v.BitLen() <= 8*p.Size()
	}
	if v.Sign() < 0 {
		v = new(big.Int).Not(v) // -128 has the bits of 127
	}
	return v.BitLen() < 8*p.Size()
}
