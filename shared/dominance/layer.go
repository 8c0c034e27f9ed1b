package dominance

import "iter"

// layers is how many sizes of sets count: the largest ones.
const layers = 6

// Layer is all sets of one size.
type Layer struct {
	Size    int     `json:"size"`
	Weight  float64 `json:"weight"`  // points to be shared on each set
	Subsets int     `json:"subsets"` // number of sets
}

// Points is what the layer pays altogether: two to its size.
func (l Layer) Points() float64 { return l.Weight * float64(l.Subsets) }

// Layers lists the layers that count among that many environments, smallest size
// first: the six largest sizes, each paying 2^size, split equally over its sets.
func Layers(envs int) []Layer {
	var list []Layer
	for size := max(1, envs-layers+1); size <= envs; size++ {
		n := binomial(envs, size)
		list = append(list, Layer{Size: size, Weight: float64(int(1)<<size) / float64(n), Subsets: n})
	}
	return list
}

func binomial(n, k int) int {
	c := 1
	for i := 1; i <= k; i++ {
		c = c * (n - k + i) / i
	}
	return c
}

// subsets yields the sets of a size in lexicographic order of their environments.
func subsets(envs, size int) iter.Seq[mask] {
	return func(yield func(mask) bool) {
		chosen := make([]int, size)
		for i := range chosen {
			chosen[i] = i
		}
		for {
			var set mask
			for _, e := range chosen {
				set |= 1 << e
			}
			if !yield(set) || !advance(chosen, envs) {
				return
			}
		}
	}
}

// advance moves on to the next combination; false after the last.
func advance(chosen []int, envs int) bool {
	i := len(chosen) - 1
	for i >= 0 && chosen[i] == envs-len(chosen)+i {
		i--
	}
	if i < 0 {
		return false
	}
	chosen[i]++
	for j := i + 1; j < len(chosen); j++ {
		chosen[j] = chosen[j-1] + 1
	}
	return true
}
