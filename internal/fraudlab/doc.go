// Package fraudlab tells how good package fraud is: it makes labelled traffic,
// runs a model over it, and measures.
//
// [Traffic] puts attacks, and honest behaviour that looks like attacks, into the
// traffic of internal/traffic. Whoever reads an event sees what a receiver would
// see; the label comes beside it. The same Config gives the same events.
//
//	attacks                                     honest, and hard to tell apart
//	takeover         new country and device     big_spender   far above the usual, everything else as ever
//	card_testing     tiny payments in a row     traveller     another country, hours later, for days
//	amount_spike     far above the usual,       new_phone     another device, from now on
//	                 often twice in a second    gift_spree    several purchases in minutes
//	travel           another country, minutes   card_trouble  declined, declined, paid
//	                 after the user was home    two_networks  countries that change by the hour
//	new_device_high  another device, high
//	stealth          another device, usual          double_order  the same again within seconds
//	                 amount: hardly to be found
//
// [Run] has a model judge such traffic, [Curve] measures a list of judgements:
// precision, recall, and the area under the precision-recall curve. [Tune] fits
// the numbers of a model on traffic of [TuningSeeds]; what is published is
// measured on [HeldOutSeeds], which nothing is chosen by.
//
// Made-up attacks are a weaker proof than real ones: the figures say that the
// method finds what it was made for, among what it was made to leave alone, and
// how a change compares with the version before.
package fraudlab

// TuningSeeds are those of the traffic that models are fitted on.
func TuningSeeds() []uint64 { return []uint64{101, 102, 103} }

// HeldOutSeeds are those of the traffic that models are measured on, and that
// nothing is chosen by.
func HeldOutSeeds() []uint64 { return []uint64{911, 912, 913} }
