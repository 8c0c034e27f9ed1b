package abd

import (
	"strings"
	"unicode/utf8"
)

// MaxInput is the longest stdin that is tried, in bytes.
const MaxInput = 64 << 10

// readReply reads the proposed stdin out of a reply, or says why there is none.
//
// As upstream: thinking is removed, the last <INPUT>…</INPUT> counts, in any case
// of letters and over several lines; it is trimmed, each line is trimmed at its
// end, trailing blank lines go, and a line break is appended to what is not empty.
// An empty block is an answer: the empty stdin.
//
// Otherwise than upstream:
//   - thinking that is never closed hides everything after it, and a closing tag
//     alone hides everything before it (templates that open the thinking
//     themselves); upstream graded a tag within unfinished thinking;
//   - of several opening tags before one closing tag the last one counts, so that
//     mentioning the tag in a sentence does no harm;
//   - what is not UTF-8 or longer than MaxInput is refused; upstream failed on it;
//   - the number of lines is not compared with the number of "input()" in the
//     program: running the program decides.
func readReply(reply string) (stdin, problem string) {
	block, found := lastBlock(withoutThinking(reply))
	switch {
	case !found:
		return "", "no <INPUT>…</INPUT> in the reply"
	case len(block) > MaxInput:
		return "", "the input is longer than 65536 bytes"
	case !utf8.ValidString(block):
		return "", "the input is not UTF-8"
	}
	lines := strings.Split(strings.TrimSpace(block), "\n")
	for i, line := range lines {
		lines[i] = trimRight(line)
	}
	stdin = strings.Join(lines, "\n")
	if stdin != "" {
		stdin += "\n"
	}
	return stdin, ""
}

// withoutThinking removes complete thinking blocks, then what an unpaired tag hides.
func withoutThinking(reply string) string {
	var kept strings.Builder
	for {
		start, name := firstOpening(reply)
		if start < 0 {
			kept.WriteString(reply)
			break
		}
		kept.WriteString(reply[:start])
		_, after, closed := strings.Cut(reply[start:], "</"+name+">")
		if !closed {
			break
		}
		reply = after
	}
	text := kept.String()
	for _, tag := range []string{"</think>", "</thinking>"} {
		if i := strings.LastIndex(text, tag); i >= 0 {
			text = text[i+len(tag):]
		}
	}
	return text
}

// firstOpening finds the first <think> or <thinking>.
func firstOpening(s string) (start int, name string) {
	const stem = "<think"
	for offset := 0; ; {
		i := strings.Index(s[offset:], stem)
		if i < 0 {
			return -1, ""
		}
		start = offset + i
		switch rest := s[start+len(stem):]; {
		case strings.HasPrefix(rest, ">"):
			return start, "think"
		case strings.HasPrefix(rest, "ing>"):
			return start, "thinking"
		}
		offset = start + len(stem)
	}
}

// lastBlock finds the content of the last pair of tags. One pass: an opening tag
// starts the block anew, a closing tag ends it.
func lastBlock(s string) (block string, found bool) {
	const opening, closing = "<input>", "</input>"
	start := -1
	for i := 0; i < len(s); {
		next := strings.IndexByte(s[i:], '<')
		if next < 0 {
			break
		}
		i += next
		switch {
		case hasTag(s[i:], opening):
			i += len(opening)
			start = i
		case hasTag(s[i:], closing) && start >= 0:
			block, found = s[start:i], true
			i += len(closing)
			start = -1
		default:
			i++
		}
	}
	return block, found
}

func hasTag(s, tag string) bool {
	return len(s) >= len(tag) && strings.EqualFold(s[:len(tag)], tag)
}
