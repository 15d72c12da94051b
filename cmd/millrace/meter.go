package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// reading is what a meter shows.
type reading struct {
	done, total int64  // total 0: not known
	text        string // counts and errors, in words
}

// meter shows progress: as a bar on a terminal, as a line every few seconds
// elsewhere.
type meter struct {
	out   io.Writer
	name  string
	bytes bool
	read  func() reading
	lines time.Duration // between two lines
}

const (
	meterBarEvery  = 150 * time.Millisecond
	meterLineEvery = 5 * time.Second
)

// start shows progress until the returned function is called.
func (m *meter) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		if isTerminal(m.out) {
			m.drawBar(ctx)
		} else {
			m.writeLines(ctx)
		}
	})
	return func() {
		cancel()
		work.Wait()
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (m *meter) drawBar(ctx context.Context) {
	total := m.read().total
	if total == 0 {
		total = -1 // a spinner
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(m.out),
		progressbar.OptionSetDescription(m.name),
		progressbar.OptionSetWidth(24),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetPredictTime(true),
	}
	if m.bytes {
		options = append(options, progressbar.OptionShowBytes(true))
	}
	bar := progressbar.NewOptions64(total, options...)
	defer bar.Exit() //nolint:errcheck // the terminal may be gone
	defer bar.Clear()
	ticker := time.NewTicker(meterBarEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			now := m.read()
			bar.Describe(now.text)
			if total > 0 {
				now.done = min(now.done, total-1) // the last step clears the bar too early
			}
			_ = bar.Set64(now.done)
		}
	}
}

func (m *meter) writeLines(ctx context.Context) {
	every := m.lines
	if every == 0 {
		every = meterLineEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			now := m.read()
			share := ""
			if now.total > 0 {
				share = fmt.Sprintf("%3d%% · ", 100*now.done/now.total)
			}
			fmt.Fprintf(m.out, "%s: %s%s\n", m.name, share, now.text)
		}
	}
}

// pacedRate is the mean rate since the start, for the meter.
func pacedRate(n int64, since time.Time) float64 {
	return float64(n) / max(time.Since(since).Seconds(), 0.001)
}
