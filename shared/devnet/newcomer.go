package devnet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/affine-go/affine/shared/chain/keys"
)

// newcomerSeed is the seed of a hotkey that is registered and has committed nothing, for
// trying out what a new miner does. Everybody can derive it.
func newcomerSeed() [32]byte { return sha256.Sum256([]byte("a newcomer to the development subnet")) }

func newcomerKey() (*keys.Pair, error) {
	pair, err := keys.FromSeed(keys.Sr25519, newcomerSeed())
	if err != nil {
		return nil, fmt.Errorf("the newcomer's key: %w", err)
	}
	return pair, nil
}

// NewcomerFile is the newcomer's keyfile.
func (n *Net) NewcomerFile() string { return filepath.Join(n.cfg.Dir, "newcomer.json") }

// writeNewcomer writes the newcomer's keyfile as Bittensor's wallets hold it.
func (n *Net) writeNewcomer() error {
	pair, err := newcomerKey()
	if err != nil {
		return err
	}
	seed := newcomerSeed()
	text, err := json.Marshal(map[string]string{
		"secretSeed": "0x" + hex.EncodeToString(seed[:]), "ss58Address": pair.Address(),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(n.NewcomerFile(), text, 0o600); err != nil {
		return fmt.Errorf("the newcomer's keyfile: %w", err)
	}
	return nil
}
