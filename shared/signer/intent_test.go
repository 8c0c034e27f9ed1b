package signer_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/affine-go/affine/shared/signer"
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
	if got, err := signer.Parse[subnet.WeightsIntent](text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	commit := `{"netuid":120,"commitment":{"model":"a/b","revision":"c"},"after":1,"head":73,"head_hash":"0xab"}`
	if got, err := signer.Parse[subnet.CommitIntent]([]byte(commit)); err != nil || got.Commitment.Model != "a/b" || got.After != 1 {
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
		if got, err := signer.Parse[subnet.WeightsIntent]([]byte(text)); !errors.Is(err, signer.ErrIntent) {
			t.Errorf("%s: %+v, %v; want ErrIntent", name, got, err)
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

func again[I signer.Intent](t *testing.T, event []byte) {
	intent, err := signer.Parse[I](event)
	if err != nil {
		return
	}
	text, err := json.Marshal(intent)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := signer.Parse[I](text); err != nil || !reflect.DeepEqual(intent, second) {
		t.Errorf("%s gives %+v, written again %+v, %v", event, intent, second, err)
	}
}
