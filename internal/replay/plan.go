package replay

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"millrace/internal/nearest"
)

// none stands for no column.
const none = -1

// plan says what becomes of each column of one file.
type plan struct {
	columns [fields]int    // of each field, or none
	consts  [fields]string // used where there is no column
	isConst [fields]bool
	spread  int // a column with an object whose members are properties, or none
	props   []*property
	leftOut []string // columns that nothing uses
	every   bool     // columns that nothing else uses are properties
	seen    int      // columns that the plan has decided on
}

// property is a member of properties: a column, a constant, or an object of
// further ones.
type property struct {
	name     string
	quoted   []byte // `"name":`
	column   int
	constant []byte // JSON
	members  []*property
}

// newPlan decides for the columns of a file. The mapping comes first; what it
// leaves open is filled by columns with well-known names; the rest become
// properties, unless there is a mapping that does not ask for them.
func newPlan(cfg *Config, file string, columns []string) (*plan, error) {
	p := &plan{spread: none, every: len(cfg.Map) == 0}
	for f := range p.columns {
		p.columns[f] = none
	}
	used := map[int]bool{}
	if err := p.assign(cfg, file, columns, used); err != nil {
		return nil, err
	}
	p.recognise(columns, used)
	if err := errors.Join(p.rest(file, columns, used), p.complete(file, columns)); err != nil {
		return nil, err
	}
	return p, nil
}

// assign follows --map and --const.
func (p *plan) assign(cfg *Config, file string, columns []string, used map[int]bool) error {
	var faults []error
	for _, a := range cfg.Map {
		if a.Target == everyProperty {
			p.every = true
			continue
		}
		i := slices.Index(columns, a.Value)
		if i < 0 {
			faults = append(faults, fmt.Errorf("%s has no column %q, which --map %s names%s; its columns are %s",
				file, a.Value, a.Target, nearest.Hint(a.Value, columns), list(columns)))
			continue
		}
		used[i] = true
		if f, ok := fieldOf(a.Target); ok {
			p.columns[f] = i
		} else {
			faults = append(faults, p.addProperty(strings.TrimPrefix(a.Target, propertyPrefix), i, nil))
		}
	}
	for _, a := range cfg.Const {
		if f, ok := fieldOf(a.Target); ok {
			p.consts[f], p.isConst[f] = a.Value, true
		} else {
			faults = append(faults, p.addProperty(strings.TrimPrefix(a.Target, propertyPrefix), none, constantJSON(a.Value)))
		}
	}
	return errors.Join(faults...)
}

// constantJSON is a constant as a property: numbers stay numbers.
func constantJSON(text string) []byte {
	if isNumber([]byte(text)) {
		return []byte(text)
	}
	return appendQuoted(nil, []byte(text))
}

// recognise gives the fields that are still open the columns whose names say
// what they hold.
func (p *plan) recognise(columns []string, used map[int]bool) {
	plain := make([]string, len(columns))
	for i, name := range columns {
		plain[i] = plainName(name)
	}
	for f, names := range wellKnown() {
		if p.columns[f] != none || p.isConst[f] {
			continue
		}
		for _, name := range names {
			if i := slices.Index(plain, name); i >= 0 && !used[i] {
				p.columns[f], used[i] = i, true
				break
			}
		}
	}
}

// rest decides for the columns that nothing uses so far.
func (p *plan) rest(file string, columns []string, used map[int]bool) error {
	p.seen = len(columns)
	var faults []error
	for i, name := range columns {
		switch {
		case used[i]:
		case !p.every:
			p.leftOut = append(p.leftOut, name)
		case name == "properties":
			p.spread = i
		case !p.addColumn(name, i):
			faults = append(faults, fmt.Errorf("%s: properties.*=* would give properties.%s a second value, from the column %q; map that column to another property, such as --map properties.%s_2=%s",
				file, name, name, name, name))
		}
	}
	return errors.Join(faults...)
}

// grow decides for columns that turned up after the plan was made.
func (p *plan) grow(columns []string) {
	for i := p.seen; i < len(columns); i++ {
		if f, ok := p.openField(plainName(columns[i])); ok {
			p.columns[f] = i
		} else if !p.every || !p.addColumn(columns[i], i) {
			p.leftOut = append(p.leftOut, columns[i])
		}
	}
	p.seen = len(columns)
}

