package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"millrace/internal/nearest"
)

// subject puts the items where the kind has them.
func (d *draft) subject(items []*itemNode) error {
	switch d.shape.kind {
	case "trends":
		return d.list("series", items)
	case "funnel":
		return d.list("steps", items)
	case "retention":
		for i, field := range []string{"start", "return"} {
			value, err := d.item("/"+field, items[i])
			if err != nil {
				return err
			}
			if err := d.put(field, value, items[i].Pos.Column); err != nil {
				return err
			}
		}
		return nil
	}
	if len(items) == 0 {
		return nil
	}
	return d.single(items[0])
}

// single is the one event, or video, that a question is about.
func (d *draft) single(item *itemNode) error {
	if item.Where != nil {
		return errorAt(item.Where.Pos.Column, "conditions of %s stand behind where, without brackets", d.shape.kind)
	}
	if item.Optional != nil {
		return errorAt(item.Optional.Pos.Column, "only a step of a funnel may be optional; leave it out, or write the event's name in quotes")
	}
	if item.Name != nil {
		return errorAt(item.Name.Pos.Column, "there is nothing to name in %s; leave it out", d.shape.kind)
	}
	event, err := d.events(item.Events, "/event")
	if err != nil || event == nil {
		return err
	}
	field := "event"
	if d.shape.kind == "video" {
		field = "video_id"
	}
	return d.put(field, event, item.Pos.Column)
}

func (d *draft) list(field string, items []*itemNode) error {
	values := make([]map[string]any, len(items))
	for i, item := range items {
		var err error
		if values[i], err = d.item(fmt.Sprintf("/%s/%d", field, i), item); err != nil {
			return err
		}
	}
	return d.put(field, values, items[0].Pos.Column)
}

// item is one series or step.
func (d *draft) item(pointer string, item *itemNode) (map[string]any, error) {
	d.columns[pointer] = item.Pos.Column
	event, err := d.events(item.Events, pointer+"/event")
	if err != nil {
		return nil, err
	}
	value := map[string]any{"event": event}
	if item.Where != nil {
		value["where"] = d.span(item.Where, pointer+"/where")
	}
	if item.Optional != nil {
		if d.shape.kind != "funnel" {
			return nil, errorAt(item.Optional.Pos.Column, "only a step of a funnel may be optional; leave it out, or write the event's name in quotes")
		}
		value["optional"] = true
		d.columns[pointer+"/optional"] = item.Optional.Pos.Column
	}
	if item.Name != nil {
		if d.shape.kind == "retention" {
			return nil, errorAt(item.Name.Pos.Column, "there is nothing to name in retention; leave it out")
		}
		if value["name"], err = item.Name.text(); err != nil {
			return nil, err
		}
		d.columns[pointer+"/name"] = item.Name.Pos.Column
	}
	if item.By == nil {
		return value, nil
	}
	if d.shape.kind != "trends" || !slices.Contains(measures(), strings.ToLower(item.By.Word)) {
		return nil, errorAt(item.By.Pos.Column, "%q cannot stand between two items; put it behind the last one", "by "+item.By.Word)
	}
	return value, d.measureOf(item.By, value, pointer)
}

// events is one name, several, or null for any.
func (d *draft) events(nodes []*eventNode, pointer string) (any, error) {
	d.columns[pointer] = nodes[0].Pos.Column
	names := make([]string, len(nodes))
	for i, n := range nodes {
		if n.Any {
			if len(nodes) > 1 {
				return nil, errorAt(n.Pos.Column, `"*" means any event already; leave the others out`)
			}
			return nil, nil
		}
		var err error
		if names[i], err = n.name(); err != nil {
			return nil, err
		}
		d.columns[fmt.Sprintf("%s/any_of/%d", pointer, i)] = n.Pos.Column
	}
	if len(names) == 1 {
		return names[0], nil
	}
	return map[string]any{"any_of": names}, nil
}

func (n *eventNode) name() (string, error) {
	if n.Text != nil {
		return unquote(*n.Text, n.Pos.Column)
	}
	return strings.Join(append([]string{string(n.Word)}, n.Rest...), "."), nil
}

func (n *labelNode) text() (string, error) {
	if n.Text != nil {
		return unquote(*n.Text, n.Pos.Column)
	}
	return *n.Word, nil
}

