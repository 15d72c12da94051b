package api

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"millrace/olap"
)

// getLive streams the dashboard's figures as server-sent events.
func (s *Server) getLive(c *fiber.Ctx) error {
	client, stopped, ok := s.live.subscribe()
	switch {
	case stopped:
		return context.Canceled
	case !ok:
		return retryIn(10*time.Second, newProblem(http.StatusServiceUnavailable, codeOverloaded,
			fmt.Sprintf("The live stream has its %d clients already. Try again later.", s.cfg.MaxLiveClients)))
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no") // a proxy must not wait for more
	// The connection carries a write deadline from here on; it is not used again.
	c.Context().SetConnectionClose()
	conn := c.Context().Conn()
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer s.live.leave(client)
		_ = s.pump(w, conn, client) // it ends because the client has left or the server stops
	})
	return nil
}

// pump writes frames until the client is gone or the hub closes its channel. It
// runs after the handler has returned: nothing of the Ctx may be touched here.
// fasthttp does not say when a client leaves; the flush does.
func (s *Server) pump(w *bufio.Writer, conn net.Conn, client *liveClient) error {
	heartbeat := time.NewTicker(s.cfg.LiveHeartbeat)
	defer heartbeat.Stop()
	next := []byte("retry: 2000\n\n")
	for {
		if err := conn.SetWriteDeadline(time.Now().Add(s.cfg.LiveWriteTimeout)); err != nil {
			return err
		}
		if _, err := w.Write(next); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		select {
		case frame, open := <-client.frames:
			if !open {
				return nil
			}
			next = frame
			heartbeat.Reset(s.cfg.LiveHeartbeat)
		case <-heartbeat.C:
			next = []byte(": still here\n\n")
		}
	}
}

// liveFrame computes the figures once and renders them as one event: `figures`,
// or `problem` while they cannot be computed.
func (s *Server) liveFrame(ctx context.Context) []byte {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LookupTimeout)
	defer cancel()
	figures, err := s.deps.Figures.Live(ctx)
	if err != nil {
		p := *problemOf(err)
		s.log.Debug("live figures failed", "code", p.Code, "error", err)
		return sseEvent("problem", &p)
	}
	return sseEvent("figures", s.liveFigures(figures))
}

// sseEvent renders one server-sent event. JSON has no raw line break, so one
// data line is enough.
func sseEvent(name string, body any) []byte {
	data, err := marshal(body)
	if err != nil { // only types of ours come here, and all of them marshal
		panic(fmt.Errorf("render live %s: %w", name, err))
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n", name, data) // data ends in a line break
}

// liveFigures are the store's figures beside what the broker's side knows.
func (s *Server) liveFigures(l olap.Live) *LiveFigures {
	return &LiveFigures{
		At:              milliseconds(l.At),
		EventsTotal:     l.EventsTotal,
		EventsPerSecond: l.EventsPerSecond,
		Series:          convert(l.Series, func(v olap.LiveSecond) LiveSecond { return LiveSecond(v) }),
		WindowSeconds:   l.WindowSeconds,
		Users:           l.Users,
		Funnel:          convert(l.Funnel, func(v olap.LiveStep) LiveStep { return LiveStep(v) }),
		TopEvents:       convert(l.TopEvents, func(v olap.LiveType) LiveEvent { return LiveEvent(v) }),
		Revenue:         convert(l.Revenue, func(v olap.LiveRevenue) LiveMoney { return LiveMoney(v) }),
		StoredUntil:     s.storedUntil(),
		LagRecords:      s.deps.Progress.Lag(),
	}
}

// convert never returns nil: an empty list is [] in JSON, not null.
func convert[A, B any](list []A, each func(A) B) []B {
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = each(v)
	}
	return out
}
