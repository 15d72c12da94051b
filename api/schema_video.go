package api

// The question about video. As in schema.go, nothing is decoded into these types.

const exampleVideo = `{"kind":"video","from":"-30d","breakdown":{"property":"video_id","limit":20}}`

// VideoQuery asks how a video, or all of them, is watched.
type VideoQuery struct {
	QueryRange
	Kind      string          `json:"kind" enum:"video"`
	VideoID   string          `json:"video_id,omitempty" minLength:"1" doc:"Only this one." example:"v17"`
	Breakdown *QueryBreakdown `json:"breakdown,omitempty" doc:"The same figures for each value, such as video_id or platform."`
}

// VideoAnswer is the answer to a question about video.
type VideoAnswer struct {
	Kind   string      `json:"kind" enum:"video"`
	Result VideoResult `json:"result"`
	Meta   AnswerMeta  `json:"meta"`
}

// VideoResult holds the figures of all, and per value of the breakdown.
type VideoResult struct {
	VideoFigures

	Breakdown []VideoGroup `json:"breakdown,omitempty" doc:"Most plays first, then (other) and (none)."`
}

// VideoGroup holds the figures of one value.
type VideoGroup struct {
	VideoFigures

	Value string `json:"value" example:"v17"`
}

// VideoFigures tell how videos were watched.
type VideoFigures struct {
	Plays          uint64       `json:"plays" doc:"video_play events."`
	Users          uint64       `json:"users" doc:"Different users with any event of a video."`
	Completions    uint64       `json:"completions" doc:"video_complete events."`
	CompletionRate *float64     `json:"completion_rate" doc:"completions by plays; null without plays."`
	WatchSeconds   *float64     `json:"watch_seconds" doc:"Sum of watched_seconds."`
	DropOff        []VideoReach `json:"drop_off" doc:"Users who came at least so far, at every fifth percent."`
}

// VideoReach is how many users reached a place of the video.
type VideoReach struct {
	Percent int    `json:"percent" minimum:"0" maximum:"100"`
	Users   uint64 `json:"users"`
}
