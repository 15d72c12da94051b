package olap

import (
	"strings"
	"testing"
)

func TestPreviewReadsNothing(t *testing.T) {
	s := catalogStore(t)
	for text, columns := range map[string]string{
		`trends view by users from 2026-03-01 to 2026-03-05 breakdown properties.plan`:            "events.properties events.timestamp events.type events.user_id",
		`trends view by users from 2026-03-01 to 2026-03-05 breakdown user.tier`:                  "events.timestamp events.type events.user_id user_traits.latest user_traits.user_id",
		`trends view by sessions from 2026-03-01 to 2026-03-05`:                                   "events.session_id events.timestamp events.type events.user_id",
		`funnel view > purchase within 1d from 2026-03-01 to 2026-03-05 breakdown country of all`: "events.country events.person events.timestamp events.type",
	} {
		q, err := ParseText(text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Preview(t.Context(), q)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var read []string
		for _, st := range p.Statements {
			if !strings.Contains(st.SQL, "SELECT") || st.Rows < 4 || st.Marks == 0 || st.Bytes == 0 {
				t.Errorf("%s: %+v", text, st)
			}
			read = union(read, st.Columns)
		}
		if got := strings.Join(read, " "); got != columns {
			t.Errorf("%s: reads %s, want %s", text, got, columns)
		}
		if p.Text != text || p.Estimate.Rows < uint64(4*len(p.Statements)) || p.Meta.RowsRead != 0 || len(p.Meta.SQL) != len(p.Statements) {
			t.Errorf("%s: %s", text, jsonOf(t, p))
		}
	}
}

// TestPreviewTakesEveryKind holds that a kind can be looked at without answers of
// the store.
func TestPreviewTakesEveryKind(t *testing.T) {
	s := catalogStore(t)
	texts := map[string]string{
		"trends": "trends view", "funnel": "funnel view > purchase", "retention": "retention view -> purchase", "lifecycle": "lifecycle view", "stickiness": "stickiness view",
		"paths": "paths from view", "sessions": "sessions last 7d", "revenue": "revenue last 30d", "video": "video last 7d", "windows": "windows last 1d",
	}
	for kind := range kinds() {
		if kind == "text" {
			continue
		}
		text, ok := texts[kind]
		if !ok {
			t.Errorf("no question of kind %s here: add one", kind)
			continue
		}
		q, err := ParseText(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if p, err := s.Preview(t.Context(), q); err != nil || len(p.Statements) == 0 {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
}
