package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRealInput replays files that others wrote, one through the API and one
// through Kafka, and compares every answer with a count made here, over the
// file, by code that shares nothing with Millrace.
func TestRealInput(t *testing.T) {
	ecom, cdnow := dataFile(t, "ecom.csv.gz"), dataFile(t, "cdnow.txt.gz")
	r := up(t, t.TempDir())
	command(t, exitOK, "replay", ecom, "--wait", "--api", r.API)
	command(t, exitOK, "replay", cdnow, "--wait", "--kafka", r.Kafka,
		"--map", "user_id=customer_id,timestamp=date,properties.amount=dollar_value,properties.*=*", "--const", "type=purchase")

	t.Run("ecom", func(t *testing.T) { checkEcom(t, r, readEcom(t, ecom)) })
	t.Run("cdnow", func(t *testing.T) { checkCDNOW(t, r, readCDNOW(t, cdnow)) })
	t.Run("views agree with rows", func(t *testing.T) { checkWindows(t, r) })
	t.Run("postgres", func(t *testing.T) { checkUserStats(t, r, readEcom(t, ecom)) })
}

// click is a row of ecom.
type click struct {
	user, event string
	at          time.Time
}

func readEcom(t *testing.T, path string) []click {
	rows, err := csv.NewReader(unzipped(t, path)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var clicks []click
	for _, row := range rows[1:] {
		at, err := time.ParseInLocation("2006-01-02 15:04:05", row[3], time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		clicks = append(clicks, click{user: row[0], event: row[2], at: at})
	}
	return clicks
}

// order is a row of cdnow.
type order struct {
	customer string
	day      time.Time
	cents    int64
}

func readCDNOW(t *testing.T, path string) []order {
	lines := bufio.NewScanner(unzipped(t, path))
	lines.Scan() // the header
	var orders []order
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		day, err := time.ParseInLocation("20060102", fields[1], time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		dollars, err := strconv.ParseFloat(fields[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		orders = append(orders, order{fields[0], day, int64(math.Round(dollars * 100))})
	}
	return orders
}

func unzipped(t *testing.T, path string) io.Reader {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func checkEcom(t *testing.T, r *running, clicks []click) {
	query := func(body string) map[string]any { return post(t, r.API+"/v1/query", body, 200) }
	users := map[string]bool{}
	months := map[string]map[string]bool{}
	india, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	perDay := map[string]int{}
	for _, c := range clicks {
		users[c.user] = true
		month := c.at.Format("2006-01")
		if months[month] == nil {
			months[month] = map[string]bool{}
		}
		months[month][c.user] = true
		if c.event == "purchase" {
			perDay[c.at.In(india).Format(time.DateOnly)]++
		}
	}
	if len(clicks) != 31_106 || len(users) != 600 {
		t.Fatalf("the file has %d events of %d users; has it changed?", len(clicks), len(users))
	}

	answer := query(`{"kind":"trends","from":"2024-01-01","to":"2025-01-01","interval":"month","series":[
		{"name":"A","event":null,"measure":"total"},{"name":"B","event":null,"measure":"users"},{"name":"C","event":null,"measure":"monthly_active"}]}`)
	equal(t, "events", at(t, answer, "result", "series", 0, "total"), len(clicks))
	equal(t, "users", at(t, answer, "result", "series", 1, "total"), len(users))
	for i, bucket := range at(t, answer, "result", "buckets").([]any) {
		start, err := time.Parse(time.RFC3339, bucket.(string))
		if err != nil {
			t.Fatal(err)
		}
		month := start.Format("2006-01")
		equal(t, "users in "+month, at(t, answer, "result", "series", 1, "values", i), len(months[month]))
		equal(t, "monthly active at the end of "+month, at(t, answer, "result", "series", 2, "values", i), activeIn30Days(clicks, start.AddDate(0, 1, 0)))
	}
	equal(t, "semantics", at(t, answer, "meta", "semantics"), "1")
	if at(t, answer, "meta", "stored_until") == nil || at(t, answer, "meta", "rows_read").(float64) < 1 {
		t.Errorf("meta says too little: %v", answer["meta"])
	}

	answer = query(`{"kind":"trends","from":"2024-01-01","to":"2025-01-01","interval":"day","timezone":"Asia/Kolkata",
		"series":[{"event":"purchase"}]}`)
	buckets := at(t, answer, "result", "buckets").([]any)
	values := numbers(t, at(t, answer, "result", "series", 0, "values"))
	equal(t, "days of 2024", len(buckets), 366)
	seen := 0
	for i, bucket := range buckets {
		start, err := time.Parse(time.RFC3339, bucket.(string))
		if err != nil {
			t.Fatal(err)
		}
		day := start.In(india).Format(time.DateOnly)
		equal(t, "purchases on "+day, values[i], perDay[day])
		seen += perDay[day]
	}
	equal(t, "purchases in all days", seen, 470)

	answer = query(`{"kind":"funnel","from":"2024-01-01","to":"2025-01-01","window":"1d",
		"steps":[{"event":"product_view"},{"event":"add_to_cart"},{"event":"purchase"}]}`)
	for i, want := range funnelOf(clicks, 24*time.Hour, "product_view", "add_to_cart", "purchase") {
		equal(t, "funnel step "+strconv.Itoa(i+1), at(t, answer, "result", "steps", i, "count"), want)
	}
}

// activeIn30Days counts users with an event in the 30 days before end.
func activeIn30Days(clicks []click, end time.Time) int {
	active := map[string]bool{}
	for _, c := range clicks {
		if c.at.Before(end) && !c.at.Before(end.AddDate(0, 0, -30)) {
			active[c.user] = true
		}
	}
	return len(active)
}

// funnelOf tries every start of every user, the slow and obvious way. The
// steps have different events, so at one instant they may be taken in order.
func funnelOf(clicks []click, window time.Duration, steps ...string) []int {
	byUser := map[string][]click{}
	for _, c := range clicks {
		if slices.Contains(steps, c.event) {
			byUser[c.user] = append(byUser[c.user], c)
		}
	}
	counts := make([]int, len(steps))
	for _, history := range byUser {
		deepest := 0
		for _, first := range history {
			if first.event == steps[0] {
				deepest = max(deepest, depthFrom(history, first.at, window, steps))
			}
		}
		for i := range deepest {
			counts[i]++
		}
	}
	return counts
}

// depthFrom takes each next step at its earliest instant.
func depthFrom(history []click, start time.Time, window time.Duration, steps []string) int {
	last := start
	for depth := 1; depth < len(steps); depth++ {
		next := time.Time{}
		for _, c := range history {
			if c.event == steps[depth] && !c.at.Before(last) && (next.IsZero() || c.at.Before(next)) {
				next = c.at
			}
		}
		if next.IsZero() || next.Sub(start) > window {
			return depth
		}
		last = next
	}
	return len(steps)
}

func checkCDNOW(t *testing.T, r *running, orders []order) {
	customers := map[string]bool{}
	cents, perMonth := int64(0), map[string]int64{}
	for _, o := range orders {
		customers[o.customer] = true
		cents += o.cents
		perMonth[o.day.Format("2006-01")] += o.cents
	}
	if len(orders) != 69_659 || len(customers) != 23_570 || cents != 250_031_563 {
		t.Fatalf("the file has %d orders of %d customers over %d cents; has it changed?", len(orders), len(customers), cents)
	}
	answer := post(t, r.API+"/v1/query", `{"kind":"trends","from":"1997-01-01","to":"1998-07-01","interval":"month","series":[
		{"name":"A","event":"purchase","measure":"total"},
		{"name":"B","event":"purchase","measure":"users"},
		{"name":"C","event":"purchase","measure":"sum","property":"amount"}]}`, 200)
	equal(t, "purchases", at(t, answer, "result", "series", 0, "total"), len(orders))
	equal(t, "customers", at(t, answer, "result", "series", 1, "total"), len(customers))
	equal(t, "revenue", number(t, at(t, answer, "result", "series", 2, "total")), "2500315.63")
	for i, bucket := range at(t, answer, "result", "buckets").([]any) {
		month := bucket.(string)[:7]
		want := strconv.FormatFloat(float64(perMonth[month])/100, 'f', -1, 64)
		equal(t, "revenue in "+month, number(t, at(t, answer, "result", "series", 2, "values", i)), want)
	}
}

// number is a JSON number in plain decimal form.
func number(t *testing.T, value any) string {
	t.Helper()
	f, ok := value.(float64)
	if !ok {
		t.Fatalf("not a number: %v", value)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// checkWindows compares the materialized view with the same sums over raw rows.
func checkWindows(t *testing.T, r *running) {
	equal(t, "events in windows",
		clickhouse(t, r, "SELECT sum(events), toString(sum(revenue)) FROM windows_by_type WHERE NOT by_country FORMAT TSV"),
		clickhouse(t, r, "SELECT count(), toString(sum(ifNull(amount, 0))) FROM events FORMAT TSV"))
	equal(t, "windows that differ", clickhouse(t, r, `
		SELECT count() FROM (
			SELECT window_start, type, sum(events) AS n, uniqExactArray(users) AS u FROM windows_by_type WHERE by_country = 1 GROUP BY window_start, type) AS w
		FULL JOIN (
			SELECT toStartOfInterval(timestamp, INTERVAL 10 MINUTE, 'UTC') AS window_start, type, count() AS n, uniqExact(user_id) AS u
			FROM events GROUP BY window_start, type) AS e
		USING (window_start, type) WHERE w.n != e.n OR w.u != e.u`), 0)
}

// checkUserStats reads a user's row of Postgres through the API.
func checkUserStats(t *testing.T, r *running, clicks []click) {
	const user = "user_0000"
	events, byType := 0, map[string]int{}
	for _, c := range clicks {
		if c.user == user {
			events++
			byType[c.event]++
		}
	}
	var stats map[string]any
	eventually(t, "the sync has copied all events of "+user, func() bool {
		stats = get(t, r.API+"/v1/users/"+user, 200)
		text, _ := json.Marshal(stats)
		return strings.Contains(string(text), `"events":`+strconv.Itoa(events))
	})
	for event, n := range byType {
		equal(t, user+" "+event, at(t, stats, "events_by_type", event), n)
	}
}
