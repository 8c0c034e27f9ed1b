package aws_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/queue/aws"
	"github.com/affine-go/affine/shared/queue/queuetest"
)

// SQS's fair queues put groups behind that hold more than a tenth of what is in
// flight; they promise no turns, as the suite wants them. The emulators take the
// group and go by age.
const noTurns = "SQS promises no strict turns between groups"

// caps is what each service does not do, as the suite found.
var caps = map[awstest.Kind]queuetest.Caps{
	awstest.Other: {NoFairness: noTurns},
	awstest.MiniStack: {
		NoFairness:     noTurns,
		NoStaleExpired: "MiniStack lets a receipt be extended and used until the next delivery",
	},
	awstest.Moto: {
		NoFairness:     noTurns,
		NoStaleExpired: "moto lets a receipt be extended and used until the next delivery",
		NoStaleExtend:  "moto takes every receipt that a message ever had",
		NoStaleDelete:  "moto takes every receipt that a message ever had, and deletes twice",
	},
}

func TestContract(t *testing.T) {
	awstest.Each(t, func(t *testing.T, e awstest.Endpoint) {
		client := sqs.NewFromConfig(e.Config())
		queuetest.Run(t, func(t *testing.T) queuetest.Harness {
			t.Parallel()
			config := queue.Config{Visibility: 2 * time.Second, MaxReceives: 3}
			q, err := aws.Create(t.Context(), client, awstest.Name("tasks"), config)
			if err != nil {
				t.Fatal(err)
			}
			return queuetest.Harness{Queue: q, Config: config, Now: time.Now, Pass: pass, Caps: caps[e.Kind]}
		})
	})
}

// pass waits: an emulator's clock is the machine's.
func pass(d time.Duration) { <-time.After(d) }
