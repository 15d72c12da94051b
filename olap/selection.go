package olap

// selection renders which events a question takes: those of the choice that
// meet every condition; "1" where all events are meant. The range aside.
func selection(st *statement, k clock, event eventChoice, wheres ...condition) (string, error) {
	parts := []string{event.condition(st)}
	for _, c := range wheres {
		if !c.given() {
			continue
		}
		sql, err := c.render(st, k)
		if err != nil {
			return "", err
		}
		parts = append(parts, sql)
	}
	if all := allOf(parts...); all != "1" {
		return "(" + all + ")", nil
	}
	return "1", nil
}
