package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// document is the OpenAPI document as a client sees it.
func (r *running) document() map[string]any {
	r.t.Helper()
	answer := r.get("/openapi.json")
	if answer.status != http.StatusOK || answer.header.Get("Content-Type") != "application/json" {
		r.t.Fatalf("got %d %s", answer.status, answer.header.Get("Content-Type"))
	}
	return decodeReply[map[string]any](r.t, answer)
}

func TestOpenAPIAgreesWithTheRoutes(t *testing.T) {
	s := start(t, nil)
	var described []string
	for path, item := range s.document()["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			described = append(described, strings.ToUpper(method)+" "+regexp.MustCompile(`{(\w+)}`).ReplaceAllString(path, ":$1"))
		}
	}
	var served []string
	for _, route := range s.app.GetRoutes(true) {
		pages := route.Path == "/" || strings.HasPrefix(route.Path, "/assets/") || route.Path == "/index.html"
		if route.Method != http.MethodHead && !pages {
			served = append(served, route.Method+" "+route.Path)
		}
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described %q\nserved    %q", described, served)
	}
}

// What every reader of OpenAPI 3.1 relies on; a whole validator would be the
// largest dependency of the module.
func TestOpenAPIIsWellFormed(t *testing.T) {
	doc := start(t, nil).document()
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi: got %v", doc["openapi"])
	}
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	used := map[string]bool{}
	walk(doc, func(node map[string]any) {
		ref, ok := node["$ref"].(string)
		if !ok {
			return
		}
		name, ok := strings.CutPrefix(ref, "#/components/schemas/")
		if used[name] = true; !ok || schemas[name] == nil {
			t.Errorf("%s points nowhere", ref)
		}
	})
	for name := range schemas {
		if !used[name] {
			t.Errorf("schema %s is used nowhere", name)
		}
	}
	ids := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			checkOperation(t, method+" "+path, path, op.(map[string]any), ids)
		}
	}
}

func checkOperation(t *testing.T, name, path string, op map[string]any, ids map[string]bool) {
	t.Helper()
	id, _ := op["operationId"].(string)
	if id == "" || ids[id] {
		t.Errorf("%s: operationId %q is empty or used twice", name, id)
	}
	ids[id] = true
	if op["summary"] == "" || op["summary"] == nil {
		t.Errorf("%s has no summary", name)
	}
	responses, _ := op["responses"].(map[string]any)
	if len(responses) == 0 {
		t.Errorf("%s has no responses", name)
	}
	for status, r := range responses {
		if description, _ := r.(map[string]any)["description"].(string); description == "" {
			t.Errorf("%s: response %s has no description", name, status)
		}
	}
	var inPath []string
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		param := p.(map[string]any)
		if param["in"] == "path" {
			inPath = append(inPath, "{"+param["name"].(string)+"}")
			if param["required"] != true {
				t.Errorf("%s: path parameter %s is not required", name, param["name"])
			}
		}
	}
	if want := regexp.MustCompile(`{\w+}`).FindAllString(path, -1); !slices.Equal(inPath, want) {
		t.Errorf("%s: path parameters %q, want %q", name, inPath, want)
	}
}

// walk visits every object of a JSON value.
func walk(node any, visit func(map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		visit(node)
		for _, key := range slices.Sorted(maps.Keys(node)) {
			walk(node[key], visit)
		}
	case []any:
		for _, item := range node {
			walk(item, visit)
		}
	}
}

func TestDocsWorkWithoutInternet(t *testing.T) {
	s := start(t, nil)
	page := s.get("/docs")
	text := string(page.body)
	if page.status != http.StatusOK || !strings.Contains(text, "<h1>Millrace") {
		t.Fatalf("got %d", page.status)
	}
	for _, want := range []string{"POST</span> /v1/events", "GET</span> /v1/users/{id}", "application/x-ndjson", `id="Problem"`, "add_to_cart"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, banned := range []string{"<script", `src="http`, `href="http`, "unpkg", "ZgotmplZ"} {
		if strings.Contains(text, banned) {
			t.Errorf("the page contains %s", banned)
		}
	}
	for _, link := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, `id="`+link[1]+`"`) {
			t.Errorf("link to #%s goes nowhere", link[1])
		}
	}
	// The policy allows exactly the style that is on the page.
	style := text[strings.Index(text, "<style>")+len("<style>") : strings.Index(text, "</style>")]
	sum := sha256.Sum256([]byte(style))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(page.header.Get("Content-Security-Policy"), want) {
		t.Errorf("policy %s lacks %s", page.header.Get("Content-Security-Policy"), want)
	}
}

