package olap

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestParseQueryErrors keeps every message in one file that a person can read.
func TestParseQueryErrors(t *testing.T) {
	trends := func(series string) string { return `{"kind":"trends","series":[` + series + `]}` }
	funnel := func(rest string) string {
		return `{"kind":"funnel","steps":[{"event":"view"},{"event":"buy"}],` + rest + `}`
	}
	var b strings.Builder
	for _, question := range []string{
		``, `  `, `{`, `[]`, `"trends"`, `{"kind":"trends"} {}`, `{"kind":"trends",}`, `{}`, `{"kind":5}`, `{"kind":"trend"}`, `{"kind":"retention"}`, `{"kind":"nonsense"}`,
		`{"kind":"trends"}`, `{"kind":"trends","series":[]}`, `{"kind":"trends","series":{}}`, `{"kind":"trends","series":[null]}`, `{"kind":"trends","series":["purchase"]}`,
		`{"kind":"trends","seris":[]}`, trends(`{"evnt":"view"}`), trends(`{"event":5}`), trends(`{"event":""}`), trends(`{"event":{"any_of":[]}}`), trends(`{"event":{"any_of":["a",""]}}`), trends(`{"event":{"any_of":["a"],"x":1}}`), trends(`{"event":{"all_of":["a"]}}`), trends(`{"event":["a"]}`),
		trends(`{"measure":"averge","property":"amount"}`), trends(`{"measure":"avg"}`), trends(`{"measure":"total","property":"amount"}`), trends(`{"measure":"users","per":"user"}`), trends(`{"per":"users"}`), trends(`{"measure":"sum","property":"contry"}`), trends(`{"measure":"sum","property":""}`), trends(`{"measure":"sum","property":"a b"}`), trends(`{"measure":"sum","property":"context.pages"}`), trends(`{"measure":"sum","property":"properties"}`), trends(`{"measure":"sum","property":"country.code"}`), trends(`{"measure":"sum","property":"user"}`), trends(`{"measure":"unique","property":"event"}`),
		trends(`{"name":"x"},{"name":"x"}`), trends(`{"where":"country = "}`), trends(`{"where":"contry = 1"}`), trends(`{"where":5}`), trends(`{"where":"user = \"x\""}`), trends(`{"where":"users.plan = \"x\""}`), trends(`{"where":"timestamp > 5"}`), trends(`{"where":"timestamp > \"soon\""}`), trends(`{"where":"page > true"}`), trends(`{"where":"page ~ \"(\""}`), trends(`{"where":"event = \"purchase\""}`), trends(`{"event":"a","event":"b"}`),
		`{"kind":"trends","series":[{}],"formulas":[{"expr":"A / "}]}`, `{"kind":"trends","series":[{}],"formulas":[{"expr":"A / B"}]}`, `{"kind":"trends","series":[{}],"formulas":[{"name":"x"}]}`,
		`{"kind":"trends","series":[{}],"interval":"daily"}`, `{"kind":"trends","series":[{}],"interval":5}`, `{"kind":"trends","series":[{}],"week_start":"tuesday"}`, `{"kind":"trends","series":[{}],"timezone":"Mars/Base"}`, `{"kind":"trends","series":[{}],"timezone":"Local"}`, `{"kind":"trends","series":[{}],"timezone":"../etc/passwd"}`,
		`{"kind":"trends","series":[{}],"from":"yesterday"}`, `{"kind":"trends","series":[{}],"from":5}`, `{"kind":"trends","series":[{}],"to":"2026-02-30"}`, `{"kind":"trends","series":[{}],"from":"1850-01-01"}`, `{"kind":"trends","series":[{}],"from":"2026-01-02","to":"2026-01-02"}`, `{"kind":"trends","series":[{}],"from":"2020-01-01","to":"2026-01-01","interval":"minute"}`,
		`{"kind":"trends","series":[{}],"breakdown":{}}`, `{"kind":"trends","series":[{}],"breakdown":{"property":"country","limit":0.5}}`, `{"kind":"trends","series":[{}],"breakdown":{"property":"country","limit":-1}}`, `{"kind":"trends","series":[{}],"breakdown":"country"}`, `{"kind":"trends","series":[{}],"compare":"last"}`, `{"kind":"trends","series":[{}],"cumulative":"yes"}`, `{"kind":"trends","series":[{"measure":"weekly_active"}],"cumulative":true}`,
		`{"kind":"funnel"}`, `{"kind":"funnel","steps":[]}`, `{"kind":"funnel","steps":[{"event":"a","window":"1d"}]}`, funnel(`"window":"1 month"`), funnel(`"window":14`), funnel(`"window":"0d"`), funnel(`"window":"99999999w"`), funnel(`"order":"orderd"`), funnel(`"bins":10`), funnel(`"count_by":"account"`),
		funnel(`"breakdown":{"property":"country","attribution":"step"}`), funnel(`"breakdown":{"property":"country","attribution":"step","step":3}`), funnel(`"breakdown":{"property":"country","attribution":"last","step":1}`), funnel(`"breakdown":{"property":"country","attribution":"middle"}`), funnel(`"breakdown":{"limit":5}`), funnel(`"measure":"users"`),
		`{"kind":"funnel","steps":[{},{},{},{},{},{},{},{},{},{},{}]}`,
	} {
		_, err := ParseQuery([]byte(question))
		var fault *QueryError
		if !errors.As(err, &fault) {
			t.Errorf("%s: got %v, want a QueryError", question, err)
			continue
		}
		fmt.Fprintf(&b, "%s\n    %v\n", question, fault)
	}
	golden(t, "query_errors.txt", b.String())
}

