// Package bench measures Millrace beside its peers.
//
// Benchmarks of one function live beside the function. Here are those that
// compare: the same events through several decoders, and whole systems through
// the same broker and store. Each reports events per second, and is run by
// "make bench" or, for one of them:
//
//	go test ./bench -run '^$' -bench Decode -count 5
//
// Figures that were measured, with the machine they were measured on, are in
// docs/benchmarks.md.
package bench
