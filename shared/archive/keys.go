package archive

import (
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// The folders of the archive. Level 0 is what envrunners wrote, in small parts and
// perhaps twice; level 2 is sorted, without duplicates and made for readers.
const (
	SamplesPrefix  = "samples/v1/"
	ConvPrefix     = "conv/v1/"
	WeightsPrefix  = "weights/v1/"
	WindowsPrefix  = "windows/v1/"
	ManifestPrefix = "_manifest/v1/"
)

const (
	// LatestWeightsKey is the pointer document to the last confirmed weights.
	LatestWeightsKey = WeightsPrefix + "latest.json"

	// SeedLatestKey is the same pointer under the name and in the schema that the
	// tools of upstream's November 2025 release read.
	SeedLatestKey = "affine/weights/latest.json"
)

// CheckRun refuses run ids that are not 1 to 64 lower-case letters, digits and
// hyphens, beginning with a letter or digit. A run id names one process from start
// to end; two processes must never share one.
func CheckRun(run string) error {
	if len(run) == 0 || len(run) > 64 {
		return fmt.Errorf("archive: run id %.80q has %d bytes, want 1 to 64", run, len(run))
	}
	for i, c := range []byte(run) {
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (c != '-' || i == 0) {
			return fmt.Errorf("archive: run id %q: want lower-case letters, digits and hyphens", run)
		}
	}
	return nil
}

// PartKey is the level-0 part that a run wrote as its number seq, from 0. The run
// has passed CheckRun; parts of a run sort in the order they were written.
func PartKey(at time.Time, run string, seq int) string {
	return fmt.Sprintf("%s%s-%08d.parquet", PartPrefix(at), run, seq)
}

// PackKey is the pack of transcripts that belongs to the part of the same name.
func PackKey(at time.Time, run string, seq int) string {
	return fmt.Sprintf("%s%s/%s-%08d.pack", ConvPrefix, day(at), run, seq)
}

// PartPrefix is what the level-0 parts of a UTC day start with.
func PartPrefix(at time.Time) string { return SamplesPrefix + "level=0/" + day(at) + "/" }

// SortedKey is a level-2 part: one environment's samples of a UTC day. The hash is
// of the sorted keys it was made from, so that a rerun writes the same object.
func SortedKey(at time.Time, env subnet.EnvID, hash string) string {
	return fmt.Sprintf("%slevel=2/%s/env=%s/%s.parquet", SamplesPrefix, day(at), env.Key(), hash)
}

// ManifestKey is the list of the parts that hold a UTC day's samples.
func ManifestKey(at time.Time) string { return ManifestPrefix + date(at) + ".json" }

// WeightsKey is the document that explains the weights decided at a block.
func WeightsKey(at time.Time, block subnet.Block) string {
	return fmt.Sprintf("%s%s/%d.json", WeightsPrefix, day(at), block)
}

// WindowKey is a closed window's plan with its secret, for whoever audits which
// tasks were due.
func WindowKey(netuid subnet.Netuid, window uint64) string {
	return fmt.Sprintf("%snetuid=%d/%d.json", WindowsPrefix, netuid, window)
}

// SeedSummaryKey is the weights document in the schema of upstream's November 2025
// release.
func SeedSummaryKey(block subnet.Block) string {
	return fmt.Sprintf("affine/weights/summary-%d.json", block)
}

func day(at time.Time) string  { return "dt=" + date(at) }
func date(at time.Time) string { return at.UTC().Format(time.DateOnly) }
