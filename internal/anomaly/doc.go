// Package anomaly finds what is out of the ordinary in a series of numbers.
//
// A [Detector] takes one series, point after point, and answers each point
// with a score in 0…1 and the band that was expected, from the points before
// it alone: the scores of a prefix are the prefix of the scores. It needs
// neither the sampling interval nor a season to be told; both are learned from
// the timestamps. Memory and time per point are bounded, whatever the length
// of the series.
//
// Four simple witnesses look at each point, each at what the others overlook:
//
//   - [season]: how far the value lies from the forecast of that hour, where
//     the forecast is the best of several (the last value, a moving level, the
//     hour of the day, the hour of the week, the latter with the trend);
//   - [extreme]: how far it lies from everything of the recent past;
//   - two [neighbours]: how unlike the last 20 and the last 60 points are to
//     any stretch of the past (the left matrix profile of Yeh et al. 2016,
//     without normalisation; compare KNN-CAD of Burnaev and Ishimtsev 2016).
//
// Their distances have no common unit, so each is turned into a [tail]
// probability by its own history; the surprise is −log₁₀ of it. The four
// surprises are averaged, and half of the result is the surprise of that
// average by its own history, as in the anomaly likelihood of Lavin and Ahmad
// (2015): a series whose witnesses often cry together has to cry louder. After
// a detection the scores are kept below 0.5 for a while, so that one event is
// one detection.
//
// A Detector belongs to one goroutine.
package anomaly
