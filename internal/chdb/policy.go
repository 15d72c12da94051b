package chdb

import "strings"

// check refuses what must not reach the engine. Table functions and table engines that leave the
// data directory are refused inside the engine by the user's grants; INTO OUTFILE and FROM INFILE
// are not, because chDB serves them on the client's side of its own connection.
func (s *server) check(st *statement) error {
	if st.several {
		return errSeveral()
	}
	if s.cfg.AllowFiles {
		return nil
	}
	if st.outfile || st.verb == "INSERT" && namesInfile(st) {
		return errFiles()
	}
	return nil
}

func errSeveral() error {
	return newException(codeSyntaxError, "Syntax error (Multi-statements are not allowed)")
}

func errFiles() error {
	return newException(codeAccessDenied, "INTO OUTFILE and FROM INFILE are switched off on this server")
}

// namesInfile looks for the word in an INSERT's text behind table and columns, quoted or not.
func namesInfile(st *statement) bool {
	head := st.head
	for _, known := range []string{st.target, st.columns} {
		head = strings.Replace(head, known, "", 1)
	}
	return strings.Contains(strings.ToLower(head), "infile")
}

// vet asks the engine's own parser about what this server's reading of a text must not miss. Most
// texts have none of the marks and cost nothing.
func (r *run) vet(st *statement, allowFiles bool) error {
	if err := r.vetVerb(st); err != nil {
		return err
	}
	outfile := !allowFiles && strings.Contains(strings.ToLower(st.text), "outfile")
	if st.insertsData || !outfile && !r.readonly && !strings.Contains(st.text, ";") {
		return nil // the engine takes an INSERT with data as one statement or not at all
	}
	statements, class, ok := r.e.lib.Classify(r.conn, st.text)
	switch {
	case !ok || class == classUnknown:
		return nil // it does not parse: the engine will say why
	case statements > 1:
		return errSeveral()
	case outfile && class == classControl && st.returnsRows() && st.verb != "KILL":
		return errFiles()
	case r.readonly && class != classReadOnly && st.verb != "SET" && st.verb != "USE":
		return errReadonly()
	}
	return nil
}

// vetVerb refuses what the engine's client side would answer by itself.
func (r *run) vetVerb(st *statement) error {
	switch st.verb {
	case "":
		if isEnd(st.text) {
			return newException(codeSyntaxError, "Empty query")
		}
	case "EXIT", "QUIT", "LOGOUT", "Q":
		return newException(codeSyntaxError, "Syntax error: %s is a command of the command-line client", st.verb)
	case "INSERT":
		if r.readonly {
			return errReadonly()
		}
	}
	return nil
}

func errReadonly() error {
	return newException(codeReadonly, "Cannot execute query in readonly mode")
}
