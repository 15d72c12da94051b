package chdb

// Stats counts what a statement read and wrote so far.
type Stats struct {
	ResultRows, ResultBytes   uint64 // handed to the client
	ReadRows, ReadBytes       uint64 // read from storage
	WrittenRows, WrittenBytes uint64 // inserted, materialized views included
}

func (s *Stats) add(o Stats) {
	s.ResultRows += o.ResultRows
	s.ResultBytes += o.ResultBytes
	s.ReadRows += o.ReadRows
	s.ReadBytes += o.ReadBytes
	s.WrittenRows += o.WrittenRows
	s.WrittenBytes += o.WrittenBytes
}

// Param is one bound parameter: {Name:Type} in the statement takes Value, written as ClickHouse's text form of the type.
type Param struct{ Name, Value string }
