package dice_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/affine-go/affine/shared/env/dice"
	"pgregory.net/rapid"
)

// The stream is part of what a task id means; these values must never change.
func TestStreamIsStable(t *testing.T) {
	d := dice.New("affine:sat-v2", 12345, 1)
	got := fmt.Sprint(d.Below(1000), d.Between(-5, 5), d.Coin(), d.Below(1<<40), dice.Pick(d, "a", "b", "c"), d.Sample(10, 4))
	if want := "906 1 false 184515199499b[7 6 4 9]"; got != want {
		t.Errorf("stream = %s, want %s", got, want)
	}
}

func TestEveryPartOfTheKeyCounts(t *testing.T) {
	seen := map[int]string{}
	for name, d := range map[string]*dice.Dice{
		"base": dice.New("e", 1, 0), "env": dice.New("f", 1, 0), "task": dice.New("e", 2, 0), "try": dice.New("e", 1, 1),
	} {
		v := d.Below(1 << 62)
		if other, twice := seen[v]; twice {
			t.Errorf("%s and %s draw the same", name, other)
		}
		seen[v] = name
	}
}

func TestDrawsStayInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := dice.New("e", 7, rapid.IntRange(0, 1000).Draw(t, "try"))
		n := rapid.IntRange(1, 50).Draw(t, "n")
		if v := d.Below(n); v < 0 || v >= n {
			t.Fatalf("Below(%d) = %d", n, v)
		}
		lo := rapid.IntRange(-100, 100).Draw(t, "lo")
		if v := d.Between(lo, lo+n); v < lo || v > lo+n {
			t.Fatalf("Between(%d, %d) = %d", lo, lo+n, v)
		}
		k := rapid.IntRange(0, n).Draw(t, "k")
		sample := d.Sample(n, k)
		slices.Sort(sample)
		if len(slices.Compact(slices.Clone(sample))) != k || k > 0 && (sample[0] < 0 || sample[k-1] >= n) {
			t.Fatalf("Sample(%d, %d) = %v", n, k, sample)
		}
	})
}

func TestBelowIsEven(t *testing.T) {
	d, counts := dice.New("e", 1, 0), [3]int{}
	for range 30_000 {
		counts[d.Below(3)]++
	}
	for v, n := range counts { // 5 standard deviations of a fair die
		if n < 9_600 || n > 10_400 {
			t.Errorf("%d came %d times in 30,000", v, n)
		}
	}
}
