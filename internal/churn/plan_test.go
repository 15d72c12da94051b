package churn

import (
	"errors"
	"testing"
	"time"
)

func TestPlanKnowsEveryLabelBeforeTheNextPart(t *testing.T) {
	first := time.Date(2026, 1, 1, 12, 34, 56, 0, time.UTC)
	planned := 0
	for _, horizon := range []int{1, 7, 28} {
		for _, step := range []int{1, 7, 14, 28} {
			for span := 1; span < 400; span += 13 {
				plan := Plan{Horizon: time.Duration(horizon) * Day, Step: time.Duration(step) * Day, MaxDates: 26}
				newest := first.Add(time.Duration(span) * Day)
				periods, err := plan.Dates(first, newest)
				if errors.Is(err, ErrTooLittleHistory) {
					if newest.Sub(first) >= plan.needs() {
						t.Errorf("%+v of %d days: %v, although it needs only %s", plan, span, err, days(plan.needs()))
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				planned++
				checkPeriods(t, plan, periods, first, newest)
			}
		}
	}
	if planned < 100 {
		t.Errorf("only %d plans were checked", planned)
	}
}

func checkPeriods(t *testing.T, plan Plan, p Periods, first, newest time.Time) {
	t.Helper()
	known := first
	for _, part := range [][]time.Time{p.Train, p.Calibrate, p.Test} {
		if len(part) == 0 {
			t.Fatalf("%+v: a part is empty: %+v", plan, p)
		}
		if part[0].Before(known) {
			t.Errorf("%+v: a date of %v lies before %v, when the part before is known", plan, part[0], known)
		}
		known = part[len(part)-1].Add(plan.Horizon)
	}
	if n := len(p.Train) + len(p.Calibrate) + len(p.Test); n > plan.MaxDates {
		t.Errorf("%+v: %d dates", plan, n)
	}
	if known.After(newest) {
		t.Errorf("%+v: the last label is known at %v, events end at %v", plan, known, newest)
	}
	if p.Train[0].Before(first.Add(plan.Horizon)) {
		t.Errorf("%+v: the first date has less than a horizon of history", plan)
	}
}
