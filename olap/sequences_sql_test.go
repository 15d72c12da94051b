package olap

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSequenceSQL shows the SQL of each form of these questions, as it is run on
// a store with a few events. Nothing that a client wrote may stand in it: values
// are parameters, listed above the statement.
func TestSequenceSQL(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-03-20T12:00:00Z") } })
	write(t, s, "sql", []row{
		{user: "u1", kind: "purchase", at: at("2026-03-02T10:00:00Z"), amount: "5", currency: "USD", category: "books", country: "IN", video: "v1"},
		{user: "u1", kind: "video_play", at: at("2026-03-02T10:01:00Z"), country: "IN", video: "it's"},
		{user: "u2", kind: "purchase", at: at("2026-02-02T10:00:00Z"), amount: "7", currency: "USD"},
	})
	var april []row // two currencies in a window, two countries in a currency
	for i, country := range []string{"IN", "US", "IN"} {
		april = append(april, row{id: fmt.Sprint("april", i), user: fmt.Sprint("u", i), kind: "purchase", at: at("2026-04-02T10:00:00Z"),
			currency: []string{"EUR", "EUR", "INR"}[i], country: country, amount: fmt.Sprint(9 - i)})
	}
	write(t, s, "april", april)
	for name, question := range map[string]string{
		"paths":              `{}`,
		"paths_all":          `{"start":"it's","end":"purchase","by":"user","items":"page","exclude":["100%_*"],"group":["/product/*"],"where":"properties.plan = \"x\""}`,
		"paths_end":          `{"end":"purchase","steps":2,"limit":3,"items":"event"}`,
		"sessions":           `{}`,
		"sessions_breakdown": `{"gap":"5m","where":"page = \"it's\"","breakdown":{"property":"country","limit":2}}`,
		"revenue":            `{}`,
		"revenue_ragged":     `{"from":"2026-03-01T10:05:00Z","to":"2026-03-02T00:03:00Z","currency":"it's","top":0}`,
		"revenue_breakdown":  `{"breakdown":{"property":"category"},"timezone":"America/New_York"}`,
		"revenue_customers":  `{"from":"2026-02-01","to":"2026-03-01","interval":"month","top":1}`,
		"video":              `{"video_id":"it's"}`,
		"video_breakdown":    `{"breakdown":{"property":"video_id","limit":3}}`,
		"revenue_country":    `{"from":"2026-04-01","to":"2026-04-08T00:20:00Z","top":0,"breakdown":{"property":"country","limit":1}}`,
		"windows":            `{"from":"2026-03-02T00:05:00Z","event":"it's"}`,
		"windows_repeated":   `{"from":"2026-04-02","to":"2026-04-03"}`,
		"windows_where":      `{"where":"country = \"it's\""}`,
	} {
		kind, _, _ := strings.Cut(name, "_")
		question = `{"kind":"` + kind + `",` + question[1:]
		if !strings.Contains(question, `"from"`) {
			question = strings.Replace(question, "{", `{"from":"2026-03-01","to":"2026-03-15",`, 1)
		}
		question = strings.Replace(question, ",}", "}", 1)
		var b strings.Builder
		fmt.Fprintf(&b, "-- %s\n", question)
		for _, statement := range ask(t, s, question).Meta.SQL {
			fmt.Fprintf(&b, "\n%s;\n", statement)
			for line := range strings.Lines(statement) {
				if !strings.HasPrefix(line, "SET ") && strings.Contains(line, "it's") || strings.Contains(line, "100%") && !strings.HasPrefix(line, "SET ") {
					t.Errorf("%s: what the client wrote stands in the SQL: %s", name, line)
				}
			}
		}
		golden(t, "sql/"+name+".sql", b.String())
	}
}
