package query

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var seed = flag.Int64("seed", 0, "of the random questions; 0 takes the time")

// TestParseQuestion shows for each kind what a line becomes, and how it is
// printed again.
func TestParseQuestion(t *testing.T) {
	var b strings.Builder
	for _, text := range []string{
		`trends view, purchase as orders by users last 30d by day breakdown country where platform = "ios"`,
		`trends view by users, purchase | refund as "Money back" by sum(properties.price) per user`,
		`trends * (country = "IN" or amount > 5) by unique(page), purchase by total from 2026-01-01 to now hourly timezone Asia/Kolkata formula "B / A" as rate compare previous cumulative`,
		`trends "last", order.completed by p95(properties."odd key") per session from 2026-01-01T10:00 to 2026-01-02T10:00:00+05:30 by 10m`,
		`funnel view > add_to_cart > purchase within 1d last 30d breakdown country`,
		`funnel view>"Add to cart" (amount >= 5) as Cart>purchase strict within 1h30m excluding logout between 1 and 2 excluding error (page ~ "^/pay") breakdown plan top 5 of step 2`,
		`FUNNEL view > purchase UNORDERED per session FINISH_AFTER_RANGE show time_to_convert bins 20 Last 2mo`,
		`funnel view > search | "optional" (properties.results > 0) optional as Searched > purchase show time_to_convert between 1 and 3 bins 5`,
		`funnel view > purchase explain`, `funnel view > cart > purchase explain step 3 using country, properties."odd key", user.plan last 7d`, `funnel view > purchase Explain Step 2 SHOW steps`, `funnel view > purchase explain using country`,
		`trends view by avg(user.age) breakdown user.plan where user.plan = "pro"`,
		`retention signup -> purchase weekly 8 periods last 12w`,
		`retention signup (platform = "ios") -> * cohort recurring on_or_after min_occurrences 2 periods_from 24h breakdown country top 3`,
		`lifecycle view last 30d by week week_start sunday`, `stickiness view | click last 14d`, `stickiness * last 14d where platform = "ios"`,
		`paths from home steps 4 last 7d`, `paths from home to "Thank you" from -7d to now-1d per user gap 30m items page limit 20 exclude ping, "a b" group "/product/*", "/c/*"`,
		`sessions gap 10m last 7d by hour`, `revenue last 90d by week breakdown category currency INR customers 20`, `video "intro-1" last 7d`, `video last 7d`, `windows last 1d`,
		"trends view\n  last 7d\r\n  where page =\n \"/a\"",
	} {
		q, err := ParseQuestion(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		printed, ok := Print(q.JSON)
		if !ok {
			t.Errorf("%s cannot be printed, at best as %s", text, printed)
		}
		fmt.Fprintf(&b, "%s\n    %s\n    %s\n", text, q.JSON, printed)
	}
	golden(t, "questions.txt", b.String())
}

// TestParseQuestionErrors keeps every message in one file that a person can read.
func TestParseQuestionErrors(t *testing.T) {
	var b strings.Builder
	for _, text := range []string{
		"", "  ", `trend view`, `8 periods`, `"trends" view`, `trends`, `trends last 30d`, `trends view,`, `trends view > purchase`, `trends view purchase`, `trends view lst 30d`,
		`trends view last`, `trends view last week`, `trends view last 30`, `trends view last 7d from 2026-01-01`, `trends view from`, `trends view from yesterday`, `trends view from "2026-01-01"`,
		`trends view by`, `trends view by dayly`, `trends view by user`, `trends view by sum amount`, `trends view by sum(`, `trends view by day per user`, `trends view by users by total`, `trends view by day, purchase`,
		`trends view where`, `trends view where country`, `trends view where country = IN`, `trends view where a = 1 b = 2`, `trends view where (a = 1 last 30d`, `trends view (a = 1`, `trends view last 7d (a = 1)`, `trends view where a = 2026-01-01`,
		`trends view breakdown`, `trends view breakdown country top ten`, `trends view breakdown country top 1.5`, `trends view breakdown country of first`, `trends view within 1d`, `trends view formula B/A`, `trends view timezone 5`, `trends view as`, `trends "view`, `trends view | *`,
		`funnel view > last 30d`, `funnel view, purchase`, `funnel view -> purchase`, `funnel view > purchase within day`, `funnel view > purchase breakdown country of`, `funnel view > purchase breakdown country of middle`, `funnel view > purchase breakdown country of step`,
		`funnel view > purchase by users`, `funnel view > purchase strict ordered`, `funnel view > purchase excluding x between 1`, `funnel view > purchase bins many`, `funnel view > purchase show`, `funnel view > purchase show trends`, `funnel view > purchase show trend between 1 and 2`, `funnel view > purchase show time_to_convert between 1`, `funnel view > purchase show time_to_convert between a and b`,
		`funnel view > purchase explain step`, `funnel view > purchase explain step two`, `funnel view > purchase explain using`, `funnel view > purchase explain using country,`, `funnel view > purchase explan`, `funnel view > optional > purchase`, `funnel view > a optionl > b`, `trends view optional`, `lifecycle view optional`, `trends view explain`,
		`funnel view by users > purchase`,
		`retention signup`, `retention signup > purchase`, `retention a -> b -> c`, `retention a -> b 8 perids`, `retention a as x -> b`, `retention a -> b periods_from 3`, `retention a -> b 1.5 periods`,
		`lifecycle view, click`, `lifecycle view (a = 1)`, `lifecycle view as x`, `paths home`, `paths from * last 7d`, `paths exclude`, `paths group *`, `revenue from purchase`, `windows by day`, `windows last 1d;`,
		"trends " + strings.Repeat("(", 101), `trends "` + strings.Repeat("x", maxLength) + `"`,
	} {
		_, err := ParseQuestion(text)
		var fault *Error
		if !errors.As(err, &fault) || fault.Column < 1 {
			t.Errorf("%s: got %v, want an Error with its column", text, err)
			continue
		}
		if len(text) > 80 {
			text = text[:80] + "…"
		}
		fmt.Fprintf(&b, "%s\n%s^\n    %v\n", text, strings.Repeat(" ", min(fault.Column-1, 90)), fault)
	}
	golden(t, "question_errors.txt", b.String())
}

func TestQuestionKnowsItsColumns(t *testing.T) {
	q, err := ParseQuestion(`funnel view > "über uns" (contry = 1) within 1d breakdown plan`)
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]int{"": 1, "/steps": 8, "/steps/1/event": 15, "/steps/1/where": 27, "/steps/1/name": 15, "/window": 46, "/breakdown/property": 59, "/breakdown/limit": 59, "/bins": 1} {
		if got := q.Column(pointer); got != want {
			t.Errorf("%s: got column %d, want %d", pointer, got, want)
		}
	}
}

