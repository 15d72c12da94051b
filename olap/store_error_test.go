package olap

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&clickhouse.Exception{Code: 469}, ClassContent},
		{fmt.Errorf("insert: %w", &clickhouse.Exception{Code: 252}), ClassBusy},
		{&clickhouse.Exception{Code: 60}, ClassSetup},
		{&clickhouse.Exception{Code: 999999}, ClassServer},
		{fmt.Errorf("read: %w", io.EOF), ClassNetwork},
		{errors.New("anything else"), ClassServer},
	} {
		got := classified(tc.err)
		var write *WriteError
		if !errors.As(got, &write) || write.Class() != tc.want || write.Rejected() != (tc.want == ClassContent) || !errors.Is(got, tc.err) {
			t.Errorf("%v: got %#v, want class %s", tc.err, got, tc.want)
		}
	}
	if classified(nil) != nil {
		t.Error("no error became one")
	}
}

// A real store's refusal of one value is recognized, and stores nothing.
func TestWriteOfRefusedContent(t *testing.T) {
	s := newStore(t)
	if err := s.conn.Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT no_bad CHECK type != 'bad'"); err != nil {
		t.Fatal(err)
	}
	rows := []row{{kind: "good", user: "a", at: at("2026-01-01T00:00:00Z")}, {kind: "bad", user: "b", at: at("2026-02-01T00:00:00Z")}}
	err := s.Writer().Write(t.Context(), batchOf(rows), "t")
	var write *WriteError
	if !errors.As(err, &write) || !write.Rejected() {
		t.Fatalf("got %v, want a refusal for content", err)
	}
	if n := s.mustCount(t); n != 0 {
		t.Errorf("%d rows are stored after a refusal", n)
	}
}
