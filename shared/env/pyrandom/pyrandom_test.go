package pyrandom_test

import (
	"slices"
	"testing"

	"github.com/affine-go/affine/shared/env/pyrandom"
)

// The expected values are what CPython 3.11 prints for
// r = random.Random(seed); [r.getrandbits(32) for _ in range(3)].
func TestBitsAgreeWithCPython(t *testing.T) {
	for _, c := range []struct {
		seed uint64
		want []uint32
	}{
		{0, []uint32{3626764237, 1654615998, 3255389356}},
		{1, []uint32{577090037, 2444712010, 3639700191}},
		{499, []uint32{488403012, 759932843, 3223334784}},
		{2147483648, []uint32{1455117090, 1620553392, 2169224728}},
		{4294967295, []uint32{2728839433, 2661025012, 872737089}},
		{4294967296, []uint32{485306839, 1508871100, 1794561286}},
		{1099511640121, []uint32{1332995613, 1500173691, 493462063}},
		{18446744073709551615, []uint32{93740670, 1068495656, 1452108352}},
	} {
		r := pyrandom.New(c.seed)
		got := []uint32{r.Bits(32), r.Bits(32), r.Bits(32)}
		if !slices.Equal(got, c.want) {
			t.Errorf("seed %d: got %v, want %v", c.seed, got, c.want)
		}
	}
}

// After 700 draws the state has been renewed once; the next is CPython's too.
func TestBitsAfterRefill(t *testing.T) {
	r := pyrandom.New(7)
	for range 700 {
		r.Bits(32)
	}
	if got := r.Bits(32); got != 2724896942 {
		t.Errorf("draw 701 of seed 7 = %d, want 2724896942", got)
	}
}

// CPython 3.11: r = random.Random(42); r.sample(range(1, 16), 10); then
// [r.choice(range(7)) for _ in range(8)].
func TestSampleAndChoiceAgreeWithCPython(t *testing.T) {
	r := pyrandom.New(42)
	if got, want := r.SamplePool(1, 15, 10), []int{11, 2, 1, 12, 5, 4, 10, 3, 6, 13}; !slices.Equal(got, want) {
		t.Errorf("sample = %v, want %v", got, want)
	}
	var got []int
	for range 8 {
		got = append(got, r.Choice(7))
	}
	if want := []int{5, 5, 4, 0, 4, 3, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("choice = %v, want %v", got, want)
	}
}
