// Package awsstack makes the AWS implementations of the contracts from a program's
// settings: what the stack created, the programs open here.
package awsstack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/affine-go/affine/shared/archive"
	archiveaws "github.com/affine-go/affine/shared/archive/aws"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/queue"
	queueaws "github.com/affine-go/affine/shared/queue/aws"
	storeaws "github.com/affine-go/affine/shared/store/aws"
	"github.com/affine-go/affine/shared/subnet"
)

// answerLimit is how long a service may take to begin its answer before the SDK asks
// again on another connection; its own default is for ever. A long poll begins its
// answer after 20 s, and the signer's after it has spoken with the chain.
const answerLimit = 70 * time.Second

// Load reads the SDK's own settings: region, credentials, endpoint.
func Load(ctx context.Context) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.ResponseHeaderTimeout = answerLimit
	})
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithHTTPClient(client))
	if err != nil {
		return cfg, fmt.Errorf("AWS settings: %w", err)
	}
	return cfg, nil
}

// lastWord is what an invocation keeps of its time, at most, to end in order.
const lastWord = 5 * time.Second

// Invocation is a function's context with an end shortly before Lambda's deadline.
// At the deadline itself the process is killed without a word: its lease would not
// be given back, what it knows not be written, and nobody told why.
func Invocation(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(lastWord, time.Until(deadline)/4)))
}

// Store opens the table that the settings name.
func Store(cfg aws.Config, s config.Settings) *storeaws.Store {
	return storeaws.New(storeaws.NewClient(cfg), s.Table)
}

// Queues opens the queue of every environment in the settings.
func Queues(cfg aws.Config, s config.Settings) map[subnet.EnvID]queue.Queue {
	client := sqs.NewFromConfig(cfg)
	queues := make(map[subnet.EnvID]queue.Queue, len(s.Queues))
	for env, url := range s.Queues {
		queues[env] = queueaws.New(client, url, s.DeadQueues[env])
	}
	return queues
}

// Archive opens the bucket that the settings name: on R2 with its own keys when
// they say so, otherwise on S3 with the program's role.
func Archive(cfg aws.Config, s config.Settings) *archiveaws.Archive {
	options := archiveaws.Options{Endpoint: s.R2.Endpoint, PathStyle: s.PathStyle}
	if s.R2.Endpoint != "" {
		cfg = cfg.Copy()
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s.R2.KeyID, SecretAccessKey: s.R2.Key.Reveal(), Source: "R2 settings"}, nil
		})
	}
	return archiveaws.New(archiveaws.NewClient(cfg, options), s.Bucket, "")
}

// Chain says where the chain is. The runtimes' descriptions are kept in the archive, so
// that a function that starts need not ask the chain for them; invocations that follow one
// another in a process share them.
func Chain(s config.Settings, a archive.Archive) chain.Config {
	return chain.Config{
		Endpoints: s.Chain.Endpoints, Archive: s.Chain.Archive, Genesis: s.Chain.Genesis,
		Metadata: chain.NewDescriptions(descriptions{a}),
	}
}

// descriptions is a chain.MetadataCache in the archive.
type descriptions struct{ archive archive.Archive }

const underMetadata = "chain/v1/metadata/"

func (d descriptions) Load(ctx context.Context, key string) ([]byte, error) {
	return d.archive.Get(ctx, underMetadata+key, 0, -1)
}

// Save replaces what stands there: the client saves only what it missed or found damaged.
func (d descriptions) Save(ctx context.Context, key string, entry []byte) error {
	return d.archive.Replace(ctx, underMetadata+key, entry)
}
