package part

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// maxPage bounds a page's size unpacked. Pages are written at some 256 KB; only a
// dictionary may be larger.
const maxPage = 16 << 20

// checkFooter refuses data whose footer does not lie within it, before a reader
// makes room for it.
func checkFooter(data []byte) error {
	const magic = "PAR1"
	n := len(data)
	if n < 12 || string(data[:4]) != magic || string(data[n-4:]) != magic {
		return fmt.Errorf("%w: %d bytes that are no Parquet file, or a part of one", ErrCorrupt, n)
	}
	if footer := binary.LittleEndian.Uint32(data[n-8:]); int64(footer) > int64(n-12) {
		return fmt.Errorf("%w: a footer of %d bytes in a file of %d", ErrCorrupt, footer, n)
	}
	return nil
}

// checkPages goes from page header to page header and refuses sizes and counts that
// the file cannot bear, because the reader makes room for what a header claims, and
// pages that are not what was written.
func checkPages(data []byte, meta *format.FileMetaData) error {
	var rows int64
	for g := range meta.RowGroups {
		group := &meta.RowGroups[g]
		if group.NumRows < 0 || group.NumRows > MaxRows {
			return fmt.Errorf("%w: row group %d claims %d rows", ErrCorrupt, g, group.NumRows)
		}
		rows += group.NumRows
		for c := range group.Columns {
			if err := checkChunk(data, &group.Columns[c].MetaData, group.NumRows); err != nil {
				return fmt.Errorf("%w: row group %d, column %d: %w", ErrCorrupt, g, c, err)
			}
		}
	}
	if rows > MaxRows || rows != meta.NumRows {
		return fmt.Errorf("%w: %d rows in groups, %d in the footer, at most %d", ErrCorrupt, rows, meta.NumRows, MaxRows)
	}
	return nil
}

func checkChunk(data []byte, chunk *format.ColumnMetaData, rows int64) error {
	if chunk.Codec != format.Zstd {
		return fmt.Errorf("packed with %s, not ZSTD", chunk.Codec)
	}
	start := chunk.DataPageOffset
	if dict := chunk.DictionaryPageOffset; dict > 0 && dict < start {
		start = dict
	}
	size := int64(len(data))
	if start < 4 || start > size || chunk.TotalCompressedSize < 0 || chunk.TotalCompressedSize > size-start {
		return fmt.Errorf("%d bytes from %d in a file of %d", chunk.TotalCompressedSize, start, size)
	}
	var values int64
	for rest := data[start : start+chunk.TotalCompressedSize]; len(rest) > 0; {
		n, in, err := checkPage(rest, rows)
		if err != nil {
			return err
		}
		rest = rest[n:]
		values += in
	}
	if values != rows || chunk.NumValues != rows {
		return fmt.Errorf("%d values in pages, %d in the footer, %d rows", values, chunk.NumValues, rows)
	}
	return nil
}

// checkPage reads the header of the page that data starts with: the page's size
// with its header, and how many of the column's values it holds.
func checkPage(data []byte, rows int64) (size int, values int64, err error) {
	var header format.PageHeader
	reader := new(thrift.CompactProtocol).NewReaderFromBytes(data)
	if err := thrift.NewDecoder(reader).Decode(&header); err != nil {
		return 0, 0, fmt.Errorf("page header: %w", err)
	}
	body := reader.BytesRead()
	size = body + int(header.CompressedPageSize)
	entries := int64(header.DictionaryPageHeader.V.NumValues)
	switch header.Type {
	case format.DictionaryPage:
	case format.DataPageV2:
		values = int64(header.DataPageHeaderV2.V.NumValues)
	default:
		return 0, 0, fmt.Errorf("page of type %s", header.Type)
	}
	switch {
	case header.CompressedPageSize < 0 || size > len(data):
		return 0, 0, fmt.Errorf("page of %d bytes where %d are left", header.CompressedPageSize, len(data))
	case header.UncompressedPageSize < 0 || header.UncompressedPageSize > maxPage:
		return 0, 0, fmt.Errorf("page of %d bytes unpacked", header.UncompressedPageSize)
	case values < 0 || values > rows || entries < 0 || entries > rows:
		return 0, 0, fmt.Errorf("page of %d values and %d dictionary entries for %d rows", values, entries, rows)
	case uint32(header.CRC) != crc32.ChecksumIEEE(data[body:size]): // which parquet-go leaves out for dictionaries
		return 0, 0, errors.New("page that does not match its checksum")
	}
	return size, values, checkPacked(data[body:size], int64(header.UncompressedPageSize))
}

// checkPacked refuses a page that may unpack to more than its header says. The
// encoder leaves the size out of frames below 256 bytes; so short a frame cannot
// unpack to more than some 10 MB, whatever it holds.
func checkPacked(frame []byte, unpacked int64) error {
	var h zstd.Header
	if err := h.Decode(frame); err != nil {
		return fmt.Errorf("zstd frame: %w", err)
	}
	if !h.HasFCS && unpacked < 256 && len(frame) < 300 {
		return nil
	}
	if !h.HasFCS || h.FrameContentSize != uint64(unpacked) {
		return fmt.Errorf("page of %d bytes unpacked in a zstd frame of %d", unpacked, h.FrameContentSize)
	}
	return nil
}
