package main

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millrace/internal/query"
)

// completeTimeout is how long somebody waits who has pressed the tab key.
const completeTimeout = 2 * time.Second

// complete offers what may follow in the question: words of the language, and
// names and values of the data.
func (o *queryOptions) complete(cmd *cobra.Command, a *app, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	before := strings.Join(append(args, ""), " ")
	wanted := query.Complete(before + typed)
	if wanted.Start < len(before) {
		return nil, directive
	}
	offers := wanted.Words
	if wanted.Events || wanted.Properties || wanted.Value != "" {
		if err := loadSettings(cmd.Flags(), a.configFile); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		ctx, cancel := context.WithTimeout(context.Background(), completeTimeout) // cobra completes without a context
		defer cancel()
		offers = append(offers, o.fromData(ctx, wanted)...)
	}
	kept := typed[:wanted.Start-len(before)]
	for i, offer := range offers {
		offers[i] = kept + offer
	}
	return offers, directive
}

// fromData asks the API for names and values; none where it does not answer.
func (o *queryOptions) fromData(ctx context.Context, wanted query.Completion) []string {
	c, err := o.client()
	if err != nil {
		return nil
	}
	filter := url.Values{"prefix": {wanted.Typed}}
	if wanted.Value != "" {
		filter.Set("property", wanted.Value)
	}
	answer, err := c.Schema(ctx, filter)
	if err != nil {
		return nil
	}
	var schema struct {
		Events     []struct{ Name string }
		Properties []struct {
			Name   string
			Types  []string
			Values []string
		}
	}
	if json.Unmarshal(answer, &schema) != nil {
		return nil
	}
	var offers []string
	if wanted.Events {
		for _, e := range schema.Events {
			offers = append(offers, query.EventName(e.Name))
		}
	}
	for _, p := range schema.Properties {
		switch {
		case wanted.Properties:
			offers = append(offers, p.Name)
		case wanted.Value != "":
			offers = append(offers, literals(p.Values, p.Types)...)
		}
	}
	return offers
}

// literals writes values as an expression takes them.
func literals(values, types []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = query.Quote(v)
		if len(types) == 1 && (types[0] == "number" || types[0] == "truth") {
			out[i] = v
		}
	}
	return out
}
