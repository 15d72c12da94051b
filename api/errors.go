package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"millrace/internal/event"
	"millrace/internal/nearest"
	"millrace/olap"
	"millrace/oltp"
)

// The stable codes of this server's own errors. Those of events and queries are
// the reasons of package event and the codes of package olap.
const (
	codeInvalidParameter    = "invalid_parameter"
	codeInvalidField        = "invalid_field"
	codeNoEvents            = "no_events"
	codeNothingAccepted     = "nothing_accepted"
	codeBodyTooLarge        = "body_too_large"
	codeTooManyEvents       = "too_many_events"
	codeUnsupportedType     = "unsupported_content_type"
	codeUnsupportedEncoding = "unsupported_content_encoding"
	codeDamagedBody         = "damaged_body"
	codeUnknownUser         = "unknown_user"
	codeLinkedUser          = "linked_user"
	codeUnknownErasure      = "unknown_erasure"
	codeUnknownModel        = "unknown_model"
	codeModelNotTrained     = "model_not_trained"
	codeModelOutdated       = "model_outdated"
	codeTrainingUnderWay    = "training_under_way"
	codeUnknownRule         = "unknown_alert_rule"
	codeUnknownAlert        = "unknown_alert"
	codeUnknownAnomaly      = "unknown_anomaly"
	codeRuleName            = "rule_name_taken"
	codeNoChannels          = "no_channels"
	codeNoSuchRoute         = "no_such_route"
	codeMethodNotAllowed    = "method_not_allowed"
	codeHostNotAllowed      = "host_not_allowed"
	codeBrokerUnavailable   = "broker_unavailable"
	codeStoreUnavailable    = "store_unavailable"
	codeOverloaded          = "overloaded"
	codeTooManyQueries      = "too_many_queries"
	codeOverBudget          = "over_budget"
	codeClientLeft          = "client_left"
	codeNotReady            = "not_ready"
	codeTimeout             = "timeout"
	codeStopping            = "stopping"
	codeBadRequest          = "bad_request"
	codeInternal            = "internal_error"
)

// Problem is an error as clients see it: RFC 9457, with a stable code.
type Problem struct {
	Title     string `json:"title" doc:"The HTTP status in words." example:"Bad Request"`
	Status    int    `json:"status" doc:"The HTTP status code." example:"400"`
	Code      string `json:"code" doc:"Stable name of the error, for programs." example:"missing_user"`
	Detail    string `json:"detail" doc:"What is wrong and what to do, for people." example:"The event names no user. Send user_id, or anonymous_id for a visitor."`
	Field     string `json:"field,omitempty" doc:"JSON pointer of the field at fault." example:"/user_id"`
	Column    int    `json:"column,omitempty" doc:"Letter at fault, from 1, of the expression in field, or of a question as text." example:"18"`
	Parameter string `json:"parameter,omitempty" doc:"Name of the query or path parameter at fault." example:"limit"`
	RequestID string `json:"request_id" doc:"Names this request in the server's log; also in the header X-Request-Id." example:"3GJ7CLWAK5YJPDB2SSMFKGZWVC"`

	Accepted     *int          `json:"accepted,omitempty" doc:"POST /v1/events: how many events were taken."`
	Rejected     []Rejection   `json:"rejected,omitempty" doc:"POST /v1/events: the events that were refused, each with its reason."`
	Estimate     *Estimate     `json:"estimate,omitempty" doc:"What a question over its budget would read."`
	Fits         *FittingRange `json:"fits,omitempty" doc:"The longest range for which such a question would be answered; absent where none would."`
	Routes       []string      `json:"routes,omitempty" doc:"What this server has, where the route asked for does not exist."`
	Dependencies []Dependency  `json:"dependencies,omitempty" doc:"GET /readyz: what the server needs, and how it is."`

	retryAfter time.Duration // header Retry-After, where positive
	allow      string        // header Allow, where not empty
	cause      error         // for the log, never for the client
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Error makes a Problem an error that handlers return.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Unwrap gives the cause, for the log.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus is the HTTP status code, as huma asks for it.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457, as huma asks for it.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that go with the error, as huma asks for them.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	return h
}

