package traffic

import (
	"errors"
	"fmt"
)

// maxUsers bounds the memory of a generator; a user takes about 150 bytes.
const maxUsers = 10_000_000

// Config says what traffic to make.
type Config struct {
	// Users is the number of different users, user_0000 and so on. The ids get
	// wider where four digits are not enough.
	Users int
	// Seed makes the traffic repeatable.
	Seed uint64
	// Rate is the number of events per second of event time that the caller is
	// going to ask for. It decides how many sessions are under way at the
	// start; 0 means as many as there are users for.
	Rate float64
	// Products and Videos are the sizes of the catalogue.
	Products int
	Videos   int
	// LateShare is the share of events sent a minute to half a day after they
	// happened.
	LateShare float64
	// DisorderShare is the share of events that others overtake on the way.
	DisorderShare float64
	// DuplicateShare is the share of events sent a second time, unchanged.
	DuplicateShare float64
	// FraudShare is the share of sessions that are attacks.
	FraudShare float64
}

// DefaultConfig makes the traffic of a small shop with 50 users.
func DefaultConfig() Config {
	return Config{
		Users:          50,
		Seed:           1,
		Rate:           10,
		Products:       2000,
		Videos:         200,
		LateShare:      0.01,
		DisorderShare:  0.01,
		DuplicateShare: 0.005,
		FraudShare:     0.001,
	}
}

// Validate reports every fault of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.Users < 1 || c.Users > maxUsers {
		fault("users: %d; use 1 to %d", c.Users, maxUsers)
	}
	if c.Rate < 0 {
		fault("rate: %v is negative; use 0 for as fast as possible", c.Rate)
	}
	if c.Products < categories || c.Videos < 1 {
		fault("catalogue: %d products and %d videos; use at least %d and 1", c.Products, c.Videos, categories)
	}
	for _, share := range []struct {
		name  string
		value float64
	}{{"late", c.LateShare}, {"disorder", c.DisorderShare}, {"duplicate", c.DuplicateShare}, {"fraud", c.FraudShare}} {
		if !(share.value >= 0 && share.value <= 0.5) {
			fault("%s share: %v; use 0 to 0.5", share.name, share.value)
		}
	}
	return errors.Join(faults...)
}
