package abd

import "strings"

// sameOutput compares as upstream does: the texts are equal, or equal once both are
// trimmed and CRLF is LF, or their lines are equal once each is trimmed at its end.
func sameOutput(got, want string) bool {
	return got == want || trimmed(got) == trimmed(want) || trimLines(got) == trimLines(want)
}

func trimmed(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\r\n", "\n")
}

// trimLines drops trailing space of every line. The line break at the very end ends
// the last line and starts none.
func trimLines(s string) string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = trimRight(line)
	}
	return strings.Join(lines, "\n")
}

func trimRight(s string) string { return strings.TrimRight(s, " \t\r\n\v\f") }
