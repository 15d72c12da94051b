package alert

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// watched plays a rule over time: a minute per letter of seen, where 1 holds, 0
// does not, and ? is not known. It returns the state behind each look, and what
// was told.
func watched(t *testing.T, r Rule, seen string, silence string) (states, told string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var open []Alert
		for i, letter := range seen {
			r.SilencedUntil = time.Time{}
			if i < len(silence) && silence[i] == 's' {
				r.SilencedUntil = time.Now().Add(time.Second)
			}
			o := Observation{Known: letter != '?', Holds: letter == '1'}
			state, message := ".", "."
			for _, c := range r.Step(open, []Observation{o}, time.Now()) {
				open = nil
				if !c.Gone && c.State != Resolved {
					open = []Alert{c.Alert}
				}
				if c.State == Resolved {
					state = "r"
				}
				if c.Tell {
					message = strings.ToUpper(c.State[:1])
				}
			}
			if len(open) > 0 {
				state = open[0].State[:1]
			}
			states, told = states+state, told+message
			time.Sleep(time.Minute)
		}
	})
	return states, told
}

func TestAlertsMoveFromStateToState(t *testing.T) {
	minutes := func(n int) Duration { return Duration(time.Duration(n) * time.Minute) }
	for _, c := range []struct {
		name                 string
		rule                 Rule
		seen, silence        string
		wantStates, wantTold string
	}{
		{"at once", Rule{}, "0110", "", ".ffr", ".F.R"},
		{"for two minutes", Rule{For: minutes(2)}, "11110", "", "ppffr", "..F.R"},
		{"pending and over", Rule{For: minutes(2)}, "1101110", "", "pp.ppfr", ".....FR"},
		{"flapping", Rule{KeepFiringFor: minutes(2)}, "1010100011", "", "fffffffrff", "F......RF."},
		{"missing data keeps", Rule{Missing: MissingKeep}, "?1??0", "", ".fffr", ".F..R"},
		{"missing data fires", Rule{Missing: MissingFire}, "??0", "", "ffr", "F.R"},
		{"missing data resolves", Rule{Missing: MissingResolve}, "1?", "", "fr", "FR"},
		{"nobody looked for long", Rule{For: minutes(5), Missing: MissingKeep}, "1?????11111111", "", "pppppppppppfff", "...........F.."},
		{"silent at first", Rule{}, "11110", "ss", "ffffr", "..F.R"},
		{"silent all the time", Rule{}, "1110", "ssss", "fffr", "...."},
		{"silent from the middle", Rule{}, "1110", ".sss", "fffr", "F..R"},
		{"silent while missing", Rule{Missing: MissingKeep}, "1??0", "ss", "fffr", "..FR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.rule.Every = minutes(1)
			if c.rule.Missing == "" {
				c.rule.Missing = MissingKeep
			}
			states, told := watched(t, c.rule, c.seen, c.silence)
			if states != c.wantStates || told != c.wantTold {
				t.Errorf("%s\ngot  %s %s\nwant %s %s", c.seen, states, told, c.wantStates, c.wantTold)
			}
		})
	}
}

func TestEachKeyHasItsOwnAlert(t *testing.T) {
	r := Rule{Missing: MissingKeep}
	now := time.Now()
	holds := func(key string) Observation { return Observation{Key: key, Known: true, Holds: true} }
	changes := r.Step(nil, []Observation{holds("a"), holds("b"), holds("a"), {Key: "c", Known: true}}, now)
	if len(changes) != 2 || changes[0].Key != "a" || changes[1].Key != "b" {
		t.Fatalf("got %+v", changes)
	}
	open := []Alert{changes[0].Alert, changes[1].Alert}
	changes = r.Step(open, []Observation{holds("a"), {Key: "b", Known: true}}, now.Add(time.Minute))
	if len(changes) != 1 || changes[0].Key != "b" || changes[0].State != Resolved {
		t.Errorf("got %+v, want only b, resolved", changes)
	}
}

func TestFigures(t *testing.T) {
	ten := 10.0
	trendsResult := `{"series":[{"name":"A","total":12,"previous_total":8},{"name":"B","total":3,"previous_total":0}]}`
	broken := `{"series":[{"name":"A","breakdown":"IN","total":12},{"name":"A","breakdown":"US","total":9}]}`
	for _, c := range []struct {
		watch        Watch
		kind, result string
		open         []string
		want         string
	}{
		{Watch{Of: "value", Is: ">"}, "trends", trendsResult, nil, "true=12"},
		{Watch{Of: "value", Is: ">", Series: "B"}, "trends", trendsResult, nil, "false=3"},
		{Watch{Of: "change", Is: "<"}, "trends", trendsResult, nil, "true=4"},
		{Watch{Of: "change_ratio", Is: "<"}, "trends", trendsResult, nil, "true=0.5"},
		{Watch{Of: "change_ratio", Is: "<", Series: "B"}, "trends", trendsResult, nil, "?"},
		{Watch{Of: "value", Is: ">"}, "trends", broken, []string{"US", "DE"}, "IN:true=12 US:false=9 DE:false"},
		{Watch{Of: "value", Is: "<="}, "funnel", `{"steps":[{"rate_from_first":1},{"rate_from_first":0.25}]}`, nil, "true=0.25"},
		{Watch{Of: "value", Is: "<=", Figure: "/steps/0/count"}, "funnel", `{"steps":[{"count":11}]}`, nil, "false=11"},
		{Watch{Of: "value", Is: "<=", Figure: "/net/-1"}, "revenue", `{"net":[1,"x",null]}`, nil, "?"},
	} {
		c.watch.Threshold = &ten
		seen, err := c.watch.Figures(c.kind, []byte(c.result), c.open)
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, o := range seen {
			text := "?"
			if o.Known {
				text = fmt.Sprint(o.Holds)
			}
			if o.Known && o.Value != nil {
				text += "=" + number(*o.Value)
			}
			if o.Key != "" {
				text = o.Key + ":" + text
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: got %v, want %s", c.watch, got, c.want)
		}
	}
	w := Watch{Of: "value", Is: ">", Threshold: &ten}
	if _, err := w.Figures("retention", []byte(`{"rows":[]}`), nil); err == nil {
		t.Error("a question without an obvious figure needs a pointer")
	}
	w.Series = "C"
	if _, err := w.Figures("trends", []byte(trendsResult), nil); err == nil {
		t.Error("there is no series C")
	}
}
