package build

import (
	"fmt"
	"strconv"
	"strings"
)

// expr is a type expression taken apart. name is that of a type or of a generic one
// (with args); "(" stands for tuples and "[" for arrays, whose length is n.
type expr struct {
	name string
	args []expr
	n    uint32
}

// String is the expression in one spelling, so that equal types are written once.
func (x expr) String() string {
	parts := make([]string, len(x.args))
	for i, a := range x.args {
		parts[i] = a.String()
	}
	list := strings.Join(parts, ", ")
	switch {
	case x.name == "(":
		return "(" + list + ")"
	case x.name == "[":
		return fmt.Sprintf("[%s; %d]", list, x.n)
	case len(x.args) > 0:
		return x.name + "<" + list + ">"
	}
	return x.name
}

// parseExpr reads a whole type expression.
func parseExpr(text string) (expr, error) {
	p := &exprParser{rest: text}
	x := p.expr()
	p.space()
	if p.err == nil && p.rest != "" {
		p.fail("nothing more")
	}
	if p.err != nil {
		return expr{}, fmt.Errorf("type %q: %w", text, p.err)
	}
	return x, nil
}

type exprParser struct {
	rest  string
	depth int
	err   error
}

func (p *exprParser) fail(wanted string) {
	if p.err == nil {
		p.err = fmt.Errorf("%s wanted before %q", wanted, p.rest)
	}
	p.rest = ""
}

func (p *exprParser) space() { p.rest = strings.TrimLeft(p.rest, " ") }

func (p *exprParser) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *exprParser) need(token string) {
	if !p.take(token) {
		p.fail(token)
	}
}

func (p *exprParser) word() string {
	p.space()
	n := 0
	for n < len(p.rest) && strings.IndexByte(" <>()[];,", p.rest[n]) < 0 {
		n++
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	if n == 0 {
		p.fail("name")
	}
	return word
}

// maxExprDepth keeps nonsense from exhausting the stack.
const maxExprDepth = 64

func (p *exprParser) expr() expr {
	if p.depth++; p.depth > maxExprDepth {
		p.fail("fewer brackets")
	}
	defer func() { p.depth-- }()
	switch {
	case p.err != nil:
		return expr{}
	case p.take("("):
		return expr{name: "(", args: p.list(")")}
	case p.take("["):
		return p.array()
	}
	x := expr{name: p.word()}
	if p.take("<") {
		x.args = p.list(">")
	}
	return x
}

func (p *exprParser) array() expr {
	x := expr{name: "[", args: []expr{p.expr()}}
	p.need(";")
	n, err := strconv.ParseUint(p.word(), 10, 32)
	if err != nil {
		p.fail("length")
	}
	p.need("]")
	x.n = uint32(n)
	return x
}

func (p *exprParser) list(end string) []expr {
	var items []expr
	for p.err == nil && !p.take(end) {
		items = append(items, p.expr())
		if !p.take(",") {
			p.need(end)
			break
		}
	}
	return items
}
