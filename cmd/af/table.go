package main

import (
	"io"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/affine-go/affine/shared/leaderboard"
)

// column is a column of a table.
type column struct {
	name  string
	right bool // numbers stand to the right
	most  int  // cells are cut to this many characters; 0 for never
}

// printTable prints rows under the columns' names, with two spaces between columns.
// Whatever the cells hold, it cannot steer a terminal. wide cuts no cell.
func printTable(w io.Writer, wide bool, columns []column, rows [][]string) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	widths := make([]int, len(columns))
	lines := append([][]string{names}, rows...)
	for n, line := range lines {
		shown := make([]string, len(columns))
		for i, c := range columns {
			shown[i] = leaderboard.Printable(line[i])
			if c.most > 0 && !wide {
				shown[i] = cut(shown[i], c.most)
			}
			widths[i] = max(widths[i], lipgloss.Width(shown[i]))
		}
		lines[n] = shown
	}
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(strings.TrimRight(joined(line, columns, widths), " ") + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// joined pads the cells of a line.
func joined(line []string, columns []column, widths []int) string {
	for i, cell := range line {
		space := strings.Repeat(" ", widths[i]-lipgloss.Width(cell))
		if columns[i].right {
			line[i] = space + cell
		} else {
			line[i] = cell + space
		}
	}
	return strings.Join(line, "  ")
}

// cut shortens text to a number of characters as wide as on a terminal.
func cut(text string, most int) string {
	if lipgloss.Width(text) <= most {
		return text
	}
	var out strings.Builder
	width := 0
	for _, r := range text {
		if width += lipgloss.Width(string(r)); width > most-1 {
			break
		}
		out.WriteRune(r)
	}
	return out.String() + "…"
}
