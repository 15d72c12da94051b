package olap

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestActivityErrors keeps every message in one file that a person can read.
func TestActivityErrors(t *testing.T) {
	retention := func(rest string) string {
		return `{"kind":"retention","start":{"event":"signup"},"return":{"event":"buy"},` + rest + `}`
	}
	var b strings.Builder
	for _, question := range []string{
		`{"kind":"retension"}`, `{"kind":"retention"}`, `{"kind":"retention","start":{"event":"signup"}}`, `{"kind":"retention","return":{"event":"buy"}}`, `{"kind":"retention","start":null,"return":{}}`,
		`{"kind":"retention","start":"signup","return":{}}`, `{"kind":"retention","start":{"evnt":"signup"},"return":{}}`, `{"kind":"retention","start":{"event":""},"return":{}}`, `{"kind":"retention","start":{"event":{"any_of":["a",""]}},"return":{}}`, `{"kind":"retention","start":{"where":"contry = 1"},"return":{}}`, `{"kind":"retention","start":{},"return":{"where":"country ="}}`, `{"kind":"retention","start":{},"returns":{}}`,
		retention(`"periods":0`), retention(`"periods":401`), retention(`"periods":"8"`), retention(`"periods":1.5`), retention(`"min_occurrences":0`), retention(`"min_occurrences":-1`), retention(`"min_occurrences":1000001`), retention(`"min_occurences":2`),
		retention(`"cohort":"first"`), retention(`"cohort":"recuring"`), retention(`"cohort":1`), retention(`"count":"on_or_before"`), retention(`"periods_from":"24 h"`), retention(`"periods_from":"calender"`), retention(`"interval":"year"`), retention(`"interval":"weekly"`),
		retention(`"breakdown":{}`), retention(`"breakdown":{"property":"contry"}`), retention(`"breakdown":{"property":"country","limit":251}`), retention(`"breakdown":{"property":"country","attribution":"first"}`), retention(`"breakdown":"country"`),
		retention(`"from":"2026-01-02","to":"2026-01-01"`), retention(`"timezone":"Mars/Base"`), retention(`"week_start":"friday"`), retention(`"where":"user = 1"`),
		`{"kind":"lifecycle","event":5}`, `{"kind":"lifecycle","event":""}`, `{"kind":"lifecycle","evnt":"view"}`, `{"kind":"lifecycle","breakdown":{"property":"country"}}`, `{"kind":"lifecycle","interval":"dayly"}`, `{"kind":"lifecycle","where":"country"}`, `{"kind":"lifecycle","from":"2026-02-30"}`, `{"kind":"lifecycle","from":"2020-01-01","to":"2026-01-01","interval":"minute"}`,
		`{"kind":"stickyness"}`, `{"kind":"stickiness","events":"view"}`, `{"kind":"stickiness","event":["view"]}`, `{"kind":"stickiness","event":{"any_of":[]}}`, `{"kind":"stickiness","interval":5}`, `{"kind":"stickiness","from":"2026-01-02","to":"2026-01-02"}`, `{"kind":"stickiness","where":"page ~ \"(\""}`,
	} {
		_, err := ParseQuery([]byte(question))
		describeFault(t, &b, question, err)
	}
	golden(t, "activity_errors.txt", b.String())
}

func describeFault(t *testing.T, b *strings.Builder, what string, err error) {
	t.Helper()
	var fault *QueryError
	if !errors.As(err, &fault) {
		t.Errorf("%s: got %v, want a QueryError", what, err)
		return
	}
	fmt.Fprintf(b, "%s\n    %v\n", what, fault)
}

// TestActivityCellErrors: cells that no answer has, and sizes that show only
// once the question is asked.
func TestActivityCellErrors(t *testing.T) {
	const both = `"start":{},"return":{}`
	s := newStore(t)
	var b strings.Builder
	for _, q := range []struct{ question, cell string }{
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `[]`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{"cohort":"2026-01-02"}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{"cohort":"2026-01-02","period":8}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{"cohort":"2026-01-02","period":-1}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{"cohort":"2026-01-02","period":1,"breakdown":"IN"}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{"cohort":"2026-01-02T10:00","period":1}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{"cohort":"2026-02-02","period":1}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{"cohort":"soon","period":1}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `}`, `{"cohrt":"2026-01-02","period":1}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-01-11",` + both + `,"breakdown":{"property":"country"}}`, `{"cohort":"2026-01-02","period":1,"breakdown":"XX"}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-02-01","interval":"10m","periods":60,` + both + `}`, `{"cohort":"2026-01-02","period":1}`},
		{`{"kind":"retention","from":"2026-01-01","to":"2026-02-01","interval":"10m","cohort":"recurring",` + both + `}`, `{"cohort":"2026-01-02","period":1}`},
		{`{"kind":"lifecycle","from":"2026-01-01","to":"2026-01-11"}`, `{"state":"new"}`},
		{`{"kind":"lifecycle","from":"2026-01-01","to":"2026-01-11"}`, `{"bucket":"2026-01-02"}`},
		{`{"kind":"lifecycle","from":"2026-01-01","to":"2026-01-11"}`, `{"bucket":"2026-01-02","state":"gone"}`},
		{`{"kind":"lifecycle","from":"2026-01-01","to":"2026-01-11"}`, `{"bucket":"2025-12-31","state":"new"}`},
		{`{"kind":"stickiness","from":"2026-01-01","to":"2026-01-11"}`, `{}`},
		{`{"kind":"stickiness","from":"2026-01-01","to":"2026-01-11"}`, `{"intervals":11}`},
		{`{"kind":"stickiness","from":"2026-01-01","to":"2026-01-11"}`, `{"intervals":"3"}`},
	} {
		parsed, err := ParseQuery([]byte(q.question))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.People(t.Context(), parsed, json.RawMessage(q.cell), "", 10)
		describeFault(t, &b, q.question+"\n"+q.cell, err)
	}
	golden(t, "activity_cell_errors.txt", b.String())
}

func TestActivityTakesWhatTheContractShows(t *testing.T) {
	for _, question := range []string{
		`{"kind":"retention","start":{"event":"signup","where":"country = \"IN\""},"return":{"event":"purchase"},"interval":"day","periods":8,"cohort":"first_ever","count":"on","min_occurrences":1,"periods_from":"calendar","breakdown":{"property":"country","limit":5}}`,
		`{"kind":"retention","start":{"event":null},"return":{},"interval":"10m","from":"-1d","cohort":"recurring","count":"on_or_after","periods_from":"24h","breakdown":null}`,
		`{"kind":"lifecycle","event":"view","where":"platform = \"ios\"","from":"-7d","to":"now","timezone":"Asia/Kolkata","interval":"week","week_start":"sunday"}`,
		`{"kind":"lifecycle"}`,
		`{"kind":"stickiness","event":{"any_of":["view","click"]},"interval":"month"}`,
		`{"kind":"stickiness","event":null}`,
	} {
		if _, err := ParseQuery([]byte(question)); err != nil {
			t.Errorf("%s: %v", question, err)
		}
	}
}
