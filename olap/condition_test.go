package olap

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/internal/query"
)

// TestWhereAgreesWithTheReference counts events by random expressions, in the
// store and by walking the tree in Go.
func TestWhereAgreesWithTheReference(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 5))
	rows := whereRows(r)
	s := newStore(t)
	write(t, s, "where", rows)
	for range 80 {
		text := randomWhere(r, 3)
		expr, err := query.ParseWhere(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := 0
		for _, row := range rows {
			if holds(expr, row) {
				want++
			}
		}
		question, _ := json.Marshal(map[string]any{"kind": "trends", "from": "2026-01-01", "to": "2026-01-02", "where": text, "series": []any{map[string]any{}}})
		if got := askTrends(t, s, string(question)).Series[0].Total.text; got != fmt.Sprint(want) {
			t.Errorf("%s: got %s events, want %d", text, got, want)
		}
	}
}

// awkward texts go through literals, parameters and JSON.
func awkward() []string {
	return []string{"a", "A", "é", "É", "it's", `say "x"`, `back\slash`, "tab\tnew\nline\r", "percent%_", "'); DROP TABLE events; --", "\x00nul", "{p1:String}", "null", "10", "1e1", "true", `\N`, "日本", "[1,2]", " "}
}

func whereRows(r *rand.Rand) []row {
	var rows []row
	for i := range 600 {
		e := row{user: fmt.Sprint("u", r.IntN(5)), kind: "view", at: at("2026-01-01T00:00:00Z").Add(time.Duration(i) * time.Minute)}
		if r.IntN(3) > 0 {
			e.country = awkward()[r.IntN(len(awkward()))]
		}
		if r.IntN(2) > 0 {
			e.amount = fmt.Sprintf("%d.%d", r.IntN(4), r.IntN(10))
		}
		p := map[string]any{}
		switch r.IntN(6) {
		case 0:
			p["x"] = awkward()[r.IntN(len(awkward()))]
		case 1:
			p["x"] = r.IntN(12)
		case 2:
			p["x"] = r.IntN(2) == 0
		case 3:
			p["x"] = nil
		case 4:
			p["x"] = map[string]any{"odd key": r.IntN(3)}
		}
		text, _ := json.Marshal(p)
		e.properties = string(text)
		rows = append(rows, e)
	}
	return rows
}

func randomWhere(r *rand.Rand, depth int) string {
	if depth > 0 {
		switch r.IntN(5) {
		case 0:
			return "(" + randomWhere(r, depth-1) + " and " + randomWhere(r, depth-1) + ")"
		case 1:
			return "(" + randomWhere(r, depth-1) + " or " + randomWhere(r, depth-1) + ")"
		case 2:
			return "not " + randomWhere(r, depth-1)
		}
	}
	name := []string{"country", "amount", "properties.x", `properties.x."odd key"`, "user_id", "context.country", "absent_property"}[r.IntN(7)]
	text := func() string { b, _ := json.Marshal(awkward()[r.IntN(len(awkward()))]); return string(b) }
	number := func() string { return []string{"0", "1", "10", "2.5", "-1", "1e1"}[r.IntN(6)] }
	literal := []string{text(), number(), "true"}[r.IntN(3)]
	switch r.IntN(8) {
	case 0:
		return name + " exists"
	case 1:
		return name + " contains " + text()
	case 2:
		return name + ` ~ "^[a-zé]"`
	case 3:
		return name + " in (" + text() + ", " + number() + ", " + text() + ", false)"
	case 4:
		return name + " not_in (" + number() + ", " + text() + ")"
	}
	operator := []string{"=", "!=", "<", ">=", ">", "<="}[r.IntN(6)]
	if literal == "true" {
		operator = []string{"=", "!="}[r.IntN(2)]
	}
	return name + " " + operator + " " + literal
}

// holds is the meaning of an expression: two-valued, absent fails every test.
func holds(e query.Expr, r row) bool {
	switch e := e.(type) {
	case query.And:
		for _, term := range e.Terms {
			if !holds(term, r) {
				return false
			}
		}
		return true
	case query.Or:
		for _, term := range e.Terms {
			if holds(term, r) {
				return true
			}
		}
		return false
	case query.Not:
		return !holds(e.Term, r)
	case query.Exists:
		_, ok := valueOf(e.Name, r)
		return ok
	case query.Contains:
		text, ok := valueOf(e.Name, r)
		return ok && strings.Contains(strings.ToLower(text), strings.ToLower(e.Text))
	case query.Match:
		text, ok := valueOf(e.Name, r)
		return ok && regexp.MustCompile(e.Pattern).MatchString(text)
	case query.In:
		found := false
		for _, v := range e.Values {
			found = found || relates(e.Name, query.Equal, v, r)
		}
		return found != e.Negated
	case query.Compare:
		if e.Operator == query.NotEqual {
			return !relates(e.Name, query.Equal, e.Value, r)
		}
		return relates(e.Name, e.Operator, e.Value, r)
	}
	panic(fmt.Sprintf("%T", e))
}

func relates(n query.Name, op query.Operator, v query.Literal, r row) bool {
	text, ok := valueOf(n, r)
	if !ok {
		return false
	}
	c := strings.Compare(text, v.Text)
	if v.Kind == query.Number {
		if !refNumber.MatchString(text) {
			return false
		}
		f, _ := strconv.ParseFloat(text, 64)
		c = 0
		if f != v.Number {
			c = 1
		}
		if f < v.Number {
			c = -1
		}
	}
	return map[query.Operator]bool{query.Equal: c == 0, query.Less: c < 0, query.LessOrEqual: c <= 0, query.Greater: c > 0, query.GreaterOrEqual: c >= 0}[op]
}

func valueOf(n query.Name, r row) (string, bool) {
	switch strings.Join(n.Parts, ".") {
	case "country", "context.country":
		return r.country, r.country != ""
	case "type":
		return r.kind, true
	case "user_id":
		return r.user, true
	case "amount":
		return trimZerosOf(r.amount), r.amount != ""
	case "absent_property":
		return "", false
	}
	var value any
	json.Unmarshal([]byte(r.properties), &value)
	for _, part := range n.Parts[1:] {
		object, _ := value.(map[string]any)
		value = object[part]
	}
	if value == nil {
		return "", false
	}
	if s, ok := value.(string); ok {
		return s, true
	}
	b, _ := json.Marshal(value)
	return string(b), true
}

func trimZerosOf(s string) string {
	if strings.Contains(s, ".") {
		return trimZeros(s)
	}
	return s
}
