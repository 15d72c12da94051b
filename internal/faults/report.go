//go:build linux

package faults

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report sums up many runs. It is used by one goroutine.
type Report struct {
	Broker   string
	Breakage Breakage
	Results  []Result
	Wall     time.Duration
}

// Survived counts the runs without a violation.
func (r *Report) Survived() int {
	n := 0
	for _, result := range r.Results {
		if len(result.Violations) == 0 {
			n++
		}
	}
	return n
}

// WriteMarkdown writes the totals and the table of faults.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var records, letters, repeats, views int
	for _, result := range r.Results {
		records += result.Records
		letters += result.Letters
		repeats += result.Repeats
		views += result.Views
	}
	var b strings.Builder
	title := r.Broker
	if r.Breakage != Intact {
		title += ", broken on purpose: " + string(r.Breakage)
	}
	fmt.Fprintf(&b, "### %s\n\n", title)
	fmt.Fprintf(&b, "%d runs, %d survived. %d records in the logs (%d of them dead letters, %d repeats left out), %d views compared, %.0f minutes.\n\n",
		len(r.Results), r.Survived(), records, letters, repeats, views, r.Wall.Minutes())
	fmt.Fprintf(&b, "After the last fault the group had caught up within %s in half of the runs, within %s in all.\n\n",
		r.caughtUp(0.5), r.caughtUp(1))
	fmt.Fprintf(&b, "| fault | times | in runs | of them survived |\n|---|--:|--:|--:|\n")
	for _, kind := range Kinds() {
		r.row(&b, kind)
	}
	r.failures(&b)
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

// caughtUp is a quantile of the times to catch up.
func (r *Report) caughtUp(q float64) time.Duration {
	var times []time.Duration
	for _, x := range r.Results {
		times = append(times, x.CaughtUp)
	}
	slices.Sort(times)
	if len(times) == 0 {
		return 0
	}
	return times[int(q*float64(len(times)-1))].Round(100 * time.Millisecond)
}

func (r *Report) row(b *strings.Builder, kind Kind) {
	var times, runs, survived int
	for _, result := range r.Results {
		if n := result.Struck[kind]; n > 0 {
			times += n
			runs++
			if len(result.Violations) == 0 {
				survived++
			}
		}
	}
	if runs == 0 {
		fmt.Fprintf(b, "| %s | 0 | – | – |\n", kind)
		return
	}
	fmt.Fprintf(b, "| %s | %d | %d | %d |\n", kind, times, runs, survived)
}

// failures lists seeds; the list of a protocol that was broken on purpose is
// only a few examples.
func (r *Report) failures(b *strings.Builder) {
	failed := slices.DeleteFunc(slices.Clone(r.Results), func(x Result) bool { return len(x.Violations) == 0 })
	if r.Breakage != Intact {
		failed = failed[:min(3, len(failed))]
	}
	if len(failed) > 0 {
		fmt.Fprintf(b, "\n")
	}
	for _, x := range failed {
		fmt.Fprintf(b, "- seed %d: %s\n", x.Plan.Seed, shorten(strings.Join(x.Violations, "; ")))
	}
}

func shorten(text string) string {
	const most = 400
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
