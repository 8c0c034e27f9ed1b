package abd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/affine-go/affine/shared/env/dice"
)

// draft is a generated program before it was ever run.
type draft struct {
	program string
	space   space
	planted string   // the stdin that gives the expected output
	probes  []string // other inputs of the space, to see what the program makes of them
}

// probeCount is how many random inputs are compared with the planted one. An input
// that one guess in a hundred would hit survives 160 probes once in five times, one
// in thirty never.
const probeCount = 160

// variantCount is how many probes differ from the planted input in one given line
// only: a line that the program ignores, or hardly heeds, shows in them.
const variantCount = 6

// variant is the input with its i-th line taken from another.
func variant(input, other string, i int) string {
	lines := strings.SplitAfter(input, "\n")
	lines[i] = strings.SplitAfter(other, "\n")[i]
	return strings.Join(lines, "")
}

// write drafts the program of a stream of draws.
func write(d *dice.Dice) draft {
	s := dice.Pick(d, shapes...)(d)
	program := compose(d, s)
	out := draft{program: program, space: s, planted: s.draw(d)}
	out.probes = append(out.probes, s.first(), s.last())
	for range probeCount {
		out.probes = append(out.probes, s.draw(d))
	}
	for i := range s {
		for range variantCount {
			out.probes = append(out.probes, variant(out.planted, s.draw(d), i))
		}
	}
	out.probes = slices.DeleteFunc(out.probes, func(p string) bool { return p == out.planted })
	return out
}

// value is a variable of the program under construction.
type value struct {
	name string
	kind kind
	used bool // whether a later step takes it
}

// writer builds one program.
type writer struct {
	dice    *dice.Dice
	values  []value
	helpers strings.Builder // function definitions
	body    strings.Builder // statements
	names   int             // names given so far
}

// compose writes a program that reads the space's lines, takes three to six steps
// and prints every value that no step took, so that nothing in it is idle.
func compose(d *dice.Dice, s space) string {
	w := &writer{dice: d}
	var head strings.Builder
	for i, f := range s {
		head.WriteString(f.describe(i+1) + "\n")
		name := w.name()
		fmt.Fprintf(&w.body, "%s = %s\n", name, f.read())
		w.values = append(w.values, value{name: name, kind: f.Kind})
	}
	for range d.Between(3, 6) {
		w.step()
	}
	w.print()
	return head.String() + w.helpers.String() + w.body.String()
}

// step appends one stage of the catalogue, in place or as a function of its own.
func (w *writer) step() {
	st := dice.Pick(w.dice, w.possible()...)
	args := make([]string, len(st.takes))
	for i, k := range st.takes {
		args[i] = w.take(k, args[:i])
	}
	out := w.name()
	if w.dice.Below(3) == 0 {
		w.define(st, out, args)
	} else {
		w.body.WriteString(w.expand(st.body, args, out) + "\n")
	}
	w.values = append(w.values, value{name: out, kind: st.gives})
}

// define writes the stage as a helper function and calls it.
func (w *writer) define(st stage, out string, args []string) {
	parameters := []string{"p", "q"}[:len(args)]
	body := w.expand(st.body, parameters, "r")
	fmt.Fprintf(&w.helpers, "\ndef step_%s(%s):\n", out, strings.Join(parameters, ", "))
	for line := range strings.Lines(body) {
		w.helpers.WriteString("    " + line)
	}
	w.helpers.WriteString("\n    return r\n\n")
	fmt.Fprintf(&w.body, "%s = step_%s(%s)\n", out, out, strings.Join(args, ", "))
}

// possible lists the stages whose takings are at hand, among them at least one
// value that no step took yet.
func (w *writer) possible() []stage {
	var out []stage
	for _, st := range stages {
		have, fresh := map[kind]int{}, false
		for _, v := range w.values {
			have[v.kind]++
			fresh = fresh || !v.used && slices.Contains(st.takes, v.kind)
		}
		for _, k := range st.takes {
			have[k]--
			fresh = fresh && have[k] >= 0
		}
		if fresh {
			out = append(out, st)
		}
	}
	return out
}

