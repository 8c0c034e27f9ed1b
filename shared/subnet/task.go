package subnet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Task is one planned attempt of one miner at one environment's task. It is the
// body of a queue message and carries all that an envrunner needs to make it.
type Task struct {
	Schema   int      `json:"schema"` // TaskSchema
	Netuid   Netuid   `json:"netuid"`
	UID      UID      `json:"uid"`
	Hotkey   Hotkey   `json:"hotkey"`
	Model    string   `json:"model"`
	Revision Revision `json:"revision"`
	Slug     string   `json:"slug"`         // the chute's slug, which names its inference host
	Commit   Block    `json:"commit_block"` // block of the miner's commitment: who was first
	Env      EnvID    `json:"env"`
	Window   uint64   `json:"window"`  // window whose plan names the task
	Index    uint32   `json:"index"`   // position in the window's plan, from 0
	TaskID   TaskID   `json:"task_id"` // the task at that position
	Attempt  uint8    `json:"attempt"` // planned repeat of the task id, never a receive count
	Block    Block    `json:"block"`   // finalized block at which the task was planned
}

// TaskSchema is the version of Task that this build writes and reads.
const TaskSchema = 1

// MaxIndex bounds Task.Index: rows sort by the index in six digits.
const MaxIndex = 999_999

// SampleID names the one sample that a task may yield.
func (t Task) SampleID() SampleID {
	return NewSampleID(t.Netuid, t.Hotkey, t.Revision, t.Env, t.Window, t.TaskID, t.Attempt)
}

// Check refuses a task that could not have been planned. It says which field is
// wrong; a message that fails it is poison and is never retried.
func (t Task) Check() error {
	switch {
	case t.Schema != TaskSchema:
		return fmt.Errorf("task: schema %d, this build reads %d", t.Schema, TaskSchema)
	case t.Hotkey == "":
		return errors.New("task: hotkey is missing")
	case t.Revision == "":
		return errors.New("task: revision is missing")
	case t.Env == "":
		return errors.New("task: env is missing")
	case t.Index > MaxIndex:
		return fmt.Errorf("task: index %d, at most %d", t.Index, MaxIndex)
	}
	return nil
}

// SampleID identifies a sample: SHA-256 over what was planned, cut to 16 bytes.
// A redelivered message has the same SampleID, which is what makes a double count
// impossible. The window is part of it because a small environment's ids come
// round again in a later window and are then a new sample.
type SampleID [16]byte

// NewSampleID derives the id. Fields are length-prefixed so that no two different
// plans can spell the same bytes.
func NewSampleID(n Netuid, h Hotkey, r Revision, e EnvID, window uint64, task TaskID, attempt uint8) SampleID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%d:%s|%d:%s|%d:%s|%d|%d|%d",
		n, len(h), h, len(r), r, len(e), e, window, task, attempt))
	return SampleID(sum[:16])
}

// String is the id in hex.
func (s SampleID) String() string { return hex.EncodeToString(s[:]) }

// MarshalText writes the id in hex.
func (s SampleID) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *SampleID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(s) {
		return fmt.Errorf("sample id %q: want %d hex digits", text, 2*len(s))
	}
	copy(s[:], b)
	return nil
}
