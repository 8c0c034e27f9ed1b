package awsstack_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	archivelocal "github.com/affine-go/affine/shared/archive/local"
	"github.com/affine-go/affine/shared/awsstack"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/config"
)

// A second process finds in the archive what the first has read from the chain, unless it
// is damaged; then it is replaced.
func TestDescriptionsAreKeptInTheArchive(t *testing.T) {
	node, err := chaintest.Start(t.Context(), chaintest.Config{Sealing: chaintest.ByHand})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() }) // there is no state file to close
	kept, err := archivelocal.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := config.Settings{Chain: config.Chain{Endpoints: []string{node.Endpoint()}, Genesis: node.Genesis()}}
	asked := func() int {
		before := node.Served()["state_call"]
		client, err := chain.Dial(t.Context(), awsstack.Chain(s, kept))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Close() }() // never fails
		if _, err := client.Runtime(t.Context(), node.Genesis()); err != nil {
			t.Fatal(err)
		}
		return node.Served()["state_call"] - before
	}
	if asked() == 0 {
		t.Error("the first process asked for no metadata")
	}
	if n := asked(); n != 0 {
		t.Errorf("the second asked %d times", n)
	}
	names, err := kept.List(t.Context(), "")
	if want := "chain/v1/metadata/" + strings.TrimPrefix(node.Genesis(), "0x") + "-446.scale"; err != nil || len(names) != 1 || names[0] != want {
		t.Fatalf("the archive holds %v, %v; want %s", names, err, want)
	}
	if err := kept.Replace(t.Context(), names[0], []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	if asked() == 0 {
		t.Error("a damaged entry was used")
	}
	if n := asked(); n != 0 {
		t.Error("a damaged entry was not replaced")
	}
}

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
