package olap

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"millrace/internal/query"
)

// Catalog says which events and properties the data hold.
type Catalog struct {
	// Events are counted exactly, from the 10-minute windows; most frequent first.
	Events []CatalogEvent `json:"events"`
	// Properties are those of the sampled events, most frequent first, and traits
	// of users, such as user.plan. One that only a few events in a million carry
	// may be missing: ask for its event.
	Properties []CatalogProperty `json:"properties"`
	// SampledRows of StoredRows were looked at for the properties.
	SampledRows uint64 `json:"sampled_rows"`
	StoredRows  uint64 `json:"stored_rows"`
}

// CatalogEvent is one type of event.
type CatalogEvent struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
	// FirstSeen and LastSeen are the beginnings of 10-minute windows, by event time.
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// CatalogProperty is one property, as a question names it.
type CatalogProperty struct {
	Name string `json:"name"`
	// Types are among text, number, truth, list and object.
	Types []string `json:"types"`
	// Events are the types of events that carry it; identify for a trait.
	Events []string `json:"events"`
	// Count is about how many events carry it, or, of a trait, how many users have
	// it; exact where all rows were looked at.
	Count uint64 `json:"count"`
	// FirstSeen and LastSeen are event times among the sampled rows.
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Values are frequent ones, most frequent first; long ones are cut.
	Values []string           `json:"values"`
	times  map[string]float64 // how often each value occurs, about
}

// CatalogFilter narrows a catalogue down, so that names and values can be
// completed as they are typed.
type CatalogFilter struct {
	// Event leaves only events of this type, and their properties.
	Event string
	// Property leaves only this property, with more of its values.
	Property string
	// Prefix leaves the values of Property that begin with it (and counts only the
	// events that carry those), or, without Property, the names of events and
	// properties that do; whatever the case.
	Prefix string
}

// Values shown of each property, and of the one that is asked for.
const (
	catalogValues    = 10
	catalogAllValues = 100
)

// Catalog looks at the data. What it costs does not grow with the number of
// events: types come from the windows, properties from a sample.
func (s *Store) Catalog(ctx context.Context, filter CatalogFilter) (*Catalog, error) {
	wanted, err := filter.property()
	if err != nil {
		return nil, err
	}
	c := &Catalog{Events: []CatalogEvent{}, Properties: []CatalogProperty{}}
	if err := s.catalogEvents(ctx, filter, c); err != nil {
		return nil, err
	}
	if err := s.catalogNames(ctx, filter, wanted, c); err != nil {
		return nil, err
	}
	c.finish(filter.most())
	if filter.Property != "" {
		c.Events = []CatalogEvent{}
		return c, nil
	}
	return c.named(filter.Prefix), nil
}

// catalogNames samples what questions may name: properties of events, and of
// users.
func (s *Store) catalogNames(ctx context.Context, filter CatalogFilter, wanted []string, c *Catalog) error {
	stored, largest, err := s.rowsIn(ctx, "events")
	if err != nil {
		return err
	}
	c.StoredRows = stored
	ofUser := wanted != nil && wanted[0] == "user"
	if !ofUser {
		if err := s.catalogProperties(ctx, filter, wanted, largest, c); err != nil {
			return err
		}
	}
	if filter.Event == "" && (ofUser || wanted == nil) {
		return s.catalogTraits(ctx, filter, wanted, c)
	}
	return nil
}

// named leaves the names that begin so. The catalogue itself stays as it is.
func (c *Catalog) named(prefix string) *Catalog {
	some := *c
	some.Events, some.Properties = []CatalogEvent{}, []CatalogProperty{}
	for _, e := range c.Events {
		if hasPrefixFold(e.Name, prefix) {
			some.Events = append(some.Events, e)
		}
	}
	for _, p := range c.Properties {
		if p.begins(prefix) {
			some.Properties = append(some.Properties, p)
		}
	}
	return &some
}

// property is the name, in parts, of the property that the filter is about; nil
// where it is about all.
func (f CatalogFilter) property() ([]string, error) {
	if f.Property == "" {
		return nil, nil
	}
	name, err := query.ParseName(f.Property)
	if err != nil {
		return nil, expressionFault(CodeUnknownName, "", err)
	}
	p, err := resolveName(name)
	return p.parts(), err
}

// begins tells whether the name begins so, with or without the word properties.
func (p CatalogProperty) begins(prefix string) bool {
	if strings.HasPrefix(prefix, inside) {
		return hasPrefixFold(p.Name, prefix)
	}
	return hasPrefixFold(strings.TrimPrefix(p.Name, inside), prefix)
}

// inside is how the name of what lies in properties begins.
const inside = "properties."

func hasPrefixFold(name, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(name), strings.ToLower(prefix))
}

func (c *Catalog) eventNames() []string {
	names := make([]string, len(c.Events))
	for i, e := range c.Events {
		names[i] = e.Name
	}
	return names
}

func (c *Catalog) propertyNames() []string {
	names := make([]string, len(c.Properties))
	for i, p := range c.Properties {
		names[i] = p.Name
	}
	return names
}

// merge adds what one type of events carries to the property of the same name.
func (c *Catalog) merge(index map[string]int, found CatalogProperty) {
	i, known := index[found.Name]
	if !known {
		index[found.Name] = len(c.Properties)
		c.Properties = append(c.Properties, found)
		return
	}
	p := &c.Properties[i]
	p.Types = union(p.Types, found.Types)
	p.Events = union(p.Events, found.Events)
	p.Count += found.Count
	for value, n := range found.times {
		p.times[value] += n
	}
	if found.FirstSeen.Before(p.FirstSeen) {
		p.FirstSeen = found.FirstSeen
	}
	if found.LastSeen.After(p.LastSeen) {
		p.LastSeen = found.LastSeen
	}
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// finish orders the properties, and of each the values most frequent first.
func (c *Catalog) finish(values int) {
	for i := range c.Properties {
		p := &c.Properties[i]
		p.Values = sortedKeys(p.times)
		slices.SortStableFunc(p.Values, func(a, b string) int { return cmp.Compare(p.times[b], p.times[a]) })
		p.Values = p.Values[:min(len(p.Values), values)]
	}
	slices.SortFunc(c.Properties, func(a, b CatalogProperty) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
}
