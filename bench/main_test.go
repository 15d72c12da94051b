package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"millrace/internal/embedded"
)

func TestMain(m *testing.M) {
	embedded.Main() // the test binary is also the child that runs an engine
	serveMember()   // or the one that takes part in a measurement
	os.Exit(m.Run())
}

// store is a ClickHouse that is asked over HTTP.
type store struct {
	url      string
	database string
}

// ask runs a statement and returns its answer as text.
func (s store) ask(statement string) (string, error) {
	text, err := s.askRaw(statement)
	return strings.TrimSpace(string(text)), err
}

// askRaw runs a statement and returns its answer as it comes.
func (s store) askRaw(statement string) ([]byte, error) {
	answer, err := http.Post(s.url+"/?database="+s.database, "text/plain", strings.NewReader(statement))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", statement, err)
	}
	return text, nil
}

// must is ask for statements that a measurement cannot do without.
func (s store) must(t *testing.T, statement string) string {
	t.Helper()
	return strings.TrimSpace(string(s.mustRaw(t, statement)))
}

// mustRaw is askRaw for such statements.
func (s store) mustRaw(t *testing.T, statement string) []byte {
	t.Helper()
	text, err := s.askRaw(statement)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rows reads an answer in FORMAT JSONCompactEachRow into a row type each.
func rows[T any](text string) ([]T, error) {
	var all []T
	for line := range strings.Lines(text) {
		var row T
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, fmt.Errorf("row %q: %w", line, err)
		}
		all = append(all, row)
	}
	return all, nil
}
