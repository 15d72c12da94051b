package churn

import (
	"cmp"
	"math"
	"slices"
)

// Metrics tell how good probabilities were, once it was known who churned.
type Metrics struct {
	Users     int     `json:"users"`
	ChurnRate float64 `json:"churn_rate"`
	// AUC is the probability that a user who churned was given a higher score than
	// one who did not; a tie counts one half.
	AUC float64 `json:"auc"`
	// PRAUC is the average precision over all recalls.
	PRAUC float64 `json:"pr_auc"`
	// LogLoss is the mean of -ln of the probability given to what happened.
	LogLoss float64 `json:"log_loss"`
	// Brier is the mean square of probability less outcome.
	Brier float64 `json:"brier"`
	// Accuracy is the share of users on the right side of one half.
	Accuracy float64 `json:"accuracy"`
}

// CalibrationBin holds users with similar probabilities.
type CalibrationBin struct {
	Users     int     `json:"users"`
	Predicted float64 `json:"predicted"` // mean probability
	Observed  float64 `json:"observed"`  // share who churned
}

// Lift is one tenth of the users, by falling probability.
type Lift struct {
	Decile    int     `json:"decile"` // 1 has the highest probabilities
	Users     int     `json:"users"`
	ChurnRate float64 `json:"churn_rate"`
	// Lift is the decile's churn rate over that of all.
	Lift float64 `json:"lift"`
	// Captured is the share of all churned users in this decile and those before.
	Captured float64 `json:"captured"`
}

// judged is one probability and what happened.
type judged struct {
	probability float64
	churned     bool
}

// Evaluate compares probabilities with what happened. Both kinds of users have to
// be among them: without, AUC is NaN.
func Evaluate(probabilities []float64, churned []bool) Metrics {
	rows := byRisk(probabilities, churned)
	m := Metrics{Users: len(rows)}
	for _, r := range rows {
		outcome := 0.0
		if r.churned {
			outcome = 1
		}
		m.ChurnRate += outcome
		m.LogLoss -= math.Log(max(1-math.Abs(outcome-r.probability), 1e-15))
		m.Brier += (outcome - r.probability) * (outcome - r.probability)
		if (r.probability >= 0.5) == r.churned {
			m.Accuracy++
		}
	}
	n := float64(len(rows))
	m.AUC, m.PRAUC = areas(rows, m.ChurnRate)
	m.ChurnRate /= n
	m.LogLoss /= n
	m.Brier /= n
	m.Accuracy /= n
	return m
}

// byRisk puts the riskiest first.
func byRisk(probabilities []float64, churned []bool) []judged {
	rows := make([]judged, len(probabilities))
	for i, p := range probabilities {
		rows[i] = judged{p, churned[i]}
	}
	slices.SortStableFunc(rows, func(a, b judged) int { return cmp.Compare(b.probability, a.probability) })
	return rows
}

// areas walks down the ranking, users of the same score together.
func areas(rows []judged, positives float64) (auc, prAUC float64) {
	negatives := float64(len(rows)) - positives
	var above, seen float64 // churned users above, and all
	for start := 0; start < len(rows); {
		end := start + 1
		for end < len(rows) && rows[end].probability == rows[start].probability {
			end++
		}
		churned := 0.0
		for _, r := range rows[start:end] {
			if r.churned {
				churned++
			}
		}
		stayed := float64(end-start) - churned
		auc += stayed * (above + churned/2)
		above, seen = above+churned, seen+float64(end-start)
		prAUC += churned / positives * above / seen
		start = end
	}
	return auc / (positives * negatives), prAUC
}

// Calibration sorts users into at most bins groups of the same size, by rising
// probability. Users of one probability stay together.
func Calibration(probabilities []float64, churned []bool, bins int) []CalibrationBin {
	rows := byRisk(probabilities, churned)
	slices.Reverse(rows)
	var table []CalibrationBin
	for k, start := 1, 0; k <= bins && start < len(rows); k++ {
		end := max(k*len(rows)/bins, start)
		for end > start && end < len(rows) && rows[end].probability == rows[end-1].probability {
			end++
		}
		if end > start {
			table = append(table, calibrationBin(rows[start:end]))
			start = end
		}
	}
	return table
}

func calibrationBin(rows []judged) CalibrationBin {
	bin := CalibrationBin{Users: len(rows)}
	for _, r := range rows {
		bin.Predicted += r.probability / float64(len(rows))
		if r.churned {
			bin.Observed += 1 / float64(len(rows))
		}
	}
	return bin
}

// CalibrationError is the mean distance between predicted and observed, by users.
func CalibrationError(table []CalibrationBin) float64 {
	var distance, users float64
	for _, bin := range table {
		distance += float64(bin.Users) * math.Abs(bin.Predicted-bin.Observed)
		users += float64(bin.Users)
	}
	return distance / users
}

// Lifts cuts the users into tenths by falling probability.
func Lifts(probabilities []float64, churned []bool) []Lift {
	rows := byRisk(probabilities, churned)
	all := calibrationBin(rows).Observed
	var table []Lift
	captured := 0.0
	for k := range 10 {
		part := rows[k*len(rows)/10 : (k+1)*len(rows)/10]
		if len(part) == 0 {
			continue
		}
		rate := calibrationBin(part).Observed
		captured += rate * float64(len(part)) / (all * float64(len(rows)))
		table = append(table, Lift{k + 1, len(part), rate, rate / all, captured})
	}
	return table
}
