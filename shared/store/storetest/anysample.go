package storetest

import (
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// AnySample draws samples that every table takes, with all values and texts that
// CheckSample lets pass.
func AnySample() *rapid.Generator[subnet.Sample] {
	return rapid.Custom(func(t *rapid.T) subnet.Sample {
		name := func(label string, least, most int) string {
			return rapid.StringN(least, -1, most).Draw(t, label)
		}
		count := func(label string) int64 { return rapid.Int64Range(0, math.MaxInt64).Draw(t, label) }
		s := subnet.Sample{
			Task: subnet.Task{
				Schema:   subnet.TaskSchema,
				Netuid:   subnet.Netuid(rapid.Uint16().Draw(t, "netuid")),
				UID:      subnet.UID(rapid.Uint16().Draw(t, "uid")),
				Hotkey:   subnet.Hotkey(name("hotkey", 1, store.MaxName)),
				Model:    name("model", 0, store.MaxSampleText),
				Revision: subnet.Revision(name("revision", 1, store.MaxName)),
				Slug:     name("slug", 0, store.MaxSampleText),
				Commit:   subnet.Block(rapid.Uint64().Draw(t, "commit")),
				Env:      subnet.EnvID(name("env", 1, store.MaxName)),
				Window:   rapid.Uint64Range(0, store.MaxOrdinal).Draw(t, "window"),
				Index:    rapid.Uint32Range(0, subnet.MaxIndex).Draw(t, "index"),
				TaskID:   subnet.TaskID(rapid.Uint64().Draw(t, "task")),
				Attempt:  rapid.Uint8().Draw(t, "attempt"),
				Block:    subnet.Block(rapid.Uint64().Draw(t, "block")),
			},
			Outcome: rapid.SampledFrom(subnet.Outcomes).Draw(t, "outcome"),
			Reason:  name("reason", 0, subnet.MaxReason),
			Latency: count("latency"), Prompt: int(count("prompt")), Complete: int(count("complete")),
			At:  time.UnixMilli(rapid.Int64Range(0, 1<<45).Draw(t, "at")).UTC(),
			Ref: subnet.PackRef{Pack: name("pack", 0, store.MaxSampleText), Offset: count("offset"), Length: count("length")},
		}
		if s.Outcome == subnet.OK {
			s.Score = rapid.IntRange(0, subnet.ScoreScale).Draw(t, "score")
		}
		return Seal(s)
	})
}
