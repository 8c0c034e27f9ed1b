package aws

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/subnet"
)

// answering is a signer's function that answers the same to everybody.
type answering struct {
	payload       string
	functionError string
	err           error
	asked         *lambdaapi.InvokeInput
}

func (a *answering) Invoke(_ context.Context, in *lambdaapi.InvokeInput, _ ...func(*lambdaapi.Options)) (*lambdaapi.InvokeOutput, error) {
	a.asked = in
	if a.err != nil {
		return nil, a.err
	}
	out := &lambdaapi.InvokeOutput{Payload: []byte(a.payload)}
	if a.functionError != "" {
		out.FunctionError = aws.String(a.functionError)
	}
	return out, nil
}

func TestSigner(t *testing.T) {
	t.Parallel()
	intent := subnet.WeightsIntent{Netuid: 120, UIDs: []subnet.UID{1, 7}, Values: []uint16{65535, 3}, VersionKey: 2, Head: 9, HeadHash: "0x01", Epoch: 8}
	a := &answering{payload: `{"hotkey":"5F","extrinsic":"0xaa","hash":"0xbb","nonce":4,"death":73}`}
	got, err := New(a, "signer").SignWeights(t.Context(), intent)
	want := subnet.SignedWeights{Hotkey: "5F", Extrinsic: "0xaa", Hash: "0xbb", Nonce: 4, Death: 73}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	var asked subnet.WeightsIntent
	if err := json.Unmarshal(a.asked.Payload, &asked); err != nil || *a.asked.FunctionName != "signer" {
		t.Fatalf("asked %q for %s: %v", *a.asked.FunctionName, a.asked.Payload, err)
	}
	if diff := cmp.Diff(intent, asked); diff != "" {
		t.Errorf("intent (-given +asked):\n%s", diff)
	}
}

// Whatever is no whole signature is an error that says whose.
func TestSignerRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answering
		says   string
	}{
		"no reply":         {answering{err: errors.New("no reply")}, "no reply"},
		"policy":           {answering{payload: `{"errorMessage":"signer refuses: no weights"}`, functionError: "Unhandled"}, "signer refuses: no weights"},
		"killed":           {answering{payload: `Task timed out`, functionError: "Unhandled"}, "without a message"},
		"empty":            {answering{}, "no signature"},
		"null":             {answering{payload: "null"}, "without its bytes"},
		"another document": {answering{payload: `{"miners":3}`}, "without its bytes"},
		"no hash":          {answering{payload: `{"hotkey":"5F","extrinsic":"0xaa","death":73}`}, "their hash"},
		"no end":           {answering{payload: `{"hotkey":"5F","extrinsic":"0xaa","hash":"0xbb"}`}, "their era's end"},
		"huge nonce":       {answering{payload: `{"extrinsic":"0xaa","hash":"0xbb","death":73,"nonce":4294967296}`}, "no signature"},
	} {
		if _, err := New(&c.answer, "the-signer").SignWeights(t.Context(), subnet.WeightsIntent{}); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "the-signer") {
			t.Errorf("%s: error %v, want one that names the function and says %q", name, err, c.says)
		}
	}
}
