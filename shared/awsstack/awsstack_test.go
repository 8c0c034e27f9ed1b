package awsstack_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/affine-go/affine/shared/awsstack"
)

// The SDK by itself waits for ever for an answer; a limit below the long poll's
// twenty seconds would cut off every poll of an empty queue.
func TestAnswersAreNotAwaitedForEver(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	cfg, err := awsstack.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		t.Fatalf("the HTTP client is a %T, which the stores cannot tune", cfg.HTTPClient)
	}
	if limit := client.GetTransport().ResponseHeaderTimeout; limit < 30*time.Second || limit > 5*time.Minute {
		t.Errorf("an answer is awaited for %v", limit)
	}
}

func TestInvocationEndsBeforeItIsKilled(t *testing.T) {
	for _, c := range []struct{ left, want time.Duration }{
		{15 * time.Minute, 15*time.Minute - 5*time.Second},
		{4 * time.Second, 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			killed, cancel := context.WithTimeout(t.Context(), c.left)
			defer cancel()
			ctx, done := awsstack.Invocation(killed)
			defer done()
			<-ctx.Done()
			if got := time.Since(began); got != c.want || killed.Err() != nil {
				t.Errorf("with %v left it ended after %v, want %v", c.left, got, c.want)
			}
		})
	}
	ctx, done := awsstack.Invocation(t.Context())
	defer done()
	if _, ends := ctx.Deadline(); ends {
		t.Error("an invocation without a deadline was given one")
	}
}
