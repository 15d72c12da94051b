package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

var (
	//go:embed docs.html.tmpl
	docsTemplate string
	//go:embed docs.css
	docsStyle string
)

// docsPage is what the template shows. huma's own pages load their scripts from
// other servers; this one is plain HTML and works without internet.
type docsPage struct {
	Info     *huma.Info
	Style    template.CSS
	Sections []docsSection
	Schemas  []docsSchema
}

type docsSection struct {
	Tag        *huma.Tag
	Operations []docsOperation
}

type docsOperation struct {
	*huma.Operation

	Bodies    []docsBody
	Responses []docsBody
}

// docsBody is one content type of a request or a response.
type docsBody struct {
	Name        string // content type, or status and content type
	Description string
	Schema      *huma.Schema
	Examples    []docsExample
}

type docsExample struct {
	Summary string
	Text    string
}

type docsSchema struct {
	Name   string
	Schema *huma.Schema
	Fields []docsField
}

type docsField struct {
	Name     string
	Required bool
	Schema   *huma.Schema
}

// renderDocs makes the page from the OpenAPI document.
func renderDocs(doc *huma.OpenAPI) ([]byte, error) {
	page := docsPage{Info: doc.Info, Style: template.CSS(docsStyle), Schemas: docsSchemas(doc)}
	for _, tag := range doc.Tags {
		page.Sections = append(page.Sections, docsSection{Tag: tag, Operations: docsOperations(doc, tag.Name)})
	}
	tmpl, err := template.New("docs").Funcs(template.FuncMap{"typeOf": typeOf, "prose": prose, "join": strings.Join}).Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, page); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func docsOperations(doc *huma.OpenAPI, tag string) []docsOperation {
	var ops []docsOperation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, op := range operationsOf(doc.Paths[path]) {
			if slices.Contains(op.Tags, tag) {
				ops = append(ops, docsOperation{Operation: op, Bodies: requestBodies(op), Responses: responseBodies(op)})
			}
		}
	}
	return ops
}

func requestBodies(op *huma.Operation) []docsBody {
	if op.RequestBody == nil {
		return nil
	}
	var bodies []docsBody
	for _, name := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
		media := op.RequestBody.Content[name]
		bodies = append(bodies, docsBody{Name: name, Schema: media.Schema, Examples: docsExamples(media)})
	}
	return bodies
}

func responseBodies(op *huma.Operation) []docsBody {
	var bodies []docsBody
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		body := docsBody{Name: status, Description: r.Description}
		for name, media := range r.Content { // one each
			body.Name += " " + name
			body.Schema = media.Schema
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func docsExamples(media *huma.MediaType) []docsExample {
	var examples []docsExample
	if text, ok := media.Example.(string); ok {
		examples = append(examples, docsExample{Summary: "Example", Text: text})
	}
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		text, err := json.MarshalIndent(media.Examples[name].Value, "", "  ")
		if err != nil { // examples are constants of this package
			panic(err)
		}
		examples = append(examples, docsExample{Summary: media.Examples[name].Summary, Text: string(text)})
	}
	return examples
}

func docsSchemas(doc *huma.OpenAPI) []docsSchema {
	var all []docsSchema
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		s := docsSchema{Name: name, Schema: schemas[name]}
		for _, field := range slices.Sorted(maps.Keys(schemas[name].Properties)) {
			s.Fields = append(s.Fields, docsField{
				Name: field, Required: slices.Contains(schemas[name].Required, field), Schema: schemas[name].Properties[field]})
		}
		all = append(all, s)
	}
	return all
}

// typeOf is a schema's type as a link or a word.
func typeOf(s *huma.Schema) template.HTML {
	switch {
	case s == nil:
		return "anything"
	case s.Ref != "":
		name := template.HTMLEscapeString(s.Ref[strings.LastIndexByte(s.Ref, '/')+1:])
		return template.HTML(`<a href="#` + name + `">` + name + `</a>`)
	case len(s.OneOf) > 0:
		var choices []string
		for _, choice := range s.OneOf {
			choices = append(choices, string(typeOf(choice)))
		}
		return template.HTML(strings.Join(choices, " or "))
	case s.Type == huma.TypeArray:
		return "list of " + typeOf(s.Items)
	case s.Format != "" && s.Type == huma.TypeString:
		return template.HTML(template.HTMLEscapeString(s.Format))
	case s.Type == "":
		return "anything"
	case s.Nullable:
		return template.HTML(template.HTMLEscapeString(s.Type) + " or null")
	}
	return template.HTML(template.HTMLEscapeString(s.Type))
}

// prose is text in which `words` are code.
func prose(text string) template.HTML {
	parts := strings.Split(template.HTMLEscapeString(text), "`")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "<code>" + parts[i] + "</code>"
	}
	return template.HTML(strings.Join(parts, ""))
}

// docsPolicy allows the page's own style and nothing else.
func docsPolicy() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))
}

func (s *Server) getDocs(c *fiber.Ctx) error {
	c.Set("Content-Security-Policy", docsPolicy())
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return c.Send(s.pages.docs)
}

func (s *Server) getOpenAPI(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(s.pages.openAPI)
}
