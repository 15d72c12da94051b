package olap

import (
	"strings"
	"testing"
)

// TestClusterAsText shows what a cluster runs. That the server understands each
// statement is checked; no cluster is there to run them.
func TestClusterAsText(t *testing.T) {
	script, err := RenderCluster("main", "millrace")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "cluster.sql", script)
	s := openStore(t)
	statements := splitStatements(script)
	for _, statement := range statements {
		st := newStatement()
		st.text("SELECT formatQuery(", st.bind(statement), ")")
		var understood string
		err := s.eachRow(t.Context(), st, func(scan func(...any) error) error { return scan(&understood) })
		if err != nil {
			t.Errorf("%v in\n%s", err, statement)
		}
	}
	if len(statements) < 40 {
		t.Errorf("only %d statements", len(statements))
	}
}

// Every table that a step of the schema makes is replicated and remembers
// blocks, and has one that reads all shards.
func TestClusterForgetsNoTable(t *testing.T) {
	script, err := RenderCluster("it's mine", "my db")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := migratedTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		for _, want := range []string{"CREATE TABLE IF NOT EXISTS " + table + " ON CLUSTER `it's mine`\n", "`my db_all`." + table + " ON CLUSTER `it's mine` AS `my db`." + table + "\n"} {
			if strings.Count(script, want) != 1 {
				t.Errorf("%d times %q", strings.Count(script, want), want)
			}
		}
	}
	for line := range strings.Lines(script) {
		engine, is := strings.CutPrefix(line, "ENGINE = ")
		if is && !strings.HasPrefix(engine, "Replicated") && !strings.HasPrefix(engine, "Distributed(") {
			t.Errorf("not replicated: %s", line)
		}
	}
	if strings.Contains(script, "non_replicated") {
		t.Error("a window of one node is left")
	}
}
