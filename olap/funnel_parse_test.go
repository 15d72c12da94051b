package olap

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestParseFunnelErrors keeps every message in one file that a person can read.
func TestParseFunnelErrors(t *testing.T) {
	of := func(steps, rest string) string { return `{"kind":"funnel","steps":[` + steps + `],` + rest + `}` }
	funnel := func(rest string) string { return of(`{"event":"view"},{"event":"cart"},{"event":"buy"}`, rest) }
	optional := func(rest string) string {
		return of(`{"event":"view"},{"event":"search","optional":true},{"event":"buy"}`, rest)
	}
	var b strings.Builder
	for _, question := range []string{
		funnel(`"order":"unordered","exclusions":[{"event":"x"}]`), funnel(`"exclusions":[{"event":"x","from_step":2,"to_step":2}]`), funnel(`"exclusions":[{"event":"x","from_step":3}]`), funnel(`"exclusions":[{"event":"x","to_step":4}]`),
		funnel(`"exclusions":[{"event":"view"}]`), funnel(`"exclusions":[{"event":"view","where":"country = \"IN\""}]`), funnel(`"exclusions":[{"event":{"any_of":["buy","view"]}},{"event":"buy"}]`), funnel(`"exclusions":[{"event":"x","where":"contry = 1"}]`),
		of(`{"event":null},{"event":"buy"}`, `"exclusions":[{"event":"x"}]`), funnel(`"exclusions":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]`),
		of(`{"event":"view","optional":true},{"event":"buy"}`, `"order":"ordered"`), optional(`"order":"strict"`), optional(`"order":"unordered"`), of(`{"event":"view"},{"event":null,"optional":true}`, `"order":"ordered"`), of(`{"event":"view"},{"event":"view","where":"amount > 1","optional":true}`, `"order":"ordered"`),
		optional(`"exclusions":[{"event":"x","from_step":2}]`), optional(`"view":"time_to_convert","to_step":2`), optional(`"breakdown":{"property":"country","step":2}`), optional(`"explain":{"step":2}`), of(`{"event":"view"},{"event":"search","optional":true}`, `"view":"time_to_convert"`),
		funnel(`"view":"trends"`), funnel(`"bins":5`), funnel(`"from_step":1`), funnel(`"to_step":2`), funnel(`"view":"time_to_convert","bins":-1`), funnel(`"view":"time_to_convert","bins":1001`), funnel(`"view":"time_to_convert","from_step":2,"to_step":1`), funnel(`"view":"time_to_convert","from_step":3`), funnel(`"view":"time_to_convert","to_step":9`),
		of(`{"event":"view"}`, `"view":"time_to_convert"`), funnel(`"view":"trend","breakdown":{"property":"country"}`), funnel(`"view":"time_to_convert","breakdown":{"property":"country"}`), funnel(`"view":"trend","from":"2000-01-01","to":"2026-01-01","interval":"minute"`),
		funnel(`"explain":"yes"`), funnel(`"explain":{"stp":2}`), funnel(`"explain":{"step":1}`), funnel(`"explain":{"step":4}`), funnel(`"explain":{"properties":["contry"]}`), funnel(`"explain":true,"view":"trend"`), funnel(`"explain":true,"count_by":"session"`), of(`{"event":"view"}`, `"explain":true`),
	} {
		_, err := ParseQuery([]byte(question))
		var fault *QueryError
		if !errors.As(err, &fault) {
			t.Errorf("%s: got %v, want a QueryError", question, err)
			continue
		}
		fmt.Fprintf(&b, "%s\n    %v\n", question, fault)
	}
	golden(t, "funnel_errors.txt", b.String())
}

func TestParseFunnelTakesWhatTheContractShows(t *testing.T) {
	for _, question := range []string{
		`{"kind":"funnel","steps":[{"event":"view"},{"event":"cart"},{"event":"buy"}],"order":"strict","exclusions":[{"event":"x","where":"amount > 5","from_step":1,"to_step":2}],"explain":false}`,
		`{"kind":"funnel","steps":[{"event":"view","where":"amount > 1"},{"event":"buy"}],"exclusions":[{"event":"view"}]}`,
		`{"kind":"funnel","steps":[{"event":"view"},{"event":"buy"}],"view":"time_to_convert","bins":10,"order":"unordered"}`,
		`{"kind":"funnel","steps":[{"event":"view"},{"event":"search","optional":true},{"event":"buy"},{"event":"review","optional":true}],"view":"trend","interval":"week"}`,
		`{"kind":"funnel","steps":[{"event":"view"},{"event":"buy"}],"explain":{"step":2,"properties":["country","properties.plan"]}}`,
	} {
		if _, err := ParseQuery([]byte(question)); err != nil {
			t.Errorf("%s: %v", question, err)
		}
	}
}
