package aws

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Client is the part of the S3 API that the archive uses; *s3.Client is one.
type Client interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// Options say where the bucket is, when it is not AWS's own S3.
type Options struct {
	// Endpoint is the service's URL: https://<account>.r2.cloudflarestorage.com for
	// R2, an emulator's on loopback. Empty means what the configuration says, S3.
	Endpoint string

	// PathStyle puts the bucket into the path and not into the host name, as
	// emulators need it.
	PathStyle bool
}

// NewClient makes an S3 client that R2 understands as well.
//
// The SDK would add a CRC-32 to every request and ask for one with every reply; R2
// has no such checksum for whole objects, so they are left out unless an operation
// requires one. The archive keeps a SHA-256 of its own in the object's metadata.
// Region "auto" is R2's; it is taken when the configuration names none and an
// endpoint is given.
func NewClient(cfg aws.Config, opts Options) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.UsePathStyle = opts.PathStyle
		if opts.Endpoint != "" {
			o.BaseEndpoint = aws.String(opts.Endpoint)
			if o.Region == "" {
				o.Region = "auto"
			}
		}
		o.Retryer = statusRetryer{o.Retryer}
	})
}

// statusRetryer also repeats a request that was answered 429, whatever the error
// code says: R2 answers so above one write a second to one key.
type statusRetryer struct{ aws.Retryer }

// IsErrorRetryable reports whether the request is worth repeating.
func (r statusRetryer) IsErrorRetryable(err error) bool {
	return status(err) == http.StatusTooManyRequests || r.Retryer.IsErrorRetryable(err)
}

// status is the HTTP status that an error came with, 0 when none did.
func status(err error) int {
	var reply *smithyhttp.ResponseError
	if errors.As(err, &reply) {
		return reply.HTTPStatusCode()
	}
	return 0
}
