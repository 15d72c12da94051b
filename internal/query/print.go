package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Print writes a question, a JSON object in the shape of the HTTP contract, as
// one line of the language. It reports false where the language has no words
// for a part of it. What it writes is read back by [ParseQuestion] as the same
// question: that is checked before it is returned.
func Print(question []byte) (string, bool) {
	fields, ok := decodeFields(question)
	if !ok {
		return "", false
	}
	kind, _ := fields["kind"].(string)
	s, ok := shapeOf(kind)
	if !ok {
		return "", false
	}
	p := &printer{shape: s, fields: maps.Clone(fields)}
	p.subject()
	p.clauses()
	text := strings.Join(p.words, " ")
	again, err := ParseQuestion(text)
	if err != nil {
		return "", false
	}
	read, _ := decodeFields(again.JSON)
	return text, reflect.DeepEqual(read, fields)
}

// Canonical writes a question, a JSON object, without its nulls and with its
// names in order, so that the same question is the same text. It reports false
// where the question is no JSON object.
func Canonical(question []byte) ([]byte, bool) {
	fields, ok := decodeFields(question)
	if !ok {
		return nil, false
	}
	text, err := encode(fields)
	return text, err == nil
}

// encode writes JSON for people: < and > stay what they are.
func encode(v any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(text.Bytes()), err
}

