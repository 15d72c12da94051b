package olap

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// latestTraits is the reference: of each user, the properties of the identify
// that is latest by time, then by event_id.
func latestTraits(rows []row) map[string]string {
	latest := map[string]row{}
	for _, e := range rows {
		known, ok := latest[e.user]
		if e.kind == "identify" && (!ok || e.at.After(known.at) || e.at.Equal(known.at) && e.id > known.id) {
			latest[e.user] = e
		}
	}
	traits := map[string]string{}
	for user, e := range latest {
		traits[user] = e.properties
	}
	return traits
}

// traitRowsOf are histories of users of whom some are identified: never, once,
// again at the same instant, long ago, after the range.
func traitRowsOf(r *rand.Rand, users int) []row {
	start := at("2026-03-01T00:00:00Z")
	var rows []row
	for u := range users {
		user := fmt.Sprintf("u%04d", u)
		for range r.IntN(6) {
			rows = append(rows, row{user: user, kind: []string{"view", "cart", "purchase", "video_play"}[r.IntN(4)],
				at:      start.Add(time.Duration(r.IntN(4*24*60)) * time.Minute),
				session: []string{"", "s1"}[r.IntN(2)], country: []string{"", "IN"}[r.IntN(2)], page: []string{"/", "/x"}[r.IntN(2)],
				amount: []string{"", "5", "2.50"}[r.IntN(3)], currency: "USD", video: "v1"})
		}
		for range r.IntN(4) {
			rows = append(rows, row{user: user, kind: "identify", at: start.Add(time.Duration(r.IntN(9)-2) * 24 * time.Hour), properties: randomTraits(r)})
		}
	}
	for i := range rows {
		rows[i].id = fmt.Sprintf("e%05d", (i*7919)%100_003) // not in the order of time
	}
	return rows
}

func randomTraits(r *rand.Rand) string {
	plan := []string{`"pro"`, `"free"`, `"(other)"`, `""`, "null", "7", `"7"`, "true", `{"name":"x"}`, `"it's"`}[r.IntN(10)]
	return []string{`{}`, `{"age":3}`, `{"t":` + plan + `}`, `{"t":` + plan + `,"age":` + fmt.Sprint(r.IntN(4)) + `}`}[r.IntN(4)]
}

// TestUserValuesAreThoseOfTheReference asks every kind of question twice: about
// users' traits, and about events that carry, as properties, what the reference
// says the traits of their users are. Questions about properties have references
// of their own.
func TestUserValuesAreThoseOfTheReference(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 70))
	rows := traitRowsOf(r, 1000)
	traits := latestTraits(rows)
	carrying := make([]row, len(rows))
	for i, e := range rows {
		if e.properties = traits[e.user]; e.properties == "" {
			e.properties = "{}"
		}
		carrying[i] = e
	}
	users, events := newStore(t), newStore(t)
	for i := range 3 { // traits come in several parts, out of order
		write(t, users, fmt.Sprint("users", i), everyThird(rows, i))
	}
	write(t, events, "events", carrying)
	asked := userQuestions(r)
	for _, question := range asked {
		q, err := ParseQuery([]byte(question.text))
		if err != nil {
			t.Fatalf("%s: %v", question.text, err)
		}
		answer, err := users.Ask(t.Context(), q)
		if err != nil {
			t.Fatalf("%s: %v", question.text, err)
		}
		plain := strings.ReplaceAll(question.text, "user.", "properties.")
		want := ask(t, events, plain)
		if got, want := resultOf(t, answer), resultOf(t, want); got != want {
			t.Errorf("%s\ngot  %s\nwant %s\n-seed %d", question.text, got, want, *seed)
		}
		if question.cell != "" {
			sameUsers(t, users, q, events, plain, question.cell)
		}
	}
	t.Logf("%d histories", len(asked)*1000)
}

func everyThird(rows []row, i int) []row {
	var out []row
	for ; i < len(rows); i += 3 {
		out = append(out, rows[i])
	}
	return out
}

// resultOf is a result as text in which both names of the same value are one.
func resultOf(t *testing.T, a *Answer) string {
	return strings.ReplaceAll(jsonOf(t, a.Result), `"user.`, `"properties.`)
}

