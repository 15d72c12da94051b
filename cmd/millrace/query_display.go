package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// display writes answers for people.
type display struct {
	out   io.Writer
	width int  // letters in a line
	fancy bool // a terminal that shows blocks; plain letters otherwise
}

// Bars are drawn where at least minBar letters are left for them.
const (
	minBar = 8
	maxBar = 40
)

func (d display) answer(a *answered) error {
	var b strings.Builder
	for i, t := range a.tables {
		if i > 0 {
			b.WriteString("\n")
		}
		d.table(&b, t)
	}
	if len(a.facts) > 0 {
		b.WriteString("\n")
	}
	for _, fact := range a.facts {
		fmt.Fprintf(&b, "%s: %s\n", words(fact[0]), readable(fact[0], fact[1]))
	}
	d.footer(&b, a)
	_, err := io.WriteString(d.out, b.String())
	return err
}

// footer says what the answer covers and how it came about.
func (d display) footer(b *strings.Builder, a *answered) {
	m := a.meta
	fmt.Fprintf(b, "\n%s to %s, %s", shortTime(m.From), shortTime(m.To), m.Timezone)
	if m.StoredUntil != nil {
		fmt.Fprintf(b, "; stored until %s", *m.StoredUntil)
	}
	if m.Cached {
		b.WriteString("; from memory\n")
	} else {
		fmt.Fprintf(b, "; %s rows read in %.0f ms\n", thousands(strconv.FormatUint(m.RowsRead, 10)), m.ElapsedMS)
	}
	for _, t := range a.tables {
		if len(t.open) > 0 || slices.ContainsFunc(t.rows, func(row []string) bool { return strings.HasSuffix(row[len(row)-1], "*") }) {
			b.WriteString("* may still change\n")
			break
		}
	}
	for _, w := range m.Warnings {
		fmt.Fprintf(b, "! %s\n", w)
	}
}

