package alert

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as in questions: 30s, 5m, 2h, 14d.
type Duration time.Duration

// MarshalText writes the duration; whole days as d.
func (d Duration) MarshalText() ([]byte, error) {
	const day = 24 * time.Hour
	v := time.Duration(d)
	if v >= day && v%day == 0 {
		return fmt.Appendf(nil, "%dd", v/day), nil
	}
	text := v.String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return []byte(text), nil
}

// UnmarshalText reads what MarshalText writes, and what Go writes.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 3650 {
			return fmt.Errorf("%q is no duration, such as 30s, 5m or 2d", s)
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is no duration, such as 30s, 5m or 2d", s)
	}
	*d = Duration(v)
	return nil
}
