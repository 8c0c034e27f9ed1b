package part_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/subnet"
)

// readers are programs that print a Parquet file's rows as one JSON array, with
// times in milliseconds.
var readers = map[string]string{
	"pyarrow": `
import json, sys
import pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
at = table.schema.get_field_index("at")
assert str(table.schema.field("at").type) == "timestamp[ms, tz=UTC]", table.schema.field("at").type
json.dump(table.set_column(at, "at", table["at"].cast("int64")).to_pylist(), sys.stdout)
`,
	"duckdb": `
import json, sys
import duckdb
rows = duckdb.execute("SELECT * REPLACE (epoch_ms(\"at\") AS \"at\") FROM read_parquet(?)", [sys.argv[1]])
names = [column[0] for column in rows.description]
json.dump([dict(zip(names, row)) for row in rows.fetchall()], sys.stdout)
`,
}

// Other readers of Parquet see the same values. It needs a Python that has them
// installed: AFFINE_PYTHON, or the python3 on the path.
func TestOtherReaders(t *testing.T) {
	in := samples(3000)
	path := filepath.Join(t.TempDir(), "part.parquet")
	if err := os.WriteFile(path, encode(t, in), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, program := range readers {
		t.Run(name, func(t *testing.T) {
			out, err := python(t, name, "-c", program, path).Output()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(asJSON(t, in), unmarshal[[]map[string]any](t, out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// python is a command of a Python that has a module, or the test is skipped.
func python(t *testing.T, module string, args ...string) *exec.Cmd {
	t.Helper()
	interpreter := os.Getenv("AFFINE_PYTHON")
	if interpreter == "" {
		interpreter = "python3"
	}
	if err := exec.CommandContext(t.Context(), interpreter, "-c", "import "+module).Run(); err != nil {
		t.Skipf("NOT CHECKED: no %s with %s (set AFFINE_PYTHON): %v", interpreter, module, err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter, args...)
	cmd.Stderr = os.Stderr
	return cmd
}

// asJSON is what a reader should print: the samples' own JSON, flat and without id.
func asJSON(t *testing.T, in []subnet.Sample) []map[string]any {
	t.Helper()
	rows := make([]map[string]any, len(in))
	for i, s := range in {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		row := unmarshal[map[string]any](t, text)
		for name, value := range row["ref"].(map[string]any) {
			row[name] = value
		}
		delete(row, "ref")
		delete(row, "sample_id")
		row["at"] = float64(s.At.UnixMilli())
		rows[i] = row
	}
	return rows
}

func unmarshal[T any](t *testing.T, text []byte) (v T) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
