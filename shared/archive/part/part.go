// Package part is the Parquet form of samples: what envrunners write beside each
// pack of transcripts, what the compactor merges, and what analysts read with
// DuckDB, pandas or any other reader of Parquet. In SQL the columns window, index,
// at and offset want double quotes.
//
// The same samples in the same order always give the same bytes, so that a write
// whose reply was lost can be repeated under its key.
package part

import (
	"bytes"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/affine-go/affine/shared/subnet"
)

const (
	// groupRows is the number of rows of a row group: enough for dictionaries to
	// pay, few enough for a reader to skip what it does not want.
	groupRows = 128 << 10

	// batchRows is how many samples are turned into rows at a time.
	batchRows = 512

	// dictionaryBytes bounds a column's dictionary. Beyond it the column goes on in
	// plain form, which is what reasons that are all different need.
	dictionaryBytes = 1 << 20

	// digestKey is the footer's entry with the digest of all rows, in hex.
	digestKey = "affine.digest"
)

// Writer writes one part, row group by row group, for one goroutine.
//
// It is made anew for each part: parquet-go v0.32's writers can be reset, but a
// reset one leaves the columns' paths out of the footer, and readers other than
// parquet-go need them.
type Writer struct {
	out    *parquet.GenericWriter[row]
	rows   [batchRows]row
	digest digest // of the rows written
}

// NewWriter starts a part on out. Nothing is whole before Close.
func NewWriter(out io.Writer) *Writer {
	options := []parquet.WriterOption{
		parquet.Compression(&zstd.Codec{}),
		parquet.MaxRowsPerRowGroup(groupRows),
		parquet.DictionaryMaxBytes(dictionaryBytes),
		parquet.CreatedBy("affine", "1", ""),
		// Pages' bounds stand in the page index; a second copy in each page costs time only.
		parquet.DataPageStatistics(false),
	}
	// Nobody looks for a range of these; comparing the strings takes a fifth of the time.
	for _, column := range []string{"model", "revision", "slug", "outcome", "reason", "pack"} {
		options = append(options, parquet.SkipPageBounds(column))
	}
	return &Writer{out: parquet.NewGenericWriter[row](out, options...)}
}

// Write adds samples in order. Their times are cut to milliseconds, and bytes of a
// reason that are not UTF-8 become U+FFFD; all else comes back from Decode as it
// was. The samples' ids must be those of their tasks (subnet.Sample.Check): only
// then does Decode accept the part.
func (w *Writer) Write(samples []subnet.Sample) error {
	for len(samples) > 0 {
		n := min(len(samples), batchRows)
		for i := range samples[:n] {
			w.rows[i] = toRow(&samples[i])
			w.digest.add(&w.rows[i], &samples[i].ID)
		}
		if _, err := w.out.Write(w.rows[:n]); err != nil {
			return fmt.Errorf("part: writing rows: %w", err)
		}
		samples = samples[n:]
	}
	return nil
}

// Close writes what is buffered and the footer. It does not close the output.
func (w *Writer) Close() error {
	w.out.SetKeyValueMetadata(digestKey, w.digest.String())
	if err := w.out.Close(); err != nil {
		return fmt.Errorf("part: writing the footer: %w", err)
	}
	return nil
}

// Encode is the part that holds these samples.
func Encode(samples []subnet.Sample) ([]byte, error) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	if err := w.Write(samples); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