func TestParseQueryTakesWhatTheContractShows(t *testing.T) {
	for _, question := range []string{
		`{"kind":"trends","series":[{"name":"A","event":"purchase","where":"country = \"IN\"","measure":"sum","per":"user","property":"amount"},{"name":"B","event":null}],"formulas":[{"name":"rate","expr":"B / A"}],"compare":"previous","cumulative":false,"from":"-7d","to":"now","timezone":"Asia/Kolkata","interval":"10m","week_start":"sunday","breakdown":{"property":"country","limit":10}}`,
		`{"kind":"trends","series":[{"event":null,"where":null,"property":null,"per":null}],"breakdown":null,"compare":null,"where":null}`,
		`{"kind":"funnel","steps":[{"event":"view","name":"See"},{"event":{"any_of":["a","b"]}},{"event":null}],"order":"ordered","window":"1h30m","exclusions":[],"count_by":"session","breakdown":{"property":"properties.plan","attribution":"step","step":2},"finish_after_range":true,"view":"steps"}`,
	} {
		if _, err := ParseQuery([]byte(question)); err != nil {
			t.Errorf("%s: %v", question, err)
		}
	}
}

func TestMoments(t *testing.T) {
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	now := at("2026-03-31T12:30:15.5Z")
	for text, want := range map[string]string{
		"now": "2026-03-31T12:30:15.5Z", "-7d": "2026-03-24T12:30:15.5Z", "now-90m": "2026-03-31T11:00:15.5Z", "+1h": "2026-03-31T13:30:15.5Z",
		"-1w": "2026-03-24T12:30:15.5Z", "-1y": "2025-03-31T12:30:15.5Z", "-30s": "2026-03-31T12:29:45.5Z",
		"2026-01-02": "2026-01-01T18:30:00Z", "2026-01-02T10:00": "2026-01-02T04:30:00Z", "2026-01-02T10:00:00+01:00": "2026-01-02T09:00:00Z",
	} {
		got, err := moment{text: text}.resolve(now, kolkata)
		if err != nil || !got.Equal(at(want)) {
			t.Errorf("%s: got %v (%v), want %s", text, got.UTC(), err, want)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add([]byte(`{"kind":"trends","series":[{"event":"purchase","where":"a = 1"}],"from":"-7d"}`))
	f.Add([]byte(`{"kind":"funnel","steps":[{"event":{"any_of":["a"]}},{"event":null}],"window":"14d"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := ParseQuery(data)
		var fault *QueryError
		if (q == nil) != (err != nil) || err != nil && !errors.As(err, &fault) {
			t.Fatalf("query %v, error %v", q, err)
		}
	})
}
