package chaintest

// upscale stretches weights so that the greatest becomes 65535, in the chain's own
// arithmetic: fixed-point numbers with 32 fractional bits, divisions cut off, the
// result rounded. Beyond 32768 the chain divides first, to stay within 31 bits.
func upscale(values []uint16) []uint16 {
	const one, half = 1 << 32, 1 << 31
	top := uint64(0)
	for _, v := range values {
		top = max(top, uint64(v))
	}
	out := make([]uint16, len(values))
	if top == 0 {
		return out
	}
	for i, v := range values {
		var fixed uint64
		if top > 32768 {
			fixed = uint64(v) * (65535 * one / top)
		} else {
			fixed = uint64(v) * 65535 * one / top
		}
		out[i] = uint16((fixed + half) >> 32)
	}
	return out
}

// withinCeiling reports whether no weight exceeds ceiling/65535 of their sum, in the
// same arithmetic.
func withinCeiling(values []uint16, ceiling uint16) bool {
	const one = 1 << 32
	sum, top := uint64(0), uint64(0)
	for _, v := range values {
		sum += uint64(v)
		top = max(top, uint64(v))
	}
	if sum == 0 {
		return true
	}
	return top*one/sum <= uint64(ceiling)*one/65535
}
