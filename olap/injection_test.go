package olap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// injected are the questions, one line per kind, whose every string is replaced
// by attempts to break out of it; and a cell of the answer, likewise. Where the
// string is "page exists" attempts are also made inside an expression, where it
// is "country" or "amount" inside the name of a property.
func injected() map[string]struct{ question, cell string } {
	const span = `"from":"2026-01-01","to":"2026-01-05","timezone":"UTC","interval":"day","week_start":"monday","where":"page exists",`
	return map[string]struct{ question, cell string }{
		"trends":     {`{"kind":"trends",` + span + `"series":[{"name":"A","event":"view","where":"page exists","measure":"sum","property":"amount"},{"name":"B","event":{"any_of":["view","buy"]},"measure":"unique","property":"page"}],"formulas":[{"name":"f","expr":"A / B"}],"breakdown":{"property":"country","limit":1}}`, ``},
		"funnel":     {`{"kind":"funnel",` + span + `"steps":[{"event":"view","name":"See","where":"page exists"},{"event":{"any_of":["buy"]}}],"window":"1d","breakdown":{"property":"country","limit":1}}`, ``},
		"retention":  {`{"kind":"retention",` + span + `"start":{"event":"view","where":"page exists"},"return":{"event":{"any_of":["view","buy"]}},"cohort":"first_ever","count":"on","periods_from":"calendar","breakdown":{"property":"country","limit":1}}`, `{"cohort":"2026-01-01","period":1,"breakdown":"IN"}`},
		"lifecycle":  {`{"kind":"lifecycle",` + span + `"event":{"any_of":["view","buy"]}}`, `{"bucket":"2026-01-02","state":"new"}`},
		"stickiness": {`{"kind":"stickiness",` + span + `"event":"view"}`, `{"intervals":1}`},
		"paths":      {`{"kind":"paths",` + span + `"start":"view","end":"buy","by":"user","gap":"2d","items":"auto","exclude":["error"]}`, `{"step":1,"from":"view","to":"buy"}`},
		"sessions":   {`{"kind":"sessions",` + span + `"gap":"30m","breakdown":{"property":"country","limit":1}}`, `{"bucket":"2026-01-01","breakdown":"IN"}`},
		"revenue":    {`{"kind":"revenue",` + span + `"currency":"USD","breakdown":{"property":"country","limit":1}}`, `{"bucket":"2026-01-02","currency":"USD","breakdown":"IN"}`},
		"video":      {`{"kind":"video",` + span + `"video_id":"v1","breakdown":{"property":"country","limit":1}}`, `{"percent":5,"breakdown":"IN"}`},
		"windows":    {`{"kind":"windows","from":"2026-01-01","to":"2026-01-01T12:00","timezone":"UTC","interval":"10m","where":"page exists","event":{"any_of":["view","buy"]}}`, `{"window_start":"2026-01-01T10:00","type":"view"}`},
	}
}

const marker = "inj3ct"

// attempts end the literal, the statement, the parameter or the line that a
// value could have been written into.
func attempts() []string {
	return []string{
		marker + `') OR 1=1 --`,
		`\'` + marker + "\\\")`; DROP TABLE events; /*",
		"{p1:String}\n{p2:Int64}\t" + marker + "\x00\r#%s$1?*/",
	}
}

// disguises are the places inside a string at which a client's text can stand:
// the string itself, and the names and literals of an expression.
func disguises(original string) []func(text string) string {
	quote := func(text string) string { b, _ := json.Marshal(text); return string(b) }
	all := []func(string) string{func(text string) string { return text }}
	switch original {
	case "country", "amount":
		all = append(all, func(text string) string { return "properties." + quote(text) }, func(text string) string { return "user." + quote(text) })
	case "page exists":
		all = append(all, func(text string) string {
			q := quote(text)
			return fmt.Sprintf(`country = %s or properties.%s = %s or user.%s exists or country in (%s, "x") or country contains %s or country ~ %s`, q, q, q, q, q, q, quote(regexp.QuoteMeta(text)))
		})
	}
	return all
}

// TestInjectionFindsNothing: whatever a client writes, it never stands in the
// SQL, it breaks nothing, and it finds no more than harmless text does.
func TestInjectionFindsNothing(t *testing.T) {
	s := newStore(t)
	write(t, s, "injection", injectionRows())
	before := tablesOf(t, s)
	all := injected()
	for _, kind := range sortedKeys(all) {
		t.Run(kind, func(t *testing.T) {
			asked := 0
			ask := func(question string) (string, error) { asked++; return askInjected(t, s, question) }
			injectEverywhere(t, all[kind].question, ask)
			if cell := all[kind].cell; cell != "" {
				injectEverywhere(t, cell, func(cell string) (string, error) { return peopleInjected(t, s, all[kind].question, cell) })
			}
			if asked < 2*len(attempts()) {
				t.Errorf("only %d attempts were taken as questions", asked)
			}
		})
	}
	if after := tablesOf(t, s); after != before {
		t.Errorf("the store had\n%s and has\n%s", before, after)
	}
}

