package hotkey_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// fakeKMS speaks the protocol of KMS and holds one key. It refuses what KMS refuses, with
// KMS's codes.
type fakeKMS struct {
	mu     sync.Mutex
	state  string // of the key: Enabled, Disabled, PendingDeletion
	spec   string
	usage  string
	secret ed25519.PrivateKey
	public []byte // DER

	fail  []string                // codes that the next requests are answered with
	twist func(sig []byte) []byte // what becomes of a signature on its way

	signed int
}

func newFakeKMS(t *testing.T) *fakeKMS {
	t.Helper()
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeKMS{state: "Enabled", spec: "ECC_NIST_EDWARDS25519", usage: "SIGN_VERIFY", secret: secret, public: der}
}

const (
	keyID  = "1234abcd-12ab-34cd-56ef-1234567890ab"
	keyARN = "arn:aws:kms:us-east-1:111122223333:key/" + keyID
)

// client is the SDK's own client, pointed at the fake. It repeats nothing but what the
// test lets it.
func (f *fakeKMS) client(t *testing.T, attempts int) *kms.Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return kms.NewFromConfig(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: attempts,
	})
}

type failure struct{ code, message string }

func (f *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer, failed := f.answer(r)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if failed != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": failed.code, "message": failed.message}
	}
	_ = json.NewEncoder(w).Encode(answer) // the client is gone otherwise
}

func (f *fakeKMS) answer(r *http.Request) (any, *failure) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		return nil, &failure{"SerializationException", "not a request of KMS"}
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=test/") || !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/kms/aws4_request") {
		return nil, &failure{"IncompleteSignatureException", "not signed for KMS"}
	}
	if len(f.fail) > 0 {
		code := f.fail[0]
		f.fail = f.fail[1:]
		return nil, &failure{code, "as the test wants it"}
	}
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.GetPublicKey":
		return f.getPublicKey(r)
	case "TrentService.Sign":
		return f.sign(r)
	}
	return nil, &failure{"AccessDeniedException", "not authorized to perform: " + r.Header.Get("X-Amz-Target")}
}

// usable refuses a key that is not there or not in use.
func (f *fakeKMS) usable(id string) *failure {
	switch {
	case id != keyID && id != keyARN && id != "alias/hotkey":
		return &failure{"NotFoundException", "Key '" + keyARN + "' does not exist"}
	case f.state == "Disabled":
		return &failure{"DisabledException", keyARN + " is disabled."}
	case f.state == "PendingDeletion":
		return &failure{"KMSInvalidStateException", keyARN + " is pending deletion."}
	}
	return nil
}

func strictly(r *http.Request, into any) *failure {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &failure{"SerializationException", err.Error()}
	}
	return nil
}

func (f *fakeKMS) getPublicKey(r *http.Request) (any, *failure) {
	var in struct{ KeyId string }
	if failed := strictly(r, &in); failed != nil {
		return nil, failed
	}
	if failed := f.usable(in.KeyId); failed != nil {
		return nil, failed
	}
	if f.spec == "SYMMETRIC_DEFAULT" {
		return nil, &failure{"UnsupportedOperationException", "not an asymmetric key"}
	}
	return map[string]any{
		"KeyId": keyARN, "KeySpec": f.spec, "KeyUsage": f.usage, "PublicKey": f.public,
		"SigningAlgorithms": []string{"ED25519_PH_SHA_512", "ED25519_SHA_512"},
	}, nil
}

func (f *fakeKMS) sign(r *http.Request) (any, *failure) {
	var in struct {
		KeyId, MessageType, SigningAlgorithm string
		Message                              []byte
	}
	if failed := strictly(r, &in); failed != nil {
		return nil, failed
	}
	if failed := f.usable(in.KeyId); failed != nil {
		return nil, failed
	}
	switch {
	case len(in.Message) < 1 || len(in.Message) > 4096:
		return nil, &failure{"ValidationException", "Value at 'message' failed to satisfy constraint: length between 1 and 4096"}
	case in.SigningAlgorithm != "ED25519_SHA_512":
		return nil, &failure{"InvalidKeyUsageException", keyARN + " does not support " + in.SigningAlgorithm}
	case in.MessageType != "RAW":
		return nil, &failure{"ValidationException", "ED25519_SHA_512 requires MessageType RAW"}
	}
	f.signed++
	sig := ed25519.Sign(f.secret, in.Message)
	if f.twist != nil {
		sig = f.twist(sig)
	}
	return map[string]any{"KeyId": keyARN, "Signature": sig, "SigningAlgorithm": in.SigningAlgorithm}, nil
}

// anotherKind is the public half, in DER, of a key on another curve.
func anotherKind(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
