package oltp

import (
	"strconv"
	"time"
)

// scoreColumns are the arguments of the insert, one slice per column.
type scoreColumns struct {
	eventID, userID   []string
	eventTime         []time.Time
	amount            []*int64
	currency, country []string
	score             []float64
	decision          []string
	base              []float64
	reasons, features []string
	model             []int32
	topic             []string
	partition         []int32
	offset            []int64
	receivedAt        []time.Time
}

func (c *scoreColumns) append(s *FraudScore) {
	c.eventID = append(c.eventID, s.EventID)
	c.userID = append(c.userID, s.UserID)
	c.eventTime = append(c.eventTime, s.EventTime)
	c.amount = append(c.amount, s.AmountMicros)
	c.currency = append(c.currency, cleanText(s.Currency))
	c.country = append(c.country, cleanText(s.Country))
	c.score = append(c.score, s.Score)
	c.decision = append(c.decision, s.Decision)
	c.base = append(c.base, s.Base)
	c.reasons = append(c.reasons, string(s.Reasons))
	c.features = append(c.features, realArray(s.Features))
	c.model = append(c.model, int32(s.Model))
	c.topic = append(c.topic, s.Topic)
	c.partition = append(c.partition, s.Partition)
	c.offset = append(c.offset, s.Offset)
	c.receivedAt = append(c.receivedAt, s.ReceivedAt)
}

func (c *scoreColumns) args() []any {
	return []any{
		c.eventID, c.userID, c.eventTime, c.amount, c.currency, c.country, c.score, c.decision, c.base,
		c.reasons, c.features, c.model, c.topic, c.partition, c.offset, c.receivedAt,
	}
}

// realArray is an array in Postgres' text form: unnest would take an array of
// arrays apart to its numbers.
func realArray(values []float32) string {
	b := append(make([]byte, 0, 12*len(values)+2), '{')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(v), 'g', -1, 32)
	}
	return string(append(b, '}'))
}
