package api

import (
	"context"
	"sync"
	"time"
)

// liveHub computes one frame per interval while somebody listens and gives it to
// everybody. run owns the computing; subscribe and leave may be called from any
// goroutine.
type liveHub struct {
	interval   time.Duration
	maxClients int
	metrics    *metrics
	frame      func(context.Context) []byte
	wake       chan struct{} // holds one wish to start; more would say nothing new

	mu      sync.Mutex
	clients map[*liveClient]struct{}
	last    []byte // the newest frame, computed at lastAt
	lastAt  time.Time
	closed  bool
}

// liveClient is one listener. frames holds the newest frame it has not taken; an
// older one is replaced, so a slow client skips and holds up nobody. It is
// closed when the server stops.
type liveClient struct {
	frames chan []byte
}

func newLiveHub(cfg Config, m *metrics, frame func(context.Context) []byte) *liveHub {
	return &liveHub{
		interval:   cfg.LiveInterval,
		maxClients: cfg.MaxLiveClients,
		metrics:    m,
		frame:      frame,
		wake:       make(chan struct{}, 1),
		clients:    map[*liveClient]struct{}{},
	}
}

// subscribe adds a client; it is refused when the hub is full or has stopped. Its
// first frame is the newest one, or, if that is old, one computed at once.
func (h *liveHub) subscribe() (client *liveClient, stopped, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.clients) >= h.maxClients {
		return nil, h.closed, false
	}
	client = &liveClient{frames: make(chan []byte, 1)}
	h.clients[client] = struct{}{}
	h.metrics.liveClients.Set(float64(len(h.clients)))
	if time.Since(h.lastAt) < h.interval {
		client.frames <- h.last
		return client, false, true
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
	return client, false, true
}

// leave removes a client. Leaving twice is harmless.
func (h *liveHub) leave(client *liveClient) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, client)
	h.metrics.liveClients.Set(float64(len(h.clients)))
}

// run computes until ctx ends, then ends every client's stream.
func (h *liveHub) run(ctx context.Context) {
	defer h.close()
	ticker := time.NewTicker(h.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-h.wake:
		}
		if h.idle() {
			continue
		}
		began := time.Now()
		frame := h.frame(ctx)
		h.metrics.liveSeconds.Observe(time.Since(began).Seconds())
		h.broadcast(frame)
	}
}

func (h *liveHub) idle() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.clients) == 0
}

// broadcast hands frame to every client. It alone sends, so after taking an old
// frame out there is room.
func (h *liveHub) broadcast(frame []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.lastAt = frame, time.Now()
	for client := range h.clients {
		select {
		case <-client.frames:
		default:
		}
		client.frames <- frame
	}
}

func (h *liveHub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for client := range h.clients {
		close(client.frames)
	}
	clear(h.clients)
	h.metrics.liveClients.Set(0)
}
