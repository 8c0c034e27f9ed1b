package abd_test

import (
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/affine-go/affine/shared/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

var shared = sync.OnceValues(func() (*sandbox.Sandbox, error) { return sandbox.New(sandbox.Config{}) })

func box(t testing.TB) *sandbox.Sandbox {
	t.Helper()
	s, err := shared()
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}
