package catalogue_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/catalogue"
	"github.com/affine-go/affine/shared/subnet"
)

func TestOpenKeepsTheOrder(t *testing.T) {
	t.Parallel()
	ids := catalogue.IDs()
	envs, err := catalogue.Open(ids, nil, []abd.Record{{}})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range envs {
		lo, hi := e.Range()
		if e.ID() != ids[i] || hi <= lo {
			t.Errorf("number %d is %s with ids [%d,%d), want %s", i, e.ID(), lo, hi, ids[i])
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if _, err := catalogue.Open([]subnet.EnvID{"affine:nope"}, nil, nil); !errors.Is(err, catalogue.ErrUnknown) || !strings.Contains(err.Error(), "affine:sat") {
		t.Errorf("an unknown environment: %v", err)
	}
	if _, err := catalogue.Open([]subnet.EnvID{abd.RecordedID}, nil, nil); err == nil || !strings.Contains(err.Error(), "AFFINE_CRUXEVAL") {
		t.Errorf("recorded tasks without records: %v", err)
	}
}
