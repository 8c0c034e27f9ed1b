package local_test

import (
	"path/filepath"
	"testing"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/store/storetest"
)

func open(t testing.TB, path string) *local.Store {
	t.Helper()
	s, err := local.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a second Close is a test's own business
	return s
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "store.db") }

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, file(t)) })
}