// table writes one table, as many of its columns as the line holds.
func (d display) table(b *strings.Builder, t table) {
	if t.title != "" {
		fmt.Fprintf(b, "%s\n", words(t.title))
	}
	cells := d.cells(t)
	widths := widthsOf(cells)
	shown, bar := d.fit(t, widths)
	for i, row := range cells {
		var line strings.Builder
		for j, cell := range row[:shown] {
			pad := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell))
			if t.isText(j) {
				line.WriteString(cell + pad + "  ")
			} else {
				line.WriteString(pad + cell + "  ")
			}
		}
		if i > 0 && bar > 0 {
			line.WriteString(d.bar(t, i-1, min(bar, maxBar)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if left := len(widths) - shown; left > 0 {
		fmt.Fprintf(b, "(columns left out: %d; make the terminal wider, or use --csv)\n", left)
	}
}

// fit says how many columns a line holds, and how many letters are left for bars;
// 0 where there are none. A bar says more than the last columns do.
func (d display) fit(t table, widths []int) (shown, bar int) {
	wanted := 0
	if t.bar >= 0 && len(t.rows) > 1 {
		wanted = minBar
	}
	used := 0
	for shown < len(widths) && (shown == 0 || used+widths[shown]+2+wanted <= d.width || shown <= t.bar && used+widths[shown] <= d.width) {
		used += widths[shown] + 2
		shown++
	}
	if bar = d.width - used; wanted == 0 || bar < wanted || t.bar >= shown {
		bar = 0
	}
	return shown, bar
}

// isText tells whether a column holds words or times.
func (t table) isText(column int) bool {
	for _, row := range t.rows {
		text := strings.TrimRight(row[column], "%*")
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return column == 0
		}
	}
	return true
}

// cells are the heading and the rows, readable.
func (d display) cells(t table) [][]string {
	heading := make([]string, len(t.columns))
	for i, c := range t.columns {
		heading[i] = headings.Replace(words(c))
	}
	cells := [][]string{heading}
	for i, row := range t.rows {
		line := make([]string, len(row))
		for j, cell := range row {
			line[j] = readable(t.columns[j], cell)
		}
		if slices.Contains(t.open, i) {
			line[0] += "*"
		}
		cells = append(cells, line)
	}
	return cells
}

// headings say what is seen anyway: cells show lengths of time and per cent.
var headings = strings.NewReplacer("rate from ", "of ", " seconds", "", " rate", "")

func widthsOf(cells [][]string) []int {
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for j, cell := range row {
			widths[j] = max(widths[j], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// bar draws the share that a row has of the largest one.
func (d display) bar(t table, row, width int) string {
	largest := 0.0
	for _, r := range t.rows {
		v, _ := strconv.ParseFloat(r[t.bar], 64)
		largest = max(largest, math.Abs(v))
	}
	v, err := strconv.ParseFloat(t.rows[row][t.bar], 64)
	if err != nil || largest == 0 {
		return ""
	}
	share := math.Abs(v) / largest * float64(width)
	if !d.fancy {
		return strings.Repeat("#", int(math.Round(share)))
	}
	eighths := int(math.Round(share * 8))
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return bar
}

// words is a name as people write it.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// readable writes a value as its name suggests: a rate in per cent, seconds as a
// length of time, a time without what is zero, a number with its thousands
// apart. Null is a dash.
func readable(name, value string) string {
	number, err := strconv.ParseFloat(value, 64)
	isNumber := err == nil && !math.IsInf(number, 0) && !math.IsNaN(number)
	switch {
	case value == "":
		return "-"
	case isNumber && strings.Contains(name, "rate"):
		return fmt.Sprintf("%.1f%%", 100*number)
	case isNumber && strings.HasSuffix(name, "seconds"):
		return length(number)
	case isNumber:
		return thousands(value)
	}
	return shortTime(value)
}

// shareOf is a part of a whole, as a rate; empty where there is no whole.
func shareOf(part, whole string) string {
	p, err := strconv.ParseFloat(part, 64)
	w, wholeErr := strconv.ParseFloat(whole, 64)
	if err != nil || wholeErr != nil || w == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f%%", 100*p/w)
}

// shortTime leaves out of a time what is zero, and its zone, which the footer has.
func shortTime(text string) string {
	label, rest, _ := strings.Cut(text, " ")
	t, err := time.Parse(time.RFC3339, label)
	if err != nil {
		return text
	}
	layout := "2006-01-02 15:04:05"
	switch {
	case t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0:
		layout = "2006-01-02"
	case t.Second() == 0:
		layout = "2006-01-02 15:04"
	}
	return strings.TrimSpace(t.Format(layout) + " " + rest)
}

// length writes seconds.
func length(seconds float64) string {
	if seconds < 60 {
		return strconv.FormatFloat(math.Round(seconds*10)/10, 'f', -1, 64) + "s"
	}
	whole := time.Duration(math.Round(seconds)) * time.Second
	if whole >= 48*time.Hour {
		return fmt.Sprintf("%.1fd", whole.Hours()/24)
	}
	text := whole.String()
	for _, none := range []string{"m0s", "h0m"} { // a part of 0, not the end of 20
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// thousands sets the digits of a number apart; what follows the point is cut to
// two digits, where it is longer than money.
func thousands(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	if strings.ContainsAny(number, "eE") {
		return number
	}
	if len(fraction) > 2 {
		v, _ := strconv.ParseFloat(number, 64)
		whole, fraction, _ = strings.Cut(strconv.FormatFloat(v, 'f', 2, 64), ".")
	}
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}

// preview shows what a question would read, and its SQL.
func (d display) preview(text json.RawMessage) error {
	var p struct {
		Question   json.RawMessage `json:"question"`
		Text       string          `json:"text"`
		Estimate   estimate        `json:"estimate"`
		Budget     uint64          `json:"budget_rows"`
		Fits       bool            `json:"fits"`
		Statements []struct {
			estimate
			SQL string `json:"sql"`
		} `json:"statements"`
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("read the preview: %w", err)
	}
	var b strings.Builder
	if p.Text != "" {
		fmt.Fprintf(&b, "question   %s\n", p.Text)
	}
	fmt.Fprintf(&b, "as JSON    %s\nreads      %s\n", p.Question, p.Estimate)
	if p.Budget > 0 {
		verdict := "it would be answered"
		if !p.Fits {
			verdict = "it would be refused"
		}
		fmt.Fprintf(&b, "budget     %s rows: %s\n", thousands(fmt.Sprint(p.Budget)), verdict)
	}
	for i, s := range p.Statements {
		fmt.Fprintf(&b, "\n-- statement %d of %d: %s\n%s;\n", i+1, len(p.Statements), s.estimate, s.SQL)
	}
	_, err := io.WriteString(d.out, b.String())
	return err
}

// estimate is what a question or a statement would read.
type estimate struct {
	Rows  uint64 `json:"rows"`
	Bytes uint64 `json:"bytes"`
	Marks uint64 `json:"marks"`
}

func (e estimate) String() string {
	return fmt.Sprintf("about %s rows, %.1f MB, %s marks", thousands(fmt.Sprint(e.Rows)), float64(e.Bytes)/1e6, thousands(fmt.Sprint(e.Marks)))
}
