package olap

// Trends from windows
//
// What the 10-minute windows hold need not be read from the raw events: counts,
// different users and the sum of amount, by type, country and currency. A question
// about anything else (another property, users or sessions one by one) reads
// events. Both give the same figures, but for users who share one of the 64-bit
// hashes that windows keep: see the migration 0013_windows_with_users.

// fromWindows tells whether windows can answer the series.
func (p plan) fromWindows() bool {
	s := p.spec()
	return p.windowFigure() != "" && s.Per == perEvent && !p.trends.Cumulative && p.trends.groupsFromWindows() &&
		s.Where.inWindows() && p.trends.Where.inWindows() && p.frame.onWindows()
}

// groupsFromWindows tells whether windows keep what the question is broken down by.
func (t *trends) groupsFromWindows() bool {
	return t.Breakdown == nil || t.Breakdown.Property.property.inWindows()
}

// windowFigure renders the measure over rows of windows; empty where they do not
// hold it.
func (p plan) windowFigure() string {
	switch s := p.spec(); {
	case s.Measure == measureTotal:
		return "sum(events)"
	case s.Measure == measureUsers:
		return "uniqExactArray(users)"
	case s.Measure == measureSum && s.Property.property.isAmount():
		return "sum(revenue)"
	}
	return ""
}

func (p plan) perWindow(selected string) {
	group, key := p.group()
	rows := p.frame.windowsOf(selected)
	rows.split = p.trends.Breakdown != nil || p.trends.Where.given() || p.spec().Where.given()
	p.text("SELECT ", group, " AS slot, ", p.frame.bucket(p.statement, "at"), " AS bucket, toUInt8(grouping(bucket)) AS whole,",
		"\n    toString(", p.windowFigure(), ") AS value, toUInt64(0) AS skipped",
		"\nFROM ", rows.render(p.statement), totals(key))
}

// rankFromWindows tells whether windows can say which values matter most. The
// range's buckets play no part in it.
func (t *trends) rankFromWindows() bool {
	for _, s := range t.Series {
		if !s.Where.inWindows() {
			return false
		}
	}
	return t.windowRank("1") != "" && t.groupsFromWindows() && t.Where.inWindows()
}

// windowRank is rankBy over rows of windows; empty where they do not hold it.
func (t *trends) windowRank(first string) string {
	switch s := t.Series[0]; {
	case s.Measure.ranksByUsers():
		return "uniqExactArrayIf(users, " + first + ")"
	case s.Measure == measureSum && s.Property.property.isAmount():
		return "sumIf(revenue, " + first + ")"
	case s.Measure == measureUnique || s.Measure == measureSum && s.Property.given:
		return ""
	}
	return "sumIf(events, " + first + ")"
}
