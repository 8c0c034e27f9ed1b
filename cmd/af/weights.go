package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/leaderboard"
)

// maxInput is the longest input that af weights reads, in bytes.
const maxInput = 256 << 20

func newWeightsCmd() *cobra.Command {
	var input, data string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "weights",
		Short: "Show the weights last set, or compute them from a snapshot of samples",
		Long: `Show the weights that were last set on chain, who won and why, from a data folder,
and whether they are sealed still; or, with --input, compute weights from a snapshot of samples by the rule of
November 2025.

FILE holds a JSON object with envs, meta_hotkeys, current_block, commit_blocks,
queryable, burn and samples, alone or under the key "inputs"; "-" reads it from
standard input.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := chosenVerdict(cmd, input, data)
			if err != nil {
				return err
			}
			if asJSON {
				return printReport(cmd.OutOrStdout(), v)
			}
			return leaderboard.Render(cmd.OutOrStdout(), v)
		},
	}
	cmd.Flags().StringVar(&input, "input", "", `file with the samples to score; "-" is standard input`)
	cmd.Flags().StringVar(&data, "data", "af-data", "data folder whose last weights are shown when there is no --input")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the whole verdict as JSON")
	return cmd
}

// chosenVerdict is the verdict that the flags ask for.
func chosenVerdict(cmd *cobra.Command, input, data string) (dominance.Verdict, error) {
	if input == "" {
		return lastVerdict(cmd.Context(), cmd.ErrOrStderr(), data)
	}
	return weigh(input, cmd.InOrStdin())
}

// weigh scores the snapshot in a file.
func weigh(name string, stdin io.Reader) (dominance.Verdict, error) {
	text, err := readInput(name, stdin)
	if err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: reading the input: %w", err)
	}
	in, err := dominance.ParseInput(text)
	if name == "-" {
		name = "standard input"
	}
	if err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: %s: %w", name, err)
	}
	return dominance.Seed(in)
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	source := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		source = f
	}
	text, err := io.ReadAll(io.LimitReader(source, maxInput+1))
	if err == nil && len(text) > maxInput {
		err = fmt.Errorf("longer than %d bytes", maxInput)
	}
	return text, err
}

func printReport(w io.Writer, v dominance.Verdict) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v.Report())
}
