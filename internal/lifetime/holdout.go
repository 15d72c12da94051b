package lifetime

// Holdout compares a forecast with what came after the calibration.
type Holdout struct {
	// Until is the last day of the calibration, YYYY-MM-DD.
	Until string `json:"calibrated_until"`
	// Weeks after the calibration that are compared.
	Weeks float64 `json:"weeks"`
	// Expected and Actual are the purchases of those weeks, each customer forecast
	// from their own history.
	Expected float64 `json:"expected"`
	Actual   float64 `json:"actual"`
	// CumulativeExpected and CumulativeActual are all repeats from each customer's
	// first purchase to the end, forecast from the parameters and the date of the
	// first purchase alone: the last point of figure 2 of Fader, Hardie and Lee (2005).
	CumulativeExpected float64 `json:"cumulative_expected"`
	CumulativeActual   float64 `json:"cumulative_actual"`
	// CumulativeError is CumulativeExpected / CumulativeActual - 1.
	CumulativeError float64 `json:"cumulative_error"`
	// ByRepeats is Expected and Actual per customer, by the number of repeats in the
	// calibration: figure 4 of the paper. The last row has all from there on.
	ByRepeats []HoldoutRow `json:"by_repeats"`
}

// HoldoutRow is the customers who had as many repeats in the calibration.
type HoldoutRow struct {
	Repeats   int     `json:"repeats"`
	Customers float64 `json:"customers"`
	Expected  float64 `json:"expected"` // purchases per customer
	Actual    float64 `json:"actual"`
}

// lastRow of ByRepeats takes everyone with as many repeats or more, as in the paper.
const lastRow = 7

// Compare forecasts the weeks after the calibration and counts them in groups.
func (m BGNBD) Compare(groups []Group, weeks float64) Holdout {
	h := Holdout{Weeks: weeks, ByRepeats: make([]HoldoutRow, lastRow+1)}
	for i := range h.ByRepeats {
		h.ByRepeats[i].Repeats = i
	}
	for _, g := range groups {
		expected := g.Customers * m.PurchasesOf(g.history(), weeks)
		row := &h.ByRepeats[min(g.Repeats, lastRow)]
		row.Customers += g.Customers
		row.Expected += expected
		row.Actual += g.Later
		h.Expected += expected
		h.Actual += g.Later
		h.CumulativeExpected += g.Customers * m.Purchases(g.Age+weeks)
		h.CumulativeActual += g.Customers*float64(g.Repeats) + g.Later
	}
	if h.CumulativeActual > 0 {
		h.CumulativeError = h.CumulativeExpected/h.CumulativeActual - 1
	}
	for i := range h.ByRepeats {
		if row := &h.ByRepeats[i]; row.Customers > 0 {
			row.Expected /= row.Customers
			row.Actual /= row.Customers
		}
	}
	return h
}
