package query

import (
	"fmt"
	"strings"

	"millrace/internal/nearest"
)

// What may stand at a place, in the reader's words.
const (
	wantOperator  = `an operator: = != > >= < <= in not_in contains ~ exists`
	wantValue     = `a value: a number, text in quotes, true or false`
	wantText      = `text in quotes`
	wantCondition = `a condition such as country = "IN"`
	wantList      = `a list in brackets, such as ("ios", "android")`
	wantMore      = `"and", "or" or the end`
)

// complaint says what was found at an offset, what was expected there, and, for
// slips that other languages invite, how it is written here.
func complaint(found, expected string, offset int, end bool) string {
	want := expectation(expected, offset)
	saw := fmt.Sprintf("found %q", found)
	if end {
		saw = "the expression ends"
	}
	s := fmt.Sprintf("%s, expected %s", saw, want)
	if hint := slip(found, want); hint != "" {
		s += "; " + hint
	}
	return s
}

// expectation translates the grammar's own notation.
func expectation(grammar string, offset int) string {
	switch {
	case strings.Contains(grammar, "CompareNode"):
		return wantOperator
	case strings.HasPrefix(grammar, "LiteralNode"):
		return wantValue
	case strings.HasPrefix(grammar, "TextNode"):
		return wantText
	case strings.HasPrefix(grammar, `"("`):
		return wantList
	case strings.HasPrefix(grammar, `")"`):
		return `")"`
	case strings.HasPrefix(grammar, `"in"`):
		return `"in"`
	case grammar == "" && offset > 0:
		return wantMore
	}
	return wantCondition
}

// slip recognises what people write who know SQL or a programming language.
func slip(found, want string) string {
	switch lower := strings.ToLower(found); {
	case found == `"` || found == "'":
		return "the text is not closed"
	case want == wantValue && found == "=":
		return `equality is one "="`
	case want == wantValue && found == ">":
		return `"not equal" is "!="`
	case want == wantValue && isWord(found):
		return fmt.Sprintf("text stands in quotes: %q", found)
	case found == "&":
		return `write "and"`
	case found == "|":
		return `write "or"`
	case found == "!":
		return `write "not"`
	case lower == "like" || lower == "ilike":
		return `write contains "…", or ~ "…" for an RE2 expression`
	case lower == "is" || lower == "null":
		return `write "exists" or "not … exists"`
	case lower == "exists" && want == `"in"`:
		return `put "not" in front: not properties.coupon exists`
	case want == wantOperator && found == ".":
		return "a name follows the dot"
	case want == wantMore && lower == "exists":
		return ""
	case isWord(found) && (want == wantOperator || want == wantMore):
		return strings.TrimPrefix(nearest.Hint(lower, []string{"and", "or", "in", "not_in", "contains", "exists"}), "; ")
	}
	return ""
}

func isWord(s string) bool {
	return s != "" && !strings.ContainsAny(s[:1], `"'0123456789().,=<>!~&|+-*/`)
}