// take picks a value of the kind that is not among the others, an unused one first.
func (w *writer) take(k kind, others []string) string {
	var fresh, any []int
	for i, v := range w.values {
		if v.kind != k || slices.Contains(others, v.name) {
			continue
		}
		any = append(any, i)
		if !v.used {
			fresh = append(fresh, i)
		}
	}
	if len(fresh) > 0 {
		any = fresh
	}
	picked := &w.values[dice.Pick(w.dice, any...)]
	picked.used = true
	return picked.name
}

func (w *writer) print() {
	for _, v := range w.values {
		if !v.used {
			form := dice.Pick(w.dice, prints[v.kind]...)
			w.body.WriteString(w.expand(form, []string{v.name}, "") + "\n")
		}
	}
}

// name is a name that the program does not use yet: a, b, … without the letters of
// holes, parameters and reading.
func (w *writer) name() string {
	const letters = "abcdefghkmnsuvwxyz"
	w.names++
	return letters[w.names-1 : w.names]
}

// expand fills the holes of a stage's body.
func (w *writer) expand(body string, args []string, out string) string {
	holes := map[string]string{"$o": out, "$i": "i", "$j": "j", "$t": "t"}
	for i, arg := range args {
		holes["$"+string(rune('a'+i))] = arg
	}
	var b strings.Builder
	for body != "" {
		before, rest, found := strings.Cut(body, "«")
		b.WriteString(fill(before, holes))
		if !found {
			break
		}
		hole, after, _ := strings.Cut(rest, "»")
		b.WriteString(w.drawHole(fill(hole, holes), holes))
		body = after
	}
	return b.String()
}

func fill(s string, holes map[string]string) string {
	for _, name := range []string{"$a", "$b", "$o", "$i", "$j", "$t", "$k"} {
		s = strings.ReplaceAll(s, name, holes[name])
	}
	return s
}

// drawHole draws what stands in for the text between « and ».
func (w *writer) drawHole(hole string, holes map[string]string) string {
	if names, ok := strings.CutPrefix(hole, "E:"); ok {
		return w.expression(strings.Split(names, ","), 2)
	}
	choice, named := strings.CutPrefix(hole, "k:")
	drawn := w.drawChoice(choice)
	if named {
		holes["$k"] = drawn
	}
	return drawn
}

func (w *writer) drawChoice(choice string) string {
	if lo, hi, ok := strings.Cut(choice, ".."); ok {
		return strconv.Itoa(w.dice.Between(atoi(lo), atoi(hi)))
	}
	return dice.Pick(w.dice, strings.Split(choice, "|")...)
}

// expression is an arithmetic tree over the names, each of which occurs. It cannot
// fail: divisors are positive constants.
func (w *writer) expression(names []string, depth int) string {
	if len(names) > 1 {
		return fmt.Sprintf("%s %s %s", w.operand(names[:1], depth), dice.Pick(w.dice, "+", "-", "^"), w.operand(names[1:], depth))
	}
	if depth == 0 {
		return names[0]
	}
	inner, constant := w.operand(names, depth-1), strconv.Itoa(w.dice.Between(2, 30))
	switch w.dice.Below(5) {
	case 0:
		return inner + " * " + constant
	case 1:
		return inner + " + " + constant
	case 2:
		return constant + " - " + inner
	case 3:
		return fmt.Sprintf("%s // %d + %s %% %s", inner, w.dice.Between(2, 5), inner, constant)
	default:
		return fmt.Sprintf("%s * %d - %s %% %s", inner, w.dice.Between(2, 9), inner, constant)
	}
}

// operand is an expression that may stand beside any operator.
func (w *writer) operand(names []string, depth int) string {
	e := w.expression(names, depth)
	if strings.Contains(e, " ") {
		return "(" + e + ")"
	}
	return e
}
