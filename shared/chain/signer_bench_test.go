package chain_test

import (
	"testing"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/subnet"
)

// BenchmarkSign256 signs weights for 256 uids from beginning to end: all reads from a
// node on the same machine, call, seal, ledger and signature.
func BenchmarkSign256(b *testing.B) {
	for name, sealed := range map[string]bool{"open": false, "sealed": true} {
		b.Run(name, func(b *testing.B) {
			cfg := full(b)
			cfg.Rules.CommitReveal = sealed
			node := start(b, cfg)
			client := dial(b, quick(node.Endpoint()))
			in := intent(b, client)
			in.UIDs, in.Values = nil, nil
			for uid := range 256 {
				in.UIDs, in.Values = append(in.UIDs, subnet.UID(uid)), append(in.Values, 65535)
			}
			s := chain.NewSigner(client, person(b, "Alice"), chain.SignerConfig{Netuid: netuid, Beacon: node.Beacon(), MaxPerWindow: 1 << 30})
			before := requests(node.Served())
			for b.Loop() {
				if _, err := s.SignWeights(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(requests(node.Served())-before)/float64(b.N), "requests/op")
		})
	}
}

func requests(served map[string]int) (n int) {
	for _, count := range served {
		n += count
	}
	return n
}
