package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millrace/internal/alert"
	"millrace/oltp"
)

var alertFigures = flag.Bool("alert-figures", false, "measure how fast alerts are: go test ./cmd/millrace -run 'TestAlertDelays|TestAlertLooks' -alert-figures -v")

// clock notes when the first message with an alert of a rule and key has come.
type clock struct {
	mu sync.Mutex
	at map[string]time.Time // guarded by mu; by rule and key
}

func (c *clock) note(body []byte) {
	var m alert.Message
	if json.Unmarshal(body, &m) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, again := c.at[m.Alert.Rule+" "+m.Alert.Key]; !again {
		c.at[m.Alert.Rule+" "+m.Alert.Key] = time.Now()
	}
}

// took waits for the message of a rule and key, and returns its time.
func (c *clock) took(t *testing.T, rule, key string, since time.Time) time.Duration {
	t.Helper()
	var at time.Time
	eventually(t, "the alert of "+rule+" "+key+" has come", func() (ok bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		at, ok = c.at[rule+" "+key]
		return ok
	})
	return at.Sub(since)
}

// figuresWanted skips a test that only measures.
func figuresWanted(t *testing.T) {
	t.Helper()
	if !*alertFigures {
		t.Skip("measures for a minute: run it with -alert-figures")
	}
}

// TestAlertDelays prints how long it takes from an event, or from a condition, to
// a delivered webhook.
func TestAlertDelays(t *testing.T) {
	figuresWanted(t)
	c := &clock{at: map[string]time.Time{}}
	hook := newReceiver(t, nil)
	hook.seen = c.note
	r := up(t, t.TempDir(), "--stages", "ingest,sync,score,alert,api")
	w := &watchtower{running: r, t: t, hook: hook, store: openUsers(t, r), rules: map[string]string{}}
	w.rule("fraud", `{"kind":"fraud","decisions":["review","block"]}`)
	measure(t, "event to webhook, fraud", 60, func(n int) time.Duration { return w.fraudToHook(c, n) })
	for n := range 30 {
		w.rule(fmt.Sprint("query ", n), fmt.Sprintf(`{"kind":"query","query":{"kind":"trends","series":[{"event":"view"}],"from":"-1h"},"is":">","threshold":%d}`, n))
	}
	measure(t, "event to webhook, a figure, every 1s", 30, func(n int) time.Duration {
		sent := time.Now()
		post(t, r.API+"/v1/events", `{"type":"view","user_id":"v"}`, http.StatusAccepted)
		return c.took(t, fmt.Sprint("query ", n), "", sent)
	})
	measure(t, "condition to webhook, pipeline, first look of a new rule", 20, func(n int) time.Duration {
		name := fmt.Sprint("late ", n)
		made := time.Now()
		w.rule(name, `{"kind":"pipeline","stages":["sync"],"lag_seconds":0.0001}`)
		return c.took(t, name, "sync", made)
	})
}

// TestAlertLooks prints how many rules one process looks at.
func TestAlertLooks(t *testing.T) {
	figuresWanted(t)
	for kind, watch := range map[string]string{
		"pipeline": `{"kind":"pipeline","lag_seconds":86400}`,
		"question": `{"kind":"query","query":{"kind":"trends","series":[{"event":"view"}],"from":"-1h","where":"page = \"/%d\""},"is":">","threshold":1000000}`,
	} {
		t.Run(kind, func(t *testing.T) {
			r := up(t, t.TempDir(), "--stages", "ingest,sync,score,alert,api")
			looks(t, r, openUsers(t, r), watch)
		})
	}
}

// fraudToHook sends a purchase that is to be reviewed, of a user with a history, and
// returns how long it took to the webhook.
func (w *watchtower) fraudToHook(c *clock, n int) time.Duration {
	w.t.Helper()
	user, now := fmt.Sprint("buyer-", n), time.Now().UTC()
	var usual []string
	for n := range 12 {
		usual = append(usual, purchaseOf(user, fmt.Sprint("usual-", n), now.Add(time.Duration(n-13)*24*time.Hour), "900"))
	}
	post(w.t, w.API+"/v1/events", "["+strings.Join(usual, ",")+"]", http.StatusAccepted)
	eventually(w.t, "the user is known", func() bool {
		scores, err := w.store.FraudScores(w.t.Context(), oltp.FraudFilter{UserID: user}, 20)
		return err == nil && len(scores) == 12
	})
	sent := time.Now()
	post(w.t, w.API+"/v1/events", purchaseOf(user, "huge", sent.UTC(), "500000"), http.StatusAccepted)
	return c.took(w.t, "fraud", user+"-huge", sent)
}

// measure prints the distribution of what it is told.
func measure(t *testing.T, what string, times int, one func(n int) time.Duration) {
	t.Helper()
	var all []time.Duration
	for n := range times {
		all = append(all, one(n).Round(time.Millisecond))
	}
	slices.Sort(all)
	t.Logf("%s: median %v, p95 %v, most %v of %d", what, all[len(all)/2], all[len(all)*95/100], all[len(all)-1], len(all))
}

// looks makes many rules that are due all the time, and prints how many looks
// there are in a minute, and what of the processor this process takes for one.
func looks(t *testing.T, r *running, store *oltp.Store, watch string) {
	t.Helper()
	const rules = 1000
	for n := range rules {
		of := watch
		if strings.Contains(of, "%d") {
			of = fmt.Sprintf(of, n) // no question is asked twice
		}
		addRuleNamed(t, store, fmt.Sprint("rule ", n), "http://127.0.0.1:1/", of)
	}
	count := func() float64 { return scrape(t, r.API+"/metrics").sum("millrace_alert_looks_total") }
	begin, used, began := count(), processorTime(t), time.Now()
	<-time.After(20 * time.Second)
	looks, took, spent := count()-begin, time.Since(began), processorTime(t)-used
	t.Logf("%.0f looks a minute; %v of this process's time each", looks*float64(time.Minute)/float64(took), (spent / time.Duration(looks)).Round(time.Microsecond))
	all, err := store.AlertRules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range all {
		if rule.Note != "" {
			t.Fatalf("a look failed: %s", rule.Note)
		}
	}
}

// processorTime is what this process has used, the engines not included.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
