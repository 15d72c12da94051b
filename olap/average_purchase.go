package olap

import (
	"context"
	"fmt"
	"time"
)

// AveragePurchases is what an average purchase is worth, by currency code, in the
// 10-minute windows that were over at the instant: the unit of revenue in
// [Store.ChurnFeatures].
func (s *Store) AveragePurchases(ctx context.Context, at time.Time) (map[string]float64, error) {
	missing, err := s.missingWindows(ctx)
	if err != nil {
		return nil, err
	}
	q := newStatement()
	over := windowRows{timeRange: timeRange{time.Unix(0, 0), floorWindow(at)}, missing: missing, only: "type = " + q.bind(typePurchase)}
	q.text("SELECT mapFromArrays(groupArray(code), groupArray(average)) FROM (SELECT toString(currency) AS code, toFloat64(sum(revenue)) / sum(amounts) AS average",
		" FROM ", over.render(q), " GROUP BY currency HAVING average > 0)")
	averages := map[string]float64{}
	if err := s.readRow(ctx, q, &averages); err != nil {
		return nil, fmt.Errorf("read the average purchase: %w", err)
	}
	return averages, nil
}
