package aws

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// NewClient is a DynamoDB client that keeps as many connections open as PutSamples
// has requests running. The SDK's default keeps ten, and makes a new one, with a new
// TLS handshake, for most requests beyond.
func NewClient(cfg aws.Config) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		client, ok := o.HTTPClient.(*awshttp.BuildableClient)
		if !ok {
			return // the caller's own client is the caller's to tune
		}
		o.HTTPClient = client.WithTransportOptions(func(tr *http.Transport) {
			tr.MaxIdleConnsPerHost = inFlight
		})
	})
}