// TestPrintedQuestionsReadTheSame holds for random questions that text, JSON and
// text again mean the same.
func TestPrintedQuestionsReadTheSame(t *testing.T) {
	if *seed == 0 {
		*seed = time.Now().UnixNano()
	}
	t.Logf("-seed %d", *seed)
	r := rand.New(rand.NewPCG(uint64(*seed), 0))
	for range 1000 {
		text := randomQuestion(r)
		q, err := ParseQuestion(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		printed, ok := Print(q.JSON)
		if !ok {
			t.Fatalf("%s is %s and cannot be printed, at best as %s", text, q.JSON, printed)
		}
		again, err := ParseQuestion(printed)
		if err != nil || string(again.JSON) != string(q.JSON) {
			t.Fatalf("%s is %s, but printed as %s it is %s (%v)", text, q.JSON, printed, again.JSON, err)
		}
		if twice, _ := Print(again.JSON); twice != printed {
			t.Fatalf("%s prints as %s, then as %s", text, printed, twice)
		}
	}
}

func TestPrintRefusesWhatHasNoWords(t *testing.T) {
	for _, question := range []string{``, `[]`, `{}`, `{"kind":"nonsense"}`, `{"kind":"trends"}`, `{"kind":"windows","novelty":1}`, `{"kind":"trends","series":[{"event":"a","limit":5}]}`,
		`{"kind":"trends","series":[{"event":5}]}`, `{"kind":"trends","series":[{"event":"a"}],"where":"a ="}`, `{"kind":"trends","series":[{"event":"a","where":"x = 1) as b"}]}`, `{"kind":"windows","from":"soon"}`} {
		if text, ok := Print([]byte(question)); ok {
			t.Errorf("%s is printed as %s", question, text)
		}
	}
}

// randomQuestion makes a question that the language takes.
func randomQuestion(r *rand.Rand) string {
	one := func(from ...string) string { return from[r.IntN(len(from))] }
	maybe := func(text string) string { return one("", " "+text) }
	event := func() string {
		return one("view", "purchase", "add_to_cart", `"Add to cart"`, "*", "a | b", `'it\'s'`, "order.completed", `"last"`, "über-uns", `"not"`, "$page")
	}
	where := func() string {
		return one(`country = "IN"`, `a.b > 5 and not (c exists or d in ("x", 2))`, `page ~ "^/x"`, `last = "a"`, `x contains 'y'`, `a != -1.5e3`)
	}
	condition := func() string { return maybe("(" + where() + ")") }
	name := func() string { return maybe("as " + one("x", "Über", `"two words"`, `"by"`)) }
	measure := func() string {
		return maybe("by " + one("total", "users", "weekly_active", "sum(amount)", `p95(properties."a b") per user`, "unique(page)", "avg per session"))
	}
	span := maybe(one("last 30d", "last 2mo", "from 2026-01-01", "from -7d to now", "from 2026-01-01T10:00:00Z to 2026-02-01", "to now-1d")) + maybe("timezone "+one("UTC", "Asia/Kolkata", `"Etc/GMT+5"`)) + maybe("where "+where())
	interval := maybe(one("by day", "by 10m", "hourly", "by month", "weekly")) + maybe("week_start sunday")
	breakdown := maybe("breakdown " + one("country", "properties.plan", `properties."a b"`) + maybe("top 5"))
	switch kind := one("trends", "funnel", "retention", "lifecycle", "paths", "sessions", "revenue", "video", "windows"); kind {
	case "trends":
		items := event() + condition() + name() + measure()
		for range r.IntN(3) {
			items += ", " + event() + condition() + name() + measure()
		}
		return kind + " " + items + span + interval + breakdown + maybe("compare previous") + maybe("cumulative") + maybe(`formula "A * 2" as twice`) + maybe(`formula "\"x y\" / 2"`)
	case "funnel":
		steps := event() + condition() + name()
		for range r.IntN(3) {
			steps += " > " + event() + condition() + maybe("optional") + name()
		}
		return kind + " " + steps + maybe(one("strict", "ordered", "unordered")) + maybe("within 1h30m") + maybe("excluding "+event()+condition()+maybe("between 1 and 2")) +
			span + maybe("per session") + maybe("finish_after_range") + maybe(one("show trend", "show time_to_convert between 1 and 2", "show steps")) + maybe(one("explain", "explain step 2", `explain using country, properties."a b"`, "explain step 3 using user.plan")) + maybe("breakdown country"+maybe("top 3")+maybe("of "+one("first", "all", "step 2")))
	case "retention":
		return kind + " " + event() + condition() + " -> " + event() + condition() + maybe("8 periods") + maybe("cohort recurring") + maybe("on_or_after") + maybe("min_occurrences 2") + maybe("periods_from "+one("24h", "calendar")) + span + interval + breakdown
	case "lifecycle":
		return kind + maybe(event()) + span + interval
	case "paths":
		return kind + maybe("from "+one("home", `"a b"`)) + maybe("to cart") + maybe("steps 4") + maybe("per user") + maybe("gap 30m") + maybe("items page") + maybe("exclude ping, x") + maybe(`group "/p/*"`) + span
	case "sessions":
		return kind + maybe("gap 10m") + span + interval
	case "revenue":
		return kind + span + interval + breakdown + maybe("currency INR") + maybe("customers 5")
	case "video":
		return kind + maybe(`"intro 1"`) + span + interval + breakdown
	default:
		return kind + span
	}
}

func FuzzParseQuestion(f *testing.F) {
	for _, s := range shapes() {
		f.Add(s.example)
	}
	f.Add(`trends "a\u0000" | b (x in ("y", 2)) by sum(properties."a b") per user formula "A/2" as x`)
	f.Add(`funnel a > b > * strict excluding c between 1 and 2 breakdown d top 3 of step 2 where not (e exists)`)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQuestion(text)
		if (q == nil) == (err == nil) {
			t.Fatalf("question %v, error %v", q, err)
		}
		if err == nil {
			Print(q.JSON)
		}
	})
}
