package olap

// Trends from windows
//
// What the 10-minute windows hold need not be read from the raw events: counts,
// different users and the sum of amount, by type. A question about anything else
// (a breakdown, a condition, another property) reads events. Both give the same
// figures, but for users who share one of the 64-bit hashes that windows keep:
// see the migration 0002_windows.

// fromWindows tells whether windows can answer the series.
func (p plan) fromWindows() bool {
	s := p.spec()
	if p.groups.by != nil || p.trends.Where.given() || s.Where.given() || s.Per != perEvent || p.trends.Cumulative {
		return false
	}
	return p.windowFigure() != "" && p.frame.onWindows()
}

// windowFigure renders the measure over rows of windows; empty where they do not
// hold it.
func (p plan) windowFigure() string {
	switch s := p.spec(); {
	case s.Measure == measureTotal:
		return "sum(events)"
	case s.Measure == measureUsers:
		return "uniqExactMerge(users)"
	case s.Measure == measureSum && s.Property.property.isAmount():
		return "sum(revenue)"
	}
	return ""
}

func (p plan) perWindow() error {
	only, err := p.trends.selection(p.statement, p.series, p.frame)
	p.text("SELECT toInt64(0) AS slot, ", p.frame.bucket(p.statement, "at"), " AS bucket, toUInt8(grouping(bucket)) AS whole,",
		"\n    toString(", p.windowFigure(), ") AS value, toUInt64(0) AS skipped",
		"\nFROM ", windowRows(p.statement, p.frame, only, false), totals(""))
	return err
}
