// Package churn says how likely a user is to stay away, and why.
//
// What enters: the features of users at past dates, as plain numbers, each with
// whether the user then stayed away for the horizon. What leaves: a [Model] that
// gives a probability and its reasons for any user, and a [Report] of how good
// it is. The package reads no database and no clock.
//
// # The model
//
// Logistic regression on standardised features with an L2 penalty (Cox 1958;
// Hoerl and Kennard 1970 for the penalty). The two classes weigh the same in the
// fit, so that a rare class is not drowned; the probabilities are then put right
// by Platt's scaling (Platt 1999) on a period that lies after the training.
//
// # Time
//
// Examples are split by date, never by row: the dates of training come first,
// then those of calibration, then those of the test, and every label of one part
// is known before the first date of the next. See [Plan].
//
// # Reasons
//
// The log-odds of a prediction are a sum, one term per feature: coefficient times
// standardised value. A term is what the feature adds compared to the average
// user of the training. Features that go together share their effect, so a
// reason says what the model saw, not what caused it.
//
// # Drift
//
// The model keeps how its features and its score were distributed in training.
// [Tally] counts today's users into the same bins; package drift tells what that
// means.
//
// A Model and a Scorer never change and are safe for concurrent use; a Tally
// belongs to one goroutine.
package churn
