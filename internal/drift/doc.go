// Package drift tells how far values are from those that a model was trained on.
//
// What enters: the values of the training, once, which leave as a [Histogram] to
// be kept with the model; and later values, counted into its bins. What leaves:
// the population stability index, the sum over the bins of
// (now - then) ln(now / then). Below 0.1 little has changed, above 0.25 much has
// (the usual reading, from credit scoring; Siddiqi 2006).
//
// A Histogram never changes and is safe for concurrent use; a [Count] belongs to
// one goroutine.
package drift
