package enginetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Name makes a name that no other test uses, for a database, a topic or a group: lower-case letters,
// digits and underscores, at most 50 characters, beginning with the test's name so that leftovers tell
// where they are from.
func Name(t testing.TB) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + ('a' - 'A')
		}
		return '_'
	}, t.Name())
	return fmt.Sprintf("%.33s_%016x", plain, rand.Uint64())
}
