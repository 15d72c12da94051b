//go:build linux

package faults

import (
	"slices"
	"strings"
	"testing"
)

// The comparison is only worth something if it sees each way to be wrong.
func TestCompareLogSeesEveryDeviation(t *testing.T) {
	ends := map[int32]int64{0: 3}
	good := []storedRow{{position{0, 0}, "a"}, {position{0, 1}, "b"}}
	letter := []storedRow{{position{0, 2}, ""}}
	acknowledged := map[position]string{{0, 0}: "a", {0, 1}: "b", {0, 2}: ""}
	for _, tc := range []struct {
		name          string
		rows, letters []storedRow
		at            map[position]string
		want          string // part of the only violation, "" for none
	}{
		{"all is well", good, letter, acknowledged, ""},
		{"a lost row", good[:1], letter, acknowledged, "1 records lost: in no table: 0/1-1"},
		{"a lost dead letter", good, nil, acknowledged, "lost: in no table: 0/2-2"},
		{"a row twice", slices.Concat(good, good[1:]), letter, acknowledged, "1 records stored more than once: 0/1-1"},
		{"a row that is a dead letter too", good, append(letter, storedRow{position{0, 1}, ""}), acknowledged, "stored more than once: 0/1-1"},
		{"a row behind the end", append(slices.Clone(good), storedRow{position{0, 7}, "x"}), letter, acknowledged, "not in the log: 0/7-7"},
		{"another record's row", []storedRow{good[0], {position{0, 1}, "a"}}, letter, acknowledged, "not the record of its offset: 0/1-1"},
		{"an event at two offsets", []storedRow{good[0], {position{0, 1}, "a"}}, letter,
			map[position]string{{0, 0}: "a", {0, 1}: "a", {0, 2}: ""}, "1 rows repeat the event_id of another"},
		{"a broker that lost an acknowledged record", good, letter,
			map[position]string{{0, 0}: "a", {0, 1}: "b", {0, 2}: "", {0, 3}: "c"}, "lost: in no table: 0/3-3"},
		{"a broker that stored a record twice", good, letter, map[position]string{{0, 0}: "a", {0, 1}: "b"}, "never acknowledged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProduced()
			p.at = tc.at
			got := strings.Join(compareLog(ends, p, tc.rows, tc.letters, nil), "; ")
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q in it", got, tc.want)
			}
		})
	}
}

func TestCompareLogAccountsForRepeats(t *testing.T) {
	p := newProduced()
	p.at = map[position]string{{0, 0}: "a", {0, 1}: "a", {0, 2}: "b"}
	rows := []storedRow{{position{0, 0}, "a"}, {position{0, 2}, "b"}}
	if got := compareLog(map[int32]int64{0: 3}, p, rows, nil, []storedRow{{position{0, 1}, "a"}}); len(got) > 0 {
		t.Errorf("got %q for a repeat that was left out", got)
	}
	got := compareLog(map[int32]int64{0: 3}, p, rows[1:], nil, []storedRow{{position{0, 0}, "a"}, {position{0, 1}, "a"}})
	if len(got) != 1 || !strings.Contains(got[0], "repeats of what is not stored") {
		t.Errorf("got %q for an event that was left out twice", got)
	}
}
