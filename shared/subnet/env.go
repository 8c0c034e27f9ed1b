package subnet

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// EnvID names a reinforcement-learning environment, such as "affine:sat".
type EnvID string

// Key is the EnvID as it stands in object keys and file names, without a colon:
// "affine-sat".
func (e EnvID) Key() string { return strings.ReplaceAll(string(e), ":", "-") }

// TaskID numbers a task within its environment's id range.
type TaskID uint64

// GenerationSeed is the seed sent to the model with a task: the first eight bytes,
// big-endian, of SHA-256("env:task_id"), modulo 2³² (upstream since 2025-11-18).
// It is the same for every miner, so that a sample can be replayed.
func GenerationSeed(env EnvID, task TaskID) uint32 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s:%d", env, task))
	return uint32(binary.BigEndian.Uint64(sum[:8]))
}
