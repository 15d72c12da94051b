package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"millrace/internal/nearest"
)

// letterPatch is a correction of payloads: a JSON Patch (RFC 6902).
type letterPatch struct {
	operations jsonpatch.Patch
	options    *jsonpatch.ApplyOptions
	text       string // as it came, without blanks
}

// patchBytes bounds a patch: it is kept with every letter that it corrects.
const patchBytes = 64 << 10

// parsePatch reads a patch and names the operation at fault. No patch, or an
// empty one, gives nil. Copies within one payload may make it most bytes larger.
func parsePatch(text json.RawMessage, most int) (*letterPatch, error) {
	fault := func(pointer, format string, args ...any) error {
		return withField(pointer, newProblem(http.StatusBadRequest, codeInvalidPatch, fmt.Sprintf(format, args...)))
	}
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	if len(text) > patchBytes {
		return nil, fault("/patch", "The patch is %d bytes long and the limit is %d. Put whole events into payloads instead.", len(text), patchBytes)
	}
	var operations []json.RawMessage
	if err := json.Unmarshal(text, &operations); err != nil {
		return nil, fault("/patch", "The patch is not an array of operations. Write it like [%s].", exampleOperation)
	}
	if len(operations) == 0 {
		return nil, nil
	}
	for i, operation := range operations {
		if err := checkPatchOperation(operation); err != nil {
			return nil, fault(fmt.Sprintf("/patch/%d", i), "Operation %d of the patch %v.", i, err)
		}
	}
	p := &letterPatch{options: jsonpatch.NewApplyOptions()}
	p.options.EscapeHTML, p.options.SupportNegativeIndices = false, false
	p.options.AccumulatedCopySizeLimit = int64(most)
	var err error
	if p.operations, err = jsonpatch.DecodePatch(text); err != nil {
		return nil, fault("/patch", "The patch cannot be used: %v.", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, err
	}
	p.text = compact.String()
	return p, nil
}

const exampleOperation = `{"op":"replace","path":"/user_id","value":"u1"}`

// checkPatchOperation completes the sentence "Operation … of the patch …".
func checkPatchOperation(text json.RawMessage) error {
	var members map[string]json.RawMessage
	var op struct{ Op, Path, From *string }
	if json.Unmarshal(text, &members) != nil || members == nil || json.Unmarshal(text, &op) != nil {
		return errors.New("is not an object with text in op, path and from. Write it like " + exampleOperation)
	}
	known := []string{"add", "remove", "replace", "move", "copy", "test"}
	_, hasValue := members["value"]
	switch {
	case op.Op == nil:
		return fmt.Errorf("has no op. Use one of %s", strings.Join(known, ", "))
	case !slices.Contains(known, *op.Op):
		return fmt.Errorf("has the op %q. Use one of %s%s", *op.Op, strings.Join(known, ", "), nearest.Hint(*op.Op, known))
	case op.Path == nil || *op.Path != "" && (*op.Path)[0] != '/':
		return errors.New(`needs path, a JSON pointer such as "/user_id"`)
	case (*op.Op == "add" || *op.Op == "replace" || *op.Op == "test") && !hasValue:
		return errors.New("needs value")
	case (*op.Op == "move" || *op.Op == "copy") && (op.From == nil || *op.From != "" && (*op.From)[0] != '/'):
		return errors.New(`needs from, a JSON pointer such as "/userId"`)
	}
	return nil
}

// apply corrects a payload, or says why it cannot. A nil patch changes nothing.
func (p *letterPatch) apply(payload []byte) ([]byte, *LetterRejection) {
	if p == nil {
		return payload, nil
	}
	if !json.Valid(payload) {
		return nil, &LetterRejection{Code: codePayloadNotJSON,
			Detail: "The payload is not JSON, so no patch can correct it. Give a whole event for this letter in payloads."}
	}
	value, err := p.operations.ApplyWithOptions(payload, p.options)
	switch {
	case errors.Is(err, jsonpatch.ErrTestFailed):
		return nil, &LetterRejection{Code: codePatchTestFailed, Detail: "The patch does not apply: " + endSentence(err.Error())}
	case err != nil:
		return nil, &LetterRejection{Code: codePatchFailed, Detail: "The patch does not apply: " + endSentence(err.Error())}
	}
	return value, nil
}
