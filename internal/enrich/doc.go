// Package enrich adds to an event what can be known from the request that
// carried it and from its own text: country, device, operating system, browser,
// campaign, the referrer's host, and whether a program rather than a person
// sent it.
//
// What enters: a decoded [event.Event] and the [Origin] of its request. What
// leaves: the same event with empty fields of its context filled, and with
// properties whose names begin with "$". What the client sent always stands: a
// filled field is never replaced, and a "$" property of the same name is kept
// (see [Members]). Nothing is dropped, except the address where
// [Config].DropIP asks for that.
//
// The work per event is bounded. User agents are read with some thousand
// regular expressions, about a millisecond for one that was not seen before; the
// results are kept for the most recent ones, and [Config].ParsesPerSecond bounds
// the rest. An event above that budget is taken without device, OS and browser,
// and counted.
//
// An [Enricher] is safe for concurrent use and starts no goroutine.
package enrich
