package aws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/aws"
)

// script is a client that answers from functions; a call that a test does not
// expect is an error.
type script struct {
	put  func(*s3.PutObjectInput) (*s3.PutObjectOutput, error)
	get  func(*s3.GetObjectInput) (*s3.GetObjectOutput, error)
	head func(*s3.HeadObjectInput) (*s3.HeadObjectOutput, error)
	list func(*s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error)
}

var errUnexpected = errors.New("the test expects no such call")

func answer[In, Out any](ctx context.Context, f func(In) (Out, error), in In) (out Out, err error) {
	if f == nil {
		return out, errUnexpected
	}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	return f(in)
}

func (s script) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return answer(ctx, s.put, in)
}

func (s script) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return answer(ctx, s.get, in)
}

func (s script) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return answer(ctx, s.head, in)
}

func (s script) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return answer(ctx, s.list, in)
}

// refusal is an error as the SDK makes it of a reply.
func refusal(status int, code string) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code},
	}
}

func object(body string, meta map[string]string) func(*s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	return func(*s3.GetObjectInput) (*s3.GetObjectOutput, error) {
		return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(body)), ContentLength: sdk.Int64(int64(len(body))), Metadata: meta}, nil
	}
}

func head(size int64, sum string) func(*s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	return func(*s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
		out := &s3.HeadObjectOutput{ContentLength: sdk.Int64(size)}
		if sum != "" {
			out.Metadata = map[string]string{"sha256": sum}
		}
		return out, nil
	}
}

// The SHA-256 of "body".
const bodySum = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"

func taken(*s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	return nil, refusal(412, "PreconditionFailed")
}

// What a taken key means is decided by size and sum, and by the bytes when a tool
// wrote the object without a sum.
func TestKeyTaken(t *testing.T) {
	unknown := func(*s3.HeadObjectInput) (*s3.HeadObjectOutput, error) { return nil, refusal(403, "AccessDenied") }
	for name, tt := range map[string]struct {
		client script
		want   error // nil, ErrExists or errors.ErrUnsupported for any other
	}{
		"same sum":               {script{put: taken, head: head(4, bodySum)}, nil},
		"other sum":              {script{put: taken, head: head(4, strings.Repeat("0", 64))}, archive.ErrExists},
		"other size, same sum":   {script{put: taken, head: head(5, bodySum)}, archive.ErrExists},
		"no sum, same bytes":     {script{put: taken, head: head(4, ""), get: object("body", nil)}, nil},
		"no sum, other bytes":    {script{put: taken, head: head(4, ""), get: object("tome", nil)}, archive.ErrExists},
		"no sum, no way to look": {script{put: taken, head: head(4, "")}, errUnexpected},
		"no way to look":         {script{put: taken, head: unknown}, errors.ErrUnsupported},
	} {
		err := aws.New(tt.client, "b", "").Put(t.Context(), "k", []byte("body"))
		switch {
		case tt.want == errors.ErrUnsupported:
			if err == nil || errors.Is(err, archive.ErrExists) || errors.Is(err, archive.ErrNotFound) {
				t.Errorf("%s: %v, want an undecided error", name, err)
			}
		case !errors.Is(err, tt.want):
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestPutAsksForTheConditionAndSendsTheSum(t *testing.T) {
	var in *s3.PutObjectInput
	client := script{put: func(i *s3.PutObjectInput) (*s3.PutObjectOutput, error) { in = i; return nil, nil }}
	a := aws.New(client, "bucket", "pre")
	if err := a.Put(t.Context(), "k", []byte("body")); err != nil {
		t.Fatal(err)
	}
	if *in.Bucket != "bucket" || *in.Key != "pre/k" || sdk.ToString(in.IfNoneMatch) != "*" || in.Metadata["sha256"] != bodySum {
		t.Errorf("put sent %+v", in)
	}
	if err := a.Replace(t.Context(), "k", []byte("body")); err != nil {
		t.Fatal(err)
	}
	if in.IfNoneMatch != nil || in.Metadata["sha256"] != bodySum {
		t.Errorf("replace sent %+v", in)
	}
}

// Conflicts of simultaneous writes are waited out, some times.
func TestConflictsAreRetried(t *testing.T) {
	for _, tt := range []struct {
		conflicts, calls int
		ok               bool
	}{{0, 1, true}, {1, 2, true}, {5, 6, true}, {6, 6, false}, {100, 6, false}} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			client := script{put: func(*s3.PutObjectInput) (*s3.PutObjectOutput, error) {
				if calls++; calls <= tt.conflicts {
					return nil, refusal(409, "ConditionalRequestConflict")
				}
				return &s3.PutObjectOutput{}, nil
			}}
			start := time.Now()
			err := aws.New(client, "b", "").Put(t.Context(), "k", []byte("body"))
			if (err == nil) != tt.ok || calls != tt.calls || errors.Is(err, archive.ErrExists) {
				t.Errorf("%d conflicts: %d calls, %v", tt.conflicts, calls, err)
			}
			if waited := time.Since(start); waited > 3*time.Second || (calls > 1 && waited == 0) {
				t.Errorf("%d conflicts: waited %s", tt.conflicts, waited)
			}
		})
	}
}

