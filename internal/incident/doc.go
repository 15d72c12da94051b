// Package incident finds incidents in the figures of a business: stretches of
// time in which shares, counts or money were another than usual.
//
// A [Watch] is fed the windows of one [Grid], hours or days, each once and in
// order. It keeps a small state per figure and value of a property, bounded
// whatever the history, which can be saved after any window and continued from
// there with the same results: what it finds by a window depends on the windows
// before it only. Shifts of all watches are joined by [Incidents].
//
// A shift is found by the generalised likelihood ratio over all its possible
// beginnings within the last windows (Siegmund and Venkatraman 1995), against
// what is usual, in chances that came true; so ten users count for little and
// a thousand for much. The variance is what the figure really has, of single
// windows and of whole days. What is usual follows a trend by forgetting, and
// knows the hours of the week of counts. Only windows that no shift may still
// turn out to hold are learned, so a month of trouble does not become usual, and a
// new level does after a stated time.
//
// A Watch belongs to one goroutine.
package incident
