package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/internal/embedded"
)

// peerPatience bounds one statement of a peer.
const peerPatience = 2 * time.Minute

// exported are the columns that peers get.
const exported = `SELECT toString(type) AS type, user_id, toUnixTimestamp64Milli(timestamp) AS ts, amount, toString(currency) AS currency, toString(country) AS country
FROM events`

// duckdb asks a DuckDB, a process of its own that has the rows in a file, in the
// order in which they happened.
func (a *olapArena) duckdb(t *testing.T) {
	if *olapPython == "" {
		t.Log("DuckDB is left out: name a Python that has it with -olap-python")
		return
	}
	dir := t.TempDir()
	for _, month := range strings.Fields(a.must(t, "SELECT DISTINCT partition FROM system.parts WHERE active AND table = 'events' ORDER BY partition")) {
		a.export(t, filepath.Join(dir, month+".parquet"), exported+" WHERE toYYYYMM(timestamp) = "+month+" ORDER BY timestamp FORMAT Parquet SETTINGS max_execution_time = 1200")
	}
	cmd := exec.Command(*olapPython, "olap_duckdb.py", filepath.Join(dir, "events.duckdb"), filepath.Join(dir, "*.parquet"))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		_ = cmd.Wait()
	}()
	out := bufio.NewReader(stdout)
	version, err := out.ReadString('\n')
	if err != nil {
		t.Fatalf("DuckDB did not start: %v", err)
	}
	a.lane(t, "DuckDB "+strings.TrimSpace(version), func(_ context.Context, q olapQuestion) (olapAnswer, error) {
		statement := q.duckdb
		if statement == "" {
			statement = q.postgres
		}
		if statement == "" {
			return olapAnswer{}, nil
		}
		return askDuckDB(stdin, out, statement)
	})
}

func askDuckDB(stdin io.Writer, out *bufio.Reader, statement string) (olapAnswer, error) {
	if err := json.NewEncoder(stdin).Encode(statement); err != nil {
		return olapAnswer{}, err
	}
	line, err := out.ReadString('\n')
	if err != nil {
		return olapAnswer{}, fmt.Errorf("DuckDB: %w", err)
	}
	var got struct {
		Values    []int64
		MS        float64
		Processor float64
		Error     string
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		return olapAnswer{}, err
	}
	if got.Error != "" {
		return olapAnswer{}, fmt.Errorf("DuckDB: %s", got.Error)
	}
	milliseconds := func(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
	return olapAnswer{given: true, elsewhere: true, text: fmt.Sprint(got.Values), took: milliseconds(got.MS), processor: milliseconds(got.Processor)}, nil
}

// export writes an answer of the store to a file as it comes.
func (a *olapArena) export(t *testing.T, path, statement string) {
	t.Helper()
	answer, err := http.Post(a.url+"/?database="+a.database, "text/plain", strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	file, err := os.Create(path)
	if err == nil {
		_, err = io.Copy(file, answer.Body)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("export to %s: %s, %v", path, answer.Status, err)
	}
}

// postgres asks the embedded Postgres, which has an index by type and time and
// one by user and time. It is given no more events than it can be filled with in
// a few minutes.
func (a *olapArena) postgres(t *testing.T) {
	if a.events > parseSize(t, *olapPostgres) {
		t.Logf("Postgres is left out: %d events are more than %s (-olap-postgres-most)", a.events, *olapPostgres)
		return
	}
	cfg := embedded.DefaultConfig()
	cfg.DataDir, cfg.Engines, cfg.Ports = t.TempDir(), []embedded.Engine{embedded.Postgres}, embedded.AutoPorts()
	cfg.Logger = slog.New(slog.DiscardHandler)
	stack, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Log("Postgres is left out: ", err)
		return
	}
	defer func() { _ = stack.Stop(context.WithoutCancel(t.Context())) }()
	conn, err := pgx.Connect(t.Context(), stack.Addresses().Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	a.fillPostgres(t, conn)
	a.lane(t, "Postgres", func(ctx context.Context, q olapQuestion) (olapAnswer, error) {
		if q.postgres == "" {
			return olapAnswer{}, nil
		}
		rows, err := conn.Query(ctx, q.postgres, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return olapAnswer{}, err
		}
		values, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		return olapAnswer{given: true, elsewhere: true, text: fmt.Sprint(values)}, err
	})
}

func (a *olapArena) fillPostgres(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	run := func(statement string) {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	run("CREATE UNLOGGED TABLE events (type text, user_id text, ts bigint, amount numeric, currency text, country text)")
	answer, err := http.Post(a.url+"/?database="+a.database, "text/plain", strings.NewReader(exported+" ORDER BY timestamp FORMAT CSV SETTINGS max_execution_time = 1200"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := conn.PgConn().CopyFrom(t.Context(), answer.Body, `COPY events FROM STDIN (FORMAT csv, NULL '\N')`); err != nil {
		t.Fatal(err)
	}
	run("CREATE INDEX ON events (type, ts)")
	run("CREATE INDEX ON events (user_id, ts)")
	run("VACUUM ANALYZE events")
	run(fmt.Sprintf("SET statement_timeout = %d", peerPatience.Milliseconds()))
}
