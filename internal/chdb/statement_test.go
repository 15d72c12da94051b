package chdb

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseStatement(t *testing.T) {
	for _, tc := range []struct {
		text               string
		verb, head, format string
		tail               string
	}{
		{"SELECT 1", "SELECT", "SELECT 1", "", ""},
		{" /* c */ select 1 -- x\n", "SELECT", " /* c */ select 1", "", ""},
		{"SELECT 1 FORMAT JSON", "SELECT", "SELECT 1 ", "JSON", ""},
		{"SELECT 1 format JSON;", "SELECT", "SELECT 1 ", "JSON", ""},
		{"SELECT 1 FORMAT JSON SETTINGS a = 1 ; ", "SELECT", "SELECT 1 ", "JSON", " SETTINGS a = 1"},
		{"SELECT 1 SETTINGS a = 1 FORMAT CSV", "SELECT", "SELECT 1 SETTINGS a = 1 ", "CSV", ""},
		{"SELECT 'FORMAT CSV'", "SELECT", "SELECT 'FORMAT CSV'", "", ""},
		{"SELECT 1 -- FORMAT CSV", "SELECT", "SELECT 1", "", ""},
		{"SELECT * FROM (SELECT 1) # FORMAT CSV", "SELECT", "SELECT * FROM (SELECT 1)", "", ""},
		{"SELECT format FROM t", "SELECT", "SELECT format FROM t", "", ""},
		{"SELECT format x FROM t FORMAT TSV", "SELECT", "SELECT format x FROM t ", "TSV", ""},
		{"SELECT $tag$ FORMAT CSV; $tag$", "SELECT", "SELECT $tag$ FORMAT CSV; $tag$", "", ""},
		{"SELECT 'it''s \\' FORMAT x' FORMAT `x`", "SELECT", "SELECT 'it''s \\' FORMAT x' FORMAT `x`", "", ""},
		{"(SELECT 1) UNION ALL (SELECT 2) FORMAT TSV", "SELECT", "(SELECT 1) UNION ALL (SELECT 2) ", "TSV", ""},
		{"WITH 1 AS a SELECT a", "WITH", "WITH 1 AS a SELECT a", "", ""},
		{"SHOW TABLES FORMAT JSON", "SHOW", "SHOW TABLES ", "JSON", ""},
		{"", "", "", "", ""},
	} {
		s := parseStatement(tc.text)
		if s.verb != tc.verb || s.head != tc.head || s.format != tc.format || s.tail != tc.tail || s.several || s.insertsData {
			t.Errorf("%q: %+v", tc.text, s)
		}
	}
}

func TestParseInsert(t *testing.T) {
	for _, tc := range []struct {
		text, head, target, columns, format, inline string
		data                                        bool
	}{
		{"INSERT INTO t", "INSERT INTO t", "t", "", "", "", true},
		{"INSERT INTO t VALUES", "INSERT INTO t ", "t", "", "Values", "", true},
		{"insert into db.t (a, `b c`) values (1, 'x'), (2, 'y;')", "insert into db.t (a, `b c`) ", "db.t", "(a, `b c`)", "Values", "(1, 'x'), (2, 'y;')", true},
		{"INSERT INTO t SETTINGS async_insert = 1 FORMAT JSONEachRow {\"a\": 1}", "INSERT INTO t SETTINGS async_insert = 1 ", "t", "", "JSONEachRow", "{\"a\": 1}", true},
		{"INSERT INTO t FORMAT CSV\r\n1\n2\n", "INSERT INTO t ", "t", "", "CSV", "1\n2\n", true},
		{"INSERT INTO t FORMAT CSV  \n\n1", "INSERT INTO t ", "t", "", "CSV", "\n1", true},
		{"INSERT INTO TABLE t(a) FORMAT Native", "INSERT INTO TABLE t(a) ", "t", "(a)", "Native", "", true},
		{"INSERT INTO table FORMAT TSV", "INSERT INTO table FORMAT TSV", "FORMAT", "", "", "", true}, // as ClickHouse reads it
		{"INSERT INTO values (values) VALUES (1)", "INSERT INTO values (values) ", "values", "(values)", "Values", "(1)", true},
		{"INSERT INTO {t:Identifier} VALUES", "INSERT INTO {t:Identifier} ", "{t:Identifier}", "", "Values", "", true},
		{"INSERT INTO FUNCTION null('a UInt8') VALUES (1)", "INSERT INTO FUNCTION null('a UInt8') ", "FUNCTION null('a UInt8')", "", "Values", "(1)", true},
		{"INSERT INTO t SELECT 1 FORMAT TSV", "INSERT INTO t SELECT 1 ", "t", "", "TSV", "", false},
		{"INSERT INTO t (a) WITH 1 AS x SELECT x", "INSERT INTO t (a) WITH 1 AS x SELECT x", "t", "(a)", "", "", false},
		{"INSERT INTO t (SELECT 1)", "INSERT INTO t (SELECT 1)", "t", "", "", "", false},
		{"INSERT INTO t (a, b) SELECT 1, 2", "INSERT INTO t (a, b) SELECT 1, 2", "t", "(a, b)", "", "", false},
	} {
		s := parseStatement(tc.text)
		if s.head != tc.head || s.target != tc.target || s.columns != tc.columns || s.format != tc.format || s.inline != tc.inline || s.insertsData != tc.data || s.several {
			t.Errorf("%q: %+v", tc.text, s)
		}
	}
}

