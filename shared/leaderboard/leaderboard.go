// Package leaderboard shows a verdict to people: who stands where, with what
// figures, who won and why.
//
// On a terminal it draws a table; into a file or a pipe it writes the same cells
// separated by tabs, for other programs. Names that come from miners are stripped
// of everything that could steer a terminal.
package leaderboard

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/affine-go/affine/shared/dominance"
)

// Render writes the standing of every miner that has samples, a commitment or a
// weight, the eligible first, each part by points; then what was quarantined, and
// the verdict's reason.
func Render(w io.Writer, v dominance.Verdict) error {
	write := plain
	if terminal(w) {
		write = table
	}
	if err := write(w, v); err != nil {
		return fmt.Errorf("writing the leaderboard: %w", err)
	}
	return nil
}

// plain writes cells separated by tabs, a line for each miner.
func plain(w io.Writer, v dominance.Verdict) error {
	var text strings.Builder
	fmt.Fprintln(&text, strings.Join(header(&v), "\t"))
	for _, m := range ordered(&v) {
		fmt.Fprintln(&text, strings.Join(cells(&v, m, Printable(string(m.Hotkey)), Printable(m.Model)), "\t"))
	}
	fmt.Fprintf(&text, "\n%s", footer(&v))
	_, err := io.WriteString(w, text.String())
	return err
}

// header names the columns.
func header(v *dominance.Verdict) []string {
	names := []string{"UID", "Hotkey", "Model", "Rev"}
	for _, env := range v.Envs {
		names = append(names, Printable(string(env)))
	}
	for _, l := range v.Layers {
		names = append(names, "L"+strconv.Itoa(l.Size))
	}
	return append(names, "Pts", "Elig", "FirstBlk", "Wgt")
}

// cells are one miner's row, under header's names.
func cells(v *dominance.Verdict, m *dominance.Standing, hotkey, model string) []string {
	row := []string{strconv.Itoa(int(m.UID)), hotkey, model, Printable(m.Revision.Short())}
	for _, s := range m.Envs {
		row = append(row, envCell(s))
	}
	for i := range v.Layers {
		row = append(row, fmt.Sprintf("%.1f", m.LayerPoints[i]))
	}
	eligible, first := "N", "-"
	if m.Eligible {
		eligible = "Y"
	}
	if m.FirstBlock != dominance.Never {
		first = strconv.FormatUint(uint64(m.FirstBlock), 10)
	}
	return append(row, fmt.Sprintf("%.2f", m.Points), eligible, first, fmt.Sprintf("%.4f", m.Weight))
}

// envCell is "mean/[lower,upper]/count" in percent, between asterisks for the
// environment's winner.
func envCell(s dominance.EnvStanding) string {
	cell := fmt.Sprintf("%.2f/[%.2f,%.2f]/%d", 100*s.Mean(), 100*s.Lower, 100*s.Upper, s.Count)
	if s.Winner {
		return "*" + cell + "*"
	}
	return cell
}

// ordered lists the miners to show.
func ordered(v *dominance.Verdict) []*dominance.Standing {
	var list []*dominance.Standing
	for uid := range v.Miners {
		if m := &v.Miners[uid]; m.Active || m.FirstBlock != dominance.Never || m.Weight > 0 {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *dominance.Standing) int {
		return cmp.Or(-compareBool(a.Eligible, b.Eligible), -cmp.Compare(a.Points, b.Points),
			cmp.Compare(a.FirstBlock, b.FirstBlock), cmp.Compare(a.Hotkey, b.Hotkey))
	})
	return list
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// footer counts the miners and the quarantined, and gives the reason.
func footer(v *dominance.Verdict) string {
	var eligible, active, queryable int
	for uid := range v.Miners {
		m := &v.Miners[uid]
		eligible += compareBool(m.Eligible, false)
		active += compareBool(m.Active, false)
		queryable += compareBool(m.Queryable, false)
	}
	text := fmt.Sprintf("Block %d: %d eligible, %d active, %d queryable of %d miners.\n", v.Block, eligible, active, queryable, len(v.Miners))
	return text + quarantined(v) + Printable(v.Why) + "\n"
}

// quarantined counts the refused records by reason.
func quarantined(v *dominance.Verdict) string {
	counts := make(map[string]int)
	total := 0
	for _, q := range v.Quarantined {
		counts[q.Reason] += q.Count
		total += q.Count
	}
	if total == 0 {
		return ""
	}
	var reasons []string
	for reason, n := range counts {
		reasons = append(reasons, fmt.Sprintf("%s: %d", reason, n))
	}
	slices.Sort(reasons)
	return fmt.Sprintf("Quarantined records: %d (%s).\n", total, strings.Join(reasons, "; "))
}

// Printable replaces what is not printable, tabs, newlines and escapes included.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
