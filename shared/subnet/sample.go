package subnet

import (
	"fmt"
	"time"
)

// ScoreScale is the score of a task that was fully solved. Scores are integers
// 0..ScoreScale from the grader to the verdict; no float is ever stored.
const ScoreScale = 1000

// Sample is one graded attempt, as the table keeps it.
type Sample struct {
	Task
	ID       SampleID  `json:"sample_id"`
	Score    int       `json:"score"` // 0..ScoreScale; 0 unless Outcome is ok
	Outcome  Outcome   `json:"outcome"`
	Reason   string    `json:"reason"`            // the grader's or the error's one-line reason
	Latency  int64     `json:"latency_ms"`        // time spent on the model, in milliseconds
	Prompt   int       `json:"prompt_tokens"`     // as the provider counted; 0 when unknown
	Complete int       `json:"completion_tokens"` // as the provider counted; 0 when unknown
	At       time.Time `json:"at"`                // when it was graded, UTC, milliseconds
	Ref      PackRef   `json:"ref"`               // where the transcript lies
}

// MaxReason bounds Sample.Reason so that a row stays under 1 KB.
const MaxReason = 200

// PackRef points at a transcript: one zstd frame within a pack object.
type PackRef struct {
	Pack   string `json:"pack"` // object key of the pack
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
}

// Check refuses a sample that must not reach the table.
func (s Sample) Check() error {
	if err := s.Task.Check(); err != nil {
		return err
	}
	switch {
	case s.Score < 0 || s.Score > ScoreScale:
		return fmt.Errorf("sample %s: score %d outside 0..%d", s.ID, s.Score, ScoreScale)
	case s.Outcome == "":
		return fmt.Errorf("sample %s: outcome is missing", s.ID)
	case s.Outcome != OK && s.Score != 0:
		return fmt.Errorf("sample %s: outcome %s with score %d", s.ID, s.Outcome, s.Score)
	case s.ID != s.SampleID():
		return fmt.Errorf("sample %s: its task's id is %s", s.ID, s.SampleID())
	}
	return nil
}

// Transcript is the whole conversation of a sample, kept in a pack.
type Transcript struct {
	ID     SampleID `json:"sample_id"`
	Prompt string   `json:"prompt"`
	Reply  string   `json:"reply"`
	Answer string   `json:"answer"` // what the grader read out of the reply
	Error  string   `json:"error,omitempty"`
}
