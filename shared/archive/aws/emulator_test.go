package aws_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/archivetest"
	"github.com/affine-go/affine/shared/archive/aws"
)

// The settings that hold the URLs of the emulators that the suite runs against.
// MiniStack 1.5.33 and moto 5.2.5 keep the whole contract.
var emulators = []struct{ name, setting string }{
	{"first", "AWS_ENDPOINT_URL"},
	{"second", "AFFINE_AWS_SECOND_ENDPOINT"},
}

func TestConformance(t *testing.T) {
	for _, e := range emulators {
		t.Run(e.name, func(t *testing.T) {
			client := emulator(t, e.setting)
			bucket := makeBucket(t, client)
			archivetest.Run(t, func(t *testing.T) archive.Archive {
				return aws.New(client, bucket, "test/"+strings.ToLower(rand.Text()))
			})
		})
	}
}

// An archive with a prefix and one without see the same objects.
func TestPrefix(t *testing.T) {
	client := emulator(t, "AWS_ENDPOINT_URL")
	bucket := makeBucket(t, client)
	whole, part := aws.New(client, bucket, ""), aws.New(client, bucket, "sub/folder")
	if err := part.Put(t.Context(), "k", []byte("x")); err != nil {
		t.Fatal(err)
	}
	keys, err := whole.List(t.Context(), "sub/")
	if err != nil || len(keys) != 1 || keys[0] != "sub/folder/k" {
		t.Errorf("listed %q, %v", keys, err)
	}
	if _, err := whole.Get(t.Context(), "sub/folder/k", 0, -1); err != nil {
		t.Error(err)
	}
	if long := strings.Repeat("a/", 510) + "b"; archive.CheckKey(long) != nil || part.Put(t.Context(), long, nil) == nil {
		t.Error("a key too long with the prefix was not refused")
	}
}

// emulator is a client for the endpoint that a setting names. Without the setting
// the test is skipped and says so; on CI (CI=true) it fails instead.
func emulator(t *testing.T, setting string) *s3.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("speaks to an emulator, in whose time its deadlines are; not in short runs")
	}
	endpoint := os.Getenv(setting)
	if endpoint == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("set %s to an S3 emulator's URL", setting)
		}
		t.Skipf("NOT CHECKED: set %s to an S3 emulator's URL to run %s", setting, t.Name())
	}
	parsed, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	if ip := net.ParseIP(parsed.Hostname()); parsed.Hostname() != "localhost" && !ip.IsLoopback() {
		t.Fatalf("%s=%s is not on loopback", setting, endpoint)
	}
	cfg := sdk.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	return aws.NewClient(cfg, aws.Options{Endpoint: endpoint, PathStyle: true})
}

// makeBucket makes a bucket for the test and removes it with all it holds.
func makeBucket(t *testing.T, client *s3.Client) string {
	t.Helper()
	bucket := "affine-" + strings.ToLower(rand.Text())
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { emptyBucket(t, client, bucket) })
	return bucket
}

func emptyBucket(t *testing.T, client *s3.Client, bucket string) {
	ctx := context.Background()
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		if len(page.Contents) == 0 {
			break
		}
		var objects []types.ObjectIdentifier
		for _, object := range page.Contents {
			objects = append(objects, types.ObjectIdentifier{Key: object.Key})
		}
		if _, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: objects}}); err != nil {
			t.Error(err)
			return
		}
	}
	if _, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
		t.Error(err)
	}
}
