// Package aws is the queue on SQS: a standard queue with fair delivery between
// message groups, and a dead-letter queue.
//
// SQS delivers at least once and may, rarely, deliver a message twice or after its
// deletion. It tells of stale receipts where it can. Retries of single requests are
// the client's; what it gives up on is told to the caller.
package aws

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/affine-go/affine/shared/queue"
)

// Client is the part of *sqs.Client that a Queue uses.
type Client interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Queue is an SQS queue.
type Queue struct {
	client  Client
	url     string
	deadURL string
}

var _ queue.Queue = (*Queue)(nil)

// New is the queue at queueURL. deadURL is that of its dead-letter queue; when it is
// empty, Depth reports no dead letters. Visibility and number of receives are the
// queue's own.
func New(client Client, queueURL, deadURL string) *Queue {
	return &Queue{client: client, url: queueURL, deadURL: deadURL}
}

// URL is the queue's address.
func (q *Queue) URL() string { return q.url }

// DeadURL is the address of its dead-letter queue, empty when it has none.
func (q *Queue) DeadURL() string { return q.deadURL }

// Send enqueues the messages in requests of at most ten and at most MaxBody bytes.
func (q *Queue) Send(ctx context.Context, msgs []queue.Message) error {
	out := newOutcome(len(msgs))
	for _, span := range sendable(msgs, out) {
		entries := make([]types.SendMessageBatchRequestEntry, len(span))
		for n, i := range span {
			entries[n] = types.SendMessageBatchRequestEntry{
				Id: entryID(n), MessageBody: aws.String(string(msgs[i].Body)), MessageGroupId: aws.String(msgs[i].Group),
			}
		}
		resp, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			out.lost(span, err)
			continue
		}
		out.answered(span, len(resp.Successful), resp.Failed, plainError)
	}
	return out.err("send")
}

// sendable parts the messages that can be sent into requests; the others fail.
func sendable(msgs []queue.Message, out *outcome) [][]int {
	var spans [][]int
	var span []int
	size := 0
	for i, m := range msgs {
		if err := m.Check(); err != nil {
			out.failed[i] = err
			continue
		}
		if len(span) == queue.MaxBatch || size+len(m.Body) > queue.MaxBody {
			spans, span, size = append(spans, span), nil, 0
		}
		span = append(span, i)
		size += len(m.Body)
	}
	if len(span) > 0 {
		spans = append(spans, span)
	}
	return spans
}

// longest is the longest wait that SQS grants a request.
const longest = 20 * time.Second

// Receive asks by long poll, again and again when wait exceeds SQS's twenty seconds.
// SQS counts waits in seconds: a shorter one is rounded up.
func (q *Queue) Receive(ctx context.Context, max int, wait time.Duration) ([]queue.Delivery, error) {
	if err := queue.CheckReceive(max, wait); err != nil {
		return nil, err
	}
	for {
		step := min(wait, longest)
		wait -= step
		got, err := q.receive(ctx, max, step)
		if err != nil {
			return nil, fmt.Errorf("queue: receive from %s: %w", q.url, err)
		}
		if len(got) > 0 || wait == 0 {
			return got, nil
		}
	}
}

func (q *Queue) receive(ctx context.Context, max int, wait time.Duration) ([]queue.Delivery, error) {
	resp, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:            &q.url,
		MaxNumberOfMessages: int32(max),
		WaitTimeSeconds:     seconds(wait),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount,
			types.MessageSystemAttributeNameSentTimestamp,
			types.MessageSystemAttributeNameMessageGroupId,
		},
	})
	if err != nil {
		return nil, err
	}
	got := make([]queue.Delivery, len(resp.Messages))
	for i, m := range resp.Messages {
		if got[i], err = delivery(m); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// delivery reads a message and the attributes that were asked for with it.
func delivery(m types.Message) (queue.Delivery, error) {
	d := queue.Delivery{ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle)}
	d.Group = m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]
	d.Body = []byte(aws.ToString(m.Body))
	var err error
	count := m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)]
	if d.Receives, err = strconv.Atoi(count); err != nil {
		return d, fmt.Errorf("message %s: receive count: %w", d.ID, err)
	}
	sent, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return d, fmt.Errorf("message %s: sent timestamp: %w", d.ID, err)
	}
	d.Sent = time.UnixMilli(sent).UTC()
	return d, nil
}

// Extend changes the visibility in requests of ten. SQS counts it in seconds: what
// lies between is rounded up.
func (q *Queue) Extend(ctx context.Context, receipts []string, d time.Duration) error {
	if err := queue.CheckExtend(d); err != nil {
		return err
	}
	out := newOutcome(len(receipts))
	for _, span := range readable(receipts, out) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(span))
		for n, i := range span {
			entries[n] = types.ChangeMessageVisibilityBatchRequestEntry{
				Id: entryID(n), ReceiptHandle: &receipts[i], VisibilityTimeout: seconds(d),
			}
		}
		resp, err := q.client.ChangeMessageVisibilityBatch(ctx,
			&sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			out.lost(span, err)
			continue
		}
		out.answered(span, len(resp.Successful), resp.Failed, receiptError)
	}
	return out.err("extend")
}

// Delete removes the messages in requests of ten.
func (q *Queue) Delete(ctx context.Context, receipts []string) error {
	out := newOutcome(len(receipts))
	for _, span := range readable(receipts, out) {
		entries := make([]types.DeleteMessageBatchRequestEntry, len(span))
		for n, i := range span {
			entries[n] = types.DeleteMessageBatchRequestEntry{Id: entryID(n), ReceiptHandle: &receipts[i]}
		}
		resp, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			out.lost(span, err)
			continue
		}
		out.answered(span, len(resp.Successful), resp.Failed, receiptError)
	}
	return out.err("delete")
}

// readable parts the receipts into requests. An empty one would make SQS refuse its
// whole request.
func readable(receipts []string, out *outcome) [][]int {
	var spans [][]int
	var span []int
	for i, r := range receipts {
		if r == "" {
			out.failed[i] = queue.ErrStale
			continue
		}
		if len(span) == queue.MaxBatch {
			spans, span = append(spans, span), nil
		}
		span = append(span, i)
	}
	if len(span) > 0 {
		spans = append(spans, span)
	}
	return spans
}

// Depth adds up SQS's approximate figures. The oldest message's age is known to
// CloudWatch only.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	main, err := q.count(ctx, q.url)
	if err != nil {
		return queue.Depth{}, err
	}
	if q.deadURL == "" {
		return main, nil
	}
	dead, err := q.count(ctx, q.deadURL)
	if err != nil {
		return queue.Depth{}, err
	}
	main.Dead = dead.Visible + dead.InFlight + dead.Delayed
	return main, nil
}

func (q *Queue) count(ctx context.Context, url string) (queue.Depth, error) {
	resp, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url,
		AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages,
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		},
	})
	if err != nil {
		return queue.Depth{}, fmt.Errorf("queue: depth of %s: %w", url, err)
	}
	var d queue.Depth
	for name, to := range map[types.QueueAttributeName]*int{
		types.QueueAttributeNameApproximateNumberOfMessages:           &d.Visible,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &d.InFlight,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    &d.Delayed,
	} {
		if *to, err = strconv.Atoi(resp.Attributes[string(name)]); err != nil {
			return queue.Depth{}, fmt.Errorf("queue: depth of %s: %s: %w", url, name, err)
		}
	}
	return d, nil
}

// seconds rounds up to SQS's unit.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }
