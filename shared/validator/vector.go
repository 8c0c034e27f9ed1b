package validator

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/subnet"
)

// weightsOf turns a verdict's shares into what is sent, in order of uid: every
// positive value, under the chain's ceiling, and as many zeros as its least length
// asks for. The note says what the chain's rules have changed; it is mostly empty.
func weightsOf(v dominance.Verdict, mg subnet.Metagraph) (sent []subnet.Weight, note string, err error) {
	shares := make([]float64, len(mg.Neurons))
	for _, x := range v.Weights {
		if int(x.UID) >= len(shares) {
			return nil, "", fmt.Errorf("the verdict pays uid %d, the metagraph ends at %d", x.UID, len(shares)-1)
		}
		shares[x.UID] = x.Share
	}
	values, note, err := conform(subnet.Quantise(shares), mg.Rules.MaxWeight)
	if err != nil {
		return nil, "", err
	}
	var spare []subnet.Weight
	for uid, value := range values {
		weight := subnet.Weight{UID: subnet.UID(uid), Hotkey: mg.Neurons[uid].Hotkey, Share: shares[uid], Value: value}
		if value > 0 {
			sent = append(sent, weight)
		} else {
			spare = append(spare, weight)
		}
	}
	if len(sent) == 0 {
		return nil, "", errors.New("the verdict pays nobody")
	}
	least := min(int(mg.Rules.MinAllowed), len(mg.Neurons))
	for len(sent) < least {
		sent, spare = append(sent, spare[0]), spare[1:]
	}
	slices.SortFunc(sent, func(a, b subnet.Weight) int { return cmp.Compare(a.UID, b.UID) })
	return sent, note, nil
}

// conform brings values under the chain's ceiling (MaxWeightsLimit, which bounds one
// uid's part of the sum): the highest are cut to a common height, and all are raised
// again until the highest is 65535, as upstream's SDK does. So what is cut goes to the
// others who are paid, in proportion.
//
// Where too few are paid for that, the SDK pays everybody a little. A validator wants
// no miner paid that earned nothing, so that is an error instead.
func conform(values []uint16, ceiling uint16) ([]uint16, string, error) {
	if ceiling == 0 || ceiling == math.MaxUint16 || belowCeiling(values, math.MaxUint16, ceiling) {
		return values, "", nil // 0: not known
	}
	percent := 100 * float64(ceiling) / math.MaxUint16
	// The lower the cut, the smaller the highest's part of the sum.
	cut := uint16(sort.Search(math.MaxUint16, func(i int) bool { return !belowCeiling(values, uint16(i)+1, ceiling) }))
	if cut == 0 {
		paid := 0
		for _, v := range values {
			paid += min(int(v), 1)
		}
		return nil, "", fmt.Errorf("the chain lets no uid have more than %.2f %% of the weight, and the verdict pays %d: at least %d are needed; the subnet's owner can raise the limit (max_weights_limit)",
			percent, paid, (math.MaxUint16+int(ceiling)-1)/int(ceiling))
	}
	out := make([]uint16, len(values))
	for i, v := range values {
		// Rounded up: that can only lower the highest's part of the sum.
		out[i] = uint16((uint64(min(v, cut))*math.MaxUint16 + uint64(cut) - 1) / uint64(cut))
	}
	return out, fmt.Sprintf("the chain's ceiling of %.2f %% for one uid cut the highest, the others got the rest", percent), nil
}

// belowCeiling says whether the values, cut off at a height, keep the ceiling: the
// highest's part of the sum is at most ceiling/65535.
func belowCeiling(values []uint16, cut, ceiling uint16) bool {
	var highest, sum uint64
	for _, v := range values {
		v = min(v, cut)
		highest, sum = max(highest, uint64(v)), sum+uint64(v)
	}
	return highest*math.MaxUint16 <= sum*uint64(ceiling)
}

// reassigned names a uid that the record pays and that somebody else holds by now.
func reassigned(mg subnet.Metagraph, rec subnet.WeightsRecord) (string, bool) {
	for _, x := range rec.Weights {
		if x.Value > 0 && (int(x.UID) >= len(mg.Neurons) || mg.Neurons[x.UID].Hotkey != x.Hotkey) {
			return fmt.Sprintf("uid %d ceased to be %s", x.UID, x.Hotkey), true
		}
	}
	return "", false
}

// difference says in what a row on chain differs from what was sent; empty when it
// does not. A zero pays nobody, whether the chain keeps it or not.
func difference(row map[subnet.UID]uint16, rec subnet.WeightsRecord) string {
	want := make(map[subnet.UID]uint16, len(rec.Weights))
	for _, x := range rec.Weights {
		want[x.UID] = x.Value
	}
	for _, uid := range slices.Sorted(uids(row, want)) {
		if row[uid] != want[uid] {
			return fmt.Sprintf("uid %d has %d, sent was %d", uid, row[uid], want[uid])
		}
	}
	return ""
}

// uids yields the keys of both rows.
func uids(a, b map[subnet.UID]uint16) func(yield func(subnet.UID) bool) {
	return func(yield func(subnet.UID) bool) {
		for _, row := range []map[subnet.UID]uint16{a, b} {
			for uid := range row {
				if !yield(uid) {
					return
				}
			}
		}
	}
}