// The object that took the key is gone when it is looked at: the write is tried again.
func TestTakenAndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		client := script{
			put: func(*s3.PutObjectInput) (*s3.PutObjectOutput, error) {
				if calls++; calls == 1 {
					return nil, refusal(412, "PreconditionFailed")
				}
				return &s3.PutObjectOutput{}, nil
			},
			head: func(*s3.HeadObjectInput) (*s3.HeadObjectOutput, error) { return nil, refusal(404, "NotFound") },
		}
		if err := aws.New(client, "b", "").Put(t.Context(), "k", []byte("body")); err != nil || calls != 2 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

func TestConflictWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := script{put: func(*s3.PutObjectInput) (*s3.PutObjectOutput, error) {
			return nil, refusal(409, "ConditionalRequestConflict")
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := aws.New(client, "b", "").Put(ctx, "k", []byte("body"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 60*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// Get hands out no byte that it cannot vouch for.
func TestGetRefusesBadAnswers(t *testing.T) {
	short := func(*s3.GetObjectInput) (*s3.GetObjectOutput, error) {
		return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader("bo")), ContentLength: sdk.Int64(4), ContentRange: sdk.String("bytes 0-3/4")}, nil
	}
	cut := func(*s3.GetObjectInput) (*s3.GetObjectOutput, error) {
		body := io.MultiReader(strings.NewReader("bo"), cutOff{})
		return &s3.GetObjectOutput{Body: io.NopCloser(body), ContentRange: sdk.String("bytes 0-3/4")}, nil
	}
	for name, tt := range map[string]struct {
		get            func(*s3.GetObjectInput) (*s3.GetObjectOutput, error)
		offset, length int64
	}{
		"damaged":              {object("tome", map[string]string{"sha256": bodySum}), 0, -1},
		"shorter than said":    {short, 0, -1},
		"range short":          {short, 0, 4},
		"cut off":              {cut, 0, -1},
		"range cut off":        {cut, 0, 4},
		"range ignored":        {object("a whole body", nil), 2, 4},
		"bucket missing":       {func(*s3.GetObjectInput) (*s3.GetObjectOutput, error) { return nil, refusal(404, "NoSuchBucket") }, 0, -1},
		"forbidden":            {func(*s3.GetObjectInput) (*s3.GetObjectOutput, error) { return nil, refusal(403, "AccessDenied") }, 0, -1},
		"not found is said so": {func(*s3.GetObjectInput) (*s3.GetObjectOutput, error) { return nil, refusal(404, "NoSuchKey") }, 0, -1},
	} {
		body, err := aws.New(script{get: tt.get}, "b", "").Get(t.Context(), "some/key", tt.offset, tt.length)
		if err == nil || body != nil || !strings.Contains(err.Error(), "some/key") {
			t.Errorf("%s: %q, %v; want an error that names the key", name, body, err)
		}
		if want := name == "not found is said so"; errors.Is(err, archive.ErrNotFound) != want {
			t.Errorf("%s: %v, ErrNotFound is %v", name, err, !want)
		}
	}
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestListFollowsPages(t *testing.T) {
	pages := 0
	client := script{list: func(in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
		if *in.Prefix != "pre/a" || sdk.ToString(in.ContinuationToken) != strings.Repeat("x", pages) {
			return nil, fmt.Errorf("page %d was asked for as %+v", pages, in)
		}
		out := &s3.ListObjectsV2Output{Contents: []types.Object{{Key: sdk.String(fmt.Sprintf("pre/a%d", 9-pages))}}}
		if pages++; pages < 3 {
			out.IsTruncated, out.NextContinuationToken = sdk.Bool(true), sdk.String(strings.Repeat("x", pages))
		}
		return out, nil
	}}
	keys, err := aws.New(client, "b", "pre").List(t.Context(), "a")
	if err != nil || strings.Join(keys, " ") != "a7 a8 a9" {
		t.Errorf("listed %q, %v; want a7 a8 a9 from three pages, sorted", keys, err)
	}
	failing := script{list: func(*s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
		return nil, refusal(500, "InternalError")
	}}
	if keys, err := aws.New(failing, "b", "").List(t.Context(), "a"); err == nil || keys != nil {
		t.Errorf("a failing list gave %q, %v", keys, err)
	}
}
