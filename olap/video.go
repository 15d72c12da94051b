package olap

import (
	"context"
	"encoding/json"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// The events that a video is watched with.
const (
	typeVideoPlay     = "video_play"
	typeVideoProgress = "video_progress"
	typeVideoComplete = "video_complete"
)

// video asks how a video, or all of them, is watched.
type video struct {
	common
	Kind_     string     `json:"kind"`
	VideoID   videoName  `json:"video_id"`
	Breakdown *breakdown `json:"breakdown"`
}

// videoName is the id of a video; empty means all.
type videoName string

func (n *videoName) decodeJSON(raw json.RawMessage, pointer string) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return faultf(CodeWrongType, pointer, `%s is not a video's id; write it as text, such as "v17", or leave it out for all videos`, shorten(raw))
	}
	if text == "" {
		return faultf(CodeInvalidValue, pointer, "the video's id is empty; leave it out for all videos")
	}
	*n = videoName(text)
	return nil
}

func parseVideo(data []byte) (Query, error) {
	v := &video{common: defaultCommon()}
	if err := decodeStrict(data, v); err != nil {
		return nil, err
	}
	if err := v.Breakdown.check("/breakdown"); err != nil {
		return nil, err
	}
	return v, checkRange(v.common, v.span)
}

// Kind is "video".
func (v *video) Kind() string { return "video" }

// VideoResult is the answer to a question about video.
type VideoResult struct {
	VideoFigures
	// Breakdown has the same figures per value, those with most plays first,
	// then (other) and (none).
	Breakdown []VideoGroup `json:"breakdown,omitempty"`
}

func (*VideoResult) result() {}

// VideoGroup is how the events of one value of the breakdown were watched.
type VideoGroup struct {
	Value string `json:"value"`
	VideoFigures
}

// VideoFigures tell how videos were watched.
type VideoFigures struct {
	// Plays and Completions count video_play and video_complete.
	Plays       uint64 `json:"plays"`
	Users       uint64 `json:"users"` // different users with any event of a video
	Completions uint64 `json:"completions"`
	// CompletionRate is completions by plays; null without plays.
	CompletionRate number `json:"completion_rate"`
	// WatchSeconds is the sum of watched_seconds.
	WatchSeconds number `json:"watch_seconds"`
	// DropOff tells, at every fifth percent, how many users came that far.
	DropOff []VideoReach `json:"drop_off"`
}

// VideoReach is how many users reached a place of the video.
type VideoReach struct {
	Percent int    `json:"percent"`
	Users   uint64 `json:"users"`
}

// dropOffStep is the distance between the places of a drop-off, in percent.
const dropOffStep = 5

func (v *video) answer(ctx context.Context, r *run) (Result, error) {
	f, err := v.span(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	p := &videoPlan{video: v, frame: f}
	rows, err := p.read(ctx, r, p.whole)
	if err != nil {
		return nil, err
	}
	result := &VideoResult{}
	for _, whole := range rows { // one
		whole.warn(r)
		result.VideoFigures = whole.figures
	}
	if v.Breakdown == nil {
		return result, nil
	}
	if p.groups, err = p.topValues(ctx, r); err != nil {
		return nil, err
	}
	rows, err = p.read(ctx, r, p.bySlot)
	result.Breakdown = []VideoGroup{}
	for _, row := range rows {
		result.Breakdown = append(result.Breakdown, VideoGroup{*p.groups.label(p.groups.slot(row.slot)), row.figures})
	}
	return result, err
}

// videoRow is one group as the store counted it.
type videoRow struct {
	slot               int64
	figures            VideoFigures
	unwatched, nowhere uint64 // events without watched_seconds, and without a place
}

// read runs one form of the question. The columns of every form are the same.
func (p *videoPlan) read(ctx context.Context, r *run, render func() error) ([]videoRow, error) {
	p.statement = newStatement()
	if err := render(); err != nil {
		return nil, err
	}
	var out []videoRow
	err := r.each(ctx, p.statement, func(rows driver.Rows) error {
		var row videoRow
		var seconds float64
		var reached []uint64
		f := &row.figures
		err := rows.Scan(&row.slot, &f.Plays, &f.Users, &f.Completions, &seconds, &reached, &row.unwatched, &row.nowhere)
		f.CompletionRate, f.WatchSeconds = rate(f.Completions, f.Plays), numberOf(seconds)
		f.DropOff = dropOff(reached)
		out = append(out, row)
		return err
	})
	return out, err
}

// dropOff names the places; nobody reached any where nothing was counted.
func dropOff(reached []uint64) []VideoReach {
	out := make([]VideoReach, 100/dropOffStep+1)
	for i := range out {
		out[i].Percent = i * dropOffStep
		if i < len(reached) {
			out[i].Users = reached[i]
		}
	}
	return out
}

// warn says what the figures leave out.
func (row videoRow) warn(r *run) {
	if row.unwatched > 0 {
		r.warn("%s and %s events without watched_seconds of 0 or more: %d; they add nothing to watch_seconds", typeVideoProgress, typeVideoComplete, row.unwatched)
	}
	if row.nowhere > 0 {
		r.warn("%s events with neither percent nor position_seconds and duration_seconds: %d; they count as 0 %%", typeVideoProgress, row.nowhere)
	}
}
