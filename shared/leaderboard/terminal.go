package leaderboard

import (
	"fmt"
	"io"
	"os"

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
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// table draws a table, with the paid in colour; NO_COLOR takes all colours and
// weights out of it.
func table(w io.Writer, v dominance.Verdict) error {
	miners, plain := ordered(&v), os.Getenv("NO_COLOR") != ""
	t := lgtable.New().Border(lipgloss.RoundedBorder()).Headers(header(&v)...)
	for _, m := range miners {
		t.Row(cells(&v, m, printed(m.Hotkey.Short()), cut(printed(m.Model)))...)
	}
	t.StyleFunc(func(row, column int) lipgloss.Style {
		style := cell
		switch {
		case plain:
		case row == lgtable.HeaderRow:
			style = heading
		default:
			style = rowStyle(miners[row])
		}
		if column >= figures {
			style = style.Align(lipgloss.Right)
		}
		return style
	})
	_, err := lipgloss.Fprint(w, fmt.Sprintf("%s\n%s", t.Render(), footer(&v)))
	return err
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
