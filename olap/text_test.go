package olap

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestMalformedQuestions keeps what is said about questions and expressions that
// make no sense, as JSON and as text, in one file that a person can read. Each
// message names the place, by pointer or column, and the remedy.
func TestMalformedQuestions(t *testing.T) {
	line := func(q string) string {
		text, err := json.Marshal(map[string]string{"kind": "text", "q": q})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	trends := func(series string) string { return `{"kind":"trends","series":[` + series + `]}` }
	questions := []string{
		``, `[1]`, `{"kind":"trends"`, `{"kind":"trens"}`, `{"kid":"trends"}`, `{"kind":null}`, `{"kind":"trends","serie":[]}`, `{"kind":"trends","series":"purchase"}`, `{"kind":"trends","series":[{"event":["a","b"]}]}`,
		trends(`{"measure":"medain","property":"amount"}`), trends(`{"measure":"sum"}`), trends(`{"measure":"sum","property":"contry"}`), trends(`{"measure":"users","per":"user"}`), trends(`{"event":"a"},{"name":"A"}`),
		trends(`{"where":"country == \"IN\""}`), trends(`{"where":"country = IN"}`), trends(`{"where":"contry = \"IN\""}`), trends(`{"where":"country = \"IN\" && amount > 5"}`), trends(`{"where":"country like \"I%\""}`), trends(`{"where":"country in \"IN\""}`), trends(`{"where":"(country = \"IN\""}`), trends(`{"where":"timestamp > 5"}`), trends(`{"where":"page ~ \"[\""}`), trends(`{"where":"country is null"}`), trends(`{"where":"amount > \"5"}`),
		`{"kind":"trends","series":[{}],"formulas":[{"expr":"A / C"}]}`, `{"kind":"trends","series":[{}],"from":"tomorrow"}`, `{"kind":"trends","series":[{}],"from":"2026-02-01","to":"2026-01-01"}`, `{"kind":"trends","series":[{}],"timezone":"Kolkata"}`, `{"kind":"trends","series":[{}],"interval":"daily"}`, `{"kind":"trends","series":[{}],"from":"2020-01-01","to":"2026-01-01","interval":"minute"}`, `{"kind":"trends","series":[{}],"breakdown":{"property":"country","limit":1000}}`,
		`{"kind":"funnel","steps":[{"event":"a"},{"event":""}]}`, `{"kind":"funnel","steps":[{"event":"a"},{"where":"properties. = 5"}]}`, `{"kind":"funnel","steps":[{"event":"a"}],"window":"1 day"}`, `{"kind":"funnel","steps":[{"event":"a"}],"breakdown":{"property":"country","attribution":"step","step":2}}`, `{"kind":"retention","start":{"event":"a"}}`, `{"kind":"text"}`, `{"kind":"text","q":5}`, `{"kind":"text","query":"trends a"}`,
		line("trends"), line("trend view"), line("trends view purchase"), line("trends view by dayly"), line("trends view last week"), line("trends view last 7d from 2026-01-01"), line("trends view by sum amount"), line(`trends view by sum(contry)`), line(`trends view where contry = "IN"`), line(`trends view (platform = "ios") where amount > "5`), line(`trends view, purchase formula "A / C"`), line("trends view from 2026-02-01 to 2026-01-01"), line("trends view timezone Kolkata"), line("trends view from 2020-01-01 to 2026-01-01 by minute"),
		line("funnel view, purchase"), line("funnel view > last 30d"), line("funnel view > purchase witin 1d"), line("funnel view > purchase within day"), line("funnel view > purchase breakdown cuntry"), line("funnel view > purchase breakdown country of step 3"), line("funnel view > purchase within 0d"), line(`funnel view > purchase (page ~ "[")`),
		`{"kind":"funnel","steps":[{"event":"a","optional":true},{"event":"b"}]}`, `{"kind":"funnel","steps":[{"event":"a"},{"event":"b","optional":"yes"}]}`, `{"kind":"funnel","steps":[{"event":"a"},{"event":"b"}],"explain":"yes"}`, `{"kind":"funnel","steps":[{"event":"a"},{"event":"b"}],"explain":{"step":1}}`, `{"kind":"funnel","steps":[{"event":"a"},{"event":"b"}],"explain":{"propertys":["country"]}}`, `{"kind":"funnel","steps":[{"event":"a"},{"event":"b"}],"explain":{"properties":["contry"]}}`,
		`{"kind":"funnel","steps":[{"event":"a"},{"event":"b"}],"view":"time_to_convert","from_step":2,"to_step":1}`, `{"kind":"funnel","steps":[{"event":"a"},{"event":"b"}],"exclusions":[{"event":"a"}]}`, trends(`{"where":"user = \"pro\""}`), trends(`{"where":"usr.plan = \"pro\""}`), trends(`{"measure":"avg","property":"user"}`), `{"kind":"trends","series":[{}],"breakdown":{"property":"user."}}`,
		line("funnel view optional > purchase"), line("funnel view > search optional > purchase unordered"), line("funnel view > purchase explain step 1"), line("funnel view > purchase explain step 5"), line("funnel view > purchase explain using contry"), line("funnel view > purchase explan"), line("funnel view > purchase explain show trend"), line("funnel view > purchase show trends"), line("funnel view > purchase show time_to_convert between 2 and 1"), line("funnel view > purchase show trend between 1 and 2"), line("funnel view > purchase excluding logout between 2 and 2"), line("funnel view > purchase excluding view"), line("trends view optional"), line("trends view breakdown user"), line(`trends view where usr.plan = "pro"`), line("trends view by avg(user)"),
		line("retention signup > purchase"), line("retention signup -> purchase 8 perids"), line("lifecycle view, click"), line("revenue from purchase"), line("windows by hour"), line("paths home"),
	}
	var b strings.Builder
	for _, question := range questions {
		_, err := ParseQuery([]byte(question))
		var fault *QueryError
		if !errors.As(err, &fault) {
			t.Errorf("%s: got %v, want a QueryError", question, err)
			continue
		}
		if fault.Field == "" && fault.Column == 0 && fault.Code != CodeMalformedJSON && fault.Code != CodeWrongType {
			t.Errorf("%s: %v names no place", question, fault)
		}
		var asText textQuestion
		if json.Unmarshal([]byte(question), &asText) == nil && fault.Column > 0 && asText.Q != "" {
			question = asText.Q + "\n" + strings.Repeat(" ", fault.Column-1) + "^"
		}
		fmt.Fprintf(&b, "%s\n    %v\n", question, fault)
	}
	if len(questions) < 90 {
		t.Errorf("%d questions", len(questions))
	}
	golden(t, "malformed.txt", b.String())
}

// A line of text and the JSON that it stands for are the same question.
func TestTextIsTheSameQuestion(t *testing.T) {
	for line, question := range map[string]string{
		`trends view, purchase as orders by users last 30d by day breakdown country where platform = "ios"`: `{"kind":"trends","series":[{"event":"view","measure":"users"},{"event":"purchase","name":"orders","measure":"users"}],"from":"-30d","interval":"day","breakdown":{"property":"country"},"where":"platform = \"ios\""}`,
		`funnel view > add_to_cart > purchase within 1d last 30d breakdown country`:                         `{"kind":"funnel","steps":[{"event":"view"},{"event":"add_to_cart"},{"event":"purchase"}],"window":"1d","from":"-30d","breakdown":{"property":"country"}}`,
		`retention signup -> purchase weekly 8 periods last 12w`:                                            `{"kind":"retention","start":{"event":"signup"},"return":{"event":"purchase"},"interval":"week","periods":8,"from":"-12w"}`,
	} {
		asText, err := ParseText(line)
		if err != nil {
			t.Fatal(err)
		}
		asJSON, err := ParseQuery([]byte(question))
		if err != nil {
			t.Fatal(err)
		}
		if string(asText.JSON()) != string(asJSON.JSON()) {
			t.Errorf("%s\ngot  %s\nwant %s", line, asText.JSON(), asJSON.JSON())
		}
		if printed, ok := asJSON.Text(); !ok {
			t.Errorf("%s cannot be printed", question)
		} else if again, err := ParseText(printed); err != nil || string(again.JSON()) != string(asJSON.JSON()) {
			t.Errorf("%s is printed as %s", question, printed)
		}
	}
}

func TestFaultsOfTheClockPointAtTheText(t *testing.T) {
	s := newStore(t)
	q, err := ParseText("trends view from now to -1d")
	if err != nil {
		t.Fatal(err)
	}
	var fault *QueryError
	if _, err := s.Ask(t.Context(), q); !errors.As(err, &fault) || fault.Code != CodeInvalidRange || fault.Column != 18 || fault.Field != "" {
		t.Errorf("got %+v", fault)
	}
}
