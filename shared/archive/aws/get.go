package aws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/affine-go/affine/shared/archive"
)

// Get returns exactly the bytes asked for; see archive.Archive.
func (a *Archive) Get(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	if err := a.check(key); err != nil {
		return nil, err
	}
	body, err := a.getRange(ctx, key, offset, length)
	if err != nil {
		return nil, wrap("get", key, err)
	}
	return body, nil
}

func (a *Archive) getRange(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	switch {
	case offset == 0 && length < 0:
		return a.get(ctx, key, "")
	case offset < 0 || length == 0 || length > maxObject:
		return a.getNothing(ctx, key, offset, length) // HTTP has no way to ask for such a range
	}
	header := fmt.Sprintf("bytes=%d-", offset)
	if length > 0 {
		header = fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
	}
	body, err := a.get(ctx, key, header)
	if status(err) == http.StatusRequestedRangeNotSatisfiable {
		return a.getNothing(ctx, key, offset, length)
	}
	if err == nil && length > 0 && int64(len(body)) != length {
		return nil, pastEnd(offset, length, offset+int64(len(body)))
	}
	return body, err
}

// maxObject is the largest object that S3 or R2 holds, 5 TiB: no range is longer.
const maxObject = 5 << 40

// getNothing answers for ranges that hold no byte: those that lie within the object
// are empty, the others past its end.
func (a *Archive) getNothing(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	head, err := a.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &a.bucket, Key: a.full(key)})
	if err != nil {
		return nil, err
	}
	size := aws.ToInt64(head.ContentLength)
	if empty := length == 0 || (length < 0 && offset == size); !empty || offset < 0 || offset > size {
		return nil, pastEnd(offset, length, size)
	}
	return []byte{}, nil
}

func pastEnd(offset, length, size int64) error {
	return fmt.Errorf("%w: %d bytes from %d of %d", archive.ErrPastEnd, length, offset, size)
}

// get downloads a range ("" for all) and refuses an answer that broke off, that is
// not the range asked for, or that does not match the object's sum.
func (a *Archive) get(ctx context.Context, key, rangeHeader string) ([]byte, error) {
	in := &s3.GetObjectInput{Bucket: &a.bucket, Key: a.full(key)}
	if rangeHeader != "" {
		in.Range = &rangeHeader
	}
	out, err := a.client.GetObject(ctx, in)
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	if rangeHeader != "" && out.ContentRange == nil {
		return nil, errors.New("the service ignored the range that was asked for")
	}
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, fmt.Errorf("after %d bytes: %w", len(body), err)
	}
	if out.ContentLength != nil && *out.ContentLength != int64(len(body)) {
		return nil, fmt.Errorf("%d bytes came where %d were announced", len(body), *out.ContentLength)
	}
	if sum := out.Metadata[sumField]; rangeHeader == "" && sum != "" && sum != sumOf(body) {
		return nil, fmt.Errorf("its %d bytes do not match their SHA-256 %s", len(body), sum)
	}
	return body, nil
}
