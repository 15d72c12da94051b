package olap

import (
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"time"
)

// ask parses and answers a question, and gives the answer as JSON would.
func ask(t testing.TB, s *Store, question string) *Answer {
	t.Helper()
	q, err := ParseQuery([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return a
}

func askTrends(t testing.TB, s *Store, question string) *TrendsResult {
	t.Helper()
	return ask(t, s, question).Result.(*TrendsResult)
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEcomTrends(t *testing.T) {
	rows := ecomRows(t)
	s := newStore(t)
	write(t, s, "ecom", rows)
	const year = `"kind":"trends","from":"2024-01-01","to":"2025-01-01"`

	all := askTrends(t, s, `{`+year+`,"interval":"month","series":[{"event":null},{"event":null,"measure":"users"},{"measure":"monthly_active"},{"measure":"new_users"},{"measure":"sessions"}]}`)
	if all.Series[0].Total.text != "31106" || all.Series[1].Total.text != "600" || all.Series[3].Total.text != "600" {
		t.Errorf("events %v, users %v, new users %v; want 31106, 600, 600", all.Series[0].Total, all.Series[1].Total, all.Series[3].Total)
	}
	var events, users, active, sessions []string
	for i, start := range all.Buckets {
		from := at(start)
		to := from.AddDate(0, 1, 0)
		events = append(events, fmt.Sprint(count(rows, from, to, func(row) bool { return true })))
		users = append(users, fmt.Sprint(different(rows, from, to, func(r row) string { return r.user })))
		active = append(active, fmt.Sprint(different(rows, to.AddDate(0, 0, -30), to, func(r row) string { return r.user })))
		sessions = append(sessions, fmt.Sprint(different(rows, from, to, func(r row) string { return r.user + "/" + r.session })))
		_ = i
	}
	wantValues(t, "events by month", all.Series[0].Values, events)
	wantValues(t, "users by month", all.Series[1].Values, users)
	wantValues(t, "monthly active users", all.Series[2].Values, active)
	wantValues(t, "sessions", all.Series[4].Values, sessions)

	days := askTrends(t, s, `{`+year+`,"timezone":"Asia/Kolkata","interval":"day","series":[{"event":"purchase"}]}`)
	if len(days.Buckets) != 366 {
		t.Errorf("%d buckets, want 366", len(days.Buckets))
	}
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	byDay := map[string]int{}
	for _, r := range rows {
		if r.kind == "purchase" {
			byDay[r.at.In(kolkata).Format("2006-01-02")]++
		}
	}
	for i, start := range days.Buckets {
		if got, want := days.Series[0].Values[i].text, fmt.Sprint(byDay[start[:10]]); got != want {
			t.Errorf("purchases on %s: got %s, want %s", start, got, want)
		}
	}
}

func TestCdnowTrends(t *testing.T) {
	rows := cdnowRows(t)
	s := newStore(t)
	write(t, s, "cdnow", rows)
	got := askTrends(t, s, `{"kind":"trends","from":"1997-01-01","to":"1998-07-01","interval":"month","series":[
		{"name":"purchases","event":"purchase"},{"name":"customers","event":"purchase","measure":"users"},
		{"name":"revenue","event":"purchase","measure":"sum","property":"amount"},
		{"name":"cds","event":"purchase","measure":"sum","property":"properties.cds"}]}`)
	for i, want := range []string{"69659", "23570", "2500315.63"} {
		if got.Series[i].Total.text != want {
			t.Errorf("%s: got %v, want %s", got.Series[i].Name, got.Series[i].Total, want)
		}
	}
	var revenue []string
	for _, start := range got.Buckets {
		sum := new(big.Rat)
		for _, r := range rows {
			if r.at.Format("2006-01") == start[:7] {
				v, _ := new(big.Rat).SetString(r.amount)
				sum.Add(sum, v)
			}
		}
		revenue = append(revenue, trimZeros(sum.FloatString(6)))
	}
	wantValues(t, "revenue by month", got.Series[2].Values, revenue)
}

func count(rows []row, from, to time.Time, keep func(row) bool) int {
	n := 0
	for _, r := range rows {
		if !r.at.Before(from) && r.at.Before(to) && keep(r) {
			n++
		}
	}
	return n
}

func different(rows []row, from, to time.Time, key func(row) string) int {
	seen := map[string]bool{}
	count(rows, from, to, func(r row) bool { seen[key(r)] = true; return true })
	return len(seen)
}

func trimZeros(s string) string {
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}

func wantValues(t testing.TB, what string, got []number, want []string) {
	t.Helper()
	text := make([]string, len(got))
	for i, n := range got {
		text[i] = n.String()
	}
	if fmt.Sprint(text) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, text, want)
	}
}