func sameUsers(t *testing.T, users *Store, q Query, events *Store, plain, cell string) {
	t.Helper()
	p, err := ParseQuery([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	got, err := users.People(t.Context(), q, json.RawMessage(cell), "", 10_000)
	want, wantErr := events.People(t.Context(), p, json.RawMessage(cell), "", 10_000)
	if err != nil || wantErr != nil {
		t.Fatalf("%s %s: %v, %v", plain, cell, err, wantErr)
	}
	if jsonOf(t, got.Users) != jsonOf(t, want.Users) || len(got.Users) == 0 {
		t.Errorf("%s %s: %d users, want %d", plain, cell, len(got.Users), len(want.Users))
	}
}

type userQuestion struct{ text, cell string }

// userQuestions name traits wherever a question may name a value.
func userQuestions(r *rand.Rand) []userQuestion {
	const span = `"from":"2026-03-01T06:00:00Z","to":"2026-03-04T18:00:00Z"`
	where := []string{`user.t = \"pro\"`, `not user.t in (\"pro\", 7)`, `user.age > 1 or user.t.name exists`, `user.t ~ \"^[a-z]\" and country != \"IN\"`, `user.t contains \"R\"`}
	some := func() string { return where[r.IntN(len(where))] }
	by := func() string { return fmt.Sprintf(`"breakdown":{"property":"user.t","limit":%d}`, 1+r.IntN(4)) }
	return []userQuestion{
		{`{"kind":"trends",` + span + `,"series":[{"event":"view","measure":"users"},{"where":"` + some() + `"},{"measure":"weekly_active"},{"measure":"new_users"},{"measure":"sessions"}],` + by() + `}`, `{"series":"A","breakdown":"pro"}`},
		{`{"kind":"trends",` + span + `,"series":[{"measure":"avg","property":"user.age"},{"measure":"unique","property":"user.t"},{"measure":"sum","property":"user.age","per":"user"}],"where":"` + some() + `","cumulative":false}`, ``},
		{`{"kind":"trends",` + span + `,"series":[{"measure":"users","where":"user.t exists"}],"cumulative":true,"compare":"previous"}`, `{}`},
		{`{"kind":"funnel",` + span + `,"window":"2d","steps":[{"event":"view"},{"event":"cart","where":"` + some() + `"},{"event":"purchase"}],` + by() + `}`, ``},
		{`{"kind":"funnel",` + span + `,"window":"2d","steps":[{"event":"view"},{"event":"cart"}],"breakdown":{"property":"user.t","attribution":"all"},"where":"` + some() + `"}`, `{"step":1}`},
		{`{"kind":"funnel",` + span + `,"window":"2d","steps":[{"event":"view"},{"where":"` + some() + `"}],"count_by":"session","order":"unordered"}`, ``},
		{`{"kind":"funnel",` + span + `,"window":"2d","steps":[{"event":"view"},{"event":"cart"}],"explain":{"properties":["user.t","user.age"]}}`, ``},
		{`{"kind":"retention",` + span + `,"start":{"event":"view","where":"` + some() + `"},"return":{},` + by() + `}`, ``},
		{`{"kind":"retention",` + span + `,"start":{"event":"view"},"return":{"where":"` + some() + `"},"cohort":"recurring",` + by() + `}`, ``},
		{`{"kind":"lifecycle",` + span + `,"where":"` + some() + `"}`, ``},
		{`{"kind":"stickiness",` + span + `,"where":"` + some() + `"}`, `{"intervals":1}`},
		{`{"kind":"paths",` + span + `,"by":"user","gap":"2d","where":"` + some() + `"}`, ``},
		{`{"kind":"sessions",` + span + `,"where":"` + some() + `",` + by() + `}`, ``},
		{`{"kind":"revenue",` + span + `,` + by() + `}`, ``},
		{`{"kind":"revenue",` + span + `,"where":"` + some() + `"}`, ``},
		{`{"kind":"video",` + span + `,` + by() + `}`, `{"percent":0,"breakdown":"(none)"}`},
		{`{"kind":"windows",` + span + `,"where":"` + some() + `"}`, ``},
	}
}

// TestTraitsOfBefore: a database that had events before it had the table of
// traits knows them too, and the step may run again.
func TestTraitsOfBefore(t *testing.T) {
	s := openStore(t)
	all, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.migrate(t.Context(), all[:8]); err != nil {
		t.Fatal(err)
	}
	rows := traitRowsOf(rand.New(rand.NewPCG(*seed, 71)), 300)
	write(t, s, "before", rows)
	for range 2 {
		if err := s.apply(t.Context(), all[8]); err != nil {
			t.Fatal(err)
		}
	}
	rowsRead := map[string]string{}
	st := newStatement()
	st.text(string(traits))
	err = s.eachRow(t.Context(), st, func(scan func(...any) error) error {
		var user, properties string
		err := scan(&user, &properties)
		rowsRead[user] = properties
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := jsonOf(t, rowsRead), jsonOf(t, latestTraits(rows)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
