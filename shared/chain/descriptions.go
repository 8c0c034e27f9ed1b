package chain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/affine-go/affine/shared/chain/metadata"
)

// MetadataCache keeps runtimes' descriptions between processes, so that a start does not
// have to fetch 300 kB from the chain. Keys look like "<genesis>-<spec version>.scale".
// An entry never changes; one that is damaged is noticed and replaced. What fails only
// costs the time to ask the chain, so errors are not reported.
type MetadataCache interface {
	// Load returns the entry that Save was last given under the key.
	Load(ctx context.Context, key string) ([]byte, error)

	// Save keeps an entry, whatever stands under the key.
	Save(ctx context.Context, key string, entry []byte) error
}

// Descriptions are the runtimes' descriptions that a process has read. All clients that
// share them parse each once.
type Descriptions struct {
	cache MetadataCache // nil for none

	mu     sync.Mutex
	parsed map[string]*metadata.Metadata // by the cache's key
}

// NewDescriptions begins with what the cache has; nil stands for no cache.
func NewDescriptions(cache MetadataCache) *Descriptions {
	return &Descriptions{cache: cache, parsed: make(map[string]*metadata.Metadata)}
}

// find returns the description of a chain's runtime; nil when it has to be fetched.
func (d *Descriptions) find(ctx context.Context, key string, spec uint32) *metadata.Metadata {
	d.mu.Lock()
	m := d.parsed[key]
	d.mu.Unlock()
	if m != nil || d.cache == nil {
		return m
	}
	entry, err := d.cache.Load(ctx, key)
	if err != nil {
		return nil
	}
	if m, err = unseal(entry, spec); err != nil {
		return nil
	}
	d.remember(key, m)
	return m
}

// keep takes a description that was fetched.
func (d *Descriptions) keep(ctx context.Context, key string, raw []byte, m *metadata.Metadata) {
	d.remember(key, m)
	if d.cache != nil {
		_ = d.cache.Save(ctx, key, seal(raw)) // the next process asks the chain then
	}
}

// maxDescriptions bounds how many are held: those of a few chains, before and after an
// upgrade. A node may name any number of versions.
const maxDescriptions = 16

func (d *Descriptions) remember(key string, m *metadata.Metadata) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.parsed) >= maxDescriptions {
		clear(d.parsed)
	}
	d.parsed[key] = m
}

// descriptionKey names a runtime: its chain and its spec version.
func descriptionKey(genesis string, spec uint32) string {
	return fmt.Sprintf("%s-%d.scale", strings.TrimPrefix(genesis, "0x"), spec)
}

// seal puts the SHA-256 of a description before it.
func seal(raw []byte) []byte {
	sum := sha256.Sum256(raw)
	return append(sum[:], raw...)
}

var errSeal = errors.New("cached metadata is damaged")

// unseal reads a cache's entry. It refuses one that is cut short or changed, and one of
// another runtime.
func unseal(entry []byte, spec uint32) (*metadata.Metadata, error) {
	if len(entry) < sha256.Size {
		return nil, fmt.Errorf("%w: %d bytes", errSeal, len(entry))
	}
	raw := entry[sha256.Size:]
	if sum := sha256.Sum256(raw); !bytes.Equal(sum[:], entry[:sha256.Size]) {
		return nil, fmt.Errorf("%w: its hash is another", errSeal)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		return nil, err
	}
	if of, _, err := m.RuntimeVersion(); err == nil && of != spec {
		return nil, fmt.Errorf("%w: it describes spec %d", errSeal, of)
	}
	return m, nil
}

// MetadataFolder is a MetadataCache in a folder, which is made when first needed. Several
// processes may share it: entries appear whole or not at all.
type MetadataFolder string

// Load reads a file of the folder.
func (f MetadataFolder) Load(_ context.Context, key string) ([]byte, error) {
	file, err := os.Open(filepath.Join(string(f), filepath.Base(key)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(file, metadata.MaxSize+sha256.Size))
}

// Save writes a file and then gives it its name.
func (f MetadataFolder) Save(_ context.Context, key string, entry []byte) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(string(f), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(entry)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(string(f), filepath.Base(key)))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
