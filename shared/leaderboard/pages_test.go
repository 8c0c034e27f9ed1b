package leaderboard

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPagesKeepToTheWidth(t *testing.T) {
	rows := [][]string{{"UID", "Hotkey", "Model", "env", "Pts"}, {"1", "5F3sa2TJ…", "a/Affine", strings.Repeat("x", 30), "3.00"}}
	for _, c := range []struct {
		width int
		want  string
	}{
		{0, "[[0 1 2 3 4]]"},
		{200, "[[0 1 2 3 4]]"},
		{60, "[[0 1 2] [0 1 3 4]]"},
		{55, "[[0 1 2] [0 1 3] [0 1 4]]"},
		{10, "[[0 1 2] [0 1 3] [0 1 4]]"},
	} {
		if got := fmt.Sprint(pages(rows, c.width)); got != c.want {
			t.Errorf("width %d: %s, want %s", c.width, got, c.want)
		}
	}
}

// Every column comes once, in order, behind the repeated ones.
func TestPagesLoseNoColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.SliceOfN(rapid.StringN(0, 40, -1), repeated, 30).Draw(t, "row")
		next := repeated
		for _, page := range pages([][]string{row}, rapid.IntRange(0, 300).Draw(t, "width")) {
			for i, column := range page {
				switch {
				case i < repeated && column != i:
					t.Fatalf("page %v does not begin with the repeated columns", page)
				case i >= repeated && column != next:
					t.Fatalf("column %d stands where %d belongs", column, next)
				case i >= repeated:
					next++
				}
			}
		}
		if next != len(row) {
			t.Fatalf("%d of %d columns shown", next, len(row))
		}
	})
}
