// Package alert watches what Millrace knows and tells people and programs when
// something needs them: it holds what a rule is, how an alert moves from one
// state to the next, what is told of it, and how that is delivered.
//
// What enters: rules, observations of what they watch (by [Source]s that the
// caller gives), and purchases that the scoring has found. What leaves: alerts
// and deliveries, written through a [Store] that the caller gives, and the
// deliveries themselves, by [Sender].
//
// # States
//
// A condition that holds makes an alert pending; once it has held for as long as
// the rule's For, the alert fires; once it has been gone for KeepFiringFor, it is
// resolved. [Rule.Step] is that machine, a function without clock or store.
// A purchase that was judged has no duration: its alert fires and is resolved in
// the same moment, and only the firing is told.
//
// # Delivery
//
// A delivery is a row that the store writes in the transaction that changes the
// alert. It is sent at least once: until the receiver has acknowledged it, with
// growing pauses, under one idempotency key, and after [Config].MaxAttempts it is
// dead, with its log kept. What is told of one alert to one channel goes in order.
// Whoever dies between sending and noting it sends again, with the same key.
//
// [Stage.Run] blocks until its context ends. Several stages may share a store:
// rules, purchases and deliveries are each taken by one at a time.
package alert