// problemOf maps any error to its HTTP answer. What a client can do nothing
// about is told in general terms; its cause goes to the log.
func problemOf(err error) *Problem {
	var (
		problem *Problem
		reject  *event.Reject
		query   *olap.QueryError
		budget  *olap.BudgetError
		cut     *olap.CutError
		busy    *olap.BusyError
		fault   *fiber.Error
		network *net.OpError
	)
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &reject):
		p := newProblem(http.StatusBadRequest, string(reject.Reason), reject.Detail)
		p.Field = reject.Field
		return p
	case errors.As(err, &query):
		return problemOfQuestion(query)
	case errors.As(err, &budget):
		return problemOfBudget(budget)
	case errors.As(err, &cut):
		return because(err, newProblem(http.StatusGatewayTimeout, codeTimeout, capital(cut.Error())+"."))
	case errors.As(err, &busy):
		return problemOfCrowd(busy)
	case errors.Is(err, errLeft):
		return because(err, newProblem(statusClientLeft, codeClientLeft, "The client has left."))
	case errors.Is(err, oltp.ErrUnknownUser):
		return newProblem(http.StatusNotFound, codeUnknownUser,
			"No event of this user has been counted yet. Statistics follow an event by a second or two; check the spelling of the id otherwise.")
	case isModelError(err):
		return problemOfModel(err)
	case isAlertError(err):
		return problemOfAlert(err)
	case errors.As(err, &fault):
		return problemOfFiber(fault)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return because(err, newProblem(http.StatusGatewayTimeout, codeTimeout,
			"The answer took longer than this server allows. Ask for a shorter range or fewer groups."))
	case errors.Is(err, context.Canceled):
		return because(err, retryIn(time.Second, newProblem(http.StatusServiceUnavailable, codeStopping,
			"The server is stopping. Send the request again in a moment.")))
	case errors.Is(err, oltp.ErrUnavailable), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return because(err, retryIn(2*time.Second, newProblem(http.StatusServiceUnavailable, codeStoreUnavailable,
			"A database that this answer needs is away. Send the request again in a moment; GET /readyz says which one it is.")))
	}
	return because(err, newProblem(http.StatusInternalServerError, codeInternal,
		"Something went wrong on the server. Its log has the reason under this request_id."))
}

// statusClientLeft is for the log alone: nobody is there to read the answer.
const statusClientLeft = 499

// problemOfQuestion is a fault of the question, or one that costs too much.
func problemOfQuestion(fault *olap.QueryError) *Problem {
	status := http.StatusBadRequest
	if fault.Code == olap.CodeTooExpensive {
		status = http.StatusUnprocessableEntity
	}
	p := newProblem(status, string(fault.Code), fault.Sentence())
	p.Field, p.Column = fault.Field, fault.Column
	return p
}

// problemOfBudget says by how much a question is over its budget, and what would fit.
func problemOfBudget(over *olap.BudgetError) *Problem {
	p := newProblem(http.StatusUnprocessableEntity, codeOverBudget, capital(over.Error())+".")
	p.Estimate = &Estimate{Rows: over.Estimate.Rows, Bytes: over.Estimate.Bytes, Marks: over.Estimate.Marks}
	if over.Fits != nil {
		p.Fits = (*FittingRange)(over.Fits)
	}
	return p
}

// problemOfCrowd is for a question that others leave no room for: too many of the
// caller's own, or of all.
func problemOfCrowd(busy *olap.BusyError) *Problem {
	status, code := http.StatusServiceUnavailable, codeOverloaded
	if busy.Own {
		status, code = http.StatusTooManyRequests, codeTooManyQueries
	}
	return because(busy, retryIn(busy.RetryAfter, newProblem(status, code, capital(busy.Error())+".")))
}

