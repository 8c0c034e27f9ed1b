package sat

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Literal is a variable or its negation, as in DIMACS: +v or -v, v from 1, never 0.
type Literal int

// Var is the literal's variable.
func (l Literal) Var() int { return max(int(l), -int(l)) }

// Clause is a disjunction of literals.
type Clause []Literal

// Formula is a conjunction of clauses over the variables x1 to xN, N = Vars.
type Formula struct {
	Vars    int
	Clauses []Clause
}

// Assignment holds a truth value per variable; a variable may be unassigned.
type Assignment map[int]bool

// String is the formula in the text form of upstream: clauses in parentheses
// joined by " ∧ ", literals joined by " ∨ ", negation "¬", variables "xN".
func (f Formula) String() string {
	var b strings.Builder
	for i, clause := range f.Clauses {
		if i > 0 {
			b.WriteString(" ∧ ")
		}
		b.WriteByte('(')
		clause.write(&b)
		b.WriteByte(')')
	}
	return b.String()
}

func (c Clause) write(b *strings.Builder) {
	for i, literal := range c {
		if i > 0 {
			b.WriteString(" ∨ ")
		}
		if literal < 0 {
			b.WriteString("¬")
		}
		b.WriteByte('x')
		b.WriteString(strconv.Itoa(literal.Var()))
	}
}

// Broken is the index of the first clause that the assignment does not satisfy, or
// -1 when it satisfies all. An unassigned variable satisfies nothing.
func (f Formula) Broken(a Assignment) int {
	for i, clause := range f.Clauses {
		if !clause.satisfied(a) {
			return i
		}
	}
	return -1
}

func (c Clause) satisfied(a Assignment) bool {
	for _, literal := range c {
		if value, ok := a[literal.Var()]; ok && value == (literal > 0) {
			return true
		}
	}
	return false
}

// MaxVar is the largest variable number that Parse reads.
const MaxVar = 1 << 16

// ErrNoFormula means that a text holds no line in the form of Formula.String.
var ErrNoFormula = errors.New("sat: no formula in the text")

// Parse reads the formula out of a prompt: the first line that opens with a
// parenthesis, in the form of Formula.String. Vars is the largest variable that
// the formula mentions. Errors: ErrNoFormula when no line opens so, and what is
// wrong with the line otherwise.
func Parse(text string) (Formula, error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "(") {
			return parseLine(line)
		}
	}
	return Formula{}, ErrNoFormula
}

func parseLine(line string) (Formula, error) {
	var f Formula
	for part := range strings.SplitSeq(line, " ∧ ") {
		clause, err := parseClause(part)
		if err != nil {
			return Formula{}, fmt.Errorf("sat: clause %d: %w", len(f.Clauses)+1, err)
		}
		for _, literal := range clause {
			f.Vars = max(f.Vars, literal.Var())
		}
		f.Clauses = append(f.Clauses, clause)
	}
	return f, nil
}

func parseClause(part string) (Clause, error) {
	inner, opened := strings.CutPrefix(part, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !opened || !closed {
		return nil, fmt.Errorf("%.40q is not in parentheses", part)
	}
	var clause Clause
	for word := range strings.SplitSeq(inner, " ∨ ") {
		literal, err := parseLiteral(word)
		if err != nil {
			return nil, err
		}
		clause = append(clause, literal)
	}
	return clause, nil
}

func parseLiteral(word string) (Literal, error) {
	name, negated := strings.CutPrefix(word, "¬")
	digits, ok := strings.CutPrefix(name, "x")
	v, err := strconv.Atoi(digits)
	if !ok || err != nil || v < 1 || v > MaxVar || strconv.Itoa(v) != digits {
		return 0, fmt.Errorf("%.40q is not a literal", word)
	}
	if negated {
		v = -v
	}
	return Literal(v), nil
}
