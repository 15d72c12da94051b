package incident

import "strings"

// Window is what happened in one window, of the whole and by values of
// properties; empty names stand for the whole.
type Window struct {
	Activity []Activity
	Amounts  []Amount
	Chances  []Chances
}

// Activity counts the users and events of one type or, where Type is empty, of
// all types.
type Activity struct {
	Property, Value string
	Type            string
	Users, Events   float64
}

// Amount is money taken in one currency: currencies are never added.
type Amount struct {
	Property, Value string
	Currency        string
	Amount          float64
}

// Chances are those that a figure had, and how many of them came true.
type Chances struct {
	Measure         string
	Property, Value string
	Exposed, Seen   float64
}

// Names of figures. A share is named by its event, a conversion by its steps.
const (
	UsersFigure    = "users"
	EventsFigure   = "events"
	RejectedFigure = "share of records rejected"

	revenueFigure    = "revenue"
	revenuePrefix    = "revenue in "
	sharePrefix      = "share of users with "
	conversionPrefix = "conversion from "
	conversionMiddle = " to "
)

// ShareOf is the event that a figure is the share of, "" where it is another figure.
func ShareOf(measure string) string {
	event, ok := strings.CutPrefix(measure, sharePrefix)
	if !ok {
		return ""
	}
	return event
}

// ShareFigure names the share of users with an event.
func ShareFigure(event string) string { return sharePrefix + event }

// ConversionFigure names the share of those with one step who went on to the next.
func ConversionFigure(from, to string) string {
	return conversionPrefix + from + conversionMiddle + to
}

// RevenueFigure names money in a currency, which may be empty.
func RevenueFigure(currency string) string {
	if currency == "" {
		return revenueFigure
	}
	return revenuePrefix + currency
}

// observed is what one part had in a window.
type observed struct {
	users   float64
	figures map[string]observation
}

type observation struct {
	Bucket
	kind Kind
}

// observe arranges a window by part and figure.
func observe(win Window) map[part]*observed {
	seen := map[part]*observed{}
	at := func(property, value string) *observed {
		p := part{property, value}
		if seen[p] == nil {
			seen[p] = &observed{figures: map[string]observation{}}
		}
		return seen[p]
	}
	for _, a := range win.Activity {
		o := at(a.Property, a.Value)
		if a.Type != "" {
			o.add(sharePrefix+a.Type, Share, Bucket{Seen: a.Users})
			continue
		}
		o.users += a.Users
		o.add(UsersFigure, Count, Bucket{Seen: a.Users})
		o.add(EventsFigure, Count, Bucket{Seen: a.Events})
	}
	for _, a := range win.Amounts {
		at(a.Property, a.Value).add(RevenueFigure(a.Currency), Money, Bucket{Seen: max(0, a.Amount)})
	}
	for _, c := range win.Chances {
		at(c.Property, c.Value).add(c.Measure, Chance, Bucket{Exposed: c.Exposed, Seen: min(c.Seen, c.Exposed)})
	}
	return seen
}

// bucket is what a series of the part has had in the window.
func (o *observed) bucket(measure string, s *series, g Grid, n int) Bucket {
	if o == nil {
		o = &observed{}
	}
	b := o.figures[measure].Bucket
	switch {
	case s.Kind == Share:
		b = Bucket{Exposed: o.users, Seen: min(b.Seen, o.users)}
	case !s.Kind.shares():
		b.Exposed = s.exposed(g, n)
	}
	return b
}

func (o *observed) add(measure string, kind Kind, b Bucket) {
	sum := o.figures[measure]
	sum.kind = kind
	sum.add(b)
	o.figures[measure] = sum
}

// admit begins the series that a part does not have yet.
func (w *Watch) admit(p part, o *observed) {
	f := w.parts[p]
	if f == nil {
		if w.valuesOf(p.Property) >= valuesOf || w.Series() >= mostSeries {
			w.ignored++
			return
		}
		f = &figures{never: &series{Kind: Share}, series: map[string]*series{}}
		w.parts[p] = f
	}
	for measure, seen := range o.figures {
		if f.series[measure] == nil {
			f.series[measure] = f.begin(seen.kind)
		}
	}
}

// begin is a series of a kind before its first window. A share is what it would
// be had it been watched all along.
func (f *figures) begin(kind Kind) *series {
	s := &series{Kind: kind}
	if kind == Share {
		*s = *f.never
		s.Ring = append([]point(nil), f.never.Ring...)
	}
	return s
}

func (w *Watch) valuesOf(property string) (n int) {
	if property == "" {
		return 0
	}
	for p := range w.parts {
		if p.Property == property {
			n++
		}
	}
	return n
}
