package aws

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/affine-go/affine/shared/signer"
)

// Putter is the one call of DynamoDB that a ledger makes: it needs no other right.
type Putter interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// Ledger is a signer's ledger in a DynamoDB table. An entry is a row at
//
//	pk G#<netuid>
//	sk <series>#<window, 12 digits>#<slot, 6 digits>
//
// written under the condition that none stands there, and never written again. Rows do
// not expire.
type Ledger struct {
	client Putter
	table  string
}

var _ signer.Ledger = (*Ledger)(nil)

// NewLedger is the ledger in the table.
func NewLedger(client Putter, table string) *Ledger { return &Ledger{client: client, table: table} }

// The names of a row's attributes; pk, sk and token are those of all rows of the table.
const (
	pk    = "pk"
	sk    = "sk"
	token = "token" // B, tells a request that the client repeats from another signer's
	line  = "entry" // S, the entry as JSON
)

// errTaken is put's answer when another entry stands in the slot.
var errTaken = errors.New("slot is taken")

// Claim implements signer.Ledger. It takes one request, and one more for each slot of the
// window that is taken already.
func (l *Ledger) Claim(ctx context.Context, e signer.Entry, most int) (int, error) {
	if err := e.Check(); err != nil {
		return 0, err
	}
	for e.Slot = 0; e.Slot < most; e.Slot++ {
		err := l.put(ctx, e)
		if err == nil {
			return e.Slot, nil
		}
		if !errors.Is(err, errTaken) {
			return 0, fmt.Errorf("signer's ledger: table %s: %w", l.table, err)
		}
	}
	return 0, e.Full(most)
}

// put writes the entry where none stands.
func (l *Ledger) put(ctx context.Context, e signer.Entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode the entry: %w", err)
	}
	own := make([]byte, 8)
	_, _ = rand.Read(own) // never fails
	vacant := "attribute_not_exists(" + pk + ")"
	_, err = l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.table,
		Item: map[string]types.AttributeValue{
			pk:    &types.AttributeValueMemberS{Value: fmt.Sprintf("G#%d", e.Netuid)},
			sk:    &types.AttributeValueMemberS{Value: fmt.Sprintf("%s#%012d#%06d", e.Series, e.Window, e.Slot)},
			token: &types.AttributeValueMemberB{Value: own},
			line:  &types.AttributeValueMemberS{Value: string(text)},
		},
		ConditionExpression:                 &vacant,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return err
	}
	if old, ok := failed.Item[token].(*types.AttributeValueMemberB); ok && string(old.Value) == string(own) {
		return nil // this very request made the row; the client missed the reply and repeated it
	}
	return errTaken
}
