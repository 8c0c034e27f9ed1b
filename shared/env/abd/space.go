package abd

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/affine-go/affine/shared/env/dice"
)

// field is what one input line of a generated program may hold. Lines are stated in
// the program's head, so that the space of inputs is known to whoever reads it.
type field struct {
	Kind    kind   // integer, text or ints
	Lo, Hi  int    // integer and ints: least and greatest value
	Letters string // text: the letters, all different
	Count   int    // ints: how many; text: how many letters; integer: 1
}

// space is the inputs of a program: one field a line.
type space []field

// shapes are the spaces that tasks use, of about 1,500 to 6,000 inputs each: small
// enough to be searched, large enough that guessing does not pay.
var shapes = []func(*dice.Dice) space{
	func(d *dice.Dice) space { return space{number(d, 2000, 5000)} },
	func(d *dice.Dice) space { return space{number(d, 45, 70), number(d, 45, 70)} },
	func(d *dice.Dice) space { return space{number(d, 13, 16), number(d, 12, 16), number(d, 12, 16)} },
	func(d *dice.Dice) space { return space{word(d, 3, 12, 16)} },
	func(d *dice.Dice) space { return space{numbers(d, 3, 13, 16)} },
	func(d *dice.Dice) space { return space{numbers(d, 4, 7, 8)} },
	func(d *dice.Dice) space { return space{word(d, 2, 10, 12), number(d, 20, 35)} },
	func(d *dice.Dice) space { return space{number(d, 20, 35), word(d, 2, 10, 12)} },
	func(d *dice.Dice) space { return space{numbers(d, 2, 9, 11), number(d, 25, 40)} },
	func(d *dice.Dice) space { return space{word(d, 2, 7, 9), numbers(d, 2, 6, 8)} },
}

func number(d *dice.Dice, least, most int) field {
	lo := d.Between(0, 20)
	return field{Kind: integer, Count: 1, Lo: lo, Hi: lo + d.Between(least, most) - 1}
}

func word(d *dice.Dice, length, least, most int) field {
	var letters strings.Builder
	for _, i := range d.Sample(26, d.Between(least, most)) {
		letters.WriteByte(byte('a' + i))
	}
	return field{Kind: text, Count: length, Letters: letters.String()}
}

func numbers(d *dice.Dice, count, least, most int) field {
	lo := d.Between(0, 9)
	return field{Kind: ints, Count: count, Lo: lo, Hi: lo + d.Between(least, most) - 1}
}

// draw picks an input of the space, as the text of stdin.
func (s space) draw(d *dice.Dice) string {
	return s.fill(func(n int) int { return d.Below(n) })
}

// first and last are the inputs that take the least and the greatest everywhere.
func (s space) first() string { return s.fill(func(int) int { return 0 }) }
func (s space) last() string  { return s.fill(func(n int) int { return n - 1 }) }

// fill writes an input; pick chooses among n possibilities.
func (s space) fill(pick func(n int) int) string {
	var b strings.Builder
	for _, f := range s {
		for i := range f.Count {
			if i > 0 {
				b.WriteString(f.separator())
			}
			b.WriteString(f.item(pick(f.choices())))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// size is the number of inputs of the space, but no more than most+1; 0 when the
// space has no lines or one of them no values.
func (s space) size(most int) int {
	n := min(len(s), 1)
	for _, f := range s {
		for range f.Count {
			n = min(n*f.choices(), most+1)
		}
	}
	return n
}

// choices is how many items there are, and item the i-th of them: a number, or a
// letter of a word.
func (f field) choices() int {
	if f.Kind == text {
		return len(f.Letters)
	}
	return max(0, f.Hi-f.Lo+1)
}

func (f field) item(i int) string {
	if f.Kind == text {
		return f.Letters[i : i+1]
	}
	return strconv.Itoa(f.Lo + i)
}

func (f field) separator() string {
	if f.Kind == ints {
		return " "
	}
	return ""
}

// values lists all that the line may hold, the last item changing fastest.
func (f field) values() []string {
	out := []string{""}
	for i := range f.Count {
		longer := make([]string, 0, len(out)*f.choices())
		for _, start := range out {
			if i > 0 {
				start += f.separator()
			}
			for c := range f.choices() {
				longer = append(longer, start+f.item(c))
			}
		}
		out = longer
	}
	return out
}

// describe is the comment that states the field as the n-th input line.
func (f field) describe(n int) string {
	switch f.Kind {
	case text:
		return fmt.Sprintf("# line %d: a word of %d letters out of %q", n, f.Count, f.Letters)
	case ints:
		return fmt.Sprintf("# line %d: %d integers from %d to %d, separated by spaces", n, f.Count, f.Lo, f.Hi)
	default:
		return fmt.Sprintf("# line %d: an integer from %d to %d", n, f.Lo, f.Hi)
	}
}

// read is the Python expression that reads the field.
func (f field) read() string {
	switch f.Kind {
	case text:
		return "input().strip()"
	case ints:
		return "[int(t) for t in input().split()]"
	default:
		return "int(input())"
	}
}

var (
	numberLine = regexp.MustCompile(`^# line \d+: an integer from (\d{1,6}) to (\d{1,6})$`)
	wordLine   = regexp.MustCompile(`^# line \d+: a word of (\d) letters out of "([a-z]{1,26})"$`)
	listLine   = regexp.MustCompile(`^# line \d+: (\d) integers from (\d{1,6}) to (\d{1,6}), separated by spaces$`)
)

// readSpace reads the space back out of a program's head. It is empty when the
// program states none.
func readSpace(program string) space {
	var s space
	for line := range strings.Lines(program) {
		line = strings.TrimSuffix(line, "\n")
		if m := numberLine.FindStringSubmatch(line); m != nil {
			s = append(s, field{Kind: integer, Count: 1, Lo: atoi(m[1]), Hi: atoi(m[2])})
		} else if m := wordLine.FindStringSubmatch(line); m != nil {
			s = append(s, field{Kind: text, Count: atoi(m[1]), Letters: m[2]})
		} else if m := listLine.FindStringSubmatch(line); m != nil {
			s = append(s, field{Kind: ints, Count: atoi(m[1]), Lo: atoi(m[2]), Hi: atoi(m[3])})
		} else if !strings.HasPrefix(line, "#") {
			break
		}
	}
	return s
}

// atoi reads digits that a pattern has matched.
func atoi(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(err) // unreachable: the patterns admit at most six digits
	}
	return n
}
