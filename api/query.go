package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/olap"
)

// postQuery answers one question.
func (s *Server) postQuery(c *fiber.Ctx) error {
	if contentType := c.Get(fiber.HeaderContentType); mediaType(contentType) != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, codeUnsupportedType,
			fmt.Sprintf("Content-Type %q is not taken here. Send the question as application/json.", contentType))
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), s.cfg.QueryTimeout)
	defer cancel()
	body, release, err := s.readBody(ctx, c)
	if err != nil {
		return err
	}
	defer release()
	question, err := olap.ParseQuery(body)
	if err != nil {
		return err
	}
	answer, err := s.ask(ctx, question)
	if err != nil {
		return err
	}
	return c.JSON(answer)
}

// ask waits for its turn and asks the store.
func (s *Server) ask(ctx context.Context, question olap.Query) (*olap.Answer, error) {
	if err := s.queries.Acquire(ctx, 1); err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		return nil, because(err, retryIn(5*time.Second, newProblem(http.StatusServiceUnavailable, codeOverloaded,
			fmt.Sprintf("The server is busy with %d other queries. Ask again in a moment.", s.cfg.MaxQueries))))
	}
	defer s.queries.Release(1)
	return s.deps.Asker.Ask(ctx, question)
}
