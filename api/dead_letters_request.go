package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"millrace/internal/event"
	"millrace/olap"
)

// ReplayRequest is the body of POST /v1/dead-letters/replay.
type ReplayRequest struct {
	IDs      []string                   `json:"ids,omitempty" nullable:"false" doc:"The letters to replay."`
	Filter   *LetterSelection           `json:"filter,omitempty" doc:"Or: which letters to replay, newest first; those that were replayed already are left alone unless replayed is given."`
	Patch    []PatchOperation           `json:"patch,omitempty" nullable:"false" doc:"The correction: a JSON Patch (RFC 6902), applied to each payload."`
	Payloads map[string]json.RawMessage `json:"payloads,omitempty" nullable:"false" doc:"Whole events that take the place of a letter's payload, by id: the way for payloads that are not JSON. The patch is not applied to them."`
	DryRun   bool                       `json:"dry_run,omitempty" doc:"Change nothing; show each payload before and after, and whether it would be taken."`
	Again    bool                       `json:"again,omitempty" doc:"Replay letters that were replayed already, too."`
	Limit    int                        `json:"limit,omitempty" minimum:"1" maximum:"10000" doc:"Letters of a filter in this request: 1,000, or 20 for a dry run, unless given."`
	Cursor   string                     `json:"cursor,omitempty" doc:"next_cursor of the request before, to go on with the same filter."`
}

// PatchOperation is one operation of a JSON Patch.
type PatchOperation struct {
	Op    string          `json:"op" enum:"add,remove,replace,move,copy,test"`
	Path  string          `json:"path" doc:"JSON pointer within the payload." example:"/user_id"`
	From  string          `json:"from,omitempty" doc:"JSON pointer, for move and copy."`
	Value json.RawMessage `json:"value,omitempty" doc:"For add, replace and test."`
}

const (
	// replayMost and replayDefault bound the letters of one request.
	replayMost, replayDefault = 10_000, 1000
	// previewDefault is the number of letters that a dry run shows.
	previewDefault = 20
)

// The codes of letters that cannot be replayed, beside the reasons of package event.
const (
	codeNothingSelected = "nothing_selected"
	codeInvalidPatch    = "invalid_patch"
	codeUnknownLetter   = "unknown_letter"
	codeAlreadyReplayed = "already_replayed"
	codePayloadNotJSON  = "payload_not_json"
	codePatchFailed     = "patch_failed"
	codePatchTestFailed = "patch_test_failed"
)

// readReplay reads and checks the body.
func (s *Server) readReplay(body []byte) (*replay, error) {
	r := &replay{server: s, decoder: event.NewDecoder(s.cfg.Limits)}
	var patch, filter json.RawMessage
	q := &r.request
	err := readMembers(body, "", map[string]any{
		"ids": &q.IDs, "filter": &filter, "patch": &patch, "payloads": &q.Payloads,
		"dry_run": &q.DryRun, "again": &q.Again, "limit": &q.Limit, "cursor": &q.Cursor,
	})
	if err == nil && len(filter) > 0 && string(filter) != "null" {
		q.Filter = &LetterSelection{}
		f := q.Filter
		err = readMembers(filter, "/filter", map[string]any{
			"from": &f.From, "to": &f.To, "reason": &f.Reason, "topic": &f.Topic, "partition": &f.Partition, "field": &f.Field, "replayed": &f.Replayed,
		})
	}
	if err == nil {
		r.patch, err = parsePatch(patch, s.cfg.Limits.EventBytes)
	}
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return nil, err
	}
	r.correction = `{"replay":"unchanged"}`
	if r.patch != nil {
		r.correction = r.patch.text
	}
	r.receipt = ReplayReceipt{DryRun: q.DryRun, Rejected: []LetterRejection{}}
	return r, nil
}

// check holds the request against the rules and completes it.
func (r *replay) check() error {
	q := &r.request
	if len(q.IDs) == 0 && q.Filter == nil {
		q.IDs = slices.Sorted(maps.Keys(q.Payloads))
	}
	fault := func(pointer, code, detail string) error {
		return withField(pointer, newProblem(http.StatusBadRequest, code, detail))
	}
	switch {
	case len(q.IDs) == 0 && q.Filter == nil:
		return fault("", codeNothingSelected, `The request chooses no letter. Give ids, or filter; "filter": {} means all that were not replayed.`)
	case len(q.IDs) > 0 && q.Filter != nil:
		return fault("/filter", codeNothingSelected, "The request gives both ids and filter. Give one of them.")
	case len(q.IDs) > replayMost:
		return fault("/ids", codeNothingSelected, fmt.Sprintf("%d ids; give at most %d at once.", len(q.IDs), replayMost))
	case q.Limit < 0 || q.Limit > replayMost:
		return fault("/limit", codeInvalidParameter, fmt.Sprintf("limit is %d; it must be 1 to %d.", q.Limit, replayMost))
	}
	for _, id := range append(slices.Sorted(maps.Keys(q.Payloads)), q.IDs...) {
		if _, err := olap.ParseLetterID(id); err != nil {
			return fault("/ids", codeUnknownLetter, endSentence(err.Error()))
		}
	}
	if q.Limit == 0 && q.DryRun {
		q.Limit = previewDefault
	} else if q.Limit == 0 {
		q.Limit = replayDefault
	}
	return r.checkFilter()
}

func (r *replay) checkFilter() error {
	q := &r.request
	if q.Filter == nil {
		return nil
	}
	if q.Filter.Replayed == "" && !q.Again {
		q.Filter.Replayed = "no"
	}
	var name string
	var err error
	if r.filter, name, err = q.Filter.filter(time.Now()); err != nil {
		p := badParameter(name, err)
		p.Parameter, p.Field = "", "/filter/"+name
		return p
	}
	if _, err := olap.ParseCursor(q.Cursor); err != nil {
		p := badParameter("cursor", err)
		p.Parameter, p.Field = "", "/cursor"
		return p
	}
	return nil
}
