package part

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/affine-go/affine/shared/subnet"
)

// MaxRows bounds the samples of a part that Decode accepts: some 600 MB in memory.
const MaxRows = 2_000_000

// ErrCorrupt is wrapped by every refusal of Decode.
var ErrCorrupt = errors.New("part: corrupt")

// Decode reads a part back, in the order it was written. It recomputes the samples'
// ids, which no column holds, and refuses the part when an id or any column is not
// what was written, when a sample fails its Check, and when the file is cut off,
// damaged or of other columns.
func Decode(data []byte) (samples []subnet.Sample, err error) {
	defer func() {
		// The decoder of some encodings indexes out of range on damaged pages.
		if r := recover(); r != nil {
			samples, err = nil, fmt.Errorf("%w: the reader gave up: %v", ErrCorrupt, r)
		}
	}()
	file, err := open(data)
	if err != nil {
		return nil, err
	}
	return readRows(file)
}

func open(data []byte) (*parquet.File, error) {
	if err := checkFooter(data); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if !parquet.EqualNodes(file.Schema(), rowSchema) {
		return nil, fmt.Errorf("%w: its columns are not those of samples", ErrCorrupt)
	}
	return file, checkPages(data, file.Metadata())
}

var rowSchema = parquet.SchemaOf(row{})

func readRows(file *parquet.File) ([]subnet.Sample, error) {
	reader := parquet.NewGenericReader[row](file)
	defer reader.Close()
	var (
		samples = make([]subnet.Sample, 0, file.NumRows())
		texts   = interner{}
		rows    = make([]row, min(batchRows, file.NumRows()+1)) // small parts abound: no more room than they need
		digest  digest
	)
	for {
		n, err := reader.Read(rows)
		for i := range rows[:n] {
			s := rows[i].sample(texts)
			if err := s.Check(); err != nil {
				return nil, fmt.Errorf("%w: row %d: %w", ErrCorrupt, len(samples), err)
			}
			digest.add(&rows[i], &s.ID)
			samples = append(samples, s)
		}
		if err == nil && n > 0 {
			continue
		}
		if !errors.Is(err, io.EOF) || int64(len(samples)) != file.NumRows() {
			return nil, fmt.Errorf("%w: after %d of %d rows: %w", ErrCorrupt, len(samples), file.NumRows(), err)
		}
		if err := checkDigest(file, digest); err != nil {
			return nil, err
		}
		return samples, nil
	}
}

func checkDigest(file *parquet.File, digest digest) error {
	if want, _ := file.Lookup(digestKey); want != digest.String() {
		return fmt.Errorf("%w: the rows' digest is %s, %q was written", ErrCorrupt, digest, want)
	}
	return nil
}

// interner gives equal texts one copy: most of a part's texts repeat.
type interner map[string]string

func (in interner) text(s string) string {
	if kept, ok := in[s]; ok {
		return kept
	}
	in[s] = s
	return s
}
