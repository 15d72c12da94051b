package oltp

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sampleUser is a user with every field set.
func sampleUser(id string, events uint64) UserStats {
	return UserStats{
		UserID:            id,
		FirstSeen:         time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC),
		LastSeen:          time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC),
		Events:            events,
		EventsByType:      map[string]uint64{"view": events - 1, "purchase": 1},
		Sessions:          3,
		ActiveDays:        2,
		Orders:            1,
		RevenueByCurrency: map[string]string{"USD": "12345678901234567890.123456", "INR": "499.00"},
		LargestOrder:      map[string]string{"USD": "0.10", "INR": "499.00"},
		AverageOrder:      map[string]string{"USD": "0.05", "INR": "499.00"},
		RefundsByCurrency: map[string]string{"INR": "1.00"},
		ValueByCurrency:   map[string]string{"USD": "12345678901234567890.123456", "INR": "498.00"},
		FavouriteCategory: "books",
		Country:           "IN",
		Device:            "phone",
		Platform:          "ios",
	}
}

func TestUserStatsComeBackAsWritten(t *testing.T) {
	s := migratedStore(t)
	want := []UserStats{
		sampleUser("u1", 10),
		{UserID: "ünï/cødé 💥", FirstSeen: time.UnixMilli(0).UTC(), LastSeen: time.UnixMilli(1).UTC(),
			EventsByType: map[string]uint64{}, RevenueByCurrency: map[string]string{}, LargestOrder: map[string]string{},
			AverageOrder: map[string]string{}, RefundsByCurrency: map[string]string{}, ValueByCurrency: map[string]string{}},
	}
	if err := s.UpsertUserStats(t.Context(), append([]UserStats(nil), want...)); err != nil {
		t.Fatal(err)
	}
	for _, u := range want {
		got, err := s.UserStats(t.Context(), u.UserID)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, u) {
			t.Errorf("user %s:\n got %+v\nwant %+v", u.UserID, got, u)
		}
	}
}

func TestUnknownUser(t *testing.T) {
	s := migratedStore(t)
	for _, id := range []string{"nobody", "", "a\x00b", "\xff", strings.Repeat("x", 5000)} {
		if _, err := s.UserStats(t.Context(), id); !errors.Is(err, ErrUnknownUser) {
			t.Errorf("user %.20q: got %v, want ErrUnknownUser", id, err)
		}
	}
}

func TestUpsertReplacesAndTheLaterEntryCounts(t *testing.T) {
	s := migratedStore(t)
	batches := [][]UserStats{
		{sampleUser("u1", 5)},
		{sampleUser("u1", 7), sampleUser("u2", 2), sampleUser("u1", 9)},
	}
	for _, batch := range batches {
		if err := s.UpsertUserStats(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := s.UserStats(t.Context(), "u1"); got.Events != 9 {
		t.Errorf("events of u1: got %d, want 9", got.Events)
	}
}

// The sync reads most users again unchanged; that must not write.
func TestUpsertOfTheSameValuesWritesNothing(t *testing.T) {
	s := migratedStore(t)
	version := func() (xmin string) {
		if err := s.UpsertUserStats(t.Context(), []UserStats{sampleUser("u1", 5)}); err != nil {
			t.Fatal(err)
		}
		if err := s.pool.QueryRow(t.Context(), "SELECT xmin::text FROM user_stats").Scan(&xmin); err != nil {
			t.Fatal(err)
		}
		return xmin
	}
	if first, second := version(), version(); first != second {
		t.Errorf("row version went from %s to %s", first, second)
	}
}

func TestUpsertRefusesAnIDThatPostgresCannotHold(t *testing.T) {
	s := migratedStore(t)
	for _, id := range []string{"", "a\x00b", "\xff", strings.Repeat("x", maxUserID+1)} {
		err := s.UpsertUserStats(t.Context(), []UserStats{sampleUser("good", 2), sampleUser(id, 2)})
		if !errors.Is(err, ErrUnstorableUser) {
			t.Errorf("id %.20q: got %v, want ErrUnstorableUser", id, err)
		}
	}
	if _, err := s.UserStats(t.Context(), "good"); !errors.Is(err, ErrUnknownUser) {
		t.Errorf("a refused batch wrote a row: %v", err)
	}
	longest := strings.Repeat("é", maxUserID/2)
	if err := s.UpsertUserStats(t.Context(), []UserStats{sampleUser(longest, 2)}); err != nil {
		t.Errorf("the longest id: %v", err)
	}
}

func TestStrangeLabelsAreKeptReadable(t *testing.T) {
	s := migratedStore(t)
	u := sampleUser("u1", 2)
	u.Country, u.EventsByType = "I\x00N", map[string]uint64{"vi\xffew": 1, `"quoted"`: 2}
	if err := s.UpsertUserStats(t.Context(), []UserStats{u}); err != nil {
		t.Fatal(err)
	}
	got, err := s.UserStats(t.Context(), "u1")
	if err != nil {
		t.Fatal(err)
	}
	if got.Country != "I\uFFFDN" || got.EventsByType["vi\uFFFDew"] != 1 || got.EventsByType[`"quoted"`] != 2 {
		t.Errorf("got %q %v", got.Country, got.EventsByType)
	}
}

func BenchmarkUpsertUserStats(b *testing.B) {
	s := benchStore(b)
	users := make([]UserStats, 5000)
	for events := uint64(2); b.Loop(); events++ {
		for i := range users {
			users[i] = sampleUser(fmt.Sprintf("user-%d", i), events)
		}
		if err := s.UpsertUserStats(context.Background(), users); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(users))/b.Elapsed().Seconds(), "users/s")
}
