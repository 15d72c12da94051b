package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLifetimeFromTheStore replays real purchases, trains on what is stored, and
// reads one customer: the same parameters as from the file, and the figures that
// they give. The customer is the one of the published spreadsheet, with two
// repeats, the last in week 30.43 of 38.86.
func TestLifetimeFromTheStore(t *testing.T) {
	file := dataFile(t, "cdnow_sample.txt.gz")
	plain := asCSV(t, file)
	r := up(t, t.TempDir())
	command(t, exitOK, "replay", plain, "--wait", "--api", r.API,
		"--map", "user_id=customer,timestamp=date,properties.amount=amount", "--const", "type=purchase", "--const", "properties.currency=USD")

	stdout, _ := command(t, exitOK, "train", "bgnbd", "--data", r.dir, "--calibrate-until", "1997-09-30", "--json")
	var trained struct {
		R, Alpha, A, B float64
		Version        int
		Promoted       bool
		Holdout        struct{ Actual float64 }
		GammaGamma     struct{ P, Q, V float64 } `json:"gamma_gamma"`
	}
	if err := json.Unmarshal([]byte(stdout), &trained); err != nil {
		t.Fatalf("%v:\n%s", err, stdout)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.IsNaN(got) || math.Abs(got-want) > 0.0005*math.Abs(want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	near("r", trained.R, 0.24259)
	near("alpha", trained.Alpha, 4.41360)
	near("a", trained.A, 0.79292)
	near("b", trained.B, 2.42591)
	near("p", trained.GammaGamma.P, 6.24957)
	near("purchases after it", trained.Holdout.Actual, 1882)
	if trained.Version != 1 || !trained.Promoted {
		t.Errorf("got version %d, promoted %v", trained.Version, trained.Promoted)
	}

	eventually(t, "the user is counted", func() bool {
		response, err := http.Get(r.API + "/v1/users/00004")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	eventually(t, "the customers are scored", func() bool {
		return at(t, get(t, r.API+"/v1/users/00004", 200), "lifetime") != nil
	})
	user := get(t, r.API+"/v1/users/00004", 200)
	equal(t, "model", at(t, user, "lifetime", "model", "name"), "bgnbd")
	equal(t, "currency", at(t, user, "lifetime", "currency"), "USD")
	// As of 30 June 1998: three repeats on 18 Jan, 2 Aug and 12 Dec 1997 after 1 Jan,
	// so x = 3, the last in week 345/7 of 545/7, of 71.17 dollars in all.
	alpha, age, last := trained.Alpha, 545./7, 345./7
	odds := trained.A / (trained.B + 2) * math.Pow((alpha+age)/(alpha+last), trained.R+3)
	near("P(alive)", at(t, user, "lifetime", "p_alive").(float64), 1/(1+odds))
	gamma := trained.GammaGamma
	near("spend", at(t, user, "lifetime", "expected_spend").(float64), gamma.P*(gamma.V+71.17)/(3*gamma.P+gamma.Q-1))
	equal(t, "churn", at(t, user, "churn"), nil)

	ask := `{"kind":"trends","from":"1997-01-01","to":"1998-07-01","series":[{"event":"purchase","measure":"users","where":"p_alive < 0.5"}]}`
	eventually(t, "questions know the customers who are gone", func() bool {
		gone, known := at(t, post(t, r.API+"/v1/query", ask, 200), "result", "series", 0, "total").(float64)
		return known && gone > 0 && gone < 2357
	})

	stage := ""
	for _, s := range at(t, get(t, r.API+"/v1/status", 200), "stages").([]any) {
		if s := s.(map[string]any); s["name"] == "lifetime" {
			stage = s["detail"].(string)
		}
	}
	equal(t, "stage", stage, "version 1, 2357 customers as of 1998-07-01")
}

// asCSV writes purchases with a header, as replay takes them.
func asCSV(t *testing.T, file string) string {
	t.Helper()
	purchases, err := readPurchases(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("customer,date,amount\n")
	for _, p := range purchases {
		fmt.Fprintf(&b, "%s,%s,%.2f\n", p.Customer, p.Day.Format(time.DateOnly), p.Amount)
	}
	path := filepath.Join(t.TempDir(), "purchases.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
