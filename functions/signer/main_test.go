package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/subnet"
)

func TestParseIntents(t *testing.T) {
	t.Parallel()
	want := subnet.WeightsIntent{
		Netuid: 120, Mechanism: 1, UIDs: []subnet.UID{1, 2}, Values: []uint16{65535, 9}, VersionKey: 1 << 63, Head: 73, HeadHash: "0xab", Epoch: 72,
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parse[subnet.WeightsIntent](text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	commit := `{"netuid":120,"commitment":{"model":"a/b","revision":"c"},"after":1,"head":73,"head_hash":"0xab"}`
	if got, err := parse[subnet.CommitIntent]([]byte(commit)); err != nil || got.Commitment.Model != "a/b" || got.After != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":           "",
		"cut":               `{"netuid":120`,
		"list":              `[]`,
		"bytes to sign":     `{"netuid":120,"extrinsic":"0xaa"}`,
		"a call":            `{"netuid":120,"call":"set_weights"}`,
		"another's entry":   `{"netuid":120,"mecid":1}`,
		"two intents":       `{"netuid":120}{"netuid":120}`,
		"words behind":      `{"netuid":120} x`,
		"netuid too great":  `{"netuid":65536}`,
		"negative weight":   `{"values":[-1]}`,
		"fraction":          `{"values":[0.5]}`,
		"value too great":   `{"values":[65536]}`,
		"mechanism 256":     `{"mechanism":256}`,
		"version too great": `{"version_key":18446744073709551616}`,
	} {
		if got, err := parse[subnet.WeightsIntent]([]byte(text)); !errors.Is(err, chain.ErrPolicy) {
			t.Errorf("%s: %+v, %v; want ErrPolicy", name, got, err)
		}
	}
}

// FuzzIntents: whatever is read of an event comes back when it is written again, and
// nothing but an intent is read.
func FuzzIntents(f *testing.F) {
	f.Add([]byte(`{"netuid":120,"mechanism":0,"uids":[1,2],"values":[3,4],"version_key":0,"head":7,"head_hash":"0x00","epoch":7}`))
	f.Add([]byte(`{"netuid":120,"commitment":{"model":"a/b","revision":"c","chute_id":"d"},"after":1,"head":7,"head_hash":"0x00"}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"NETUID":7,"netuid":8}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		again[subnet.WeightsIntent](t, event)
		again[subnet.CommitIntent](t, event)
	})
}

func again[I any](t *testing.T, event []byte) {
	intent, err := parse[I](event)
	if err != nil {
		return
	}
	text, err := json.Marshal(intent)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := parse[I](text); err != nil || !reflect.DeepEqual(intent, second) {
		t.Errorf("%s gives %+v, written again %+v, %v", event, intent, second, err)
	}
}

// A key that cannot be opened is told, and asked for again by the next invocation.
func TestNoKeyNoSignature(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	f := &function{
		settings: config.Settings{Signer: config.Signer{File: "/nonexistent/hotkey", Signatures: 3}},
		aws:      aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")},
		log:      slog.New(slog.NewJSONHandler(&log, nil)),
	}
	for range 2 {
		if signed, err := f.weigh(t.Context(), []byte(`{}`)); err == nil || signed.Extrinsic != "" || !strings.Contains(err.Error(), "/nonexistent/hotkey") {
			t.Errorf("%+v, %v; want an error that names the file", signed, err)
		}
	}
	if signed, err := f.commit(t.Context(), []byte(`{"x":1}`)); !errors.Is(err, chain.ErrPolicy) || signed.Extrinsic != "" {
		t.Errorf("%+v, %v; want ErrPolicy", signed, err)
	}
	if lines := strings.Count(log.String(), "not signed"); lines != 3 {
		t.Errorf("%d lines in the log, want 3: %s", lines, &log)
	}
}
