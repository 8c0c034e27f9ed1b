package leaderboard

import (
	"io"
	"os"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	lgtable "charm.land/lipgloss/v2/table"
	"golang.org/x/sys/unix"

	"github.com/affine-go/affine/shared/dominance"
)

// modelWidth is how much of a model's name a terminal shows, in characters.
const modelWidth = 30

// figures is the first column that holds figures.
const figures = 4

var (
	cell     = lipgloss.NewStyle().Padding(0, 1)
	heading  = cell.Bold(true)
	paid     = cell.Foreground(lipgloss.Green)
	excluded = cell.Faint(true)
)

// terminal reports whether somebody is looking.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	return err == nil
}

// columns is how wide the terminal is, 0 when it does not say.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// table draws a table, with the paid in colour; NO_COLOR takes all colours and
// weights out of it. What is wider than the terminal is drawn as several tables, each
// with the UID and hotkey before its share of the columns.
func table(w io.Writer, v dominance.Verdict) error {
	miners := ordered(&v)
	rows := [][]string{header(&v)}
	for _, m := range miners {
		rows = append(rows, cells(&v, m, Printable(m.Hotkey.Short()), cut(Printable(m.Model))))
	}
	var text strings.Builder
	for _, page := range pages(rows, columns(w)) {
		text.WriteString(draw(rows, page, miners) + "\n")
	}
	_, err := lipgloss.Fprint(w, text.String()+footer(&v))
	return err
}

// repeated is how many columns stand at the front of every table of several.
const repeated = 2

// pages shares the columns out among tables no wider than width, in their order; all
// in one when they fit or width is 0. A column wider than that has a table to itself.
func pages(rows [][]string, width int) [][]int {
	const border, frame = 1, 3 // the line after the last column; padding and line of each
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			wide[i] = max(wide[i], lipgloss.Width(text)+frame)
		}
	}
	lead := border
	var front []int
	for i := range repeated {
		lead += wide[i]
		front = append(front, i)
	}
	var out [][]int
	page, used := slices.Clone(front), lead
	for i := repeated; i < len(wide); i++ {
		if width > 0 && used+wide[i] > width && len(page) > repeated {
			out = append(out, page)
			page, used = slices.Clone(front), lead
		}
		page, used = append(page, i), used+wide[i]
	}
	return append(out, page)
}

// draw renders the given columns; row 0 is the heading.
func draw(rows [][]string, page []int, miners []*dominance.Standing) string {
	pick := func(row []string) []string {
		out := make([]string, len(page))
		for i, column := range page {
			out[i] = row[column]
		}
		return out
	}
	t := lgtable.New().Border(lipgloss.RoundedBorder()).Headers(pick(rows[0])...)
	for _, row := range rows[1:] {
		t.Row(pick(row)...)
	}
	plain := os.Getenv("NO_COLOR") != ""
	return t.StyleFunc(func(row, column int) lipgloss.Style {
		style := cell
		switch {
		case plain:
		case row == lgtable.HeaderRow:
			style = heading
		default:
			style = rowStyle(miners[row])
		}
		if page[column] >= figures {
			style = style.Align(lipgloss.Right)
		}
		return style
	}).Render()
}

func rowStyle(m *dominance.Standing) lipgloss.Style {
	switch {
	case m.Weight > 0:
		return paid
	case m.Eligible:
		return cell
	default:
		return excluded
	}
}

func cut(model string) string {
	if runes := []rune(model); len(runes) > modelWidth {
		return string(runes[:modelWidth-1]) + "…"
	}
	return model
}
