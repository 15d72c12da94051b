package fraudlab

import (
	"fmt"

	"millrace/internal/event"
	"millrace/internal/fraud"
)

// Judged is a purchase, what it was, and what the model thought.
type Judged struct {
	Label    Label
	Score    float64
	Decision fraud.Decision
	Features fraud.Features
	// Unusual is the forest's own score.
	Unusual float64
	// Dollars is the amount in about US dollars.
	Dollars float64
}

// chunk is how many events are decoded at once.
const chunk = 2000

// Run has the model judge the traffic, through the same decoder and in the same
// way as the stage does. It returns the purchases in order.
func Run(model *fraud.Model, cfg Config) ([]Judged, error) {
	t, err := New(cfg)
	if err != nil {
		return nil, err
	}
	r := &run{model: model, profiles: map[string]*fraud.Profile{}, batch: new(event.Batch)}
	for {
		ev, label, more := t.Next()
		if !more {
			break
		}
		position := event.Position{Topic: "lab", Offset: r.offset, ReceivedAt: ev.Timestamp.UnixMilli()}
		if reject := r.batch.AppendEvent(ev, position); reject != nil {
			return nil, fmt.Errorf("labelled traffic makes an event that is none: %w", reject)
		}
		r.offset++
		if r.labels = append(r.labels, label); len(r.labels) == chunk {
			r.flush()
		}
	}
	r.flush()
	return r.judged, nil
}

// run is one pass over traffic.
type run struct {
	model    *fraud.Model
	profiles map[string]*fraud.Profile
	all      fraud.Population
	batch    *event.Batch
	labels   []Label
	offset   int64
	judged   []Judged
}

// flush judges what has been decoded.
func (r *run) flush() {
	for i, label := range r.labels {
		e := fraud.EventOf(r.batch, i)
		p := r.profiles[r.batch.UserID.At(i)]
		if p == nil {
			p = new(fraud.Profile)
			r.profiles[string([]byte(r.batch.UserID.At(i)))] = p // the batch takes its text back
		}
		if v, judged, _ := r.model.Take(&e, p, &r.all); judged {
			r.judged = append(r.judged, Judged{
				Label: label, Score: v.Score, Decision: v.Decision, Features: v.Features,
				Unusual: v.Unusual, Dollars: e.Dollars(),
			})
		}
	}
	r.labels = r.labels[:0]
	r.batch.Reset()
}
