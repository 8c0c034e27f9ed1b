package chaintest

import (
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
)

// runtime is one version of the chain's program: what blocks are made and read by.
type runtime struct {
	spec      uint32
	metadata  *metadata.Metadata
	describe  func(version uint8) ([]byte, error)
	described map[uint8][]byte // metadata by its version, as far as it was needed
	versions  []uint8          // that there are
}

// newRuntime is the node's own runtime at a spec version, or takes the description that
// is given.
func newRuntime(cfg Config, spec uint32, raw []byte) (r *runtime, err error) {
	r = &runtime{spec: spec, described: make(map[uint8][]byte)}
	if raw != nil {
		if r.metadata, err = metadata.Parse(raw); err == nil {
			r.versions, r.described[r.metadata.Version] = []uint8{r.metadata.Version}, raw
		}
		return r, err
	}
	r.versions = []uint8{14, 15, 16}
	r.describe = func(version uint8) ([]byte, error) { return describe(cfg, spec, version) }
	if raw, err = r.in(15); err == nil {
		r.metadata, err = metadata.Parse(raw)
	}
	return r, err
}

// in is the metadata in one of its versions; nil when there is none.
func (r *runtime) in(version uint8) ([]byte, error) {
	if raw, known := r.described[version]; known || !slices.Contains(r.versions, version) {
		return raw, nil
	}
	raw, err := r.describe(version)
	if err == nil {
		r.described[version] = raw
	}
	return raw, err
}

// plain is the metadata for those who name no version: the oldest that there is.
func (r *runtime) plain() ([]byte, error) { return r.in(r.versions[0]) }

// adopt puts a runtime in force.
func (n *Node) adopt(spec uint32, raw []byte) error {
	r, err := newRuntime(n.cfg, spec, raw)
	if err != nil {
		return err
	}
	n.current = r
	n.runtime = extrinsic.Context{Metadata: r.metadata, SpecVersion: spec, TxVersion: 1, Genesis: n.runtime.Genesis}
	return nil
}

// metadataAt is what the state after a block is read by.
func (n *Node) metadataAt(block uint64) *metadata.Metadata {
	if b := n.chain.at(block); b != nil {
		return b.runtime.metadata
	}
	return n.runtime.Metadata
}

// upgrade puts another runtime in force from the next block on. One that keeps its
// epochs in storage takes them over from one that did not.
func (n *Node) upgrade(spec uint32, raw []byte) error {
	x := &execution{node: n, number: n.chain.head}
	before, err := x.schedule(uint16(n.cfg.Netuid))
	if err != nil {
		return fmt.Errorf("chaintest: %w", err)
	}
	if err := n.adopt(spec, raw); err != nil {
		return fmt.Errorf("chaintest: upgrade to spec %d: %w", spec, err)
	}
	n.prune(n.chain.at(n.chain.head)) // signatures are bound to the version
	n.migration = !before.kept && n.keeps(n.chain.head+1, "SubnetEpochIndex")
	return nil
}

// migrate takes the epochs over: those counted so far, the last of which ran as many
// blocks ago as the chain has counted.
func (x *execution) migrate() error {
	if !x.node.migration {
		return nil
	}
	netuid := uint16(x.node.cfg.Netuid)
	s, err := x.schedule(netuid)
	if err != nil {
		return err
	}
	x.node.migration = false
	s.kept = false
	if err := x.put("SubtensorModule", "LastEpochBlock", x.number-1-s.since, netuid); err != nil {
		return err
	}
	return x.put("SubtensorModule", "SubnetEpochIndex", s.commits(x.number-1), netuid)
}
