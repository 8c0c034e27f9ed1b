package aws_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/queue/aws"
)

// script is a client that notes the requests and answers as answer says: an error,
// or the entries that fail by their place in the request.
type script struct {
	t      *testing.T
	spans  [][]string // what each request's entries carried
	waits  []int32    // of each receive
	answer func(request int) (fail map[string]string, missing int, err error)

	messages   []types.Message
	attributes map[string]string
}

var errBroken = errors.New("connection reset")

// reply checks the entries as SQS would and gives the answer's two lists.
func (s *script) reply(ids, carried []string) (ok []string, failed []types.BatchResultErrorEntry, err error) {
	s.t.Helper()
	if len(ids) == 0 || len(ids) > 10 {
		s.t.Errorf("a request has %d entries, SQS takes 1..10", len(ids))
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(ids))); len(distinct) != len(ids) {
		s.t.Errorf("entry ids repeat: %q", ids)
	}
	s.spans = append(s.spans, carried)
	fail, missing, err := s.answer(len(s.spans) - 1)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		switch code, bad := fail[id]; {
		case bad:
			failed = append(failed, types.BatchResultErrorEntry{Id: &id, Code: &code, Message: sdk.String("why"), SenderFault: true})
		case missing > 0:
			missing--
		default:
			ok = append(ok, id)
		}
	}
	if code, stray := fail["stray"]; stray {
		failed = append(failed, types.BatchResultErrorEntry{Id: sdk.String("77"), Code: &code})
	}
	return ok, failed, nil
}

func (s *script) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	var ids, bodies []string
	size := 0
	for _, e := range in.Entries {
		ids, bodies = append(ids, *e.Id), append(bodies, *e.MessageBody)
		size += len(*e.MessageBody)
		if *e.MessageGroupId == "" {
			s.t.Error("a message has no group")
		}
	}
	if size > queue.MaxBody {
		s.t.Errorf("a request carries %d bytes", size)
	}
	ok, failed, err := s.reply(ids, bodies)
	out := &sqs.SendMessageBatchOutput{Failed: failed}
	for _, id := range ok {
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: &id})
	}
	return out, err
}

func (s *script) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	var ids, handles []string
	for _, e := range in.Entries {
		ids, handles = append(ids, *e.Id), append(handles, fmt.Sprintf("%s for %d s", *e.ReceiptHandle, e.VisibilityTimeout))
	}
	ok, failed, err := s.reply(ids, handles)
	out := &sqs.ChangeMessageVisibilityBatchOutput{Failed: failed}
	for _, id := range ok {
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: &id})
	}
	return out, err
}

func (s *script) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	var ids, handles []string
	for _, e := range in.Entries {
		ids, handles = append(ids, *e.Id), append(handles, *e.ReceiptHandle)
	}
	ok, failed, err := s.reply(ids, handles)
	out := &sqs.DeleteMessageBatchOutput{Failed: failed}
	for _, id := range ok {
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: &id})
	}
	return out, err
}

func (s *script) ReceiveMessage(_ context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	s.waits = append(s.waits, in.WaitTimeSeconds)
	return &sqs.ReceiveMessageOutput{Messages: s.messages}, nil
}

func (s *script) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	return &sqs.GetQueueAttributesOutput{Attributes: s.attributes}, nil
}

func fine(int) (map[string]string, int, error) { return nil, 0, nil }

func numbered(n int) []queue.Message {
	msgs := make([]queue.Message, n)
	for i := range msgs {
		msgs[i] = queue.Message{Group: "g", Body: fmt.Append(nil, i)}
	}
	return msgs
}

func failures(t *testing.T, err error) map[int]error {
	t.Helper()
	var partial *queue.PartialError
	if !errors.As(err, &partial) {
		t.Fatalf("error is %v, want a PartialError", err)
	}
	return partial.Failed
}

