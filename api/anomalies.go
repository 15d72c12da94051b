package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millrace/olap"
	"millrace/oltp"
)

// Anomalies lists incidents of the figures. *oltp.Store is one.
type Anomalies interface {
	// Anomalies lists up to limit incidents, newest first, behind the cursor.
	Anomalies(ctx context.Context, f oltp.AnomalyFilter, after oltp.AnomalyCursor, limit int) ([]oltp.Anomaly, error)
	// Anomaly returns one of them, or oltp.ErrUnknownAnomaly.
	Anomaly(ctx context.Context, id string) (oltp.Anomaly, error)
	// AnomalyProgress tells how far the figures have been looked at, and with which
	// settings: those of AnomalyWatching in JSON.
	AnomalyProgress(ctx context.Context) (oltp.AnomalyWatch, error)
}

// AnomalyPage is the answer of GET /v1/anomalies.
type AnomalyPage struct {
	Anomalies  []Anomaly `json:"anomalies" nullable:"false" doc:"Incidents, those that began last first."`
	NextCursor *string   `json:"next_cursor" doc:"Send it back as cursor for the page before; null at the oldest incident."`

	Watching *AnomalyWatching `json:"watching" doc:"What is looked at, and how far; null while nothing has been looked at."`
}

// AnomalyWatching tells what the incidents were looked for in.
type AnomalyWatching struct {
	Since       time.Time `json:"since" doc:"Start of the first window that was looked at."`
	HoursUntil  time.Time `json:"hours_until" doc:"End of the last hour that was looked at."`
	DaysUntil   time.Time `json:"days_until" doc:"End of the last day that was looked at."`
	Series      int       `json:"series" doc:"Figures by values of properties, of hours and of days."`
	Timezone    string    `json:"timezone" doc:"Of the days and of the hours of the week."`
	Sensitivity float64   `json:"sensitivity" doc:"How little has to happen, 0…1: --anomaly-sensitivity."`
	Steps       []string  `json:"steps" nullable:"false" doc:"Events whose conversion from one to the next is looked at."`
	StepsFrom   string    `json:"steps_from" enum:"flag,default,none" doc:"flag: --anomaly-steps names them; default: view, add_to_cart and purchase are there; none: not all three are, so no conversion is looked at."`
	Properties  []string  `json:"properties" nullable:"false" doc:"Properties that the figures are broken down by."`
	Errors      []string  `json:"errors" nullable:"false" doc:"Figures that count as errors."`
}

// Anomaly is an incident: figures left their usual range for a while.
type Anomaly struct {
	ID         string            `json:"id" doc:"Stays the same while the incident is seen again." example:"an_1f0c5a3be2d46978"`
	Start      time.Time         `json:"start" doc:"The earliest moment that nothing speaks against."`
	FirstSeen  time.Time         `json:"first_seen" doc:"Start of the first window that shows it; later than start where windows in between had no user who could have met it."`
	End        time.Time         `json:"end" doc:"Last instant of the last window that shows it; of an ongoing incident, of the last one looked at."`
	DetectedAt time.Time         `json:"detected_at" doc:"End of the window by which it was known."`
	Ongoing    bool              `json:"ongoing"`
	Severity   string            `json:"severity" enum:"low,medium,high"`
	Measure    string            `json:"measure" doc:"The figure with the strongest evidence." example:"share of users with payment_error"`
	Measures   []string          `json:"measures" nullable:"false" doc:"All figures that moved at that time."`
	Unit       string            `json:"unit" enum:"share,count" doc:"Of expected and seen: share 0…1, or number or amount per window."`
	Expected   AnomalyBand       `json:"expected" doc:"What was usual before."`
	Seen       float64           `json:"seen" doc:"What it was during the incident, per window."`
	Evidence   float64           `json:"evidence" doc:"Logarithm of how many times likelier the data are with the incident than without."`
	Breakdown  *AnomalyBreakdown `json:"breakdown" doc:"The value that explains most of it; null where it is spread over all."`
	Window     string            `json:"window" enum:"hour,day" doc:"The windows that expected and seen are of."`
	NewLevel   bool              `json:"new_level,omitempty" doc:"The figure did not come back, and what it is now counts as usual since the end."`
	AfterEvent string            `json:"after_event,omitempty" doc:"The event whose users were hit most often afterwards, in the same window." example:"shipping_details"`
}

// AnomalyBand is what a figure usually is.
type AnomalyBand struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low" doc:"Of usual windows 95 % lie between low and high."`
	High  float64 `json:"high"`
}

// AnomalyBreakdown is the value of a property that explains an incident.
type AnomalyBreakdown struct {
	Property string  `json:"property" example:"platform"`
	Value    string  `json:"value" example:"mobile"`
	Share    float64 `json:"share" doc:"Its share, 0…1, of what was too much or too little."`
}

func getAnomaliesOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/anomalies", OperationID: "list-anomalies", Tags: []string{tagModels},
		Summary: "Incidents that the figures show",
		Description: "Each closed hour and day is compared with those before it: users, events, revenue, the share of users with each event, rejected records, and the " +
			"conversions that are watched, by the properties with few values. What moves at one time is one incident. watching says what is looked at, and how far.",
	}
}

type anomaliesInput struct {
	From     string   `query:"from" doc:"Lasted until then or longer: RFC 3339, a date, or relative such as -90d."`
	To       string   `query:"to" doc:"Began before."`
	Severity []string `query:"severity,explode" enum:"low,medium,high" doc:"Only these severities; may be repeated."`
	Ongoing  bool     `query:"ongoing" doc:"Only incidents that go on."`
	Measure  string   `query:"measure" maxLength:"1024" doc:"Only incidents of which this is one of the measures."`
	Property string   `query:"property" maxLength:"1024" doc:"Only incidents that a value of this property explains."`
	Limit    int      `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Incidents on the page."`
	Cursor   string   `query:"cursor" maxLength:"1024" doc:"next_cursor of the page after; without it the newest incidents come."`
}

// getAnomalies reads one page of incidents.
func (s *Server) getAnomalies(ctx context.Context, in *anomaliesInput) (*answer[AnomalyPage], error) {
	filter, err := in.filter(time.Now())
	if err != nil {
		return nil, err
	}
	after, err := oltp.ParseAnomalyCursor(in.Cursor)
	if err != nil {
		return nil, badParameter("cursor", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	found, err := s.deps.Anomalies.Anomalies(ctx, filter, after, in.Limit+1) // one more tells whether this page is the last
	if err != nil {
		return nil, err
	}
	watch, err := s.deps.Anomalies.AnomalyProgress(ctx)
	if err != nil {
		return nil, err
	}
	page := AnomalyPage{Anomalies: []Anomaly{}}
	if page.Watching, err = watchingOf(watch); err != nil {
		return nil, err
	}
	if len(found) > in.Limit {
		found = found[:in.Limit]
		last := found[in.Limit-1]
		cursor := oltp.AnomalyCursor{StartedAt: last.StartedAt, ID: last.ID}.String()
		page.NextCursor = &cursor
	}
	for i := range found {
		page.Anomalies = append(page.Anomalies, anomalyOf(&found[i]))
	}
	return &answer[AnomalyPage]{Body: page}, nil
}

func (in *anomaliesInput) filter(now time.Time) (f oltp.AnomalyFilter, err error) {
	f.Severities, f.Ongoing, f.Measure, f.Property = in.Severity, in.Ongoing, in.Measure, in.Property
	for _, bound := range []struct {
		name, text string
		at         *time.Time
	}{{"from", in.From, &f.From}, {"to", in.To, &f.To}} {
		if bound.text == "" {
			continue
		}
		if *bound.at, err = olap.ParseTime(bound.text, now); err != nil {
			return f, badParameter(bound.name, err)
		}
	}
	return f, nil
}

func anomalyOf(a *oltp.Anomaly) Anomaly {
	out := Anomaly{
		ID: a.ID, Start: a.StartedAt.UTC(), FirstSeen: a.FirstSeen.UTC(), End: a.EndedAt.UTC(), DetectedAt: a.DetectedAt.UTC(),
		Ongoing: a.Ongoing, Severity: a.Severity, Measure: a.Measure, Measures: a.Measures, Unit: a.Kind,
		Expected: AnomalyBand{Value: a.Expected, Low: a.Low, High: a.High}, Seen: a.Seen, Evidence: a.Evidence, AfterEvent: a.Step, Window: a.Grid, NewLevel: a.Stays,
	}
	if a.Property != "" {
		out.Breakdown = &AnomalyBreakdown{Property: a.Property, Value: a.Value, Share: a.Part}
	}
	return out
}

// watchingOf reads the settings that the watch was saved with.
func watchingOf(w oltp.AnomalyWatch) (*AnomalyWatching, error) {
	if w.Version == 0 {
		return nil, nil
	}
	out := AnomalyWatching{Steps: []string{}, Properties: []string{}, Errors: []string{}}
	if err := json.Unmarshal([]byte(w.Settings), &out); err != nil {
		return nil, fmt.Errorf("read the settings of the watch: %w", err)
	}
	out.Since, out.HoursUntil, out.DaysUntil, out.Series = w.Since, w.HoursUntil, w.DaysUntil, w.Series
	return &out, nil
}
