package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/affine-go/affine/shared/queue"
)

// Creator is a Client that can also make queues.
type Creator interface {
	Client
	CreateQueue(context.Context, *sqs.CreateQueueInput, ...func(*sqs.Options)) (*sqs.CreateQueueOutput, error)
}

// keepDead is how long a dead letter is kept: fourteen days, SQS's most.
const keepDead = 14 * 24 * 3600

// Create makes the queue called name and its dead-letter queue, name-dead, or finds
// them as made before with the same Config. In an account they are made by the
// stack; this is for emulators.
func Create(ctx context.Context, client Creator, name string, c queue.Config) (*Queue, error) {
	c, err := c.WithDefaults()
	if err != nil {
		return nil, err
	}
	dead, err := create(ctx, client, name+"-dead", map[string]string{
		string(types.QueueAttributeNameMessageRetentionPeriod): strconv.Itoa(keepDead),
	})
	if err != nil {
		return nil, err
	}
	policy, err := redrivePolicy(ctx, client, dead, c.MaxReceives)
	if err != nil {
		return nil, err
	}
	main, err := create(ctx, client, name, map[string]string{
		string(types.QueueAttributeNameVisibilityTimeout):  strconv.Itoa(int(seconds(c.Visibility))),
		string(types.QueueAttributeNameMaximumMessageSize): strconv.Itoa(queue.MaxBody),
		string(types.QueueAttributeNameRedrivePolicy):      policy,
	})
	if err != nil {
		return nil, err
	}
	return New(client, main, dead), nil
}

func create(ctx context.Context, client Creator, name string, attributes map[string]string) (url string, err error) {
	resp, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return "", fmt.Errorf("queue: create %s: %w", name, err)
	}
	return aws.ToString(resp.QueueUrl), nil
}

// redrivePolicy sends to the queue at deadURL what was received max times.
func redrivePolicy(ctx context.Context, client Client, deadURL string, max int) (string, error) {
	resp, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &deadURL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return "", fmt.Errorf("queue: ARN of %s: %w", deadURL, err)
	}
	policy, err := json.Marshal(map[string]string{
		"deadLetterTargetArn": resp.Attributes[string(types.QueueAttributeNameQueueArn)],
		"maxReceiveCount":     strconv.Itoa(max),
	})
	return string(policy), err
}
