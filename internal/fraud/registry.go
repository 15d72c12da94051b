package fraud

import (
	"encoding/json"
	"fmt"

	"millrace/internal/drift"
)

// Name is the model's name in the registry of models.
const Name = "fraud"

// Seen is how the purchases of the training were distributed.
type Seen struct {
	Scores   drift.Histogram            `json:"scores"`
	Features map[string]drift.Histogram `json:"features"`
}

// registered is the form in which the registry keeps a model.
type registered struct {
	Params Params `json:"params"`
	Forest []byte `json:"forest"` // its binary form
	Seen   Seen   `json:"seen"`
}

// MarshalJSON gives the form that [Read] takes.
func (m *Model) MarshalJSON() ([]byte, error) {
	return json.Marshal(registered{m.params, m.forest.AppendBinary(nil), m.seen})
}

// SeenJSON is what the purchases of the training looked like, as the binary brings
// it with the model.
func (m *Model) SeenJSON() ([]byte, error) { return json.MarshalIndent(m.seen, "", " ") }

// Read makes the model that the registry keeps as this version. It is
// [ErrUnreadable] where another millrace made it, with other features.
func Read(text []byte, version int) (*Model, error) {
	var r registered
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("fraud model: %w", err)
	}
	forest := new(Forest)
	if err := forest.UnmarshalBinary(r.Forest); err != nil {
		return nil, fmt.Errorf("fraud model: %w", err)
	}
	r.Params.Version = version
	m, err := NewModel(r.Params, forest)
	if err != nil {
		return nil, err
	}
	m.seen = r.Seen
	return m, nil
}

// Having is the model with the purchases of its training to compare others with.
// At least one is needed.
func (m *Model) Having(purchases []Features) *Model {
	with := *m
	with.seen = Seen{Features: map[string]drift.Histogram{}}
	values := make([]float64, len(purchases))
	for i := range purchases {
		values[i] = m.Score(&purchases[i])
	}
	with.seen.Scores = drift.Of(values)
	for f := range featureCount {
		for i := range purchases {
			values[i] = purchases[i][f]
		}
		with.seen.Features[f.Name()] = drift.Of(values)
	}
	return &with
}

// Drift is how far purchases are from those of the training, as population
// stability indexes.
type Drift struct {
	Purchases int
	Score     float64
	Features  map[string]float64
}

// Drift compares purchases with those of the training.
func (m *Model) Drift(purchases []Features) Drift {
	d := Drift{Purchases: len(purchases), Features: map[string]float64{}}
	scores := m.seen.Scores.Count()
	for i := range purchases {
		scores.Add(m.Score(&purchases[i]))
	}
	d.Score = scores.Index()
	for f := range featureCount {
		count := m.seen.Features[f.Name()].Count()
		for i := range purchases {
			count.Add(purchases[i][f])
		}
		d.Features[f.Name()] = count.Index()
	}
	return d
}