func TestSendPartsByNumberAndSize(t *testing.T) {
	for _, c := range []struct {
		name  string
		sizes []int
		want  []int // messages per request
	}{
		{"nothing", nil, nil},
		{"ten", slices.Repeat([]int{1}, 10), []int{10}},
		{"twenty-one", slices.Repeat([]int{1}, 21), []int{10, 10, 1}},
		{"largest", []int{queue.MaxBody, 1, queue.MaxBody}, []int{1, 1, 1}},
		{"just fits", []int{queue.MaxBody - 9, 9, 1}, []int{2, 1}},
	} {
		s := &script{t: t, answer: fine}
		msgs := make([]queue.Message, len(c.sizes))
		for i, n := range c.sizes {
			msgs[i] = queue.Message{Group: "g", Body: []byte(strings.Repeat("1", n))}
		}
		if err := aws.New(s, "q", "").Send(t.Context(), msgs); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []int
		for _, span := range s.spans {
			got = append(got, len(span))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: requests of %v messages, want %v", c.name, got, c.want)
		}
	}
}

// TestSendNamesWhatFailed mixes a message that cannot be sent, an entry that SQS
// refuses, and a request that breaks.
func TestSendNamesWhatFailed(t *testing.T) {
	s := &script{t: t, answer: func(request int) (map[string]string, int, error) {
		if request == 1 {
			return nil, 0, errBroken
		}
		return map[string]string{"4": "InternalError"}, 0, nil
	}}
	msgs := numbered(25)
	msgs[2].Body = nil
	failed := failures(t, aws.New(s, "q", "").Send(t.Context(), msgs))
	for i := range msgs {
		err := failed[i]
		switch {
		case i == 2 && !errors.Is(err, queue.ErrUnsendable):
			t.Errorf("message %d: %v, want ErrUnsendable", i, err)
		case i >= 11 && i <= 20 && !errors.Is(err, errBroken): // the second request
			t.Errorf("message %d: %v, want the request's error", i, err)
		case i == 5 && (err == nil || !strings.Contains(err.Error(), "InternalError")): // entry 4, for 2 was left out
			t.Errorf("message %d: %v, want InternalError", i, err)
		case i != 2 && i != 5 && (i < 11 || i > 20) && err != nil:
			t.Errorf("message %d: %v, want it sent", i, err)
		}
	}
}

func TestNothingKnownIsNoPartialError(t *testing.T) {
	s := &script{t: t, answer: func(int) (map[string]string, int, error) { return nil, 0, errBroken }}
	q := aws.New(s, "q", "")
	for name, err := range map[string]error{
		"send":   q.Send(t.Context(), numbered(12)),
		"extend": q.Extend(t.Context(), []string{"a", "b"}, time.Second),
		"delete": q.Delete(t.Context(), []string{"a", "b"}),
	} {
		var partial *queue.PartialError
		if !errors.Is(err, errBroken) || errors.As(err, &partial) {
			t.Errorf("%s: %v, want the plain error", name, err)
		}
	}
}

// TestAnswerThatDoesNotAddUp: an entry that the answer leaves out is not taken for
// done.
func TestAnswerThatDoesNotAddUp(t *testing.T) {
	for name, answer := range map[string]func(int) (map[string]string, int, error){
		"missing": func(int) (map[string]string, int, error) { return nil, 1, nil },
		"stray":   func(int) (map[string]string, int, error) { return map[string]string{"stray": "X"}, 0, nil },
	} {
		q := aws.New(&script{t: t, answer: answer}, "q", "")
		if failed := failures(t, q.Send(t.Context(), numbered(3))); len(failed) != 3 {
			t.Errorf("%s: %d of 3 failed, want all: none is known", name, len(failed))
		}
	}
}

