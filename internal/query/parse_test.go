package query

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestParseWhereReadsTheContractsExample(t *testing.T) {
	got, err := ParseWhere(`country = "IN" and properties.amount > 100 and platform in ("ios","android") and not properties.coupon exists and page ~ "^/checkout"`)
	if err != nil {
		t.Fatal(err)
	}
	want := And{Terms: []Expr{
		Compare{Name{[]string{"country"}, 1}, Equal, Literal{Text, "IN", 0, 11}},
		Compare{Name{[]string{"properties", "amount"}, 20}, Greater, Literal{Number, "100", 100, 40}},
		In{Name{[]string{"platform"}, 48}, []Literal{{Text, "ios", 0, 61}, {Text, "android", 0, 67}}, false},
		Not{Exists{Name{[]string{"properties", "coupon"}, 86}}},
		Match{Name{[]string{"page"}, 115}, "^/checkout"},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

func TestParseWhereGroups(t *testing.T) {
	a, b, c := "a exists", "b exists", "c exists"
	for text, want := range map[string]string{
		a + " or " + b + " and " + c:          "(a or (b and c))",
		"(" + a + " or " + b + ") and " + c:   "((a or b) and c)",
		"not " + a + " and " + b:              "(not a and b)",
		"not (" + a + " and not " + b + ")":   "not (a and not b)",
		"NOT a EXISTS OR b Exists":            "(not a or b)",
		"a not in (1,2) and b not_in ('x')":   "(a nin2 and b nin1)",
		`properties."odd key".in = -1.5e3`:    "properties/odd key/in = -1500",
		`a = "q\"\u00e9\n" and b = 'it\'s "'`: "(a = q\"é\n and b = it's \")",
		`x = true and y != false`:             "(x = true and y != false)",
	} {
		got, err := ParseWhere(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if s := show(got); s != want {
			t.Errorf("%s: got %s, want %s", text, s, want)
		}
	}
}

func show(e Expr) string {
	name := func(n Name) string { return strings.Join(n.Parts, "/") }
	join := func(terms []Expr, by string) string {
		var parts []string
		for _, t := range terms {
			parts = append(parts, show(t))
		}
		return "(" + strings.Join(parts, by) + ")"
	}
	switch e := e.(type) {
	case Or:
		return join(e.Terms, " or ")
	case And:
		return join(e.Terms, " and ")
	case Not:
		return "not " + show(e.Term)
	case Exists:
		return name(e.Name)
	case Compare:
		if e.Value.Kind == Number {
			return fmt.Sprintf("%s %s %g", name(e.Name), e.Operator, e.Value.Number)
		}
		return fmt.Sprintf("%s %s %s", name(e.Name), e.Operator, e.Value.Text)
	case In:
		if e.Negated {
			return fmt.Sprintf("%s nin%d", name(e.Name), len(e.Values))
		}
		return fmt.Sprintf("%s in%d", name(e.Name), len(e.Values))
	}
	return fmt.Sprintf("%#v", e)
}

// TestParseWhereErrors keeps every message in one file that a person can read.
func TestParseWhereErrors(t *testing.T) {
	var b strings.Builder
	for _, text := range []string{
		``, `  `, `country`, `country =`, `country == "IN"`, `country = IN`, `a = 1 b = 2`, `a = 1 and`, `(a = 1`, `a = 1)`,
		`a in 1`, `a in ()`, `a in (1 2)`, `a in (1,)`, `= 1`, `a like "x%"`, `a = "x`, `a = 'x`, `a ~ 5`, `a ~ "("`, `not`, `a is null`, `a = null`,
		`a contains 5`, `properties. = 5`, `a = 1 && b = 2`, `a = 1 || b = 2`, `!a exists`, `a not exists`, `a = 1e999`, `a = "\q"`,
		`a conatins "x"`, `a = 1 adn b = 2`, `a > `, `a <> 1`, `.a = 1`, `a..b = 1`, `"a" = 1`, `1 = a`, `a = 1;`, `a exists exists`,
		strings.Repeat("(", 101) + "a exists", "a = \"" + strings.Repeat("x", maxLength) + "\"", strings.Repeat("not ", 500) + "a exists",
	} {
		_, err := ParseWhere(text)
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		var where *Error
		if !errors.As(err, &where) || where.Column < 1 {
			t.Errorf("%s: %v has no column", text, err)
		}
		if len(text) > 60 {
			text = text[:60] + "…"
		}
		fmt.Fprintf(&b, "%s\n    %v\n", text, err)
	}
	golden(t, "errors.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, run with -update and read the diff; got:\n%s", path, got)
	}
}

func FuzzParseWhere(f *testing.F) {
	for _, s := range []string{`a = 1`, `not (a in ("x", 2) or b.c ~ "^x")`, `a contains 'x\'y'`, "a = \"\x00\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseWhere(text)
		if (e == nil) == (err == nil) {
			t.Fatalf("expression %v, error %v", e, err)
		}
	})
}
