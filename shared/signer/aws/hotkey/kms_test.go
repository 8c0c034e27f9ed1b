package hotkey_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/signer/aws/hotkey"
)

var _ chain.Key = (*hotkey.KMSKey)(nil)

func TestKMSSigns(t *testing.T) {
	t.Parallel()
	fake := newFakeKMS(t)
	client := fake.client(t, 1)
	for _, id := range []string{keyID, keyARN, "alias/hotkey"} {
		key, err := hotkey.OpenKMS(t.Context(), client, id)
		if err != nil {
			t.Fatal(err)
		}
		public := key.Public()
		if key.Kind() != keys.Ed25519 || string(public[:]) != string(fake.secret.Public().(ed25519.PublicKey)) {
			t.Errorf("%s: %s key %x", id, key.Kind(), public)
		}
		for _, size := range []int{1, 32, 256, 4096} {
			message := make([]byte, size)
			sig, err := key.Sign(t.Context(), message)
			if err != nil || !keys.Verify(keys.Ed25519, public, message, sig[:]) {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		if _, err := key.Sign(t.Context(), make([]byte, 4097)); !errors.Is(err, hotkey.ErrTooLong) {
			t.Errorf("4,097 bytes: %v", err)
		}
	}
	if fake.signed != 12 {
		t.Errorf("KMS signed %d times, want 12: what is too long is not sent", fake.signed)
	}
}

// Each way in which KMS can refuse has a name of its own, and the error says which key.
func TestKMSRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*fakeKMS)
		id    string
		want  error
	}{
		"disabled":        {spoil: func(f *fakeKMS) { f.state = "Disabled" }, want: hotkey.ErrDisabled},
		"to be deleted":   {spoil: func(f *fakeKMS) { f.state = "PendingDeletion" }, want: hotkey.ErrDisabled},
		"throttled":       {spoil: func(f *fakeKMS) { f.fail = []string{"ThrottlingException"} }, want: hotkey.ErrThrottled},
		"denied":          {spoil: func(f *fakeKMS) { f.fail = []string{"AccessDeniedException"} }, want: hotkey.ErrDenied},
		"no such key":     {id: "another", want: hotkey.ErrNoKey},
		"symmetric":       {spoil: func(f *fakeKMS) { f.spec = "SYMMETRIC_DEFAULT" }, want: hotkey.ErrWrongKey},
		"another curve":   {spoil: func(f *fakeKMS) { f.spec, f.public = "ECC_NIST_P256", anotherKind(t) }, want: hotkey.ErrWrongKey},
		"for agreement":   {spoil: func(f *fakeKMS) { f.usage = "KEY_AGREEMENT" }, want: hotkey.ErrWrongKey},
		"lies of a curve": {spoil: func(f *fakeKMS) { f.public = anotherKind(t) }, want: hotkey.ErrWrongKey},
		"cut DER":         {spoil: func(f *fakeKMS) { f.public = f.public[:20] }, want: hotkey.ErrWrongKey},
		"no DER":          {spoil: func(f *fakeKMS) { f.public = nil }, want: hotkey.ErrWrongKey},
	} {
		fake, id := newFakeKMS(t), keyID
		if c.spoil != nil {
			c.spoil(fake)
		}
		if c.id != "" {
			id = c.id
		}
		key, err := hotkey.OpenKMS(t.Context(), fake.client(t, 1), id)
		if !errors.Is(err, c.want) || key != nil || !strings.Contains(err.Error(), "KMS key "+id) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v; want %v in one line that names the key", name, key, err, c.want)
		}
	}
}

func TestKMSFailsToSign(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*fakeKMS)
		want  error
	}{
		"disabled meanwhile": {func(f *fakeKMS) { f.state = "Disabled" }, hotkey.ErrDisabled},
		"throttled":          {func(f *fakeKMS) { f.fail = []string{"ThrottlingException"} }, hotkey.ErrThrottled},
		"right taken away":   {func(f *fakeKMS) { f.fail = []string{"AccessDeniedException"} }, hotkey.ErrDenied},
		"flipped bit":        {func(f *fakeKMS) { f.twist = func(sig []byte) []byte { sig[3] ^= 1; return sig } }, hotkey.ErrSignature},
		"cut":                {func(f *fakeKMS) { f.twist = func(sig []byte) []byte { return sig[:63] } }, hotkey.ErrSignature},
		"none":               {func(f *fakeKMS) { f.twist = func([]byte) []byte { return nil } }, hotkey.ErrSignature},
		"longer":             {func(f *fakeKMS) { f.twist = func(sig []byte) []byte { return append(sig, 0) } }, hotkey.ErrSignature},
	} {
		fake := newFakeKMS(t)
		key, err := hotkey.OpenKMS(t.Context(), fake.client(t, 1), keyID)
		if err != nil {
			t.Fatal(err)
		}
		fake.mu.Lock()
		c.spoil(fake)
		fake.mu.Unlock()
		if sig, err := key.Sign(t.Context(), []byte("m")); !errors.Is(err, c.want) || sig != [64]byte{} {
			t.Errorf("%s: %x, %v; want no signature and %v", name, sig, err, c.want)
		}
	}
}

// A throttled request is repeated by the SDK before anybody hears of it.
func TestKMSIsAskedAgainWhenThrottled(t *testing.T) {
	t.Parallel()
	fake := newFakeKMS(t)
	fake.fail = []string{"ThrottlingException"}
	if _, err := hotkey.OpenKMS(t.Context(), fake.client(t, 2), keyID); err != nil {
		t.Error(err)
	}
}

func TestKMSUnderACancelledContext(t *testing.T) {
	t.Parallel()
	key, err := hotkey.OpenKMS(t.Context(), newFakeKMS(t).client(t, 1), keyID)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := key.Sign(ctx, []byte("m")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

// What an emulator's KMS makes of the same requests.
func TestKMSOnEmulators(t *testing.T) {
	awstest.Each(t, func(t *testing.T, e awstest.Endpoint) {
		if e.Kind == awstest.Moto {
			t.Skip("NOT CHECKED with moto: its KMS has no ed25519 keys")
		}
		client := kms.NewFromConfig(e.Config())
		made, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{KeySpec: types.KeySpecEccNistEdwards25519, KeyUsage: types.KeyUsageTypeSignVerify})
		if err != nil {
			t.Fatal(err)
		}
		id := *made.KeyMetadata.KeyId
		key, err := hotkey.OpenKMS(t.Context(), client, id)
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(rt *rapid.T) {
			message := rapid.SliceOfN(rapid.Byte(), 1, 256).Draw(rt, "message")
			if _, err := key.Sign(t.Context(), message); err != nil {
				rt.Fatal(err)
			}
		})
		if _, err := client.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &id}); err != nil {
			t.Fatal(err)
		}
		if _, err := key.Sign(t.Context(), []byte("m")); !errors.Is(err, hotkey.ErrDisabled) {
			t.Errorf("disabled: %v", err)
		}
		if _, err := hotkey.OpenKMS(t.Context(), client, keyID); !errors.Is(err, hotkey.ErrNoKey) {
			t.Errorf("no such key: %v", err)
		}
	})
}
