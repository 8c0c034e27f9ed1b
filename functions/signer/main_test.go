package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/signer"
)

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
	if signed, err := f.commit(t.Context(), []byte(`{"x":1}`)); !errors.Is(err, signer.ErrIntent) || signed.Extrinsic != "" {
		t.Errorf("%+v, %v; want ErrIntent", signed, err)
	}
	if lines := strings.Count(log.String(), "not signed"); lines != 3 {
		t.Errorf("%d lines in the log, want 3: %s", lines, &log)
	}
}
