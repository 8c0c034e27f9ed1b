package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/catalogue"
	"github.com/affine-go/affine/shared/subnet"
)

func newEnvsCmd() *cobra.Command {
	var asJSON bool
	var cruxEval string
	cmd := &cobra.Command{
		Use:   "envs",
		Short: "List the environments",
		Long: `List the environments of this build: name, kind and the range of task ids, of which
the second is the first that does not exist. A native environment is graded by this
program itself. One with recorded tasks has ids as far as its records are there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := listEnvs(cruxEval)
			if err != nil {
				return fmt.Errorf("envs: %w", err)
			}
			if asJSON {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(list)
			}
			return renderEnvs(cmd.OutOrStdout(), list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cruxEvalFlag(cmd, &cruxEval)
	return cmd
}

// listedEnv is a line of the list. Range is [first, end) and nil while the recorded
// tasks are not there.
type listedEnv struct {
	ID    subnet.EnvID      `json:"id"`
	Kind  string            `json:"kind"`
	Range *[2]subnet.TaskID `json:"id_range"`
}

// native is the kind of all environments in the catalogue: each is a package of its own.
const native = "native"

func listEnvs(cruxEval string) ([]listedEnv, error) {
	var list []listedEnv
	for _, id := range catalogue.IDs() {
		records, err := recordsFor(id, cruxEval)
		if err != nil {
			return nil, err
		}
		if id == abd.RecordedID && records == nil {
			list = append(list, listedEnv{ID: id, Kind: native})
			continue
		}
		e, err := open(id, nil, records)
		if err != nil {
			return nil, err
		}
		lo, hi := e.Range()
		list = append(list, listedEnv{ID: id, Kind: native, Range: &[2]subnet.TaskID{lo, hi}})
	}
	return list, nil
}

func renderEnvs(w io.Writer, list []listedEnv) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ENVIRONMENT\tKIND\tTASK IDS")
	for _, e := range list {
		ids := "its records are missing: set AFFINE_CRUXEVAL"
		if e.Range != nil {
			ids = fmt.Sprintf("[%d, %d)", e.Range[0], e.Range[1])
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", e.ID, e.Kind, ids)
	}
	return table.Flush()
}
