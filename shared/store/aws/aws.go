// Package aws is the table on DynamoDB: one table, pay per request, keys as package
// store spells them.
//
// Reads are strongly consistent. Every write is conditional and carries a token of
// its own: when the client repeats a request whose reply it missed, the condition
// fails on the row that the first one wrote, and the token tells that row from
// another writer's. Throttled requests are repeated by the client, with back-off;
// what it gives up on is told to the caller.
package aws

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/affine-go/affine/shared/store"
)

// Client is the part of *dynamodb.Client that a Store uses.
type Client interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Store is a DynamoDB table.
type Store struct {
	client Client
	table  string
}

var _ store.Store = (*Store)(nil)

// New is the table called table.
func New(client Client, table string) *Store { return &Store{client: client, table: table} }

// item is a row as DynamoDB has it.
type item = map[string]types.AttributeValue

// The names of the attributes that all rows share.
const (
	pk    = "pk"    // S, partition key
	sk    = "sk"    // S, sort key
	ttl   = "ttl"   // N, Unix seconds from which DynamoDB may drop the row; on samples only
	token = "token" // B, the token of the write that made the row what it is
)

// place is the beginning of a row: its key.
func place(k store.Key) item { return item{pk: text(k.Partition), sk: text(k.Sort)} }

// errStands is put's answer when the condition failed on another writer's row.
var errStands = errors.New("another row stands")

// put writes a row if condition holds for the standing one. condition may use the
// given names and values.
func (s *Store) put(ctx context.Context, row item, condition string, names map[string]string, values item) error {
	own := make([]byte, 8)
	_, _ = rand.Read(own) // never fails
	row[token] = &types.AttributeValueMemberB{Value: own}
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: row, ConditionExpression: &condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return err
	}
	if old, ok := failed.Item[token].(*types.AttributeValueMemberB); ok && string(old.Value) == string(own) {
		return nil // this very call wrote it, and the client repeated the request
	}
	return errStands
}

// putNew writes a row where none stands.
func (s *Store) putNew(ctx context.Context, row item) error {
	return s.put(ctx, row, "attribute_not_exists("+pk+")", nil, nil)
}

// query reads the rows of a partition to their end, page by page, or limit of them
// when limit is above zero.
func (s *Store) query(ctx context.Context, in *dynamodb.QueryInput, limit int, each func(item) error) error {
	in.TableName, in.ConsistentRead = &s.table, aws.Bool(true)
	for left := limit; ; {
		if limit > 0 {
			in.Limit = aws.Int32(int32(left))
		}
		page, err := s.client.Query(ctx, in)
		if err != nil {
			return err
		}
		for _, row := range page.Items {
			if err := each(row); err != nil {
				return err
			}
		}
		left -= len(page.Items)
		if len(page.LastEvaluatedKey) == 0 || limit > 0 && left <= 0 {
			return nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// partition is the query for all rows of one.
func partition(name string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String(pk + " = :pk"),
		ExpressionAttributeValues: item{":pk": text(name)},
	}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number[T int | int64 | uint64](n T) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}
