package aws_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/signer/aws"
	"github.com/affine-go/affine/shared/signer/signertest"
	storeaws "github.com/affine-go/affine/shared/store/aws"
)

func TestLedgerContract(t *testing.T) {
	awstest.Each(t, func(t *testing.T, e awstest.Endpoint) {
		client := storeaws.NewClient(e.Config())
		signertest.Run(t, func(t *testing.T) signertest.Storage {
			t.Parallel()
			table := awstest.Name("ledger")
			if err := storeaws.CreateTable(t.Context(), client, table); err != nil {
				t.Fatal(err)
			}
			return signertest.Storage{
				Open: func() signer.Ledger { return aws.NewLedger(client, table) },
				Read: func() []signer.Entry { return scan(t, client, table) },
			}
		})
	})
}

func scan(t *testing.T, client *dynamodb.Client, table string) (entries []signer.Entry) {
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: sdk.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range out.Items {
		entries = append(entries, entryOf(t, row))
	}
	return entries
}

func entryOf(t *testing.T, row map[string]types.AttributeValue) (e signer.Entry) {
	text, _ := row["entry"].(*types.AttributeValueMemberS)
	if text == nil {
		t.Fatalf("a row without an entry: %v", row)
	}
	if err := json.Unmarshal([]byte(text.Value), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// table is a DynamoDB of puts only, as strict about their condition as the real one.
type table struct {
	mu   sync.Mutex
	rows map[string]map[string]types.AttributeValue

	refuse int // puts that are answered with an error and not done
	lose   int // puts that are done and answered with an error
	repeat int // puts whose reply the SDK misses, so that it sends them again
}

var errCut = errors.New("connection reset")

func (b *table) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if take(&b.refuse) {
		return nil, errCut
	}
	err := b.put(in)
	if err == nil && take(&b.repeat) {
		err = b.put(in)
	}
	if err == nil && take(&b.lose) {
		err = errCut
	}
	return nil, err
}

func take(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}

func (b *table) put(in *dynamodb.PutItemInput) error {
	if *in.TableName != "t" || *in.ConditionExpression != "attribute_not_exists(pk)" {
		return fmt.Errorf("ValidationException: %s, %s", *in.TableName, *in.ConditionExpression)
	}
	key := in.Item["pk"].(*types.AttributeValueMemberS).Value + " " + in.Item["sk"].(*types.AttributeValueMemberS).Value
	if old, stands := b.rows[key]; stands {
		failed := &types.ConditionalCheckFailedException{Message: sdk.String("The conditional request failed")}
		if in.ReturnValuesOnConditionCheckFailure == types.ReturnValuesOnConditionCheckFailureAllOld {
			failed.Item = old
		}
		return failed
	}
	if b.rows == nil {
		b.rows = make(map[string]map[string]types.AttributeValue)
	}
	b.rows[key] = maps.Clone(in.Item)
	return nil
}

func TestLedgerContractOnAStrictTable(t *testing.T) {
	t.Parallel()
	signertest.Run(t, func(t *testing.T) signertest.Storage {
		b := &table{}
		return signertest.Storage{
			Open: func() signer.Ledger { return aws.NewLedger(b, "t") },
			Read: func() (entries []signer.Entry) {
				for _, row := range b.rows {
					entries = append(entries, entryOf(t, row))
				}
				return entries
			},
		}
	})
}

func TestLedgerKeys(t *testing.T) {
	t.Parallel()
	b := &table{}
	if _, err := aws.NewLedger(b, "t").Claim(t.Context(), signertest.Entry(7_400_123), 1); err != nil {
		t.Fatal(err)
	}
	if _, stands := b.rows["G#120 weights#000007400123#000000"]; !stands {
		t.Errorf("rows at %v", maps.Keys(b.rows))
	}
}

// A claim whose reply is lost is no claim: it may cost a slot, and never doubles one.
func TestLedgerUnderFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		table *table
		slots int // rows after the fault
		next  int // slot of the claim after it
	}{
		"refused":    {&table{refuse: 1}, 0, 0},
		"reply lost": {&table{lose: 1}, 1, 1},
	} {
		ledger := aws.NewLedger(c.table, "t")
		if slot, err := ledger.Claim(t.Context(), signertest.Entry(1000), 3); !errors.Is(err, errCut) || len(c.table.rows) != c.slots {
			t.Errorf("%s: slot %d, %v, %d rows", name, slot, err, len(c.table.rows))
		}
		if slot, err := ledger.Claim(t.Context(), signertest.Entry(1000), 3); err != nil || slot != c.next {
			t.Errorf("%s: then slot %d, %v; want %d", name, slot, err, c.next)
		}
	}
}

// The SDK repeats a put whose reply it missed; the repeat fails on the condition, and yet
// the slot is this signer's.
func TestARepeatedClaimKnowsItsOwnRow(t *testing.T) {
	t.Parallel()
	b := &table{repeat: 1}
	ledger := aws.NewLedger(b, "t")
	for want := range 2 {
		if slot, err := ledger.Claim(t.Context(), signertest.Entry(1000), 3); err != nil || slot != want {
			t.Errorf("slot %d, %v; want %d", slot, err, want)
		}
	}
	if len(b.rows) != 2 {
		t.Errorf("%d rows, want 2", len(b.rows))
	}
}
