package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/signer/aws/hotkey"
	storeaws "github.com/affine-go/affine/shared/store/aws"
	"github.com/affine-go/affine/shared/subnet"
)

// kept is a hotkey that is kept somewhere on AWS.
type kept struct {
	where config.Signer
	own   subnet.Hotkey
}

func inSecret(t *testing.T, e awstest.Endpoint) kept {
	t.Helper()
	seed := "0x" + strings.Repeat("01", 32)
	pair, err := keys.ParseKeyfile([]byte(seed), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := awstest.Name("hotkey")
	if _, err := secretsmanager.NewFromConfig(e.Config()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &id, SecretString: aws.String(seed)}); err != nil {
		t.Fatal(err)
	}
	return kept{config.Signer{Secret: id, Signatures: 2}, subnet.Hotkey(pair.Address())}
}

func inKMS(t *testing.T, e awstest.Endpoint) kept {
	t.Helper()
	client := kms.NewFromConfig(e.Config())
	made, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{KeySpec: types.KeySpecEccNistEdwards25519, KeyUsage: types.KeyUsageTypeSignVerify})
	if err != nil {
		t.Fatal(err)
	}
	key, err := hotkey.OpenKMS(t.Context(), client, *made.KeyMetadata.KeyId)
	if err != nil {
		t.Fatal(err)
	}
	return kept{config.Signer{KMS: *made.KeyMetadata.Arn, Signatures: 2}, subnet.Hotkey(keys.Address(key.Public(), keys.Prefix))}
}

// The whole function, on what emulators make of AWS and against a strict node: a hotkey
// from each place signs weights that the chain takes, twice an epoch and not more often,
// whichever instance is asked.
func TestSignerOnEmulators(t *testing.T) {
	awstest.Each(t, func(t *testing.T, e awstest.Endpoint) {
		t.Run("secret", func(t *testing.T) { signsWith(t, e, inSecret(t, e)) })
		t.Run("KMS", func(t *testing.T) {
			if e.Kind == awstest.Moto {
				t.Skip("NOT CHECKED with moto: its KMS has no ed25519 keys")
			}
			signsWith(t, e, inKMS(t, e))
		})
	})
}

func signsWith(t *testing.T, e awstest.Endpoint, key kept) {
	node, err := chaintest.Start(t.Context(), chaintest.Config{
		First: 1000, Sealing: chaintest.OnSubmit, FinalityLag: 2,
		Neurons: []chaintest.Neuron{{Hotkey: key.own, Permit: true}, {Hotkey: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"}},
		Rules:   subnet.WeightRules{Tempo: 360, RateLimit: 1, MinAllowed: 1, Mechanisms: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() }) // without a state file there is nothing to lose
	table := awstest.Name("signer")
	if err := storeaws.CreateTable(t.Context(), storeaws.NewClient(e.Config()), table); err != nil {
		t.Fatal(err)
	}
	if err := node.Mine(5); err != nil {
		t.Fatal(err)
	}
	settings := config.Settings{
		Netuid: 120, Hotkey: key.own, Table: table, Signer: key.where,
		Chain: config.Chain{Endpoints: []string{node.Endpoint()}, Genesis: node.Genesis()},
	}
	for mechanism, call := range []string{"SubtensorModule.set_weights", "SubtensorModule.set_mechanism_weights"} {
		for asked := range 3 {
			instance := &function{settings: settings, aws: e.Config(), log: slog.New(slog.DiscardHandler)}
			signed, err := ask(t, instance, node, subnet.Mechanism(mechanism))
			if full := errors.Is(err, signer.ErrCeiling) && errors.Is(err, chain.ErrPolicy); full != (asked == 2) || err != nil && !full {
				t.Fatalf("mechanism %d, signature %d: %v", mechanism, asked, err)
			}
			if err == nil && signed.Call != call {
				t.Errorf("mechanism %d: %s", mechanism, signed.Call)
			}
		}
	}
}

// ask has the function sign at the newest finalized block, and submits what it gives.
func ask(t *testing.T, f *function, node *chaintest.Node, of subnet.Mechanism) (subnet.SignedWeights, error) {
	t.Helper()
	client, err := chain.Dial(t.Context(), chain.Config{Endpoints: []string{node.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	head, err := client.Finalized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(subnet.WeightsIntent{Netuid: 120, Mechanism: of, UIDs: []subnet.UID{1}, Values: []uint16{65535}, Head: head.Number, HeadHash: head.Hash})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := f.weigh(t.Context(), event)
	if err != nil {
		return signed, err
	}
	if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Failure != "" {
		t.Fatalf("included as %+v, %v", inc, err)
	}
	return signed, nil
}
