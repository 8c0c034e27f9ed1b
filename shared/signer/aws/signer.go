// Package aws is the signer on AWS: a function that is invoked, with its ledger in
// DynamoDB.
package aws

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/affine-go/affine/shared/subnet"
)

// Client is the one SDK call that reaches the signer; *lambda.Client has it.
type Client interface {
	Invoke(context.Context, *lambdaapi.InvokeInput, ...func(*lambdaapi.Options)) (*lambdaapi.InvokeOutput, error)
}

// Signer asks functions/signer. Asking again after a lost reply is safe: all
// signatures of a window share a nonce, so the chain takes one of them at most.
type Signer struct {
	client   Client
	function string
}

// New is the signer behind the function of that name or ARN.
func New(client Client, function string) Signer { return Signer{client: client, function: function} }

// SignWeights has a decision signed. An error names the function; it wraps what the
// SDK said, or quotes the function's refusal.
func (r Signer) SignWeights(ctx context.Context, intent subnet.WeightsIntent) (subnet.SignedWeights, error) {
	var signed subnet.SignedWeights
	payload, err := json.Marshal(intent)
	if err != nil {
		return signed, fmt.Errorf("encode the intent: %w", err)
	}
	out, err := r.client.Invoke(ctx, &lambdaapi.InvokeInput{FunctionName: aws.String(r.function), Payload: payload})
	if err != nil {
		return signed, fmt.Errorf("invoke %s: %w", r.function, err)
	}
	if out.FunctionError != nil {
		return signed, fmt.Errorf("%s refused: %s", r.function, reason(out.Payload))
	}
	if err := json.Unmarshal(out.Payload, &signed); err != nil {
		return signed, fmt.Errorf("%s answered what is no signature (%d bytes): %w", r.function, len(out.Payload), err)
	}
	if signed.Extrinsic == "" || signed.Hash == "" || signed.Death == 0 {
		return signed, fmt.Errorf("%s answered a signature without its bytes, their hash or their era's end", r.function)
	}
	return signed, nil
}

// reason is the message of a function's error document.
func reason(payload []byte) string {
	var doc struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &doc) != nil || doc.Message == "" {
		return "without a message"
	}
	return doc.Message
}
