package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// input is one open file with everything that makes events of its rows.
type input struct {
	rows
	name    string
	source  *source
	format  Format
	plan    *plan
	builder *builder
	row     row
}

// open opens a file, finds its format and columns, and plans what becomes of them.
func (r *Replayer) open(ctx context.Context, name string) (*input, error) {
	s, err := openSource(name, r.cfg.Stdin, &r.read)
	if err != nil {
		return nil, err
	}
	f := &input{name: name, source: s}
	if err := f.start(ctx, r); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if f.format != FormatEnvelope {
		f.plan, err = newPlan(&r.cfg, name, f.names())
	}
	if err == nil {
		f.builder, err = newBuilder(&r.cfg, name, r.bases[name], f.plan)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	f.builder.shift = r.shift
	return f, nil
}

// start finds the format and makes the reader.
func (f *input) start(ctx context.Context, r *Replayer) error {
	s, cfg := f.source, &r.cfg
	begin := s.sample()
	if len(begin) == 0 {
		if _, err := s.ReadByte(); !errors.Is(err, io.EOF) {
			return brokenOff(f.name, "row", 0, err)
		}
		return fmt.Errorf("%s is empty", f.name)
	}
	f.format = cfg.Format
	if f.format == FormatAuto {
		f.format = detect(s.base, begin)
	}
	if f.format != FormatParquet {
		if err := checkText(f.name, begin); err != nil {
			return err
		}
	}
	mapped := len(cfg.Map)+len(cfg.Const) > 0
	if f.format == FormatNDJSON && cfg.Format == FormatAuto && !mapped && isEnvelope(begin) {
		f.format = FormatEnvelope
	}
	if f.format == FormatEnvelope && mapped {
		return fmt.Errorf("%s: --map and --const change nothing in envelopes; say --format ndjson to map their fields", f.name)
	}
	return f.reader(ctx, r)
}

func (f *input) reader(ctx context.Context, r *Replayer) (err error) {
	switch f.format {
	case FormatNDJSON:
		f.rows = newNDJSON(f.source, &r.cfg)
	case FormatEnvelope:
		f.rows = &envelopes{lines: lineReader{from: f.source.Reader, most: r.cfg.MaxRowBytes}, close: f.source.Close}
	case FormatParquet:
		f.rows, err = newParquet(ctx, f.source, &r.read)
	default:
		f.rows, err = newDelimited(f.source, f.format, &r.cfg)
	}
	return err
}

// next makes the event of the next row. A row that cannot be one comes as a
// *BadRow that names the file.
func (f *input) next(rec *Record) error {
	err := f.rows.next(&f.row)
	if err == nil {
		if f.plan != nil && f.plan.seen < len(f.names()) {
			f.plan.grow(f.names())
		}
		err = f.builder.build(&f.row, rec)
	}
	var refused *BadRow
	if errors.As(err, &refused) {
		refused.File, refused.unit = f.name, f.unit()
	}
	return err
}
