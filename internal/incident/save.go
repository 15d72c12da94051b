package incident

import (
	"bytes"
	"encoding/gob"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// StateVersion changes with what a saved watch means; an older one cannot be
// continued, and has to see its windows anew.
const StateVersion = 1

// Save writes all that the watch knows, for [LoadWatch].
func (w *Watch) Save() ([]byte, error) {
	var b bytes.Buffer
	packed, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("pack the state of a watch: %w", err)
	}
	if err := gob.NewEncoder(packed).Encode(w.saved()); err != nil {
		return nil, fmt.Errorf("save the state of a watch: %w", err)
	}
	if err := packed.Close(); err != nil {
		return nil, fmt.Errorf("pack the state of a watch: %w", err)
	}
	return b.Bytes(), nil
}

// LoadWatch continues a watch where Save has left it.
func LoadWatch(cfg Config, grid Grid, state []byte) (*Watch, error) {
	w, err := NewWatch(cfg, grid, 0)
	if err != nil {
		return nil, err
	}
	packed, err := zstd.NewReader(bytes.NewReader(state), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpack the state of a watch: %w", err)
	}
	defer packed.Close()
	var s savedWatch
	if err := gob.NewDecoder(packed).Decode(&s); err != nil {
		return nil, fmt.Errorf("load the state of a watch: %w", err)
	}
	w.load(s)
	return w, nil
}

// savedWatch is a watch as gob takes it: lists instead of maps, so that equal
// watches have equal states.
type savedWatch struct {
	Next, Ignored int
	Ended         []Shift
	Parts         []savedPart
}

type savedPart struct {
	Part     part
	Quiet    int
	Never    *series
	Measures []string
	Series   []*series
}

func (w *Watch) saved() savedWatch {
	s := savedWatch{Next: w.next, Ignored: w.ignored, Ended: w.ended}
	for _, p := range w.partsInOrder() {
		f := w.parts[p]
		saved := savedPart{Part: p, Quiet: f.quiet, Never: f.never, Measures: f.measures()}
		for _, m := range saved.Measures {
			saved.Series = append(saved.Series, f.series[m])
		}
		s.Parts = append(s.Parts, saved)
	}
	return s
}

func (w *Watch) load(s savedWatch) {
	w.next, w.ignored, w.ended = s.Next, s.Ignored, s.Ended
	for _, p := range s.Parts {
		f := &figures{never: p.Never, series: map[string]*series{}, quiet: p.Quiet}
		for i, m := range p.Measures {
			f.series[m] = p.Series[i]
		}
		w.parts[p.Part] = f
	}
}
