package sat

import (
	"strconv"
	"strings"
)

// readAnswer collects the assignments of a reply by upstream's rule: every
// "x<digits>=" directly followed by True, False, 1 or 0, anywhere in the raw reply,
// thinking included; case-sensitive, no spaces; a later one overwrites an earlier
// one. What follows the value does not matter, so "x1=10" sets x1. Variables above
// vars are left out: no clause can mention them.
//
// Upstream's \d also matches digits of other scripts; here only 0–9 count.
//
// One pass over the reply: an attempt that fails consumed only an x and digits,
// none of which can start another.
func readAnswer(reply string, vars int) Assignment {
	a := Assignment{}
	for {
		_, rest, found := strings.Cut(reply, "x")
		if !found {
			return a
		}
		v, rest := readNumber(rest, vars)
		reply = rest
		rest, found = strings.CutPrefix(rest, "=")
		value, known := readValue(rest)
		if found && known && v >= 1 && v <= vars {
			a[v] = value
		}
	}
}

// readNumber reads leading digits and returns what follows them. The number is 0
// without digits and stops growing above vars, so that it cannot overflow.
func readNumber(s string, vars int) (n int, rest string) {
	for s != "" && s[0] >= '0' && s[0] <= '9' {
		if n <= vars {
			n = 10*n + int(s[0]-'0')
		}
		s = s[1:]
	}
	return n, s
}

func readValue(s string) (value, known bool) {
	switch {
	case strings.HasPrefix(s, "True"), strings.HasPrefix(s, "1"):
		return true, true
	case strings.HasPrefix(s, "False"), strings.HasPrefix(s, "0"):
		return false, true
	default:
		return false, false
	}
}

// Text writes the assignment as a reply states it, in the order of the variables:
// "x1=True, x2=False".
func (a Assignment) Text(vars int) string {
	var b strings.Builder
	for v := 1; v <= vars; v++ {
		value, ok := a[v]
		if !ok {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString("x" + strconv.Itoa(v) + "=")
		if value {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	}
	return b.String()
}
