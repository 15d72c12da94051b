package fraudlab

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"millrace/internal/fraud"
)

var update = flag.Bool("update", false, "tune the model anew and write it into package fraud: takes half a minute")

// firstGuess is what the tuning begins with: its numbers decide only what the
// profiles of the first round learn.
func firstGuess(t *testing.T) *fraud.Model {
	t.Helper()
	params := fraud.Params{
		Base: -5, Rules: map[string]float64{}, ForestEffect: 1, ForestFrom: 0.5, ForestTo: 0.75, Review: 0.5, Block: 0.95,
	}
	for r := range fraud.Rule(fraud.RuleCount) {
		params.Rules[r.Name()] = 3
	}
	forest, err := fraud.GrowForest([]fraud.Features{{}, {fraud.AmountDistance: 1}}, fraud.ForestConfig{Trees: 1, Sample: 2})
	if err != nil {
		t.Fatal(err)
	}
	model, err := fraud.NewModel(params, forest)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// TestTunedModel makes the model anew: package fraud carries exactly what the
// tuning seeds give.
func TestTunedModel(t *testing.T) {
	if !*update {
		t.Skip("takes half a minute: run it with -update, and look at what changes")
	}
	var traffic []Config
	for _, seed := range TuningSeeds() {
		traffic = append(traffic, DefaultConfig(seed))
	}
	model, params, forest, err := Tune(firstGuess(t), traffic, fraud.DefaultRates(), 1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(params, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	write(t, "model.json", append(text, '\n'))
	write(t, "forest.bin", forest.AppendBinary(nil))
	judged, err := judgeAll(model, traffic)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := model.Having(featuresOf(judged)).SeenJSON()
	if err != nil {
		t.Fatal(err)
	}
	write(t, "seen.json", append(seen, '\n'))
	t.Logf("%s", text)
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join("..", "fraud", name)
	if before, err := os.ReadFile(path); err == nil && bytes.Equal(before, content) {
		t.Logf("%s is unchanged", name)
		return
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s has changed", name)
}
