package olap

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"millrace/internal/nearest"
	"millrace/internal/query"
)

// catalogCache keeps the catalogue of everything. It is looked at anew at most
// for a twentieth of the time.
type catalogCache struct {
	mu      sync.Mutex // held while looking: one look serves all who wait
	catalog *Catalog
	at      time.Time
	fresh   time.Time
}

// Catalog looks at the data: see [Store.Catalog]. That of everything may be
// older by twenty times what looking took; names in it are found without looking.
func (g *Guard) Catalog(ctx context.Context, filter CatalogFilter) (*Catalog, error) {
	if filter.Event != "" || filter.Property != "" {
		return g.store.Catalog(ctx, filter)
	}
	c, err := g.wholeCatalog(ctx)
	if err != nil {
		return nil, err
	}
	return c.named(filter.Prefix), nil
}

func (g *Guard) wholeCatalog(ctx context.Context) (*Catalog, error) {
	k := &g.catalog
	k.mu.Lock()
	defer k.mu.Unlock()
	started := time.Now()
	if started.Before(k.fresh) {
		return k.catalog, nil
	}
	c, err := g.store.Catalog(ctx, CatalogFilter{})
	if err != nil {
		return nil, err
	}
	k.catalog, k.at, k.fresh = c, started, time.Now().Add(20*time.Since(started))
	return c, nil
}

// known is the catalogue as it was last seen; nil before that.
func (k *catalogCache) known() *Catalog {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.catalog
}

// unknownNames warns of events and properties that the data do not hold: they are
// most likely misspelt. What the last catalogue had is known without looking.
func (g *Guard) unknownNames(ctx context.Context, q Query) []string {
	m := mentioned(q)
	if c := g.catalog.known(); c != nil && len(m.missing(c)) == 0 {
		return nil
	}
	c, err := g.wholeCatalog(ctx)
	if err != nil {
		return nil // the answer is right all the same
	}
	return m.missing(c)
}

// mentions are the names that a question holds.
type mentions struct {
	events     []string
	properties []property
}

func mentioned(q Query) (m mentions) {
	m.collect(reflect.ValueOf(q).Elem())
	return m
}

// collect walks through a question: its fields, and those of what it holds.
func (m *mentions) collect(v reflect.Value) {
	if v.CanInterface() {
		switch found := v.Interface().(type) {
		case eventChoice:
			m.events = append(m.events, found.types...)
			return
		case propertyName:
			if found.given {
				m.properties = append(m.properties, found.property)
			}
			return
		case condition:
			m.expression(found.expr)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			m.collect(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			m.collect(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				m.collect(v.Field(i))
			}
		}
	}
}

func (m *mentions) expression(e query.Expr) {
	name := func(n query.Name) {
		if p, err := resolveName(n); err == nil {
			m.properties = append(m.properties, p)
		}
	}
	switch e := e.(type) {
	case query.Or:
		for _, t := range e.Terms {
			m.expression(t)
		}
	case query.And:
		for _, t := range e.Terms {
			m.expression(t)
		}
	case query.Not:
		m.expression(e.Term)
	case query.Compare:
		name(e.Name)
	case query.In:
		name(e.Name)
	case query.Contains:
		name(e.Name)
	case query.Match:
		name(e.Name)
	case query.Exists:
		name(e.Name)
	}
}

// missing says which names the catalogue does not have. Columns exist whether or
// not an event fills them, and deeper parts of an object are not listed.
func (m *mentions) missing(c *Catalog) []string {
	var warnings []string
	if c.StoredRows == 0 {
		return nil // everything is missing, and the answer shows it
	}
	events, properties := c.eventNames(), c.propertyNames()
	for _, name := range m.events {
		if !slices.Contains(events, name) {
			warnings = append(warnings, fmt.Sprintf("no event called %q is stored%s", name, nearest.Hint(name, events)))
		}
	}
	for _, p := range m.properties {
		if p.column != "" || len(p.path) > 2 {
			continue
		}
		if name := nameOf(p.parts()); !slices.Contains(properties, name) {
			who := fmt.Sprintf("none of %d events looked at", c.SampledRows)
			if p.of != "" {
				who = "none of the users looked at"
			}
			warnings = append(warnings, fmt.Sprintf("%s has %s%s", who, name, hintInside(name, properties)))
		}
	}
	slices.Sort(warnings)
	return slices.Compact(warnings)
}

// hintInside compares what lies in properties, or what is known of users, by what
// comes after that word, which would make all names alike.
func hintInside(name string, names []string) string {
	word, rest, _ := strings.Cut(name, ".")
	var short []string
	for _, n := range names {
		if other, ok := strings.CutPrefix(n, word+"."); ok {
			short = append(short, other)
		}
	}
	near := nearest.Name(rest, short)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", word+"."+near)
}
