package chaintest

import "testing"

func TestEpochsThatAreDue(t *testing.T) {
	for name, c := range map[string]struct {
		s    schedule
		at   uint64
		want bool
	}{
		"a tempo later":          {schedule{kept: true, tempo: 10, last: 100}, 110, true},
		"before that":            {schedule{kept: true, tempo: 10, last: 100}, 109, false},
		"long overdue":           {schedule{kept: true, tempo: 10, last: 100}, 500, true},
		"set for this block":     {schedule{kept: true, tempo: 10, last: 100, pending: 105}, 105, true},
		"set for a later block":  {schedule{kept: true, tempo: 10, last: 100, pending: 106}, 105, false},
		"no tempo":               {schedule{kept: true, last: 100, pending: 1, since: maxTempo + 1}, 500, false},
		"stalled":                {schedule{kept: true, tempo: 60_000, last: 100, since: maxTempo + 1}, 105, true},
		"nearly stalled":         {schedule{kept: true, tempo: 60_000, last: 100, since: maxTempo}, 105, false},
		"by number, last of it":  {schedule{tempo: 10, netuid: 120}, 208, true},
		"by number, first of it": {schedule{tempo: 10, netuid: 120}, 209, false},
		"by number, without":     {schedule{netuid: 120}, 208, false},
	} {
		if got := c.s.due(c.at); got != c.want {
			t.Errorf("%s: due is %v", name, got)
		}
	}
}
