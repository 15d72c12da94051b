package chdb

// check refuses what must not reach the engine. Table functions and table engines that leave the
// data directory are refused inside the engine by the user's grants; INTO OUTFILE and FROM INFILE
// are not, because chDB serves them on the client's side of its own connection.
func (s *server) check(st *statement) error {
	if st.several {
		return newException(codeSyntaxError, "Syntax error (Multi-statements are not allowed)")
	}
	if st.outfile && !s.cfg.AllowFiles {
		return newException(codeAccessDenied, "INTO OUTFILE and FROM INFILE are switched off on this server")
	}
	return nil
}
