package replay

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestTimesThatNeedNoFormat(t *testing.T) {
	for text, want := range map[string]string{
		"2024-03-13T10:21:14Z":             "2024-03-13T10:21:14Z",
		"2024-03-13T10:21:14.123456+05:30": "2024-03-13T04:51:14.123456Z",
		"2024-03-13 10:21:14":              "2024-03-13T10:21:14Z",
		"2024-03-13 10:21:14.5":            "2024-03-13T10:21:14.5Z",
		"2024-03-13 10:21:14,25":           "2024-03-13T10:21:14.25Z",
		"2024-03-13 10:21":                 "2024-03-13T10:21:00Z",
		"2024-03-13 10:21:14 UTC":          "2024-03-13T10:21:14Z",
		"2024-03-13 10:21:14 +0200":        "2024-03-13T08:21:14Z",
		"2024-03-13 10:21:14-08":           "2024-03-13T18:21:14Z",
		"2024/03/13 10:21:14":              "2024-03-13T10:21:14Z",
		"2024-03-13":                       "2024-03-13T00:00:00Z",
		" 2024-03-13 ":                     "2024-03-13T00:00:00Z",
		"19970101":                         "1997-01-01T00:00:00Z",
		"1710325274":                       "2024-03-13T10:21:14Z",
		"1710325274.25":                    "2024-03-13T10:21:14.25Z",
		"1710325274123":                    "2024-03-13T10:21:14.123Z",
		"1710325274123456":                 "2024-03-13T10:21:14.123456Z",
		"1710325274123456789":              "2024-03-13T10:21:14.123456789Z",
		"853113600":                        "1997-01-13T00:00:00Z",
		"2024-02-29":                       "2024-02-29T00:00:00Z",
		"2023-02-29":                       "",
		"2024-13-01":                       "",
		"2024-01-01T24:00:00Z":             "",
		"2024-01-01T10:60:00Z":             "",
		"2024-01-01T10:00:00+25:00":        "",
		"2024-01-01 10:00:00.":             "",
		"2024-01-01x":                      "",
		"19971301":                         "",
		"18500101":                         "",
		"01/02/2024":                       "",
		"12345":                            "",
		"-5":                               "",
		"":                                 "",
		"soon":                             "",
	} {
		got, err := ParseTime(text, time.UTC)
		if want == "" {
			if !errors.Is(err, errNotATime) {
				t.Errorf("%q: got %v, %v; want an error", text, got, err)
			}
			continue
		}
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q: got %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestTimeFormats(t *testing.T) {
	for _, c := range []struct{ format, text, want string }{
		{"%d/%m/%Y %H:%M", "02/01/2024 03:04", "2024-01-02T03:04:00Z"},
		{"%Y-%m-%dT%H:%M:%S.%f%z", "2024-01-02T03:04:05.250000+0530", "2024-01-01T21:34:05.25Z"},
		{"%b %e %Y %I:%M %p", "Jan  2 2024 03:04 PM", "2024-01-02T15:04:00Z"},
		{"02.01.2006 15:04", "02.01.2024 03:04", "2024-01-02T03:04:00Z"},
		{"1/2/2006", "1/2/2024", "2024-01-02T00:00:00Z"},
		{"unix", "12345", "1970-01-01T03:25:45Z"},
		{"unix", "-1.5", "1969-12-31T23:59:58.5Z"},
		{"unix_ms", "12345", "1970-01-01T00:00:12.345Z"},
		{"unix_us", "12345", "1970-01-01T00:00:00.012345Z"},
		{"unix_ns", "12345", "1970-01-01T00:00:00.000012345Z"},
		{"rfc3339", "2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"},
	} {
		layouts, err := newLayouts([]string{"rfc3339", c.format})
		if err != nil {
			t.Fatal(err)
		}
		got, err := newTimeReader(layouts, time.UTC).read([]byte(c.text))
		if err != nil || got.UTC().Format(time.RFC3339Nano) != c.want {
			t.Errorf("%s as %s: got %v, %v; want %s", c.text, c.format, got, err, c.want)
		}
	}
	for _, wrong := range []string{"YYYY-MM-DD", "%Y-%Q", "soon", "%"} {
		if _, err := newLayouts([]string{wrong}); err == nil || !strings.Contains(err.Error(), "time format") {
			t.Errorf("%s: got %v", wrong, err)
		}
	}
}

func TestLocalTimes(t *testing.T) {
	for _, c := range []struct{ zone, text, want string }{
		{"Asia/Kolkata", "2024-03-13 10:21:14", "2024-03-13T04:51:14Z"},
		{"Asia/Kolkata", "2024-03-13T10:21:14Z", "2024-03-13T10:21:14Z"},
		{"Europe/Berlin", "2024-01-01", "2023-12-31T23:00:00Z"},
		{"Europe/Berlin", "2024-07-01", "2024-06-30T22:00:00Z"},
		{"Europe/Berlin", "20240701", "2024-06-30T22:00:00Z"},
		{"Europe/Berlin", "2024-03-31 01:59:59", "2024-03-31T00:59:59Z"},
		{"Europe/Berlin", "2024-03-31 02:30:00", "skipped"},
		{"Europe/Berlin", "2024-03-31 03:00:00", "2024-03-31T01:00:00Z"},
		{"Europe/Berlin", "2024-10-27 01:59:59", "2024-10-26T23:59:59Z"},
		{"Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27T00:30:00Z twice"},
		{"Europe/Berlin", "2024-10-27 03:00:00", "2024-10-27T02:00:00Z"},
		{"America/New_York", "2024-11-03 01:30:00", "2024-11-03T05:30:00Z twice"},
		{"America/New_York", "2024-03-10 02:00:00", "skipped"},
		{"Australia/Lord_Howe", "2024-10-06 02:15:00", "skipped"}, // half an hour
		{"Australia/Lord_Howe", "2024-10-06 02:30:00", "2024-10-05T15:30:00Z"},
		{"Pacific/Apia", "2011-12-30 12:00:00", "skipped"}, // a whole day
		{"Asia/Kathmandu", "2024-01-01 00:00:00", "2023-12-31T18:15:00Z"},
	} {
		for _, formats := range [][]string{nil, {"2006-01-02 15:04:05", "2006-01-02", "20060102", "rfc3339"}} {
			layouts, err := newLayouts(formats)
			if err != nil {
				t.Fatal(err)
			}
			r := newTimeReader(layouts, zone(t, c.zone))
			at, err := r.read([]byte(c.text))
			got := at.UTC().Format(time.RFC3339)
			if errors.Is(err, errSkipped) {
				got = "skipped"
			} else if err != nil {
				got = err.Error()
			}
			if r.ambiguous > 0 {
				got += " twice"
			}
			if got != c.want {
				t.Errorf("%s in %s with %v: got %s, want %s", c.text, c.zone, formats, got, c.want)
			}
		}
	}
}

// Whatever is remembered about a stretch of time must not change an answer.
func TestClockAgreesWithItselfOverADecade(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Kolkata", "Pacific/Apia"} {
		warm := clock{zone: zone(t, name)}
		for at := time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2020; at = at.Add(7 * time.Hour) {
			cold := clock{zone: warm.zone}
			want, wantHint := cold.instant(at)
			got, hint := warm.instant(at)
			if !got.Equal(want) || hint != wantHint {
				t.Fatalf("%s in %s: got %v %d, want %v %d", at, name, got, hint, want, wantHint)
			}
			local := got.In(warm.zone)
			if shown := local.Format(time.DateTime); hint != wallSkipped && shown != at.Format(time.DateTime) {
				t.Fatalf("%s in %s: the clocks show %s", at, name, shown)
			}
		}
	}
}

func TestSkippedAndAmbiguousTimesInAFile(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Zone = zone(t, "Europe/Berlin")
	content := "user,event,time\nu,v,2024-03-31 02:30:00\nu,v,2024-10-27 02:30:00\n"
	got := replayFiles(t, cfg, write(t, "a.csv", []byte(content)))
	if got.err != nil || len(got.bad) != 1 || got.bad[0].Reason != ReasonSkippedTime || got.bad[0].Line != 2 || got.summary.AmbiguousTimes != 1 {
		t.Fatalf("got %v, %v, %+v", got.err, got.bad, got.summary)
	}
	if want := `"2024-03-31 02:30:00" does not exist in Europe/Berlin`; !strings.Contains(got.bad[0].Detail, want) {
		t.Errorf("got %s", got.bad[0].Detail)
	}
}
