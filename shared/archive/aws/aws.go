// Package aws is the archive in an S3 bucket: Amazon's S3, Cloudflare's R2 or
// anything that speaks their protocol with conditional writes.
//
// "Written once" is the service's own promise: PutObject with If-None-Match: *
// fails when the key is taken. Each object carries the SHA-256 of its bytes as
// metadata, by which a repeated write is told from a clash without a download, and
// by which Get finds out a damaged object.
package aws

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/affine-go/affine/shared/archive"
)

const (
	sumField = "sha256" // name of the metadata entry, x-amz-meta-sha256

	// A conditional write that meets another one to the same key at the same moment
	// is answered 409; AWS asks that it be tried again.
	conflictTries = 6
	conflictWait  = 50 * time.Millisecond // before the second try, doubled each time
)

// Archive keeps objects in a bucket under a prefix.
type Archive struct {
	client Client
	bucket string
	prefix string // empty or ending in a slash
}

var _ archive.Archive = (*Archive)(nil)

// New is the archive in a bucket that exists. Keys are put under prefix, which may
// be empty and need not end in a slash.
func New(client Client, bucket, prefix string) *Archive {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return &Archive{client: client, bucket: bucket, prefix: prefix}
}

// Put writes an object under a free key; see archive.Archive.
func (a *Archive) Put(ctx context.Context, key string, body []byte) error {
	if err := a.check(key); err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := a.putOnce(ctx, key, body)
		if try == conflictTries || !errors.Is(err, errConflict) {
			return wrap("put", key, err)
		}
		if err := sleep(ctx, conflictWait<<(try-1)); err != nil {
			return wrap("put", key, err)
		}
	}
}

// errConflict says that the key was changing hands: nothing is decided.
var errConflict = errors.New("another write to the key was under way")

// putOnce is one conditional write. The SDK repeats requests whose reply it did not
// get, so a key that is taken may well have been taken by this very call.
func (a *Archive) putOnce(ctx context.Context, key string, body []byte) error {
	in := a.putInput(key, body)
	in.IfNoneMatch = aws.String("*")
	_, err := a.client.PutObject(ctx, in)
	switch status(err) {
	case http.StatusPreconditionFailed:
		return a.same(ctx, key, body)
	case http.StatusConflict:
		return fmt.Errorf("%w: %w", errConflict, err)
	}
	return err
}

// same decides what a key that is taken means: nil when it holds these very bytes.
func (a *Archive) same(ctx context.Context, key string, body []byte) error {
	head, err := a.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &a.bucket, Key: a.full(key)})
	if status(err) == http.StatusNotFound {
		return errConflict // deleted since
	}
	if err != nil {
		return fmt.Errorf("comparing with what stands there: %w", err)
	}
	sum := head.Metadata[sumField]
	if aws.ToInt64(head.ContentLength) != int64(len(body)) || (sum != "" && sum != sumOf(body)) {
		return archive.ErrExists
	}
	if sum != "" {
		return nil
	}
	standing, err := a.get(ctx, key, "") // written by a tool that keeps no sum
	if err != nil {
		return fmt.Errorf("comparing with what stands there: %w", err)
	}
	if !bytes.Equal(standing, body) {
		return archive.ErrExists
	}
	return nil
}

// Replace writes an object whatever stands under the key. R2 takes one write a
// second to one key; the SDK waits and repeats what it refuses.
func (a *Archive) Replace(ctx context.Context, key string, body []byte) error {
	if err := a.check(key); err != nil {
		return err
	}
	_, err := a.client.PutObject(ctx, a.putInput(key, body))
	return wrap("replace", key, err)
}

func (a *Archive) putInput(key string, body []byte) *s3.PutObjectInput {
	return &s3.PutObjectInput{
		Bucket:        &a.bucket,
		Key:           a.full(key),
		Body:          bytes.NewReader(body), // seekable: the SDK signs it, and may send it again
		ContentLength: aws.Int64(int64(len(body))),
		Metadata:      map[string]string{sumField: sumOf(body)},
	}
}

// List returns the keys that start with prefix, in lexical order.
func (a *Archive) List(ctx context.Context, prefix string) ([]string, error) {
	if err := archive.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	var keys []string
	pages := s3.NewListObjectsV2Paginator(a.client, &s3.ListObjectsV2Input{Bucket: &a.bucket, Prefix: a.full(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, wrap("list", prefix, err)
		}
		for _, object := range page.Contents {
			keys = append(keys, strings.TrimPrefix(aws.ToString(object.Key), a.prefix))
		}
	}
	slices.Sort(keys) // as S3 does; not every service that speaks its protocol
	return keys, nil
}

func (a *Archive) full(key string) *string { return aws.String(a.prefix + key) }

// check refuses keys that are not valid in themselves or under the prefix.
func (a *Archive) check(key string) error {
	if err := archive.CheckKey(key); err != nil {
		return err
	}
	return archive.CheckKey(a.prefix + key)
}

func sumOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// wrap names what was attempted, and makes a missing key ErrNotFound.
func wrap(what, key string, err error) error {
	if err == nil {
		return nil
	}
	var code smithy.APIError
	if errors.As(err, &code) && (code.ErrorCode() == "NoSuchKey" || code.ErrorCode() == "NotFound") {
		return fmt.Errorf("archive: %s %s: %w", what, key, archive.ErrNotFound)
	}
	return fmt.Errorf("archive: %s %s: %w", what, key, err)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
