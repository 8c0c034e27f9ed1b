package aws

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/store/storetest"
	"github.com/affine-go/affine/shared/subnet"
)

func shelfOf(s subnet.Sample) store.Shelf {
	return store.Shelf{Hotkey: s.Hotkey, Revision: s.Revision, Env: s.Env}
}

func TestItemRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := storetest.AnySample().Draw(t, "sample")
		got, err := decodeSample(shelfOf(want), encodeSample(&want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("differs (-want +got):\n%s", diff)
		}
	})
}

// TestHostileItems replaces or drops attributes of a row: it is understood or
// refused, and never brings the reader down.
func TestHostileItems(t *testing.T) {
	values := []types.AttributeValue{
		nil, (*types.AttributeValueMemberN)(nil), (*types.AttributeValueMemberS)(nil), (*types.AttributeValueMemberB)(nil),
		&types.AttributeValueMemberN{}, &types.AttributeValueMemberN{Value: "-1"}, &types.AttributeValueMemberN{Value: "1e3"},
		&types.AttributeValueMemberN{Value: "99999999999999999999999999999999999999"}, &types.AttributeValueMemberN{Value: "NaN"},
		&types.AttributeValueMemberS{Value: "T#1#2"}, &types.AttributeValueMemberS{Value: "T#1#2#256"},
		&types.AttributeValueMemberS{Value: "T#-1#2#3"}, &types.AttributeValueMemberB{Value: []byte{1}},
		&types.AttributeValueMemberNULL{Value: true}, &types.AttributeValueMemberL{}, &types.AttributeValueMemberM{},
	}
	good := storetest.Sample("5G", 44, 3)
	names := append(slices.Sorted(maps.Keys(encodeSample(&good))), "format")
	optional := []string{pk, ttl, "model", "slug", "reason", "pack", "outcome", "format"}
	for _, name := range names {
		for i, v := range values {
			row := encodeSample(&good)
			row[name] = v
			if _, err := decodeSample(shelfOf(good), row); err == nil && !slices.Contains(optional, name) && (name != "at" || i != 5) { // a time may be negative
				t.Errorf("attribute %s as value %d was taken", name, i)
			}
		}
		row := encodeSample(&good)
		delete(row, name)
		if _, err := decodeSample(shelfOf(good), row); err == nil && !slices.Contains(optional, name) {
			t.Errorf("a row without %s was taken", name)
		} else if err != nil && !errors.Is(err, errRow) {
			t.Errorf("a row without %s gave %v", name, err)
		}
	}
}

func TestRowsOfANewerBuildAreToldApart(t *testing.T) {
	good := storetest.Sample("5G", 44, 3)
	row := encodeSample(&good)
	row["format"] = number(2)
	if _, err := decodeSample(shelfOf(good), row); !errors.Is(err, store.ErrNewer) {
		t.Errorf("sample: %v, want ErrNewer", err)
	}
	if _, _, err := decodeDoc[subnet.Miner](item{"format": number(2)}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("document: %v, want ErrNewer", err)
	}
	for _, row := range []item{{}, {"version": number(1), "doc": text("{")}, {"version": number(-1), "doc": text("{}")}, {"version": text("1")}} {
		if _, _, err := decodeDoc[subnet.Miner](row); !errors.Is(err, errRow) {
			t.Errorf("document %v: %v, want it refused as malformed", row, err)
		}
	}
}

// TestItemIsAsTheTableWantsIt: integers as numbers, the key as designed, the expiry
// ninety days after the grading.
func TestItemIsAsTheTableWantsIt(t *testing.T) {
	s := storetest.Sample("5G", 44, 3)
	row := encodeSample(&s)
	for name, want := range map[string]types.AttributeValue{
		"pk":    text("S#5G#" + string(s.Revision) + "#affine:sat"),
		"sk":    text("T#000000000044#000003#000"),
		"score": &types.AttributeValueMemberN{Value: "1000"},
		"ttl":   &types.AttributeValueMemberN{Value: strconv.FormatInt(s.At.Add(90*24*time.Hour).Unix(), 10)},
		"at":    &types.AttributeValueMemberN{Value: strconv.FormatInt(s.At.UnixMilli(), 10)},
	} {
		if diff := cmp.Diff(want, row[name], cmp.AllowUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberN{})); diff != "" {
			t.Errorf("attribute %s differs (-want +got):\n%s", name, diff)
		}
	}
}

// size is what DynamoDB bills for an item: names, UTF-8 texts, bytes, and a number
// as one byte for two digits and one more (two with a sign).
func size(row item) int {
	n := 0
	for name, v := range row {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += (len(v.Value)+1)/2 + 2
		}
	}
	return n
}

// TestASampleCostsOneWriteUnit, 1 KB, with everything as long as a commitment on
// chain, an ss58 address and our own packs allow.
func TestASampleCostsOneWriteUnit(t *testing.T) {
	s := storetest.Sample("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", store.MaxOrdinal, subnet.MaxIndex)
	s.Model, s.Revision = strings.Repeat("m", 256), subnet.Revision(strings.Repeat("0", 64))
	s.Slug, s.Reason = strings.Repeat("s", 63), strings.Repeat("r", subnet.MaxReason)
	s.Ref.Pack = "conv/v1/dt=2026-11-22/" + strings.Repeat("a", 36) + "-000123.pack"
	s.Outcome = subnet.MinerUnfunded
	row := encodeSample(&s)
	row[token] = &types.AttributeValueMemberB{Value: make([]byte, 8)}
	if n := size(row); n > 1024 {
		t.Errorf("the largest sample has %d bytes", n)
	}
}
