package simchutes_test

import (
	"context"
	"testing"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

// BenchmarkSolvedSAT is a call from the client through the simulation to the solver
// and back, without latency: what the simulation costs a load test.
func BenchmarkSolvedSAT(b *testing.B) {
	s := start(b, simchutes.Config{Miners: []simchutes.Miner{alice()}})
	c := dial(b, s, chutes.Config{})
	prompts := make([]string, 64)
	for i := range prompts {
		prompts[i] = challenge(b, sat.Legacy(), subnet.TaskID(i)).Prompt
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := c.Complete(context.Background(), task(alice()), prompts[i%len(prompts)], 1); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
