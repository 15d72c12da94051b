package churn

import "millrace/internal/drift"

// Drift is how far users are from those of the training, as population stability
// indexes.
type Drift struct {
	Users    int
	Score    float64
	Features map[string]float64
}

// Tally counts users into the bins of the training.
type Tally struct {
	scorer   *Scorer
	users    int
	scores   *drift.Count
	features []*drift.Count
}

// NewTally counts for the scorer's model.
func (s *Scorer) NewTally() *Tally {
	t := &Tally{scorer: s, scores: s.model.Scores.Count()}
	for _, w := range s.model.Weights {
		t.features = append(t.features, w.Values.Count())
	}
	return t
}

// Add counts one user.
func (t *Tally) Add(values []float64, probability float64) {
	t.users++
	t.scores.Add(probability)
	for i, count := range t.features {
		count.Add(values[t.scorer.columns[i]])
	}
}

// Drift compares the users counted so far with the training's. Without a user it
// is all 0.
func (t *Tally) Drift() Drift {
	d := Drift{Users: t.users, Score: t.scores.Index(), Features: map[string]float64{}}
	for i, w := range t.scorer.model.Weights {
		d.Features[w.Feature] = t.features[i].Index()
	}
	return d
}
