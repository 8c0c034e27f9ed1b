package part

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/affine-go/affine/shared/subnet"
)

// row is a sample as it stands in a file. The columns are named as the sample's
// JSON fields are, flat, so that analysts meet the same words everywhere.
//
// What repeats (who, which model, how it ended) is a dictionary; what grows or
// stays near its neighbour (blocks, times, indexes, offsets) is the difference to
// the row before. The sample's id is not a column: 16 bytes that do not compress
// would cost as much as all the rest, and they follow from the columns.
type row struct {
	Schema     int32  `parquet:"schema,dict"`
	Netuid     uint32 `parquet:"netuid,dict"`
	UID        uint32 `parquet:"uid,dict"`
	Hotkey     string `parquet:"hotkey,dict"`
	Model      string `parquet:"model,dict"`
	Revision   string `parquet:"revision,dict"`
	Slug       string `parquet:"slug,dict"`
	Commit     uint64 `parquet:"commit_block,dict"`
	Env        string `parquet:"env,dict"`
	Window     uint64 `parquet:"window,dict"`
	Index      uint32 `parquet:"index,delta"`
	TaskID     uint64 `parquet:"task_id,delta"`
	Attempt    uint32 `parquet:"attempt,dict"`
	Block      uint64 `parquet:"block,delta"`
	Score      int32  `parquet:"score,dict"`
	Outcome    string `parquet:"outcome,dict"`
	Reason     string `parquet:"reason,dict"`
	Latency    int64  `parquet:"latency_ms,delta"`
	Prompt     int64  `parquet:"prompt_tokens,delta"`
	Completion int64  `parquet:"completion_tokens,delta"`
	At         int64  `parquet:"at,timestamp(millisecond),delta"`
	Pack       string `parquet:"pack,dict"`
	Offset     int64  `parquet:"offset,delta"`
	Length     int64  `parquet:"length,delta"`
}

func toRow(s *subnet.Sample) row {
	reason := s.Reason
	if !utf8.ValidString(reason) { // it may quote what a model wrote
		reason = strings.ToValidUTF8(reason, "\uFFFD")
	}
	return row{
		Schema: int32(s.Schema), Netuid: uint32(s.Netuid), UID: uint32(s.UID),
		Hotkey: string(s.Hotkey), Model: s.Model, Revision: string(s.Revision), Slug: s.Slug, Commit: uint64(s.Commit),
		Env: string(s.Env), Window: s.Window, Index: s.Index, TaskID: uint64(s.TaskID), Attempt: uint32(s.Attempt), Block: uint64(s.Block),
		Score: int32(s.Score), Outcome: string(s.Outcome), Reason: reason,
		Latency: s.Latency, Prompt: int64(s.Prompt), Completion: int64(s.Complete), At: s.At.UnixMilli(),
		Pack: s.Ref.Pack, Offset: s.Ref.Offset, Length: s.Ref.Length,
	}
}

func (r *row) sample(texts interner) subnet.Sample {
	s := subnet.Sample{
		Task: subnet.Task{
			Schema: int(r.Schema), Netuid: subnet.Netuid(r.Netuid), UID: subnet.UID(r.UID),
			Hotkey: subnet.Hotkey(texts.text(r.Hotkey)), Model: texts.text(r.Model),
			Revision: subnet.Revision(texts.text(r.Revision)), Slug: texts.text(r.Slug), Commit: subnet.Block(r.Commit),
			Env: subnet.EnvID(texts.text(r.Env)), Window: r.Window, Index: r.Index,
			TaskID: subnet.TaskID(r.TaskID), Attempt: uint8(r.Attempt), Block: subnet.Block(r.Block),
		},
		Score: int(r.Score), Outcome: subnet.Outcome(texts.text(r.Outcome)), Reason: texts.text(r.Reason),
		Latency: r.Latency, Prompt: int(r.Prompt), Complete: int(r.Completion), At: time.UnixMilli(r.At).UTC(),
		Ref: subnet.PackRef{Pack: texts.text(r.Pack), Offset: r.Offset, Length: r.Length},
	}
	s.ID = s.SampleID()
	return s
}
