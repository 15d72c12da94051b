package traffic

// Fraud names the kind of an attack.
type Fraud string

// The kinds of fraud. An honest event has none.
const (
	FraudNone        Fraud = ""
	FraudVelocity    Fraud = "velocity_burst"   // huge purchases within one second
	FraudTakeover    Fraud = "account_takeover" // new country and device, high amount
	FraudCardTesting Fraud = "card_testing"     // many tiny purchases, declined payments
)

// Label is what the generator knows about an event and a receiver does not.
type Label struct {
	// Fraud is the attack that the event, always a purchase, belongs to.
	Fraud Fraud
	// Duplicate marks a repeat of an event that was handed out before.
	Duplicate bool
	// Late marks an event of a visit that was sent a minute to half a day after
	// it took place.
	Late bool
	// Disordered marks an event that was overtaken by later ones.
	Disordered bool
}