// The examples of the document are taken by the server.
func TestExamplesAreTaken(t *testing.T) {
	s := start(t, nil)
	doc := s.document()
	post := func(path, contentType string, body []byte) reply {
		return s.do(http.MethodPost, path, body, "Content-Type", contentType)
	}
	content := doc["paths"].(map[string]any)["/v1/events"].(map[string]any)["post"].(map[string]any)["requestBody"].(map[string]any)["content"].(map[string]any)
	lines := content["application/x-ndjson"].(map[string]any)["example"].(string)
	if answer := post("/v1/events", "application/x-ndjson", []byte(lines)); answer.status != http.StatusAccepted {
		t.Errorf("lines: got %d %s", answer.status, answer.body)
	}
	cloud := content["application/cloudevents+json"].(map[string]any)["example"]
	if body, err := json.Marshal(cloud); err != nil || post("/v1/events", "application/cloudevents+json", body).status != http.StatusAccepted {
		t.Errorf("cloudevent: %s is not taken", body)
	}
	for name, example := range content["application/json"].(map[string]any)["examples"].(map[string]any) {
		body, err := json.Marshal(example.(map[string]any)["value"])
		if err != nil {
			t.Fatal(err)
		}
		answer := post("/v1/events", "application/json", body)
		if receipt := decodeReply[Receipt](t, answer); len(receipt.Rejected) > 0 {
			t.Errorf("%s: got %s", name, answer.body)
		}
	}
}

// everywhere are statuses that any route can answer, documented or not.
func everywhere(status int) bool {
	switch status {
	case http.StatusNotModified, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusRequestHeaderFieldsTooLarge,
		http.StatusNotImplemented, http.StatusInternalServerError, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// checkDocumented compares an answer with what the OpenAPI document says of its
// route. Every answer of every test comes through here.
func (r *running) checkDocumented(method, path string, got reply) {
	r.t.Helper()
	op := r.operationOf(method, path)
	if op == nil || method == http.MethodHead {
		return
	}
	response := op.Responses[strconv.Itoa(got.status)]
	if response == nil {
		if !everywhere(got.status) {
			r.t.Errorf("%s %s answers %d, which is not documented", method, path, got.status)
		}
		return
	}
	if len(got.body) == 0 && len(response.Content) == 0 {
		return
	}
	contentType := mediaType(got.header.Get("Content-Type"))
	media := response.Content[contentType]
	if media == nil {
		r.t.Errorf("%s %s answers %d with %s, which is not documented", method, path, got.status, contentType)
	} else if media.Schema != nil {
		validate(r.t, r.registry(), media.Schema, got.body)
	}
}

// operationOf finds the operation of a request.
func (r *running) operationOf(method, path string) *huma.Operation {
	path, _, _ = strings.Cut(path, "?")
	for pattern, item := range r.huma.OpenAPI().Paths {
		if ok, _ := regexp.MatchString("^"+regexp.MustCompile(`{\w+}`).ReplaceAllString(pattern, "[^/]+")+"$", path); ok {
			for _, op := range operationsOf(item) {
				if op.Method == method {
					return op
				}
			}
		}
	}
	return nil
}

// validate checks JSON against a schema of the document.
func validate(t testing.TB, registry huma.Registry, schema *huma.Schema, body []byte) {
	t.Helper()
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Errorf("%v in %s", err, body)
		return
	}
	res := &huma.ValidateResult{}
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, res)
	for _, err := range res.Errors {
		t.Errorf("not as documented: %v in %.300s", err, body)
	}
}

// What the store answers is what the document describes; do checks each body.
func TestAnswersAreAsDocumented(t *testing.T) {
	s := start(t, func(_ *Config, d *Deps) { d.Asker = askFunc(sampleAnswer) })
	for _, question := range []string{exampleTrends, exampleFunnel} {
		if answer := s.question(question); answer.status != http.StatusOK {
			t.Errorf("got %d %s", answer.status, answer.body)
		}
	}
}