// openField finds a field without a source that a well-known name fills.
func (p *plan) openField(plain string) (fieldIndex, bool) {
	for f, names := range wellKnown() {
		if p.columns[f] == none && !p.isConst[f] && slices.Contains(names, plain) {
			return f, true
		}
	}
	return 0, false
}

// addColumn adds a property whose name may hold dots.
func (p *plan) addColumn(name string, column int) bool {
	if slices.ContainsFunc(p.props, func(q *property) bool { return q.name == name }) {
		return false
	}
	p.props = append(p.props, newProperty(name, column, nil))
	return true
}

func newProperty(name string, column int, constant []byte) *property {
	return &property{name: name, quoted: append(appendQuoted(nil, []byte(name)), ':'), column: column, constant: constant}
}

// addProperty adds a property at a path with dots, such as a.b.
func (p *plan) addProperty(path string, column int, constant []byte) error {
	level := &p.props
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		i := slices.IndexFunc(*level, func(q *property) bool { return q.name == step })
		if i < 0 {
			*level = append(*level, newProperty(step, none, nil))
			i = len(*level) - 1
		}
		if q := (*level)[i]; q.column != none || q.constant != nil {
			return fmt.Errorf("properties.%s: %s cannot be a value and an object", path, step)
		}
		level = &(*level)[i].members
	}
	last := steps[len(steps)-1]
	if slices.ContainsFunc(*level, func(q *property) bool { return q.name == last }) {
		return fmt.Errorf("properties.%s cannot be a value and an object", path)
	}
	*level = append(*level, newProperty(last, column, constant))
	return nil
}

// complete reports what an event cannot be without.
func (p *plan) complete(file string, columns []string) error {
	var faults []error
	has := func(f fieldIndex) bool { return p.columns[f] != none || p.isConst[f] }
	missing := func(what, target, constant string) {
		remedy := "say --map " + target + "=COLUMN"
		if constant != "" {
			remedy += " or --const " + target + "=" + constant
		}
		faults = append(faults, fmt.Errorf("%s: no column gives %s; %s; the columns are %s", file, what, remedy, list(columns)))
	}
	if !has(fieldType) {
		missing("the type of the event", "type", "purchase")
	}
	if !has(fieldUserID) && !has(fieldAnonymousID) {
		missing("the user", "user_id", "")
	}
	if !has(fieldTimestamp) {
		missing("the time", "timestamp", "2024-01-31")
	}
	return errors.Join(faults...)
}

// list writes column names for a person.
func list(columns []string) string {
	const most = 40
	if len(columns) > most {
		return strings.Join(columns[:most], ", ") + fmt.Sprintf(" and %d more", len(columns)-most)
	}
	if len(columns) == 0 {
		return "(none)"
	}
	return strings.Join(columns, ", ")
}

// Source says where a field or property of the events comes from.
type Source struct {
	Target   string `json:"target"`
	Column   string `json:"column,omitempty"`
	Constant string `json:"constant,omitempty"`
}

// describe lists the sources of everything the plan fills.
func (p *plan) describe(columns []string) []Source {
	var sources []Source
	for f := range fields {
		switch {
		case p.columns[f] != none:
			sources = append(sources, Source{Target: fieldTitle(f), Column: columns[p.columns[f]]})
		case p.isConst[f]:
			sources = append(sources, Source{Target: fieldTitle(f), Constant: p.consts[f]})
		}
	}
	if p.spread != none {
		sources = append(sources, Source{Target: everyProperty, Column: columns[p.spread]})
	}
	return describeProperties(sources, "properties", p.props, columns)
}

func describeProperties(sources []Source, prefix string, props []*property, columns []string) []Source {
	for _, q := range props {
		name := prefix + "." + q.name
		switch {
		case q.column != none:
			sources = append(sources, Source{Target: name, Column: columns[q.column]})
		case q.constant != nil:
			sources = append(sources, Source{Target: name, Constant: string(q.constant)})
		default:
			sources = describeProperties(sources, name, q.members, columns)
		}
	}
	return sources
}
