package chdb

import (
	"os"
	"os/exec"
	"testing"
)

// TestPythonClients runs clickhouse-connect and clickhouse-driver; deploy/embedded/python-requirements.txt pins them.
func TestPythonClients(t *testing.T) {
	python := os.Getenv("MILLRACE_PYTHON")
	if python == "" {
		t.Skip("MILLRACE_PYTHON names no Python with deploy/embedded/python-requirements.txt installed")
	}
	s := startServer(t, func(c *childConfig) { c.Password = "pass'word" })
	out, err := exec.CommandContext(t.Context(), python, "testdata/clients.py", s.http, s.native, s.cfg.User, s.cfg.Password).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
