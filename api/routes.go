package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"millrace/internal/nearest"
)

const pathLive = "/v1/live"

// routes are all of the server's, in the order of the documentation.
func (s *Server) routes() {
	s.raw(postEventsOperation(s.cfg, s.registry()), s.postEvents)
	s.raw(postSegmentBatchOperation(s.registry()), s.postSegmentBatch)
	for _, kind := range segmentKinds() {
		s.raw(postSegmentOperation(kind, s.registry()), s.postSegment(kind))
	}
	s.raw(postQueryOperation(s.registry()), s.postQuery)
	s.raw(getQueryOperation(s.registry()), s.getQuery)
	s.raw(postPreviewOperation(s.registry()), s.postPreview)
	s.raw(postQueryUsersOperation(s.registry()), s.postQueryUsers)
	typed(s, getSchemaOperation(), s.getSchema, http.StatusBadRequest, http.StatusServiceUnavailable)
	typed(s, getUserOperation(), s.getUser, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	typed(s, getUserEventsOperation(), s.getUserEvents, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	typed(s, deleteUserOperation(), s.deleteUser, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable)
	typed(s, getErasureOperation(), s.getErasure, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	s.raw(postScoreFraudOperation(s.registry()), s.postScoreFraud)
	typed(s, getFraudProfileOperation(), s.getFraudProfile, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	typed(s, getFraudOperation(), s.getFraud, http.StatusBadRequest, http.StatusServiceUnavailable)
	s.raw(postPredictOperation("/v1/predict/churn", "predict-churn", s.registry()), s.postPredictChurn)
	s.raw(postPredictOperation("/predict", "predict", s.registry()), s.postPredictChurn)
	typed(s, getChurnOperation(), s.getChurn, http.StatusBadRequest, http.StatusConflict, http.StatusServiceUnavailable)
	typed(s, getModelsOperation(), s.getModels, http.StatusServiceUnavailable)
	typed(s, postTrainOperation(), s.postTrain, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict)
	typed(s, getModelVersionOperation(), s.getModelVersion, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	typed(s, postPromoteOperation(), s.postPromote, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	typed(s, getAnomaliesOperation(), s.getAnomalies, http.StatusBadRequest, http.StatusServiceUnavailable)
	typed(s, getAnomalyOperation(), s.getAnomaly, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	typed(s, getAlertRulesOperation(), s.getAlertRules, http.StatusServiceUnavailable)
	s.raw(postAlertRuleOperation(s.registry()), s.postAlertRule)
	typed(s, getAlertRuleOperation(), s.getAlertRule, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	s.raw(putAlertRuleOperation(s.registry()), s.putAlertRule)
	typed(s, deleteAlertRuleOperation(), s.deleteAlertRule, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	typed(s, testAlertRuleOperation(), s.testAlertRule, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable)
	s.raw(silenceAlertRuleOperation(s.registry()), s.silenceAlertRule)
	typed(s, getRuleDeliveriesOperation(), s.getRuleDeliveries, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	typed(s, getAlertsOperation(), s.getAlerts, http.StatusBadRequest, http.StatusServiceUnavailable)
	typed(s, getAlertDeliveriesOperation(), s.getAlertDeliveries, http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable)
	s.raw(getLiveOperation(s.registry()), s.getLive)
	typed(s, getDeadLettersOperation(), s.getDeadLetters, http.StatusBadRequest, http.StatusServiceUnavailable)
	s.raw(postReplayOperation(s.registry()), s.postReplay)
	typed(s, getLedgerOperation(), s.getLedger, http.StatusBadRequest, http.StatusServiceUnavailable)
	typed(s, getStatusOperation(), s.getStatus)
	typed(s, getHealthOperation(), s.getHealth)
	typed(s, getReadinessOperation(), s.getReadiness, http.StatusServiceUnavailable)
	s.raw(getMetricsOperation(), s.metricsHandler())
	s.raw(getOpenAPIOperation(), s.getOpenAPI)
	s.raw(getDocsOperation(), s.getDocs)
	forgetUnusedSchemas(s.registry())
}

// answer is what a typed handler returns: a body, and nothing else.
type answer[T any] struct {
	Body T
}

// newHuma makes the typed layer. It gets no paths of its own: huma's pages load
// from other servers, and ours work without internet.
func (s *Server) newHuma() huma.API {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	cfg := huma.Config{
		OpenAPI:                      openAPIDocument(s.deps.Version, registry),
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.transformFault},
	}
	api := humafiber.New(s.app, cfg)
	api.UseMiddleware(noteRoute)
	return api
}

func (s *Server) registry() huma.Registry { return s.huma.OpenAPI().Components.Schemas }

// noteRoute names the pattern that matched, for metrics and log. huma answers 422
// for a parameter it cannot take; here that is a bad request like any other.
func noteRoute(ctx huma.Context, next func(huma.Context)) {
	op, c := ctx.Operation(), humafiber.Unwrap(ctx)
	requestOf(c).route = op.Method + " " + op.Path
	next(ctx)
	if c.Response().StatusCode() == http.StatusUnprocessableEntity {
		c.Status(http.StatusBadRequest)
	}
}

// typed registers a handler whose input and output huma reads, checks and
// documents, with the statuses of the problems that it can answer.
func typed[I, O any](s *Server, op huma.Operation, handle func(context.Context, *I) (*O, error), problems ...int) {
	op.Responses = problemResponses(s.registry(), append(problems, http.StatusInternalServerError)...)
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.answerOf(ctx, err)
		}
		return out, nil
	})
}

// raw registers a handler that reads and writes the Fiber context itself, under
// an operation that describes it.
func (s *Server) raw(op *huma.Operation, handle fiber.Handler) {
	s.huma.OpenAPI().AddOperation(op)
	path := strings.NewReplacer("{", ":", "}", "").Replace(op.Path)
	route := op.Method + " " + op.Path
	s.app.Add(op.Method, path, func(c *fiber.Ctx) error {
		requestOf(c).route = route
		return handle(c)
	})
}

// noSuchRoute helps somebody who asked for what is not there.
func (s *Server) noSuchRoute(method, path string) *Problem {
	if len(path) > 200 { // nobody meant a route of that length; comparing it would only cost
		path = strings.ToValidUTF8(path[:200], "") + "…"
	}
	p := newProblem(http.StatusNotFound, codeNoSuchRoute,
		fmt.Sprintf("This server has nothing at %s %s%s GET /docs shows what it has.", method, path, endSentence(nearest.Hint(path, s.pages.paths))))
	p.Routes = s.pages.routes
	return p
}

// listRoutes returns the patterns of the documented paths, and "METHOD /path" of
// every operation, in order.
func listRoutes(doc *huma.OpenAPI) (paths, routes []string) {
	paths = slices.Sorted(maps.Keys(doc.Paths))
	for _, path := range paths {
		for _, op := range operationsOf(doc.Paths[path]) {
			routes = append(routes, op.Method+" "+path)
		}
	}
	return paths, routes
}

// operationsOf lists what a path has, in the usual order of methods.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	var ops []*huma.Operation
	for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
		if op != nil {
			ops = append(ops, op)
		}
	}
	return ops
}
