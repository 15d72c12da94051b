package bench

import (
	"fmt"
	"slices"
	"strings"
)

// olapTables writes runs as Markdown: a table of times for each, one of what was
// read, and the goals.
func olapTables(runs []olapRun) string {
	var b strings.Builder
	for _, r := range runs {
		fmt.Fprintf(&b, "### %d million events\n\n%s; %.1f µs of the store's processor per event to make and store them. On disk, MB (by_person is inside events): %s\n\n",
			r.Events/1_000_000, r.Machine, r.Fill, r.disk())
		b.WriteString("| median (p95, p99) ms |")
		for _, lane := range r.Lanes {
			b.WriteString(" " + lane + " |")
		}
		b.WriteString(" rows read | MB read | peak MB |\n|---|" + strings.Repeat("---|", len(r.Lanes)+3) + "\n")
		for _, q := range olapQuestions() {
			fmt.Fprintf(&b, "| %s |", q.name)
			for _, lane := range r.Lanes {
				b.WriteString(" " + r.Figures[lane+" "+q.name].cell() + " |")
			}
			f := r.Figures[laneSettled+" "+q.name]
			fmt.Fprintf(&b, " %d | %.1f | %s |\n", f.RowsRead, float64(f.BytesRead)/1e6, f.peak())
		}
		b.WriteString("\nProcessor time, mean ms:\n\n| |" + strings.Join(r.Lanes, " | ") + " |\n|---|" + strings.Repeat("---|", len(r.Lanes)) + "\n")
		for _, q := range olapQuestions() {
			fmt.Fprintf(&b, "| %s |", q.name)
			for _, lane := range r.Lanes {
				b.WriteString(" " + r.Figures[lane+" "+q.name].processor() + " |")
			}
			b.WriteString("\n")
		}
		b.WriteString("\n" + r.goals() + "\n")
	}
	return b.String()
}

func (r olapRun) disk() string {
	var parts []string
	for table, mb := range r.Disk {
		parts = append(parts, fmt.Sprintf("%s %.0f", table, mb))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// cell is a lane's figure in the table.
func (f olapFigures) cell() string {
	switch {
	case f.Note != "":
		return "failed"
	case f.Rounds == 0:
		return "–"
	}
	return fmt.Sprintf("%s (%s, %s)", milliseconds(f.Median), milliseconds(f.P95), milliseconds(f.P99))
}

func (f olapFigures) processor() string {
	if f.Rounds == 0 || f.Processor == 0 {
		return "–"
	}
	return milliseconds(f.Processor)
}

func (f olapFigures) peak() string {
	if f.Peak == 0 {
		return "–"
	}
	return fmt.Sprint((f.Peak + 1<<20 - 1) >> 20)
}

func milliseconds(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// goals says how far the figures are from the design's.
func (r olapRun) goals() string {
	var b strings.Builder
	ours := r.Figures[laneSettled+" funnel"]
	for _, naive := range []string{"funnel", "funnel, naive with a filter"} {
		plain := r.Figures[laneNaive+" "+naive]
		if ours.Median > 0 && plain.Median > 0 {
			fmt.Fprintf(&b, "- %s: %.1f times as fast as plain SQL by the clock, %.1f by processor time (goal 5)\n", naive, plain.Median/ours.Median, plain.Processor/ours.Processor)
		}
	}
	for _, name := range dashboard {
		f, asked := r.Figures[laneSettled+" "+name]
		if !asked {
			continue
		}
		verdict := "met"
		if f.P99 >= 50 {
			verdict = "missed"
		}
		fmt.Fprintf(&b, "- %s: p99 %s ms (goal below 50): %s\n", name, milliseconds(f.P99), verdict)
	}
	return b.String()
}
