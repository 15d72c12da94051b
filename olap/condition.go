package olap

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"millrace/internal/query"
)

// condition is a `where`: an expression on one event, or none.
type condition struct {
	expr    query.Expr
	pointer string
}

func (c *condition) decodeJSON(raw json.RawMessage, pointer string) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return faultf(CodeWrongType, pointer, "%s is not an expression; write text such as \"country = \\\"IN\\\"\"", shorten(raw))
	}
	expr, err := query.ParseWhere(text)
	if err != nil {
		return expressionFault(CodeInvalidWhere, pointer, err)
	}
	c.expr, c.pointer = expr, pointer
	// Rendering once finds every name and literal that has no meaning here.
	_, err = c.render(newStatement(), clock{now: time.Unix(0, 0), zone: time.UTC})
	return err
}

func (c condition) given() bool { return c.expr != nil }

// clock is what relative times in an expression are counted from.
type clock struct {
	now  time.Time
	zone *time.Location
}

// render gives SQL that is 1 or 0 and never NULL: logic is two-valued, so that
// NOT is always the complement.
func (c condition) render(st *statement, k clock) (string, error) {
	sql, err := filter{statement: st, clock: k}.render(c.expr)
	var where *query.Error
	if errors.As(err, &where) {
		return "", expressionFault(CodeInvalidWhere, c.pointer, where)
	}
	var fault *QueryError
	if errors.As(err, &fault) {
		return "", fault.at(c.pointer)
	}
	return sql, err
}

// filter renders the nodes of an expression.
type filter struct {
	*statement
	clock clock
}

func (f filter) render(e query.Expr) (string, error) {
	switch e := e.(type) {
	case query.Or:
		return f.join(e.Terms, " OR ")
	case query.And:
		return f.join(e.Terms, " AND ")
	case query.Not:
		term, err := f.render(e.Term)
		return "NOT " + term, err
	case query.Compare:
		return f.compare(e)
	case query.In:
		return f.in(e)
	case query.Contains:
		return f.contains(e)
	case query.Match:
		return f.match(e)
	case query.Exists:
		p, err := f.property(e.Name)
		return "(" + p.present(f.statement) + ")", err
	}
	return "", fmt.Errorf("olap: no SQL for %T", e)
}

func (f filter) join(terms []query.Expr, by string) (string, error) {
	parts := make([]string, len(terms))
	for i, t := range terms {
		part, err := f.render(t)
		if err != nil {
			return "", err
		}
		parts[i] = part
	}
	return "(" + strings.Join(parts, by) + ")", nil
}

func (f filter) property(n query.Name) (property, error) {
	p, err := resolveName(n)
	var fault *QueryError
	if errors.As(err, &fault) {
		return p, &QueryError{Code: fault.Code, Column: n.Column, Detail: fault.Detail}
	}
	return p, err
}

func (f filter) compare(e query.Compare) (string, error) {
	p, err := f.property(e.Name)
	if err != nil {
		return "", err
	}
	if e.Operator == query.NotEqual {
		equal, err := f.relation(p, query.Equal, e.Value)
		return "NOT " + equal, err
	}
	return f.relation(p, e.Operator, e.Value)
}

// relation compares as the literal says: a number with the value's number,
// anything else with the value's text.
func (f filter) relation(p property, op query.Operator, value query.Literal) (string, error) {
	if p.column != "" && p.kind == timeColumn {
		return f.timeRelation(p, op, value)
	}
	switch value.Kind {
	case query.Number:
		return fmt.Sprintf("ifNull(%s %s %s, 0)", p.number(f.statement), op, f.bind(value.Number)), nil
	case query.Truth:
		if op != query.Equal {
			return "", f.errorAt(value.Column, "%s is neither above nor below anything; write = or !=", value.Text)
		}
	}
	return fmt.Sprintf("(%s AND %s %s %s)", p.present(f.statement), p.text(f.statement), op, f.bind(value.Text)), nil
}

func (f filter) timeRelation(p property, op query.Operator, value query.Literal) (string, error) {
	if value.Kind != query.Text {
		return "", f.errorAt(value.Column, `%s is a time; write it as text, such as "2026-01-31" or "-7d"`, p.label)
	}
	m := moment{text: value.Text}
	t, err := m.resolve(f.clock.now, f.clock.zone)
	if err != nil {
		var fault *QueryError
		errors.As(err, &fault)
		return "", f.errorAt(value.Column, "%s", fault.Detail)
	}
	return fmt.Sprintf("(%s %s %s)", p.column, op, f.bind(t)), nil
}

func (f filter) in(e query.In) (string, error) {
	p, err := f.property(e.Name)
	if err != nil {
		return "", err
	}
	var texts []string
	var parts []string
	for _, v := range e.Values {
		if v.Kind != query.Number && p.kind != timeColumn {
			texts = append(texts, v.Text)
			continue
		}
		part, err := f.relation(p, query.Equal, v)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	if len(texts) > 0 {
		parts = append(parts, fmt.Sprintf("(%s AND has(%s, %s))", p.present(f.statement), f.bind(texts), p.text(f.statement)))
	}
	sql := "(" + strings.Join(parts, " OR ") + ")"
	if e.Negated {
		sql = "NOT " + sql
	}
	return sql, nil
}

func (f filter) contains(e query.Contains) (string, error) {
	p, err := f.property(e.Name)
	return fmt.Sprintf("(%s AND positionCaseInsensitiveUTF8(%s, %s) > 0)", p.present(f.statement), p.text(f.statement), f.bind(e.Text)), err
}

func (f filter) match(e query.Match) (string, error) {
	p, err := f.property(e.Name)
	return fmt.Sprintf("(%s AND match(%s, %s))", p.present(f.statement), p.text(f.statement), f.bind(e.Pattern)), err
}

func (f filter) errorAt(column int, format string, args ...any) error {
	return &query.Error{Column: column, Detail: fmt.Sprintf(format, args...)}
}
