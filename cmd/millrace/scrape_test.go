package main

import (
	"net/http"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// series are the metrics of a process, by name.
type series map[string]*dto.MetricFamily

// scrape reads a /metrics page as Prometheus does.
func scrape(t *testing.T, url string) series {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %v", url, response.StatusCode, err)
	}
	return families
}

// sum adds up a counter or a gauge over its labels.
func (s series) sum(name string) (sum float64) {
	for _, m := range s[name].GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return sum
}
