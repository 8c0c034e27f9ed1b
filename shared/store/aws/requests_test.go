package aws_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/store/aws"
	"github.com/affine-go/affine/shared/store/storetest"
	"github.com/affine-go/affine/shared/subnet"
)

// lossy is a table of which only puts are known. It takes a put when nothing stands
// under the key, loses the reply, and then sees the same request again, as the SDK
// repeats it.
type lossy struct {
	aws.Client
	mu    sync.Mutex
	rows  map[string]map[string]types.AttributeValue
	stale bool // another writer's row stands under every key
}

func (l *lossy) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := in.Item["pk"].(*types.AttributeValueMemberS).Value + "|" + in.Item["sk"].(*types.AttributeValueMemberS).Value
	if _, stands := l.rows[key]; !stands {
		if l.rows == nil {
			l.rows = map[string]map[string]types.AttributeValue{}
		}
		l.rows[key] = maps.Clone(in.Item)
		if l.stale {
			l.rows[key]["token"] = &types.AttributeValueMemberB{Value: []byte("another!")}
		}
	}
	failed := &types.ConditionalCheckFailedException{Message: sdk.String("The conditional request failed")}
	if in.ReturnValuesOnConditionCheckFailure == types.ReturnValuesOnConditionCheckFailureAllOld {
		failed.Item = l.rows[key]
	}
	return nil, failed
}

// TestARepeatedRequestKnowsItsOwnRow: the SDK repeats a put whose reply it missed,
// the repeat fails on the condition, and yet the caller was the first.
func TestARepeatedRequestKnowsItsOwnRow(t *testing.T) {
	for _, another := range []bool{false, true} {
		s := aws.New(&lossy{stale: another}, "t")
		results, err := s.PutSamples(t.Context(), []subnet.Sample{storetest.Sample("5G", 44, 3)})
		if err != nil || results[0] != (store.PutResult{Duplicate: another}) {
			t.Errorf("another's row %v: sample %+v, %v", another, results, err)
		}
		want := map[bool]error{true: store.ErrConflict}[another]
		if _, err := s.PutMiner(t.Context(), subnet.Miner{Hotkey: "5G"}); !errors.Is(err, want) {
			t.Errorf("another's row %v: miner: %v, want %v", another, err, want)
		}
		if _, err := s.PutPlan(t.Context(), subnet.WindowPlan{Version: 4}); !errors.Is(err, want) {
			t.Errorf("another's row %v: plan: %v, want %v", another, err, want)
		}
		want = map[bool]error{true: store.ErrHeld}[another]
		if err := s.Acquire(t.Context(), "weights", "a", time.Unix(1, 0), time.Minute); !errors.Is(err, want) {
			t.Errorf("another's row %v: lease: %v, want %v", another, err, want)
		}
	}
}

// crowded counts how many puts run at once; all fail.
type crowded struct {
	aws.Client
	running, most atomic.Int32
}

var errThrottled = errors.New("throughput exceeded")

func (c *crowded) PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	n := c.running.Add(1)
	for {
		most := c.most.Load()
		if n <= most || c.most.CompareAndSwap(most, n) {
			break
		}
	}
	defer c.running.Add(-1)
	return nil, fmt.Errorf("put: %w", errThrottled)
}

// TestPutSamplesIsBoundedAndTellsEachError: what the SDK gave up on is told for each
// sample, and the number of requests in flight keeps to its bound.
func TestPutSamplesIsBoundedAndTellsEachError(t *testing.T) {
	c := &crowded{}
	samples := make([]subnet.Sample, 500)
	for i := range samples {
		samples[i] = storetest.Sample("5G", 44, uint32(i))
	}
	results, err := aws.New(c, "t").PutSamples(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if !errors.Is(r.Err, errThrottled) || r.Duplicate {
			t.Fatalf("sample %d: %+v", i, r)
		}
	}
	if most := c.most.Load(); most > 32 {
		t.Errorf("%d requests ran at once, want 32 at most", most)
	}
}

// paged answers queries page by page, one row each, with an empty page between, as
// DynamoDB may.
type paged struct {
	aws.Client
	rows []map[string]types.AttributeValue
	t    *testing.T
}

func (p *paged) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if !sdk.ToBool(in.ConsistentRead) {
		p.t.Error("a query is not consistent")
	}
	at := 0
	if start, ok := in.ExclusiveStartKey["at"].(*types.AttributeValueMemberN); ok {
		if _, err := fmt.Sscan(start.Value, &at); err != nil {
			p.t.Fatal(err)
		}
	}
	out := &dynamodb.QueryOutput{}
	if at%2 == 1 {
		out.Items = p.rows[at/2 : at/2+1]
	}
	if at < 2*len(p.rows) { // the last key is given even when nothing follows it
		out.LastEvaluatedKey = map[string]types.AttributeValue{"at": &types.AttributeValueMemberN{Value: fmt.Sprint(at + 1)}}
	}
	return out, nil
}

func TestQueriesReadAllPages(t *testing.T) {
	p := &paged{t: t}
	for i := range 3 {
		p.rows = append(p.rows, map[string]types.AttributeValue{
			"version": &types.AttributeValueMemberN{Value: "1"},
			"doc":     &types.AttributeValueMemberS{Value: fmt.Sprintf(`{"hotkey":"%d","commit_block":9}`, i)},
		})
	}
	s := aws.New(p, "t")
	miners, err := s.Miners(t.Context(), 120)
	if err != nil || len(miners) != 3 || miners[2].Hotkey != "2" || miners[2].Commitment.Block != 9 {
		t.Errorf("miners %+v, %v", miners, err)
	}
	for n, want := range map[int]int{1: 1, 2: 2, 3: 3, 9: 3} {
		if got, err := s.LatestWeights(t.Context(), 120, n); err != nil || len(got) != want {
			t.Errorf("latest %d: %d records, %v", n, len(got), err)
		}
	}
}
