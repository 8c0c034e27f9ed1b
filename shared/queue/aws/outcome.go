package aws

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/affine-go/affine/shared/queue"
)

// outcome gathers what became of the items of a call that takes several requests.
type outcome struct {
	total  int
	failed map[int]error
	known  int   // items that a request has answered for, either way
	broken error // of the first request that got no answer
}

func newOutcome(total int) *outcome { return &outcome{total: total, failed: map[int]error{}} }

// lost notes a request without answer.
func (o *outcome) lost(span []int, err error) {
	if o.broken == nil {
		o.broken = err
	}
	for _, i := range span {
		o.failed[i] = err
	}
}

// answered notes the answer to a request. An item it does not account for failed:
// SQS promises an entry for each.
func (o *outcome) answered(span []int, successful int, failed []types.BatchResultErrorEntry, read func(types.BatchResultErrorEntry) error) {
	o.known += len(span)
	for _, f := range failed {
		n, err := strconv.Atoi(aws.ToString(f.Id))
		if err != nil || n < 0 || n >= len(span) {
			o.unaccounted(span, fmt.Errorf("answer names entry %q, which was not sent", aws.ToString(f.Id)))
			return
		}
		o.failed[span[n]] = read(f)
	}
	if successful+len(failed) != len(span) {
		o.unaccounted(span, fmt.Errorf("answer has %d entries for %d", successful+len(failed), len(span)))
	}
}

// unaccounted fails the items of a request whose answer cannot be relied on.
func (o *outcome) unaccounted(span []int, err error) {
	for _, i := range span {
		if o.failed[i] == nil {
			o.failed[i] = err
		}
	}
}

// err is nil, a PartialError, or the first request's error when no request got an
// answer and nothing is known.
func (o *outcome) err(what string) error {
	if o.broken != nil && o.known == 0 {
		return fmt.Errorf("queue: %s %d messages: %w", what, o.total, o.broken)
	}
	return queue.Partial(o.failed, o.total)
}

func entryID(n int) *string { return aws.String(strconv.Itoa(n)) }

func plainError(f types.BatchResultErrorEntry) error {
	return fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
}

// staleCodes are how SQS says that a receipt is no longer good. InvalidParameterValue
// is its answer for a message that is gone, and for one that has been invisible for
// twelve hours: neither can be kept any longer.
var staleCodes = []string{"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"}

func receiptError(f types.BatchResultErrorEntry) error {
	// Some codes come with the prefix of the query protocol, AWS.SimpleQueueService.
	code := strings.TrimPrefix(aws.ToString(f.Code), "AWS.SimpleQueueService.")
	for _, stale := range staleCodes {
		if code == stale {
			return errors.Join(queue.ErrStale, plainError(f))
		}
	}
	return plainError(f)
}
