// Package nearest finds the name that somebody probably meant.
//
// What enters: a name that does not exist, and the names that do. What leaves:
// a suggestion for an error message, or nothing when no name is close.
package nearest

import "fmt"

// Name returns the candidate with the smallest edit distance to name, or ""
// where none is close enough to be a likely slip: at most a third of the
// letters, and at most three.
func Name(name string, candidates []string) string {
	best, bestDistance := "", min(3, max(1, len(name)/3))+1
	for _, c := range candidates {
		if d := distance(name, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// Hint is a clause to append to an error: `; did you mean "user_id"?`, or "".
func Hint(name string, candidates []string) string {
	if n := Name(name, candidates); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours between a and b (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, above, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			replace := above[j-1]
			if s[i-1] != t[j-1] {
				replace++
			}
			row[j] = min(replace, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(t)]
}
