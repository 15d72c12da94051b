// Package traffic makes realistic user events for demonstrations, tests and
// measurements.
//
// What enters: a [Config] (how many users, which seed) and, with each call of
// [Generator.Next], the instant at which the event is handed out. What leaves:
// one event after another with a [Label] that says what is known about it. The
// package reads no clock, no network and no file: the same Config and the same
// instants give the same events, byte for byte. [Pace] turns a rate into
// instants.
//
// # What it imitates
//
// People visit in sessions. A session starts when nobody else is due, taken by
// a user whose activity and whose local hour of day make it likely (20 countries
// in their own time zones, quiet nights, busy evenings, busier weekends). Its
// steps are 12 s apart in the median (log-normal, mean about 20 s) and lead
// through pages, searches, products, the cart and the checkout, or through a
// video. At a rate that the users could not sustain by themselves the steps
// move closer together; at a low rate sessions keep their natural length and
// the time between them grows. The generator begins in the middle of a day: at
// the start some sessions are already under way.
//
// Users drift away and others arrive. Seven of ten users are there at the
// start; the others sign up one by one. After each session a user starts to
// lose interest with a probability of his own (beta-like, 0.2 % to 12 %), comes
// ever more rarely, and is gone after a few more visits. About one session in a
// hundred belongs to somebody who returns. Activity per user is log-normal.
//
// # Statistical properties
//
// These hold at the default settings for 10,000 events or more, at rates that
// the number of users can sustain; the tests hold the generator to them.
//
//	share of events that are      view 14–30 %, add_to_cart 2–7 %, purchase 0.6–3 %
//	carts per view                12–32 %
//	purchases per cart            22–55 %
//	purchases that are refunded   1–8 %
//	videos completed per play     15–50 %; at each tenth some viewers leave
//	late (1 min to 12 h)          about LateShare, whole sessions sent after being offline
//	out of order                  about DisorderShare, overtaken by 3 to 50 others
//	exact duplicates              about DuplicateShare, 1 to 100 events after the original
//	fraudulent purchases          up to 8 %
//	revenue                       log-normal: the mean is well above the median
//
// Amounts are decimal strings in the minor unit of the user's currency. IP
// addresses come from the ranges reserved for documentation only (RFC 5737,
// RFC 3849). Platform, device, operating system, browser and user agent of an
// event agree with one another.
//
// # Properties
//
//	view, add_to_cart   product_id category price currency; quantity of add_to_cart
//	remove_from_cart    product_id category
//	purchase            amount currency order_id product_id category items payment_method, sometimes coupon
//	refund              amount currency order_id product_id category reason
//	video_play          video_id duration_seconds
//	video_progress      and video_complete: these, position_seconds, percent (10, 20, … 100),
//	                    and watched_seconds since the event before
//	search              query results
//	click               element
//	page_view           title
//	login, signup       method
//	error               code message
//
// # Fraud
//
// About FraudShare of the sessions are attacks, and their purchases carry a
// [Fraud] label: [FraudVelocity], two or three purchases of a huge amount within
// one second; [FraudTakeover], an account used from a new country and device
// to buy for a high amount; [FraudCardTesting], a run of tiny purchases with
// declined payments in between. Honest users travel, own two devices and
// sometimes buy for a lot, so that no single rule finds the fraud.
//
// A [Generator] is used by one goroutine at a time. It has nothing to stop.
package traffic
