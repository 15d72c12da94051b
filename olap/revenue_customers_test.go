package olap

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// shoppers is how users of a history buy.
type shoppers struct {
	name   string
	users  int
	amount func(r *rand.Rand) string
	refund func(r *rand.Rand) string // of a refund; half of the rows are such where it is given
	hash   string                    // in place of the store's, so that users share it
}

// TestBestCustomersAgreeWithTheReference asks about so many customers that not all
// are likely ones.
func TestBestCustomersAgreeWithTheReference(t *testing.T) {
	cents := func(r *rand.Rand) string { return fmt.Sprintf("%d.%02d", r.IntN(500), r.IntN(100)) }
	few := func(r *rand.Rand) string { return []string{"", "5", "9.99"}[r.IntN(3)] }
	signed := func(r *rand.Rand) string { return fmt.Sprint(r.IntN(300) - 100) }
	gift := func(r *rand.Rand) string { return []string{"1", "2", "3", "-900"}[r.IntN(4)] }
	total := map[string]int{}
	for i, history := range []shoppers{
		{name: "any amount", users: 900, amount: cents},
		{name: "few prices", users: 900, amount: few},
		{name: "all the same", users: 1e6, amount: func(*rand.Rand) string { return "5" }},
		{name: "refunds", users: 900, amount: cents, refund: cents},
		{name: "below zero", users: 900, amount: signed, refund: signed},
		{name: "refunds that give", users: 1_500, amount: cents, refund: gift},
		{name: "few hashes", users: 900, amount: cents, hash: "bitAnd(sipHash64(user_id), 255)"},
		{name: "few hashes and refunds", users: 900, amount: signed, refund: cents, hash: "bitAnd(sipHash64(user_id), 511)"},
	} {
		t.Run(history.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(*seed, uint64(120+i)))
			s := newStore(t)
			if history.hash != "" {
				alter(t, s, "ALTER TABLE events MODIFY COLUMN person UInt64 MATERIALIZED "+history.hash)
			}
			rows := history.rows(r)
			write(t, s, "first", rows[:len(rows)/2])
			if r.IntN(2) == 0 {
				alter(t, s, "ALTER TABLE events MATERIALIZE PROJECTION by_person SETTINGS mutations_sync = 2")
			}
			write(t, s, "second", rows[len(rows)/2:])
			for range 6 {
				total[checkCustomers(t, s, r, rows)]++
			}
			if t.Failed() {
				t.Logf("-seed %d", *seed)
			}
		})
	}
	for _, way := range []string{"likely", "likely, all", "all"} {
		if total[way] == 0 {
			t.Errorf("no question was answered by %q: %v", way, total)
		}
	}
}

func (h shoppers) rows(r *rand.Rand) []row {
	var rows []row
	for range 2_500 {
		e := row{user: fmt.Sprintf("u%03d", r.IntN(h.users)), kind: "purchase", amount: h.amount(r),
			at: at("2026-01-20T00:00:00Z").Add(time.Duration(r.IntN(20*24*60)) * time.Minute), currency: []string{"USD", "USD", "USD", "EUR"}[r.IntN(4)],
			country: []string{"", "IN", "US"}[r.IntN(3)], category: []string{"", "books"}[r.IntN(2)]}
		if r.IntN(100) == 0 {
			e.currency = []string{"", "INR"}[r.IntN(2)]
		}
		if h.refund != nil && r.IntN(2) == 0 {
			e.kind, e.amount = "refund", h.refund(r)
		}
		rows = append(rows, e)
	}
	return rows
}

// checkCustomers asks one question, and returns how it was answered.
func checkCustomers(t *testing.T, s *Store, r *rand.Rand, rows []row) string {
	t.Helper()
	f := refRevenue{from: at("2026-01-20T00:00:00Z").Add(time.Duration(r.IntN(5*24*60)) * time.Minute), to: at("2026-02-08T00:00:00Z"), fits: func(row) bool { return true }}
	top, more := 1+r.IntN(12), ""
	switch r.IntN(5) {
	case 0:
		more, f.fits = `,"where":"country != \"IN\" and not platform exists"`, func(e row) bool { return e.country != "IN" }
	case 1:
		more, f.fits = `,"where":"category = \"books\""`, func(e row) bool { return e.category == "books" }
	case 2:
		more, f.fits = `,"currency":"USD"`, func(e row) bool { return e.currency == "USD" }
	}
	question := fmt.Sprintf(`{"kind":"revenue","interval":"month","from":"%s","to":"2026-02-08","top":%d%s}`, stamp(f.from), top, more)
	a := ask(t, s, question)
	if got, want := jsonOf(t, a.Result.(*RevenueResult).TopCustomers), jsonOf(t, f.top(rows, top)); got != want {
		t.Errorf("%s\ngot  %s\nwant %s", question, got, want)
	}
	return wayOf(a)
}

// wayOf is how the customers of an answer were read.
func wayOf(a *Answer) string {
	var ways []string
	for _, sql := range a.Meta.SQL {
		switch {
		case strings.Contains(sql, "person IN"):
			ways = append(ways, "likely")
		case strings.Contains(sql, "user_id, toString(gross)"):
			ways = append(ways, "all")
		}
	}
	return strings.Join(ways, ", ")
}

// TestCustomersReadAtOnce: all names are read at once of a month that goes on, and
// where there are very many currencies.
func TestCustomersReadAtOnce(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-03-02T12:00:00Z") } })
	var rows []row
	for i := range mostLikelyCurrencies + 1 {
		rows = append(rows, row{user: "u", kind: "purchase", at: at("2026-02-27T00:00:00Z").Add(time.Duration(i/50) * time.Hour), currency: fmt.Sprintf("C%02d", i), amount: "5"})
	}
	write(t, s, "currencies", rows)
	for rest, want := range map[string]string{
		`"to":"2026-02-27T01:00:00Z"`: "likely", `"to":"2026-02-27T02:00:00Z"`: "all",
		`"to":"2026-03-01","currency":"C50"`: "likely", `"to":"2026-03-02","currency":"C50"`: "all",
	} {
		a := ask(t, s, `{"kind":"revenue","from":"2026-02-27",`+rest+`}`)
		if got := wayOf(a); got != want {
			t.Errorf("%s: %s, want %s", rest, got, want)
		}
		result := a.Result.(*RevenueResult)
		if got, want := len(result.TopCustomers), len(result.Series); got != want || want == 0 {
			t.Errorf("%s: %d customers of %d currencies", rest, got, want)
		}
	}
}

func alter(t *testing.T, s *Store, statement string) {
	t.Helper()
	if err := s.conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
