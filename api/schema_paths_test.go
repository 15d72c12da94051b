package api

import (
	"context"
	"net/http"
	"testing"

	"millrace/olap"
)

// sequenceResult is a result of each kind without money, with something of every
// field.
func sequenceResult(kind string) olap.Result {
	value, stamp := "IN", "2026-01-02T03:04:05.678+05:30"
	switch kind {
	case "paths":
		return &olap.PathsResult{Edges: []olap.PathEdge{{Step: 1, From: "/", To: "/cart", Count: 3, Users: 2}}, Paths: 5, Users: 4, LeftOut: olap.PathsLeftOut{Edges: 1, Count: 2}}
	case "sessions":
		return &olap.SessionsResult{Buckets: []string{stamp}, Incomplete: []int{0}, Series: []olap.SessionsLine{{Breakdown: &value, Count: []uint64{1}, Users: []uint64{1}}, {}}}
	case "video":
		figures := olap.VideoFigures{Plays: 1, DropOff: []olap.VideoReach{{Percent: 5, Users: 1}}}
		return &olap.VideoResult{VideoFigures: figures, Breakdown: []olap.VideoGroup{{Value: "v1", VideoFigures: figures}}}
	}
	return nil
}

// What the store answers is what the document describes; question checks each body.
func TestSequenceAnswersAreAsDocumented(t *testing.T) {
	s := start(t, func(_ *Config, d *Deps) {
		d.Asker = askFunc(func(ctx context.Context, q olap.Query) (*olap.Answer, error) {
			answer, err := sampleAnswer(ctx, q)
			answer.Result = sequenceResult(q.Kind())
			return answer, err
		})
	})
	for _, question := range []string{examplePaths, exampleSessions, exampleVideo} {
		if answer := s.question(question); answer.status != http.StatusOK {
			t.Errorf("got %d %s", answer.status, answer.body)
		}
	}
}

// Money is exact text that only the store makes, so these are answers of it.
func TestMoneyIsAsDocumented(t *testing.T) {
	registry := start(t, nil).registry()
	const meta = `"meta":{"semantics":"1","from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z","timezone":"UTC","stored_until":null,"watermark":null,"elapsed_ms":1.5,"rows_read":7,"bytes_read":9,"cached":false,"estimated":false,"sql":[],"warnings":[]}`
	for kind, result := range map[string]string{
		"revenue": `{"buckets":["2026-01-01T00:00:00Z"],"incomplete":[0],"top_customers":[{"user_id":"u2","currency":null,"gross":"5","refunds":"12.345678","net":"-7.345678","orders":1}],
			"series":[{"currency":"USD","breakdown":"toys","gross":["10"],"refunds":["0"],"net":["10"],"orders":[3],"customers":[3],"average_order":["3.333333"],"per_customer":[null],
			"total":{"gross":"10","refunds":"0","net":"10","orders":3,"customers":3,"average_order":"3.333333","per_customer":null}}]}`,
		"windows": `{"windows":[{"window_start":"2026-01-01T10:40:00Z","window_end":"2026-01-01T10:50:00Z","type":"purchase","events":4,"users":2,"revenue":[{"currency":"INR","amount":"100"},{"currency":null,"amount":"-3.1"}],"final":true}],
			"summary":[{"window_start":"2026-01-01T10:40:00Z","window_end":"2026-01-01T10:50:00Z","view":4,"add_to_cart":2,"purchase":0,"cart_rate":0.5,"purchase_rate":0,"overall_rate":null,"final":true}]}`,
	} {
		validate(t, registry, answerSchemas(registry)[kind], []byte(`{"kind":"`+kind+`","result":`+result+`,`+meta+`}`))
	}
}
