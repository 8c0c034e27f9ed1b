package aws_test

import (
	"testing"

	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/store/aws"
	"github.com/affine-go/affine/shared/store/storetest"
)

func TestContract(t *testing.T) {
	awstest.Each(t, func(t *testing.T, e awstest.Endpoint) {
		client := aws.NewClient(e.Config())
		storetest.Run(t, func(t *testing.T) store.Store {
			t.Parallel()
			table := awstest.Name("affine")
			if err := aws.CreateTable(t.Context(), client, table); err != nil {
				t.Fatal(err)
			}
			if err := aws.CreateTable(t.Context(), client, table); err != nil {
				t.Fatalf("a second time: %v", err)
			}
			return aws.New(client, table)
		})
	})
}
