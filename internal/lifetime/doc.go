// Package lifetime says which customers of a shop will come back, how often,
// and for how much: BG/NBD for purchases, Gamma-Gamma for spend.
//
// What enters: purchases, as a file ([ReadPurchases]) or as counts per customer
// that a store has made ([Group], [Spend]). What leaves: fitted parameters
// ([BGNBD], [GammaGamma]) and, for one [History], the probability that the
// customer is still one, the purchases to expect, and their value.
//
// # The models
//
// BG/NBD is the beta-geometric/NBD model of Fader, Hardie and Lee ("Counting Your
// Customers" the Easy Way, Marketing Science 24(2), 2005). A customer buys at
// random at a rate of their own, and after each purchase leaves for good with a
// probability of their own; rates are gamma distributed over customers (r,
// alpha), probabilities beta distributed (a, b).
//
// Gamma-Gamma is the model of Fader and Hardie (The Gamma-Gamma Model of Monetary
// Value, 2013): the value of a purchase varies around the customer's mean, and
// the means vary over customers (p, q, gamma).
//
// Both are fitted by maximum likelihood, over the logarithms of the parameters,
// with exact gradients, from several starts.
//
// # Conventions
//
// They are those of the papers. The unit of time is the week, days/7. All
// purchases of a customer on one day are one transaction. The first transaction
// makes the customer; only those after it count as repeats, and only theirs is
// the spend that Gamma-Gamma is fitted to. The last day of the calibration
// belongs to it.
//
// Everything here is safe for concurrent use; nothing is kept or started.
package lifetime
