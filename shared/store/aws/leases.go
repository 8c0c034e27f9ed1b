package aws

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/affine-go/affine/shared/store"
)

// Acquire takes or renews the lease until now + ttl. Rows hold it in microseconds.
func (s *Store) Acquire(ctx context.Context, name, owner string, now time.Time, ttl time.Duration) error {
	if err := store.CheckLease(name, owner); err != nil {
		return err
	}
	row := place(store.LeaseKey(name))
	row["owner"], row["until"] = text(owner), number(now.Add(ttl).UnixMicro())
	err := s.put(ctx, row, "attribute_not_exists("+pk+") OR #owner = :owner OR #until <= :now",
		map[string]string{"#owner": "owner", "#until": "until"},
		item{":owner": text(owner), ":now": number(now.UnixMicro())})
	if errors.Is(err, errStands) {
		err = store.ErrHeld
	}
	if err != nil {
		return fmt.Errorf("store: acquire lease %s for %s: %w", name, owner, err)
	}
	return nil
}

// Release gives the lease back if owner still holds it.
func (s *Store) Release(ctx context.Context, name, owner string) error {
	if err := store.CheckLease(name, owner); err != nil {
		return err
	}
	_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.table, Key: place(store.LeaseKey(name)),
		ConditionExpression:       aws.String("#owner = :owner"),
		ExpressionAttributeNames:  map[string]string{"#owner": "owner"},
		ExpressionAttributeValues: item{":owner": text(owner)},
	})
	var failed *types.ConditionalCheckFailedException
	if err != nil && !errors.As(err, &failed) {
		return fmt.Errorf("store: release lease %s of %s: %w", name, owner, err)
	}
	return nil
}
