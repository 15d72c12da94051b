// Package fraud judges purchases: how far is this one from what its user does?
//
// What enters: the events of one partition, in the order of the topic, as
// [Event]s, each with the [Profile] of its user and the [Population] of the
// partition. What leaves: a [Verdict] per purchase, with a score from 0 to 1, a
// decision and reasons whose effects add up to the score; and the profile and
// the population, changed.
//
//	event ─▶ features, relative to the profile ─┬─▶ transparent rules ──┬─▶ score ─▶ decision
//	                                            └─▶ isolation forest ───┘
//	      ─▶ the profile learns
//
// # The profile
//
// A profile holds a user's last amounts and payment attempts, the countries and
// devices seen with him, and at which hours of the day he comes. It has a fixed
// size, whatever the user does, and a binary form of about half a kilobyte.
// Amounts are described by median and median absolute deviation, which a few
// odd purchases do not move (Rousseeuw and Croux, "Alternatives to the Median
// Absolute Deviation", 1993). Where a user has few amounts, those of everybody,
// the population, stand in for the missing ones, and ever less with each
// purchase.
//
// Countries, devices and hours are counted in hours of presence, not in events:
// fifty page views in one visit make a device no more familiar than one. That
// also means that a profile changes a few times per visit and not with every
// event. A purchase that is decided as block counts as an attempt and teaches
// nothing else, so that an attacker cannot make himself familiar by paying.
//
// # Time
//
// Everything is measured in event time, never by the clock. A late event is
// judged by what happened before it in event time, as far as the profile still
// has it; of events at the same instant, those that come first in the topic are
// the earlier ones. A repeat of an event_id among the last attempts is known and
// changes nothing.
//
// # What is promised
//
// Verdicts and changes depend on the events and their order, and on the [Model],
// alone: the same events lead to the same scores and the same profiles, bit for
// bit on one architecture, however they are cut into batches. Nothing here does
// input or output, reads a clock or draws a random number after a model has been
// made. A Profile and a Population belong to one goroutine at a time; a Model
// and a Forest never change and are safe for concurrent use.
package fraud