// decodeFields reads an object without the fields that are null, which mean the
// same as fields left out.
func decodeFields(question []byte) (map[string]any, bool) {
	d := json.NewDecoder(bytes.NewReader(question))
	d.UseNumber()
	var fields map[string]any
	if d.Decode(&fields) != nil {
		return nil, false
	}
	return withoutNulls(fields).(map[string]any), true
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if v[name] = withoutNulls(member); member == nil {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

// printer takes fields and leaves words. Faults need no care: text that does
// not mean the question is thrown away at the end.
type printer struct {
	shape  shape
	fields map[string]any
	words  []string
}

func (p *printer) add(words ...string) { p.words = append(p.words, words...) }

// take removes a field and returns its value; nil where there is none.
func (p *printer) take(field string) any {
	v := p.fields[field]
	delete(p.fields, field)
	return v
}

func (p *printer) subject() {
	p.add(p.take("kind").(string))
	switch p.shape.kind {
	case "trends":
		p.list(p.take("series"))
	case "funnel":
		p.list(p.take("steps"))
	case "retention":
		p.list([]any{p.take("start"), p.take("return")})
	case "paths":
		for _, end := range []struct{ word, field string }{{"from", "start"}, {"to", "end"}} {
			if v := p.take(end.field); v != nil {
				p.add(end.word, eventText(v))
			}
		}
	case "video":
		if v := p.take("video_id"); v != nil {
			p.add(eventText(v))
		}
	default:
		if v := p.take("event"); v != nil {
			p.add(eventText(v))
		}
	}
}

func (p *printer) list(v any) {
	items, _ := v.([]any)
	separator := " " + p.shape.separator + " "
	if p.shape.separator == "," {
		separator = ", "
	}
	texts := make([]string, len(items))
	for i, item := range items {
		fields, _ := item.(map[string]any)
		texts[i] = itemText(fields)
	}
	p.add(strings.Join(texts, separator))
}

func itemText(item map[string]any) string {
	words := []string{eventText(item["event"])}
	if where, ok := item["where"].(string); ok {
		words = append(words, "("+where+")")
	}
	if item["optional"] == true {
		words = append(words, "optional")
	}
	if name, ok := item["name"].(string); ok {
		words = append(words, "as", nameText(name))
	}
	if measure, ok := item["measure"].(string); ok {
		words = append(words, "by", measure)
		if property, ok := item["property"].(string); ok {
			words[len(words)-1] += "(" + property + ")"
		}
		if per, ok := item["per"].(string); ok {
			words = append(words, "per", per)
		}
	}
	return strings.Join(words, " ")
}

func (p *printer) clauses() {
	for _, s := range settings() {
		if v := p.fields[s.fieldOf(p.shape.kind)]; v != nil && slices.Contains(p.shape.clauses, s.word) {
			p.add(s.word, fmt.Sprint(p.take(s.fieldOf(p.shape.kind))))
		}
	}
	for _, f := range flags() {
		if p.fields[f.field] == f.value && f.field != "interval" {
			p.take(f.field)
			p.add(f.word)
		}
	}
	p.view()
	p.explain()
	exclusions, _ := p.take("exclusions").([]any)
	for _, e := range exclusions {
		p.exclusion(e)
	}
	formulas, _ := p.take("formulas").([]any)
	for _, f := range formulas {
		p.formula(f)
	}
	for _, word := range []string{"exclude", "group"} {
		if names, ok := p.take(word).([]any); ok {
			texts := make([]string, len(names))
			for i, name := range names {
				texts[i] = eventText(name)
			}
			p.add(word, strings.Join(texts, ", "))
		}
	}
	if v := p.take("periods"); v != nil {
		p.add(fmt.Sprint(v), "periods")
	}
	p.span()
	p.breakdown()
	if v, ok := p.take("where").(string); ok {
		p.add("where", v)
	}
}

// span writes the range, the interval and the zone.
func (p *printer) span() {
	from, _ := p.take("from").(string)
	switch length, relative := strings.CutPrefix(from, "-"); {
	case relative && p.fields["to"] == nil:
		p.add("last", length)
	case from != "":
		p.add("from", from)
	}
	for _, f := range []struct{ word, field string }{{"to", "to"}, {"by", "interval"}} {
		if v, ok := p.take(f.field).(string); ok {
			p.add(f.word, v)
		}
	}
	if zone, ok := p.take("timezone").(string); ok {
		if !plainZone.MatchString(zone) {
			zone = Quote(zone)
		}
		p.add("timezone", zone)
	}
}

func (p *printer) breakdown() {
	b, ok := p.take("breakdown").(map[string]any)
	if !ok {
		return
	}
	p.add("breakdown", fmt.Sprint(b["property"]))
	if b["limit"] != nil {
		p.add("top", fmt.Sprint(b["limit"]))
	}
	if b["attribution"] != nil {
		p.add("of", fmt.Sprint(b["attribution"]))
	}
	if b["step"] != nil {
		p.add(fmt.Sprint(b["step"]))
	}
}

func (p *printer) exclusion(v any) {
	e, _ := v.(map[string]any)
	p.add("excluding", itemText(e))
	p.between(e["from_step"], e["to_step"])
}

func (p *printer) between(from, to any) {
	if from != nil {
		p.add("between", fmt.Sprint(from), "and", fmt.Sprint(to))
	}
}

func (p *printer) view() {
	view, ok := p.take("view").(string)
	if !ok {
		return
	}
	p.add("show", view)
	p.between(p.take("from_step"), p.take("to_step"))
}

func (p *printer) explain() {
	e := p.take("explain")
	if e == nil || e == false {
		return
	}
	p.add("explain")
	fields, _ := e.(map[string]any)
	if fields["step"] != nil {
		p.add("step", fmt.Sprint(fields["step"]))
	}
	names, _ := fields["properties"].([]any)
	var texts []string
	for _, name := range names {
		texts = append(texts, fmt.Sprint(name))
	}
	if texts != nil {
		p.add("using", strings.Join(texts, ", "))
	}
}

func (p *printer) formula(v any) {
	f, _ := v.(map[string]any)
	expr, _ := f["expr"].(string)
	p.add("formula", Quote(expr))
	if name, ok := f["name"].(string); ok {
		p.add("as", nameText(name))
	}
}

// plainWord is a name that needs no quotes, plainZone a time zone.
var (
	plainWord = regexp.MustCompile(`^[\p{L}_$][\p{L}\p{N}_$]*(-[\p{L}_$][\p{L}\p{N}_$]*)*$`)
	plainZone = regexp.MustCompile(`^[\p{L}_]+(/[\p{L}_]+)*$`)
)

// eventText writes the choice of events.
func eventText(v any) string {
	switch v := v.(type) {
	case nil:
		return "*"
	case string:
		return nameText(v)
	case map[string]any:
		names, _ := v["any_of"].([]any)
		texts := make([]string, len(names))
		for i, n := range names {
			texts[i] = eventText(n)
		}
		return strings.Join(texts, " | ")
	}
	return "?"
}

// nameText writes a name, in quotes where it could be taken for something else.
func nameText(name string) string {
	lower := strings.ToLower(name)
	if plainWord.MatchString(name) && !slices.Contains(reservedWords(), lower) && !slices.Contains(keywords(), lower) {
		return name
	}
	return Quote(name)
}

// EventName writes the name of an event, in quotes where it could be taken for
// something else.
func EventName(name string) string { return nameText(name) }

// NamePart writes a part of a property's name, in quotes where it needs them.
func NamePart(part string) string {
	if plainWord.MatchString(part) {
		return part
	}
	return Quote(part)
}

// Quote is a text in double quotes, as the language reads it.
func Quote(text string) string {
	quoted, err := encode(text)
	if err != nil {
		return `""`
	}
	return string(quoted)
}
