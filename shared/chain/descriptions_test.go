package chain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/metadata"
)

// memoryCache is a cache that a test can look into and spoil.
type memoryCache struct {
	mu      sync.Mutex
	entries map[string][]byte
	failing error
}

func (m *memoryCache) Load(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if entry, found := m.entries[key]; found && m.failing == nil {
		return entry, nil
	}
	return nil, errors.Join(os.ErrNotExist, m.failing)
}

func (m *memoryCache) Save(_ context.Context, key string, entry []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing == nil {
		m.entries[key] = entry
	}
	return m.failing
}

// fetches runs a fresh process, as far as descriptions go, and counts how often it asks
// the node for metadata.
func fetches(t *testing.T, node *chaintest.Node, d *Descriptions) int {
	t.Helper()
	count := func() int {
		served := node.Served()
		return served["state_call"] + served["state_getMetadata"]
	}
	before := count()
	client, err := Dial(t.Context(), Config{Endpoints: []string{node.Endpoint()}, Metadata: d})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }() // never fails
	head, err := client.Finalized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rt, err := client.Runtime(t.Context(), head.Hash)
	if err != nil || rt.Metadata == nil {
		t.Fatal(err)
	}
	if _, err := rt.Metadata.StorageEntry("SubtensorModule", "Tempo"); err != nil {
		t.Error(err)
	}
	return count() - before
}

func quietNode(t *testing.T) *chaintest.Node {
	t.Helper()
	node, err := chaintest.Start(t.Context(), chaintest.Config{Sealing: chaintest.ByHand})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() }) // there is no state file to close
	return node
}

func TestMetadataIsFetchedOnce(t *testing.T) {
	node := quietNode(t)
	cache := &memoryCache{entries: make(map[string][]byte)}
	shared := NewDescriptions(cache)
	if fetches(t, node, shared) == 0 {
		t.Fatal("the first client asked for no metadata")
	}
	if n := fetches(t, node, shared); n != 0 {
		t.Errorf("the second client of the process fetched %d times", n)
	}
	if n := fetches(t, node, NewDescriptions(cache)); n != 0 {
		t.Errorf("another process with the cache fetched %d times", n)
	}
	node.Upgrade(394)
	if err := node.Mine(1); err != nil {
		t.Fatal(err)
	}
	if fetches(t, node, shared) == 0 || len(cache.entries) != 2 {
		t.Errorf("after an upgrade the old description is used; the cache holds %d", len(cache.entries))
	}
}

// A spoilt entry is not used but replaced, and a cache that fails is done without.
func TestSpoiltCacheIsDoneWithout(t *testing.T) {
	node := quietNode(t)
	cache := &memoryCache{entries: make(map[string][]byte)}
	fetches(t, node, NewDescriptions(cache))
	for key, good := range cache.entries {
		changed := append([]byte{}, good...)
		changed[len(changed)/2] ^= 1
		for name, bad := range map[string][]byte{
			"empty": {}, "cut short": good[:len(good)-1], "only a hash": good[:32], "changed": changed,
			"longer": append(append([]byte{}, good...), 0), "no metadata": seal([]byte("hello")), "nothing sealed": seal(nil),
		} {
			cache.entries[key] = bad
			if fetches(t, node, NewDescriptions(cache)) == 0 {
				t.Errorf("%s: it was taken for metadata", name)
			}
			if n := fetches(t, node, NewDescriptions(cache)); n != 0 {
				t.Errorf("%s: it was not replaced", name)
			}
		}
	}
	cache.failing = errors.New("no access")
	if fetches(t, node, NewDescriptions(cache)) == 0 {
		t.Error("metadata came out of a cache that fails")
	}
}

// A description of another runtime is refused where it says so itself.
func TestEntryOfAnotherRuntime(t *testing.T) {
	m := real393(t)
	if spec, _, err := m.RuntimeVersion(); err != nil || spec != 393 {
		t.Fatal(spec, err)
	}
	raw, err := os.ReadFile(real393Path(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unseal(seal(raw), 394); !errors.Is(err, errSeal) {
		t.Errorf("taken for spec 394: %v", err)
	}
	if _, err := unseal(seal(raw), 393); err != nil {
		t.Error(err)
	}
}

func TestMetadataFolder(t *testing.T) {
	folder := MetadataFolder(filepath.Join(t.TempDir(), "not", "there", "yet"))
	ctx := t.Context()
	if _, err := folder.Load(ctx, "k"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an entry of an empty folder: %v", err)
	}
	for _, text := range []string{"first", "", "second"} {
		if err := folder.Save(ctx, "k", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := folder.Load(ctx, "k"); err != nil || string(got) != text {
			t.Errorf("got %q, %v; want %q", got, err, text)
		}
	}
	files, err := os.ReadDir(string(folder))
	if err != nil || len(files) != 1 {
		t.Errorf("%d files in the folder, %v; want the entry alone", len(files), err)
	}
	if err := os.WriteFile(filepath.Join(string(folder), "huge"), make([]byte, metadata.MaxSize+1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := folder.Load(ctx, "huge"); err != nil || len(got) > metadata.MaxSize+32 {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	blocked := MetadataFolder(filepath.Join(string(folder), "k", "below a file"))
	if err := blocked.Save(ctx, "k", nil); err == nil {
		t.Error("saved below a file")
	}
}

// A node that names another version each time does not fill the memory.
func TestDescriptionsAreBounded(t *testing.T) {
	d := NewDescriptions(nil)
	for spec := range uint32(100) {
		m := new(metadata.Metadata)
		d.keep(t.Context(), descriptionKey("0xaa", spec), nil, m)
		if d.find(t.Context(), descriptionKey("0xaa", spec), spec) != m {
			t.Errorf("spec %d is forgotten at once", spec)
		}
	}
	if n := len(d.parsed); n > maxDescriptions {
		t.Errorf("%d descriptions are kept", n)
	}
}

func FuzzUnseal(f *testing.F) {
	for _, seed := range [][]byte{nil, seal(nil), seal([]byte("meta\x0f")), make([]byte, 31), make([]byte, 64)} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, whole bool) {
		if whole {
			b = seal(b)
		}
		if m, err := unseal(b, 1); (m == nil) != (err != nil) {
			t.Errorf("%v and %v", m, err)
		}
	})
}
