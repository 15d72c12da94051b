package incident

import "time"

// Names of the grids.
const (
	Hour = "hour"
	Day  = "day"
)

// Grid cuts time into windows and says for how many of them things are
// remembered. Windows are numbered; numbers of neighbours differ by one.
type Grid struct {
	Name string
	Zone *time.Location // of days, and of the hours of the week

	perDay int
	season int // windows of a week
	warm   int // windows before the first shift
	lasts  int // a shift that is older has become what is usual
	chance span
	count  span
}

// span is how far back a kind of series looks, in windows.
type span struct {
	back   int // windows that a shift may have lasted when it is found
	memory int // windows before these that count for what is usual; older ones fade
	block  int // windows of which the sum is looked at for noise that they share; 0 for none
}

// Hours is the grid of clock hours. Hours are those of UTC whatever the zone,
// which only tells which hour of the week one is: a clock that is put back
// neither repeats nor skips a window.
func Hours(zone *time.Location) Grid {
	return Grid{
		Name: Hour, Zone: zone, perDay: 24, season: 168, warm: 21 * 24, lasts: 14 * 24,
		chance: span{back: 72, memory: 28 * 24, block: 24}, count: span{back: 48, memory: 7 * 24, block: 24},
	}
}

// Days is the grid of calendar days of a zone, of 23 to 25 hours.
func Days(zone *time.Location) Grid {
	return Grid{
		Name: Day, Zone: zone, perDay: 1, season: 7, warm: 28, lasts: 60,
		chance: span{back: 30, memory: 30}, count: span{back: 14, memory: 14},
	}
}

// Number is that of the window which holds t.
func (g Grid) Number(t time.Time) int {
	if g.Name == Hour {
		return floorDiv(t.Unix(), 3600)
	}
	y, m, d := t.In(g.Zone).Date()
	return floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 24*3600)
}

// Start is when window n begins, and n−1 ends.
func (g Grid) Start(n int) time.Time {
	if g.Name == Hour {
		return time.Unix(int64(n)*3600, 0).UTC()
	}
	y, m, d := time.Unix(int64(n)*24*3600, 0).UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, g.Zone)
}

// slot is the place of window n in the week.
func (g Grid) slot(n int) int {
	at := g.Start(n).In(g.Zone)
	if g.Name == Hour {
		return int(at.Weekday())*24 + at.Hour()
	}
	return int(at.Weekday())
}

func floorDiv(a, b int64) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return int(q)
}
