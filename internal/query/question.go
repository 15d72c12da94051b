package query

import (
	"slices"
	"strings"

	"millrace/internal/nearest"
)

// Question is a question that was written as text, as the JSON that means the
// same. It is immutable.
type Question struct {
	// JSON is one object in the shape of the HTTP contract. Whether its names and
	// values mean anything is for the reader of that contract to say.
	JSON    []byte
	columns map[string]int
}

// Column is where the value at a JSON pointer was written, counted in letters
// from 1. A value that the text does not spell out lies where its parent does,
// at last at the question's beginning.
func (q *Question) Column(pointer string) int {
	for pointer != "" {
		if column, ok := q.columns[pointer]; ok {
			return column
		}
		pointer = pointer[:strings.LastIndexByte(pointer, '/')]
	}
	return 1
}

// ParseQuestion reads one line of the language and translates it. The error is
// an [*Error].
//
// A line break counts as a blank, in quotes too.
func ParseQuestion(text string) (*Question, error) {
	text = strings.NewReplacer("\r\n", "  ", "\n", " ", "\r", " ").Replace(text)
	if strings.TrimSpace(text) == "" {
		return nil, errorAt(1, "the question is empty; write one such as: %s", shapes()[1].example)
	}
	if err := checkSize(text); err != nil {
		return nil, err
	}
	node, err := questionParser.ParseString("", text)
	if err != nil {
		return nil, explainQuestion(err, text)
	}
	kind := strings.ToLower(node.Kind.Word)
	s, ok := shapeOf(kind)
	if !ok {
		return nil, unknownKind(node.Kind.Pos.Column, kind)
	}
	d := &draft{text: text, shape: s, columns: map[string]int{}, fields: map[string]any{"kind": kind}}
	if err := d.fill(node); err != nil {
		return nil, err
	}
	body, err := encode(d.fields)
	if err != nil {
		return nil, errorAt(1, "%v", err)
	}
	return &Question{JSON: body, columns: d.columns}, nil
}

func unknownKind(column int, kind string) *Error {
	hint := nearest.Hint(kind, kindNames())
	if hint == "" {
		hint = ";"
	}
	return errorAt(column, "%q is no kind of question%s there are %s", kind, hint, strings.Join(kindNames(), ", "))
}

// draft is a question in the making.
type draft struct {
	text    string
	shape   shape
	fields  map[string]any
	columns map[string]int // by JSON pointer
}

// put sets a field of the question, once.
func (d *draft) put(field string, value any, column int) error {
	if _, ok := d.fields[field]; ok {
		return errorAt(column, "%s is said twice, at column %d too; keep one", field, d.columns["/"+field])
	}
	d.fields[field] = value
	d.columns["/"+field] = column
	return nil
}

func (d *draft) fill(node *questionNode) error {
	items, err := d.items(node)
	if err != nil {
		return err
	}
	clauses := node.Clauses
	if last := len(items) - 1; last >= 0 && items[last].By != nil {
		// What follows the last item holds for all: it is a clause.
		clauses = append([]*clauseNode{{Pos: items[last].By.Pos, By: items[last].By}}, clauses...)
		items[last].By = nil
	}
	if err := d.subject(items); err != nil {
		return err
	}
	for _, c := range clauses {
		if err := d.clause(c); err != nil {
			return err
		}
	}
	return nil
}

// items lists the items, once their number and what parts them fit the kind.
func (d *draft) items(node *questionNode) ([]*itemNode, error) {
	items := node.Items
	for _, m := range node.More {
		if m.Separator != d.shape.separator && d.shape.most > 1 {
			return nil, errorAt(m.Pos.Column, "found %q; in %s it is %q, as in: %s", m.Separator, d.shape.kind, d.shape.separator, d.shape.example)
		}
		items = append(items, m.Item)
	}
	switch {
	case len(items) > d.shape.most && d.shape.most == 0:
		return nil, errorAt(items[0].Pos.Column, "%s is not about one event, found %q; write it as in: %s", d.shape.kind, d.word(items[0]), d.shape.example)
	case len(items) > d.shape.most:
		return nil, errorAt(items[d.shape.most].Pos.Column, "%s takes %d at most, this is one more; write it as in: %s", d.shape.kind, d.shape.most, d.shape.example)
	case len(items) < d.shape.least:
		return nil, errorAt(d.afterItems(node), "%s needs %s; write it as in: %s", d.shape.kind, counted(d.shape.least), d.shape.example)
	}
	return items, nil
}

// afterItems is the column where a missing item would stand.
func (d *draft) afterItems(node *questionNode) int {
	if len(node.Clauses) > 0 {
		return node.Clauses[0].Pos.Column
	}
	return len([]rune(strings.TrimRight(d.text, " "))) + 1
}

func counted(n int) string {
	if n == 1 {
		return "an event"
	}
	return "two events"
}

// word is the first word of an item, for messages.
func (d *draft) word(item *itemNode) string {
	rest := d.text[item.Pos.Offset:]
	if i := strings.IndexAny(rest, " ,>"); i > 0 {
		rest = rest[:i]
	}
	return rest
}

func (d *draft) allows(clause string) bool { return slices.Contains(d.shape.clauses, clause) }

// refuse tells that a clause is not one of the kind.
func (d *draft) refuse(column int, clause string) error {
	return errorAt(column, "%s has no %q%s it takes %s", d.shape.kind, clause, hint(clause, d.shape.clauses), strings.Join(d.shape.clauses, ", "))
}
