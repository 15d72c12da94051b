package olap

import (
	"bytes"
	"encoding/json"
	"time"
)

// ParseQuery reads a question: one JSON object whose `kind` says which. It is
// strict: unknown fields, words outside their choices and expressions that make
// no sense are refused with a [*QueryError] that names the place and the
// remedy. The first fault is reported.
func ParseQuery(data []byte) (Query, error) {
	kind, err := kindOf(data)
	if err != nil {
		return nil, err
	}
	if parse, ok := kinds()[kind]; ok {
		q, err := parse(data)
		if err != nil {
			return nil, err
		}
		q.source().remember(data)
		return q, nil
	}
	return nil, unknownKind(kind)
}

// kinds are the questions that are answered, by the word that tells them apart.
func kinds() map[string]func(data []byte) (Query, error) {
	return map[string]func([]byte) (Query, error){
		"retention":  parseRetention,
		"lifecycle":  parseLifecycle,
		"stickiness": parseStickiness,
		"trends":     parseTrends,
		"funnel":     parseFunnel,
		"revenue":    parseRevenue,
		"paths":      parsePaths,
		"sessions":   parseSessions,
		"video":      parseVideo,
		"windows":    parseWindows,
		"text":       parseText,
	}
}

func unknownKind(kind string) error {
	err := oneOf("/kind", kind, sortedKeys(kinds()))
	err.Code = CodeUnknownKind
	return err
}

func kindOf(data []byte) (string, error) {
	var raw json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&raw); err != nil {
		return "", malformed(data, err)
	}
	names, values, err := objectFields(raw, "")
	if err != nil {
		return "", err
	}
	for i, name := range names {
		if name != "kind" {
			continue
		}
		var kind string
		if json.Unmarshal(values[i], &kind) != nil || string(values[i]) == "null" {
			return "", faultf(CodeWrongType, "/kind", `%s is not text in quotes; write "trends" or "funnel"`, shorten(values[i]))
		}
		return kind, nil
	}
	return "", faultf(CodeMissingField, "/kind", `say which question this is: "kind":"trends" or "kind":"funnel"`)
}

// checkRange finds faults of the range that show without a clock: both ends are
// fixed. Relative ends are checked when the question is asked.
func checkRange(c common, resolve func(time.Time) (frame, error)) error {
	if relativeTime.MatchString(c.From.text) || relativeTime.MatchString(c.To.text) {
		return nil
	}
	_, err := resolve(time.Now())
	return err
}
