package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/nearest"
	"millrace/olap"
)

// asking is one request that asks something: its context ends with the time that
// it may take, or when its client leaves.
func (s *Server) asking(c *fiber.Ctx, handle func(ctx context.Context, caller olap.Caller) (any, error)) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.QueryTimeout)
	defer cancel()
	ctx, stay := whileConnected(ctx, c)
	answer, err := handle(ctx, s.callerOf(c))
	stay()
	if err != nil {
		return err
	}
	return c.JSON(answer)
}

// callerOf names who asks. There are no keys yet: it is the address.
func (s *Server) callerOf(c *fiber.Ctx) olap.Caller {
	return olap.Caller{Name: s.clientIP(c).String()}
}

// postQuery answers one question.
func (s *Server) postQuery(c *fiber.Ctx) error {
	body, release, err := s.questionBody(c)
	if err != nil {
		return err
	}
	defer release()
	question, err := olap.ParseQuery(body)
	if err != nil {
		return err
	}
	return s.asking(c, func(ctx context.Context, caller olap.Caller) (any, error) {
		return s.deps.Asker.Ask(ctx, caller, question)
	})
}

// getQuery answers one question that is a line of the language.
func (s *Server) getQuery(c *fiber.Ctx) error {
	for name := range c.Queries() {
		if name != "q" {
			return ofParameter(name, fmt.Sprintf("%s is not a parameter of GET /v1/query; it has q%s", name, endSentence(nearest.Hint(name, []string{"q"}))))
		}
	}
	line := c.Query("q")
	if strings.TrimSpace(line) == "" {
		return ofParameter("q", "q is missing. Send the question as q, such as q=funnel view > purchase within 1d last 30d, percent-encoded.")
	}
	question, err := olap.ParseText(line)
	if err != nil {
		return inLine(err)
	}
	return s.asking(c, func(ctx context.Context, caller olap.Caller) (any, error) {
		answer, err := s.deps.Asker.Ask(ctx, caller, question)
		return answer, inLine(err)
	})
}

// ofParameter is the fault of one parameter.
func ofParameter(name, detail string) *Problem {
	p := newProblem(http.StatusBadRequest, codeInvalidParameter, detail)
	p.Parameter = name
	return p
}

// inLine says of a fault in a question that it stands in the parameter q.
func inLine(err error) error {
	var fault *olap.QueryError
	if !errors.As(err, &fault) {
		return err
	}
	p := problemOf(fault)
	p.Parameter = "q"
	return p
}

// postPreview tells what a question would read.
func (s *Server) postPreview(c *fiber.Ctx) error {
	body, release, err := s.questionBody(c)
	if err != nil {
		return err
	}
	defer release()
	question, err := olap.ParseQuery(body)
	if err != nil {
		return err
	}
	return s.asking(c, func(ctx context.Context, caller olap.Caller) (any, error) {
		return s.deps.Asker.Preview(ctx, caller, question)
	})
}

// Users on one page of POST /v1/query/users.
const (
	usersPage    = 100
	usersPageMax = 10_000
)

// postQueryUsers lists the users behind one number.
func (s *Server) postQueryUsers(c *fiber.Ctx) error {
	body, release, err := s.questionBody(c)
	if err != nil {
		return err
	}
	defer release()
	asked, err := readUsersQuery(body)
	if err != nil {
		return err
	}
	return s.asking(c, func(ctx context.Context, caller olap.Caller) (any, error) {
		return s.deps.Asker.People(ctx, caller, asked.question, asked.cell, asked.cursor, asked.limit)
	})
}

// usersQuery is a body of POST /v1/query/users, understood.
type usersQuery struct {
	question olap.Query
	cell     json.RawMessage
	limit    int
	cursor   string
}

func readUsersQuery(body []byte) (usersQuery, error) {
	asked := usersQuery{limit: usersPage}
	var question json.RawMessage
	err := readMembers(body, "", map[string]any{"query": &question, "cell": &asked.cell, "limit": &asked.limit, "cursor": &asked.cursor})
	if err != nil {
		return asked, err
	}
	missing := func(field, example string) error {
		return withField("/"+field, newProblem(http.StatusBadRequest, string(olap.CodeMissingField), fmt.Sprintf("%s is missing. Send %s.", field, example)))
	}
	switch {
	case question == nil:
		return asked, missing("query", "the question whose number is meant, as to POST /v1/query")
	case asked.cell == nil:
		return asked, missing("cell", `which number of the answer is meant, such as "cell":{"step":2,"outcome":"dropped"} for a funnel`)
	case asked.limit < 1 || asked.limit > usersPageMax:
		return asked, withField("/limit", newProblem(http.StatusBadRequest, string(olap.CodeInvalidValue), fmt.Sprintf("limit is %d; it goes from 1 to %d.", asked.limit, usersPageMax)))
	}
	if asked.question, err = olap.ParseQuery(question); err != nil {
		var fault *olap.QueryError
		if errors.As(err, &fault) {
			return asked, withField("/query"+fault.Field, problemOf(fault))
		}
	}
	return asked, err
}

// questionBody reads a body of JSON.
func (s *Server) questionBody(c *fiber.Ctx) (body []byte, release func(), err error) {
	if contentType := c.Get(fiber.HeaderContentType); mediaType(contentType) != "application/json" {
		return nil, nil, newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
			fmt.Sprintf("Content-Type %q is not taken here. Send the question as application/json.", contentType))
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.QueryTimeout)
	defer cancel()
	return s.readBody(ctx, c)
}

type schemaInput struct {
	Event    string `query:"event" maxLength:"512" doc:"Only events of this type, and the properties that they carry."`
	Property string `query:"property" maxLength:"512" doc:"Only this property, with up to 100 of its values."`
	Prefix   string `query:"prefix" maxLength:"512" doc:"Only values of property that begin so; without property, names that do. Whatever the case."`
}

// getSchema says which events and properties the data hold.
func (s *Server) getSchema(ctx context.Context, in *schemaInput) (*answer[DataSchema], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	catalog, err := s.deps.Catalog.Catalog(ctx, olap.CatalogFilter{Event: in.Event, Property: in.Property, Prefix: in.Prefix})
	var fault *olap.QueryError
	if errors.As(err, &fault) {
		p := problemOf(fault)
		p.Parameter = "property"
		return nil, p
	}
	if err != nil {
		return nil, err
	}
	return &answer[DataSchema]{Body: DataSchema{
		Events:      convert(catalog.Events, func(e olap.CatalogEvent) DataEvent { return DataEvent(e) }),
		Properties:  convert(catalog.Properties, dataProperty),
		SampledRows: catalog.SampledRows, StoredRows: catalog.StoredRows,
	}}, nil
}

func dataProperty(p olap.CatalogProperty) DataProperty {
	return DataProperty{Name: p.Name, Types: p.Types, Events: p.Events, Count: p.Count, FirstSeen: p.FirstSeen, LastSeen: p.LastSeen, Values: p.Values}
}
