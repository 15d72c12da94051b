package nearest

import "testing"

func TestName(t *testing.T) {
	names := []string{"user_id", "session_id", "type", "timestamp", "properties"}
	for _, tc := range []struct{ in, want string }{
		{"userid", "user_id"},
		{"usre_id", "user_id"},
		{"timestmp", "timestamp"},
		{"tpye", "type"},
		{"propertys", "properties"},
		{"colour", ""},
		{"", ""},
	} {
		if got := Name(tc.in, names); got != tc.want {
			t.Errorf("Name(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("tipe", []string{"type"}), `; did you mean "type"?`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Hint("xyz", []string{"type"}); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3}, {"é", "e", 1}} {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
