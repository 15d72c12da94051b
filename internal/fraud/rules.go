package fraud

// Rule numbers a transparent rule.
type Rule uint8

// The rules. Each is a sentence about a purchase, and holds to a degree.
const (
	RuleFarAboveUsual  Rule = iota // the amount is far above the user's own
	RuleHugeTooSoon                // and follows the last purchase within seconds
	RuleSecondsApart               // seconds after the last purchase, whatever the amount
	RuleNewDeviceHigh              // a device never seen, and a high amount
	RuleNewCountryHigh             // a country never seen, and a high amount
	RuleTakeover                   // country and device both never seen
	RuleTravel                     // seen in another country too short a time before
	RuleCardTesting                // tiny or declined payments in a row
	RulePurchaseBurst              // many payments within minutes
	RuleHugeForAnybody             // high among the amounts of all users
	ruleCount
)

// RuleCount is the number of rules.
const RuleCount = int(ruleCount)

// Name is the rule's name in the API and in tables.
func (r Rule) Name() string {
	return [ruleCount]string{
		"far_above_usual", "huge_too_soon", "seconds_apart", "new_device_high_amount", "new_country_high_amount", "new_country_and_device",
		"impossible_travel", "card_testing", "purchase_burst", "huge_for_anybody",
	}[r]
}

// Degrees tells to which degree each rule holds, from 0 to 1. "And" is the
// lesser of two degrees, "or" the greater (Zadeh, "Fuzzy Sets", 1965). A degree
// begins about where one honest purchase in a hundred of the tuning traffic is,
// and is full behind one in a thousand.
func Degrees(f *Features) (degrees [RuleCount]float64) {
	far := min(ramp(f[AmountDistance], 2, 3.5), ramp(f[AmountOverMost], 0, 1.5))
	high := min(ramp(f[AmountDistance], 0.5, 1.8), ramp(f[AmountOverMost], -1, 0.5))
	tiny := ramp(-f[AmountDistance], 1, 2.2)
	soon := ramp(f[Haste], 3, 4.3) // 86 seconds to 4
	device, country := ramp(f[DeviceNovelty], 0.2, 0.7), ramp(f[CountryNovelty], 0.2, 0.7)
	degrees[RuleFarAboveUsual] = far
	degrees[RuleHugeTooSoon] = min(ramp(f[AmountDistance], 1.5, 3), soon)
	degrees[RuleSecondsApart] = soon
	degrees[RuleNewDeviceHigh] = min(device, high)
	degrees[RuleNewCountryHigh] = min(country, high)
	degrees[RuleTakeover] = min(country, device)
	degrees[RuleTravel] = ramp(f[CountryJump], 0.2, 0.8)
	degrees[RuleCardTesting] = min(ramp(f[AttemptsTen], 0.6, 1.4), max(tiny, ramp(f[DeclinedHour], 1.3, 1.8)))
	degrees[RulePurchaseBurst] = ramp(f[AttemptsTen], 1.2, 2.2)
	degrees[RuleHugeForAnybody] = ramp(f[AmountAmongAll], 2, 3.5)
	return degrees
}

// ramp rises from 0 at low to 1 at high.
func ramp(v, low, high float64) float64 { return clamp((v-low)/(high-low), 0, 1) }