// span is an expression of an item.
func (d *draft) span(n *spanNode, pointer string) string {
	d.columns[pointer] = n.Pos.Column
	return d.written(n.Pos, n.EndPos)
}

func (d *draft) property(n *propertyNode, pointer string) string {
	d.columns[pointer] = n.Pos.Column
	return d.written(n.Pos, n.EndPos)
}

// written is a part of the text as it stands there.
func (d *draft) written(from, to lexer.Position) string {
	return strings.TrimSpace(d.text[from.Offset:to.Offset])
}

// clause puts one clause where the kind has it.
func (d *draft) clause(c *clauseNode) error {
	column := c.Pos.Column
	if word := c.word(); !d.allows(word) {
		return d.refuse(column, word)
	}
	switch {
	case c.Where != nil:
		return d.put("where", d.written(c.Where.Pos, c.Where.EndPos), c.Where.Pos.Column)
	case c.By != nil:
		return d.by(c.By)
	case c.Breakdown != nil:
		return d.breakdown(c.Breakdown)
	case c.Last != nil:
		return d.put("from", "-"+c.Last.Length, c.Last.Pos.Column)
	case c.From != nil:
		return d.end("from", "start", c.From)
	case c.To != nil:
		return d.end("to", "end", c.To)
	case c.Excluding != nil:
		return d.excluding(c.Excluding)
	case c.Show != nil:
		return d.show(c.Show)
	case c.Explain != nil:
		return d.explain(c.Explain)
	case c.Formula != nil:
		return d.formula(c.Formula)
	case c.Timezone != nil:
		return d.timezone(c.Timezone)
	case c.Periods != nil:
		return d.number("periods", c.Periods)
	case c.List != nil:
		return d.names(c.List)
	case c.Flag != nil:
		return d.flag(c.Flag)
	}
	return d.setting(c.Setting)
}

// word is the one by which the kinds list the clause.
func (c *clauseNode) word() string {
	switch {
	case c.Where != nil:
		return "where"
	case c.By != nil:
		return "by"
	case c.Breakdown != nil:
		return "breakdown"
	case c.Last != nil:
		return "last"
	case c.From != nil:
		return "from"
	case c.To != nil:
		return "to"
	case c.Excluding != nil:
		return "excluding"
	case c.Show != nil:
		return "show"
	case c.Explain != nil:
		return "explain"
	case c.Formula != nil:
		return "formula"
	case c.Timezone != nil:
		return "timezone"
	case c.Periods != nil:
		return "periods"
	case c.List != nil:
		return strings.ToLower(c.List.Word)
	case c.Flag != nil:
		return strings.ToLower(c.Flag.Word)
	}
	return strings.ToLower(c.Setting.Word)
}

