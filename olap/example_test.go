package olap_test

import (
	"context"
	"errors"
	"fmt"

	"millrace/olap"
)

// A question is built and checked without a store: as JSON in the shape of the
// HTTP contract, or as one line of the language.
func Example() {
	q, err := olap.ParseText(`funnel view > add_to_cart (amount > 5) > purchase within 1d last 30d`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q.Kind())
	fmt.Println(string(q.JSON()))

	_, err = olap.ParseQuery([]byte(`{"kind":"trends","series":[{"event":"purchase","measure":"sum","property":"amuont"}]}`))
	var fault *olap.QueryError
	if errors.As(err, &fault) {
		fmt.Println(fault.Code, fault.Field)
		fmt.Println(fault.Detail)
	}
	// Output:
	// funnel
	// {"from":"-30d","kind":"funnel","steps":[{"event":"view"},{"event":"add_to_cart","where":"amount > 5"},{"event":"purchase"}],"window":"1d"}
	// unknown_name /series/0/property
	// there is no field "amuont"; did you mean "amount"? A property of that name is written properties.amuont
}

// Asking takes a store. [olap.Store] answers at once; [olap.Guard], before it,
// answers many callers in turn, from memory where nothing has changed.
func ExampleStore_Ask() {
	ask := func(ctx context.Context) error {
		store, err := olap.Open(ctx, olap.DefaultConfig())
		if err != nil {
			return err
		}
		defer store.Close()
		q, err := olap.ParseText("funnel view > purchase within 1d last 30d")
		if err != nil {
			return err
		}
		answer, err := store.Ask(ctx, q)
		if err != nil {
			return err
		}
		for _, step := range answer.Result.(*olap.FunnelResult).Steps {
			fmt.Println(step.Step, step.Count)
		}
		return nil
	}
	_ = ask // it is not run here: it needs a server
}