func TestReceiptCodes(t *testing.T) {
	codes := map[string]bool{
		"ReceiptHandleIsInvalid": true, "MessageNotInflight": true, "AWS.SimpleQueueService.MessageNotInflight": true,
		"InvalidParameterValue": true, "InternalError": false, "RequestThrottled": false, "": false,
	}
	for code, stale := range codes {
		s := &script{t: t, answer: func(request int) (map[string]string, int, error) {
			if request == 1 {
				return map[string]string{"1": code}, 0, nil // the second request
			}
			return nil, 0, nil
		}}
		receipts := strings.Split("a b c d e f g h i j k l", " ")
		failed := failures(t, aws.New(s, "q", "").Delete(t.Context(), receipts))
		if len(failed) != 1 || errors.Is(failed[11], queue.ErrStale) != stale {
			t.Errorf("code %q: %v, want number 11, stale %v", code, failed, stale)
		}
	}
}

func TestExtendRoundsUp(t *testing.T) {
	s := &script{t: t, answer: fine}
	q := aws.New(s, "q", "")
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, 1001 * time.Millisecond, queue.MaxVisibility} {
		if err := q.Extend(t.Context(), []string{"r"}, d); err != nil {
			t.Fatal(err)
		}
	}
	want := [][]string{{"r for 0 s"}, {"r for 1 s"}, {"r for 1 s"}, {"r for 2 s"}, {"r for 43200 s"}}
	if !slices.EqualFunc(s.spans, want, slices.Equal) {
		t.Errorf("requests %q, want %q", s.spans, want)
	}
}

func TestEmptyReceiptsAreNotSent(t *testing.T) {
	s := &script{t: t, answer: fine}
	failed := failures(t, aws.New(s, "q", "").Delete(t.Context(), []string{"a", "", "b"}))
	if len(failed) != 1 || !errors.Is(failed[1], queue.ErrStale) {
		t.Errorf("failed: %v", failed)
	}
	if len(s.spans) != 1 || !slices.Equal(s.spans[0], []string{"a", "b"}) {
		t.Errorf("requests %q", s.spans)
	}
}

func TestReceiveWaitsInSteps(t *testing.T) {
	for wait, want := range map[time.Duration][]int32{
		0: {0}, time.Millisecond: {1}, 20 * time.Second: {20}, 50 * time.Second: {20, 20, 10},
	} {
		s := &script{t: t}
		if got, err := aws.New(s, "q", "").Receive(t.Context(), 10, wait); err != nil || len(got) != 0 {
			t.Errorf("wait %v: %d messages, %v", wait, len(got), err)
		}
		if !slices.Equal(s.waits, want) {
			t.Errorf("wait %v: requests waited %v s, want %v", wait, s.waits, want)
		}
	}
}

func TestReceiveRefusesAttributesItCannotRead(t *testing.T) {
	for _, attributes := range []map[string]string{
		nil,
		{"ApproximateReceiveCount": "1"},
		{"ApproximateReceiveCount": "x", "SentTimestamp": "1"},
		{"ApproximateReceiveCount": "1", "SentTimestamp": "soon"},
	} {
		s := &script{t: t, messages: []types.Message{{MessageId: sdk.String("m"), Attributes: attributes}}}
		if _, err := aws.New(s, "q", "").Receive(t.Context(), 1, 0); err == nil {
			t.Errorf("attributes %v were taken", attributes)
		}
	}
}

func TestDepth(t *testing.T) {
	s := &script{t: t, attributes: map[string]string{
		"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "4", "ApproximateNumberOfMessagesDelayed": "5",
	}}
	for dead, want := range map[string]queue.Depth{
		"":     {Visible: 3, InFlight: 4, Delayed: 5},
		"dead": {Visible: 3, InFlight: 4, Delayed: 5, Dead: 12},
	} {
		if got, err := aws.New(s, "q", dead).Depth(t.Context()); err != nil || got != want {
			t.Errorf("depth %+v, %v; want %+v", got, err, want)
		}
	}
	s.attributes = nil
	if _, err := aws.New(s, "q", "").Depth(t.Context()); err == nil {
		t.Error("a depth without figures was taken")
	}
}