// by is an interval, or the measure of all series that name none themselves.
func (d *draft) by(n *byNode) error {
	word := strings.ToLower(n.Word)
	known := intervals()
	if d.shape.kind == "trends" {
		known = slices.Concat(intervals(), measures())
	}
	switch {
	case slices.Contains(intervals(), word) && n.Property == nil && n.Per == nil:
		return d.put("interval", word, n.Pos.Column)
	case !slices.Contains(known, word):
		return errorAt(n.Pos.Column, "%s is not counted by %q%s write %s", d.shape.kind, n.Word, hint(word, known), strings.Join(known, ", "))
	case slices.Contains(intervals(), word):
		return errorAt(n.Pos.Column, "by %s stands alone; a property or per belongs to a measure, such as by sum(amount) per user", word)
	}
	if d.columns["/by"] > 0 {
		return errorAt(n.Pos.Column, "two measures for all series; give a series its own, as in: trends view by users, purchase by total")
	}
	d.columns["/by"] = n.Pos.Column
	for i, s := range d.fields["series"].([]map[string]any) {
		if _, own := s["measure"]; own {
			continue
		}
		if err := d.measureOf(n, s, fmt.Sprintf("/series/%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// measureOf gives a series its measure.
func (d *draft) measureOf(n *byNode, series map[string]any, pointer string) error {
	series["measure"] = strings.ToLower(n.Word)
	d.columns[pointer+"/measure"] = n.Pos.Column
	if n.Property != nil {
		series["property"] = d.property(n.Property, pointer+"/property")
	} else {
		d.columns[pointer+"/property"] = n.Pos.Column
	}
	if n.Per != nil {
		series["per"] = strings.ToLower(n.Per.Word)
		d.columns[pointer+"/per"] = n.Per.Pos.Column
	}
	return nil
}

func (d *draft) breakdown(n *breakdownNode) error {
	value := map[string]any{"property": d.property(n.Property, "/breakdown/property")}
	if n.Limit != nil {
		limit, err := n.Limit.whole()
		if err != nil {
			return err
		}
		value["limit"] = limit
		d.columns["/breakdown/limit"] = n.Limit.Pos.Column
	}
	if n.Of != nil {
		if err := d.attribution(n.Of, value); err != nil {
			return err
		}
	}
	return d.put("breakdown", value, n.Property.Pos.Column)
}

func (d *draft) attribution(n *ofNode, value map[string]any) error {
	word := strings.ToLower(n.Word)
	choices := []string{"first", "last", "all", "step"}
	switch {
	case d.shape.kind != "funnel":
		return errorAt(n.Pos.Column, `only a funnel says of which event the value counts; leave "of %s" out`, n.Word)
	case !slices.Contains(choices, word):
		return errorAt(n.Pos.Column, "%q is not one of first, last, all, step 2%s", n.Word, nearest.Hint(word, choices))
	case (word == "step") != (n.Step != nil):
		return errorAt(n.Pos.Column, "write of first, of last, of all or of step 2")
	}
	value["attribution"] = word
	d.columns["/breakdown/attribution"] = n.Pos.Column
	if n.Step == nil {
		return nil
	}
	step, err := n.Step.whole()
	value["step"] = step
	d.columns["/breakdown/step"] = n.Step.Pos.Column
	return err
}

// end is one end of the range, or, in paths, the item where they begin or stop.
func (d *draft) end(field, pathField string, n *endNode) error {
	if n.Moment != nil {
		return d.put(field, momentText(*n.Moment), n.Pos.Column)
	}
	if d.shape.kind != "paths" {
		return errorAt(n.Pos.Column, "%s takes a time here, such as 2026-01-31, -7d or now", field)
	}
	name, err := n.Event.name()
	if err == nil && n.Event.Any {
		return errorAt(n.Pos.Column, `paths begin and end anywhere where nothing is said; leave "*" out`)
	}
	if err != nil {
		return err
	}
	return d.put(pathField, name, n.Pos.Column)
}

// momentText is a time in the form that the contract reads: now in any case.
func momentText(text string) string {
	if strings.EqualFold(text, "now") {
		return "now"
	}
	return text
}

func (d *draft) excluding(n *excludingNode) error {
	list, _ := d.fields["exclusions"].([]map[string]any)
	pointer := fmt.Sprintf("/exclusions/%d", len(list))
	d.columns["/exclusions"], d.columns[pointer] = n.Pos.Column, n.Pos.Column
	event, err := d.events(n.Events, pointer+"/event")
	if err != nil {
		return err
	}
	value := map[string]any{"event": event}
	if n.Where != nil {
		value["where"] = d.span(n.Where, pointer+"/where")
	}
	if err := d.between(n.From, n.To, value, pointer); err != nil {
		return err
	}
	d.fields["exclusions"] = append(list, value)
	return nil
}

// between puts the steps of "between 1 and 3" into what they are said of.
func (d *draft) between(from, to *numberNode, value map[string]any, pointer string) error {
	if from == nil {
		return nil
	}
	for _, step := range []struct {
		field  string
		number *numberNode
	}{{"from_step", from}, {"to_step", to}} {
		n, err := step.number.whole()
		if err != nil {
			return err
		}
		value[step.field] = n
		d.columns[pointer+"/"+step.field] = step.number.Pos.Column
	}
	return nil
}

func (d *draft) show(n *showNode) error {
	word := strings.ToLower(n.Word)
	if !slices.Contains(views(), word) {
		return errorAt(n.Pos.Column, "a funnel does not show %q%s it shows %s", n.Word, hint(word, views()), strings.Join(views(), ", "))
	}
	if n.From != nil && word != "time_to_convert" {
		return errorAt(n.From.Pos.Column, "between belongs to show time_to_convert; leave it out of show %s", word)
	}
	if err := d.put("view", word, n.Pos.Column); err != nil {
		return err
	}
	return d.between(n.From, n.To, d.fields, "")
}

func (d *draft) explain(n *explainNode) error {
	if n.Step == nil && n.Properties == nil {
		return d.put("explain", true, n.Pos.Column)
	}
	value := map[string]any{}
	if n.Step != nil {
		step, err := n.Step.whole()
		if err != nil {
			return err
		}
		value["step"] = step
		d.columns["/explain/step"] = n.Step.Pos.Column
	}
	var names []string
	for i, p := range n.Properties {
		names = append(names, d.property(p, fmt.Sprintf("/explain/properties/%d", i)))
	}
	if names != nil {
		value["properties"] = names
	}
	return d.put("explain", value, n.Pos.Column)
}

func (d *draft) formula(n *formulaClause) error {
	list, _ := d.fields["formulas"].([]map[string]any)
	pointer := fmt.Sprintf("/formulas/%d", len(list))
	text, err := unquote(n.Text, n.Pos.Column)
	if err != nil {
		return err
	}
	value := map[string]any{"expr": text}
	// An error inside the formula counts from its first letter, behind the quote.
	d.columns["/formulas"], d.columns[pointer], d.columns[pointer+"/expr"] = n.Pos.Column, n.Pos.Column, n.Pos.Column+1
	if n.Name != nil {
		if value["name"], err = n.Name.text(); err != nil {
			return err
		}
	}
	d.fields["formulas"] = append(list, value)
	return nil
}

func (d *draft) timezone(n *zoneNode) error {
	name := strings.Join(n.Parts, "/")
	if n.Text != nil {
		var err error
		if name, err = unquote(*n.Text, n.Pos.Column); err != nil {
			return err
		}
	}
	return d.put("timezone", name, n.Pos.Column)
}

func (d *draft) number(field string, n *numberNode) error {
	value, err := n.whole()
	if err != nil {
		return err
	}
	return d.put(field, value, n.Pos.Column)
}

func (n *numberNode) whole() (int, error) { return whole(n.Number, n.Pos.Column) }

func whole(text string, column int) (int, error) {
	value, err := strconv.Atoi(text)
	if err != nil {
		return 0, errorAt(column, "%s is not a whole number", text)
	}
	return value, nil
}

func (d *draft) names(n *listNode) error {
	names := make([]string, len(n.Values))
	word := strings.ToLower(n.Word)
	for i, v := range n.Values {
		var err error
		if names[i], err = v.name(); err != nil {
			return err
		}
		if v.Any {
			return errorAt(v.Pos.Column, `"*" is no name here; a pattern stands in quotes: "/product/*"`)
		}
		d.columns[fmt.Sprintf("/%s/%d", word, i)] = v.Pos.Column
	}
	return d.put(word, names, n.Pos.Column)
}

func (d *draft) flag(n *flagNode) error {
	for _, f := range flags() {
		if f.word == strings.ToLower(n.Word) {
			return d.put(f.field, f.value, n.Pos.Column)
		}
	}
	return d.refuse(n.Pos.Column, n.Word)
}

func (d *draft) setting(n *settingNode) error {
	i := slices.IndexFunc(settings(), func(s setting) bool { return s.word == strings.ToLower(n.Word) })
	s := settings()[i]
	value, err := n.Value.as(s)
	if err != nil {
		return err
	}
	return d.put(s.fieldOf(d.shape.kind), value, n.Value.Pos.Column)
}

// as reads a value as the setting wants it.
func (v valueNode) as(s setting) (any, error) {
	switch {
	case s.takes == wantsNumber && v.Number != nil:
		return whole(*v.Number, v.Pos.Column)
	case v.Duration != nil && (s.takes == wantsLength || s.takes == ""):
		return *v.Duration, nil
	case v.Word != nil && s.takes == wantsCode:
		return *v.Word, nil
	case v.Word != nil && (s.takes == wantsWord || s.takes == ""):
		return strings.ToLower(*v.Word), nil
	case s.takes == "":
		return nil, errorAt(v.Pos.Column, "%s takes 24h or calendar", s.word)
	}
	return nil, errorAt(v.Pos.Column, "%s takes %s", s.word, s.takes)
}