func TestParseFlags(t *testing.T) {
	for text, want := range map[string]statement{
		"SET a = 1":                               {stateful: true},
		"USE x":                                   {stateful: true},
		"CREATE TEMPORARY TABLE t (a UInt8)":      {stateful: true},
		"CREATE OR REPLACE TEMPORARY TABLE t":     {stateful: true},
		"CREATE TABLE t (a UInt8)":                {},
		"SELECT 1; SELECT 2":                      {several: true},
		"SELECT 1;; -- end":                       {},
		"SELECT ';'":                              {},
		"SELECT 1 INTO OUTFILE 'x'":               {outfile: true},
		"SELECT 1 into/**/outfile 'x'":            {outfile: true},
		"SELECT 1 AS a$b$ INTO OUTFILE 'x' --$b$": {outfile: true},
		"SELECT ‘'’ INTO OUTFILE 'x' -- '":        {outfile: true},
		"SELECT 'INTO OUTFILE'":                   {},
		"INSERT INTO t FROM INFILE 'x'":           {outfile: true},
		"INSERT INTO t (infile) VALUES (1)":       {},
		"INSERT INTO t (a) FROM INFILE 'x'":       {outfile: true},
		"INSERT INTO t FROM s SELECT *":           {},
		"INSERT INTO t SELECT 1; DROP TABLE t":    {several: true},
		"INSERT INTO t VALUES (1); DROP TABLE t":  {},
	} {
		s := parseStatement(text)
		if s.stateful != want.stateful || s.several != want.several || s.outfile != want.outfile {
			t.Errorf("%q: stateful %v, several %v, outfile %v", text, s.stateful, s.several, s.outfile)
		}
	}
}

func TestParseException(t *testing.T) {
	for text, want := range map[string]Exception{
		"Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)":                                                                 {60, "UNKNOWN_TABLE", "Table x does not exist"},
		"Code: 115. DB::Exception: Code: 115. DB::Exception: Unknown setting 'a'. (UNKNOWN_SETTING) (version 26.7.2.1). (UNKNOWN_SETTING)": {115, "UNKNOWN_SETTING", "Unknown setting 'a'"},
		"Code: 102. DB::NetException: Unexpected packet (UNEXPECTED_PACKET_FROM_SERVER) (version 26.7.2.1 (official build))":               {102, "UNEXPECTED_PACKET_FROM_SERVER", "Unexpected packet"},
		"something else": {codeUnknown, "UNKNOWN_EXCEPTION", "something else"},
	} {
		if got := parseException(text); *got != want {
			t.Errorf("%q: %+v", text, *got)
		}
	}
	if got := newException(codeAuthenticationFailed, "no").Error(); got != "Code: 516. DB::Exception: no (AUTHENTICATION_FAILED)" {
		t.Error(got)
	}
}

func TestUnquoteField(t *testing.T) {
	for in, want := range map[string]string{`'a'`: "a", `'it\'s'`: "it's", `'it''s'`: "it's", `'\\t\n'`: "\\t\n", `5`: "5", `''`: "", `'`: "'"} {
		if got := unquoteField(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// FuzzStatement holds what callers count on: the parts of a statement are parts of its text, and
// reading it never fails.
func FuzzStatement(f *testing.F) {
	for _, text := range []string{"SELECT 1 FORMAT JSON SETTINGS a=1", "INSERT INTO t (a) VALUES (1)", "INSERT INTO FUNCTION f(", "$a$ ' ` \"", "SELECT 1; /*", "INSERT INTO {x", "KILL QUERY WHERE query_id = 'x"} {
		f.Add(text)
	}
	e := &engine{running: map[string]*run{}}
	f.Fuzz(func(t *testing.T, text string) {
		s := parseStatement(text)
		if !strings.HasPrefix(text, s.head) || !strings.Contains(text, s.tail) || !strings.HasSuffix(text, s.inline) {
			t.Errorf("%q: %+v", text, s)
		}
		e.translateKill(&s)
	})
}

func FuzzColumnType(f *testing.F) {
	for _, text := range []string{"Tuple(a UInt8, `b c` Array(LowCardinality(String)))", "JSON(max_dynamic_paths=3, a.b UInt32, SKIP x)", "Decimal(", "Enum8('a,)' = 1)", "Map(String, UInt8)", strings.Repeat("Array(", 60)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseColumnType(text); err == nil && c == nil {
			t.Error("neither a type nor an error")
		}
	})
}

// FuzzBlockWalker feeds noise to both sources: no panic, no endless loop, and both agree.
func FuzzBlockWalker(f *testing.F) {
	f.Add([]byte("\x01\x02\x01x\x06UInt64\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"), false)
	f.Add([]byte("\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01\x01s\x16LowCardinality(String)\x00"), true)
	f.Add([]byte("\x01\x01\x01j\x04JSON\x03\x00\x00\x00\x00\x00\x00\x00\x01\x01a"), false)
	f.Fuzz(func(t *testing.T, data []byte, client bool) {
		var revIn, revOut uint64 = 0, serverRevision
		if client {
			revIn, revOut = revOut, revIn
		}
		memory, err1 := transcode(data, revIn, revOut, false)
		reader, err2 := transcode(data, revIn, revOut, true)
		if err1 == nil && (err2 != nil || !bytes.Equal(memory, reader)) && !bytes.Contains(data, []byte("AggregateFunction")) {
			t.Errorf("from memory %q, from a reader %q, %v", memory, reader, err2)
		}
	})
}
