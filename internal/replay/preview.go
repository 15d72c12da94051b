package replay

import (
	"context"
	"encoding/json"
	"errors"
	"io"
)

// Preview is what would become of one file.
type Preview struct {
	File        string            `json:"file"`
	Format      Format            `json:"format"`
	Compression string            `json:"compression,omitempty"`
	Columns     []string          `json:"columns,omitempty"`
	Mapping     []Source          `json:"mapping,omitempty"`
	LeftOut     []string          `json:"left_out,omitempty"`
	Events      []json.RawMessage `json:"events"`
	BadRows     []*BadRow         `json:"bad_rows,omitempty"`
}

// Preview opens each file and shows the mapping and the first events, without
// ShiftTo. Bad rows among the first rows are shown too.
func (r *Replayer) Preview(ctx context.Context, events int) ([]Preview, error) {
	var previews []Preview
	for _, name := range r.files {
		p, err := r.preview(ctx, name, events)
		if err != nil {
			return previews, err
		}
		previews = append(previews, p)
	}
	return previews, nil
}

func (r *Replayer) preview(ctx context.Context, name string, events int) (p Preview, err error) {
	f, err := r.open(ctx, name)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	p = Preview{File: name, Format: f.format, Compression: f.source.compression, Columns: f.names()}
	var rec Record
	for len(p.Events) < events && len(p.BadRows) < events {
		err := f.next(&rec)
		var refused *BadRow
		switch {
		case err == io.EOF:
			events = 0
		case errors.As(err, &refused):
			p.BadRows = append(p.BadRows, refused)
		case err != nil:
			return p, brokenOff(name, f.unit(), int64(len(p.Events)+len(p.BadRows)), err)
		default:
			p.Events = append(p.Events, json.RawMessage(append([]byte(nil), rec.Value...)))
		}
	}
	if f.plan != nil {
		p.Columns, p.Mapping, p.LeftOut = f.names(), f.plan.describe(f.names()), f.plan.leftOut
	}
	return p, nil
}
