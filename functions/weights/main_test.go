package main

import (
	"encoding/json"
	"testing"

	"github.com/affine-go/affine/shared/subnet"
)

// Whoever reads an invocation's answer must see whether the weights count already.
func TestTheSummarySaysWhetherWeightsAreOpen(t *testing.T) {
	sealed := subnet.WeightsRecord{Epoch: 7_200, State: subnet.Included, At: 7_205, Round: 9, Reveal: 7_560, Why: "because"}
	opened := sealed
	opened.State, opened.RevealAt = subnet.Confirmed, 7_563
	plain := subnet.WeightsRecord{Epoch: 7_200, State: subnet.Confirmed, At: 7_205}
	refused := subnet.WeightsRecord{Epoch: 7_200, State: subnet.Failed, Reason: "the chain refused them"}
	for name, c := range map[string]struct {
		rec  subnet.WeightsRecord
		want string
	}{
		"sealed":  {sealed, `{"state":"included","epoch":7200,"included_at":7205,"sealed_until":7560,"why":"because"}`},
		"opened":  {opened, `{"state":"confirmed","epoch":7200,"included_at":7205,"revealed_at":7563,"why":"because"}`},
		"plain":   {plain, `{"state":"confirmed","epoch":7200,"included_at":7205}`},
		"refused": {refused, `{"state":"failed","epoch":7200,"reason":"the chain refused them"}`},
	} {
		got, err := json.Marshal(summarise(c.rec))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
		}
	}
}