// capital begins a sentence.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// problemOfFiber maps what the router and the HTTP parser refuse.
func problemOfFiber(err *fiber.Error) *Problem {
	switch err.Code {
	case http.StatusRequestEntityTooLarge:
		return newProblem(err.Code, codeBodyTooLarge, "The body is larger than this server takes. Send it in several requests.")
	case http.StatusRequestHeaderFieldsTooLarge:
		return newProblem(err.Code, "headers_too_large", "The request's address and headers are larger than this server takes.")
	case http.StatusRequestTimeout:
		return newProblem(err.Code, codeTimeout, "The request did not arrive in time. Send it again, or in smaller parts.")
	case http.StatusInternalServerError:
		return because(err, newProblem(err.Code, codeInternal, "Something went wrong on the server. Its log has the reason under this request_id."))
	}
	return because(err, newProblem(http.StatusBadRequest, codeBadRequest, "This is not an HTTP request that the server can read: "+err.Message+"."))
}

// because keeps the cause for the log.
func because(cause error, p *Problem) *Problem {
	p.cause = cause
	return p
}

// retryIn asks the client to come again after d.
func retryIn(d time.Duration, p *Problem) *Problem {
	p.retryAfter = d
	return p
}

// withField names the JSON pointer of the field at fault.
func withField(pointer string, p *Problem) *Problem {
	p.Field = pointer
	return p
}

// problemOfHuma maps what huma refused about a request's parameters.
func problemOfHuma(op *huma.Operation, m *huma.ErrorModel) *Problem {
	if m.Status >= http.StatusInternalServerError || len(m.Errors) == 0 {
		return because(m, newProblem(http.StatusInternalServerError, codeInternal,
			"Something went wrong on the server. Its log has the reason under this request_id."))
	}
	first := m.Errors[0]
	p := newProblem(http.StatusBadRequest, codeInvalidParameter, "")
	_, p.Parameter, _ = strings.Cut(first.Location, ".")
	p.Detail = fmt.Sprintf("%s: %s.", p.Parameter, first.Message)
	if first.Message == "unknown query parameter" {
		p.Detail = unknownParameter(op, p.Parameter)
	}
	return p
}

// unknownParameter names the parameters that there are.
func unknownParameter(op *huma.Operation, name string) string {
	var known []string
	for _, param := range op.Parameters {
		if param.In == "query" {
			known = append(known, param.Name)
		}
	}
	detail := fmt.Sprintf("%s is not a parameter of %s %s", name, op.Method, op.Path)
	if len(known) == 0 {
		return detail + "; it has none."
	}
	return fmt.Sprintf("%s; it has %s%s", detail, strings.Join(known, ", "), endSentence(nearest.Hint(name, known)))
}

// answerOf is the answer to err, with the request's id, noted for the log.
func (s *Server) answerOf(ctx context.Context, err error) *Problem {
	p := *problemOf(err)
	if req, ok := ctx.Value(requestKey{}).(*request); ok {
		p.RequestID = req.id
		req.problem = &p
	}
	return &p
}

// writeProblem renders err as the answer of this request.
func (s *Server) writeProblem(c *fiber.Ctx, err error) error {
	req := requestOf(c)
	p := s.answerOf(context.WithValue(c.Context(), requestKey{}, req), err)
	for name, values := range p.GetHeaders() {
		c.Set(name, values[0])
	}
	body, err := marshal(p)
	if err != nil {
		return fmt.Errorf("render problem: %w", err)
	}
	c.Status(p.Status).Set(fiber.HeaderContentType, p.ContentType(""))
	return c.Send(body)
}

// transformFault replaces huma's own error model by ours.
func (s *Server) transformFault(ctx huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*huma.ErrorModel); ok {
		p := s.answerOf(ctx.Context(), problemOfHuma(ctx.Operation(), m))
		return p, nil
	}
	return v, nil
}

// endSentence puts a full stop where there is no question mark yet.
func endSentence(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}