func injectionRows() []row {
	var rows []row
	for i, country := range []string{"IN", "US", "", "DE"} {
		user := fmt.Sprint("u", i)
		rows = append(rows,
			row{user: user, kind: "view", at: at("2026-01-01T10:00:00Z"), country: country, page: "/a", amount: "1.5"},
			row{user: user, kind: "buy", at: at("2026-01-02T10:00:00Z"), country: country, page: "/b", amount: "2.5"},
			row{user: user, kind: "purchase", at: at("2026-01-02T10:00:00Z"), country: country, page: "/b", amount: "2.5", currency: "USD"},
			row{user: user, kind: "video_progress", at: at("2026-01-02T11:00:00Z"), country: country, page: "/v", video: "v1", properties: `{"percent":50}`})
	}
	return rows
}

// injectEverywhere puts every attempt, in every disguise, into every string.
func injectEverywhere(t *testing.T, text string, ask func(string) (string, error)) {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	for i, original := range stringsIn(value) {
		for place, disguise := range disguises(original) {
			harmless, err := ask(withString(value, i, disguise("harmless")))
			for _, attempt := range attempts() {
				question := withString(value, i, disguise(attempt))
				got, gotErr := ask(question)
				if (err == nil) != (gotErr == nil) && (place > 0 || gotErr == nil) {
					t.Errorf("%s\ngives %v; harmless text: %v", question, gotErr, err)
				}
				echo, plain := jsonOf(t, disguise(attempt)), jsonOf(t, disguise("harmless"))
				if got = strings.ReplaceAll(got, echo, plain); gotErr == nil && got != harmless {
					t.Errorf("%s\ngot  %s\nwant %s", question, got, harmless)
				}
			}
		}
	}
}

// askInjected answers a question; faults must be the question's own.
func askInjected(t *testing.T, s *Store, question string) (string, error) {
	t.Helper()
	q, err := ParseQuery([]byte(question))
	var a *Answer
	if err == nil {
		a, err = s.Ask(t.Context(), q)
	}
	if err != nil {
		wantQueryError(t, question, err)
		return "", err
	}
	wantBound(t, question, a.Meta.SQL)
	return jsonOf(t, a.Result), nil
}

func peopleInjected(t *testing.T, s *Store, question, cell string) (string, error) {
	t.Helper()
	q, err := ParseQuery([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.People(t.Context(), q, json.RawMessage(cell), marker+`' OR 1=1 --`, 10)
	if err != nil {
		wantQueryError(t, cell, err)
		return "", err
	}
	wantBound(t, cell, page.Meta.SQL)
	return jsonOf(t, page.Users), nil
}

func wantQueryError(t *testing.T, what string, err error) {
	t.Helper()
	var fault *QueryError
	if !errors.As(err, &fault) {
		t.Errorf("%s\nfails with %v", what, err)
	}
}

// wantBound looks for the marker outside the lines that show parameters.
func wantBound(t *testing.T, question string, statements []string) {
	t.Helper()
	for _, explained := range statements {
		for line := range strings.Lines(explained) {
			if !strings.HasPrefix(line, "SET param_") && strings.Contains(line, marker) {
				t.Errorf("%s\nstands in the SQL: %s", question, line)
			}
		}
	}
}

// tablesOf lists the tables with their rows.
func tablesOf(t *testing.T, s *Store) string {
	t.Helper()
	sizes, err := s.TableSizes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, table := range sizes {
		if table.Table == "events" {
			fmt.Fprintf(&b, "%s: %d rows\n", table.Table, table.Rows)
		}
	}
	return b.String()
}

// stringsIn lists the strings of a JSON value, in the order of walkStrings.
func stringsIn(value any) []string {
	var found []string
	walkStrings(value, func(s string) string { found = append(found, s); return s })
	return found
}

// withString is the value as JSON with its i-th string replaced.
func withString(value any, i int, by string) string {
	n := -1
	changed := walkStrings(value, func(s string) string {
		if n++; n == i {
			return by
		}
		return s
	})
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(changed); err != nil {
		panic(err)
	}
	return b.String()
}

// walkStrings copies a JSON value, with every string in it changed.
func walkStrings(value any, change func(string) string) any {
	switch v := value.(type) {
	case string:
		return change(v)
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = walkStrings(out[i], change)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for _, key := range sortedKeys(v) {
			out[key] = walkStrings(v[key], change)
		}
		return out
	}
	return value
}
