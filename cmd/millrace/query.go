package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"millrace/internal/client"
)

// queryOptions are the flags of `millrace query`.
type queryOptions struct {
	api     string
	key     string
	json    bool
	csv     bool
	explain bool
	width   int
}

// newQueryCmd asks the API one question.
func newQueryCmd(a *app) *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use:   "query QUESTION",
		Short: "Ask a question and show the answer as a table",
		Long: `Ask a question in one line, and show the answer as a table with bars.

Put the question in quotes, for > means something to the shell. A question that
begins with { is one of the API's JSON objects. docs/queries.md has the language.

--explain asks nothing: it shows the SQL, and what it would read.`,
		Example: `  millrace query "funnel view > add_to_cart > purchase within 1d last 30d"
  millrace query "trends purchase by sum(amount) last 7d breakdown country" --csv
  millrace query "retention signup -> purchase weekly 8 periods last 12w"
  millrace query --explain 'trends * by users last 90d where platform = "ios"'`,
		Args: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(strings.Join(args, " ")) == "" {
				return usageError(errors.New(`ask a question, such as "funnel view > purchase within 1d last 30d"`))
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			return o.complete(cmd, a, args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), a, strings.Join(args, " "))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.api, "api", client.DefaultConfig().URL, "URL of the API")
	flags.StringVar(&o.key, "key", "", "API key")
	flags.BoolVar(&o.json, "json", false, "print the answer as the API gives it")
	flags.BoolVar(&o.csv, "csv", false, "print the figures as CSV, all of them in one table")
	flags.BoolVar(&o.explain, "explain", false, "show the SQL and what it would read, and ask nothing")
	flags.IntVar(&o.width, "width", 0, "letters in a line (default: the terminal's width, 100 elsewhere)")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	cmd.MarkFlagsMutuallyExclusive("explain", "csv")
	return cmd
}

// client talks to the API for somebody who is waiting at a terminal.
func (o *queryOptions) client() (*client.Client, error) {
	cfg := client.DefaultConfig()
	cfg.URL, cfg.Key = o.api, o.key
	cfg.Timeout, cfg.Attempts = 2*time.Minute, 2
	return client.New(cfg)
}

func (o *queryOptions) run(ctx context.Context, a *app, question string) error {
	c, err := o.client()
	if err != nil {
		return usageError(err)
	}
	body := json.RawMessage(question)
	if !strings.HasPrefix(strings.TrimSpace(question), "{") {
		if body, err = json.Marshal(map[string]string{"kind": "text", "q": question}); err != nil {
			return err
		}
	}
	ask := c.Query
	if o.explain {
		ask = c.Preview
	}
	answer, err := ask(ctx, body)
	if err != nil {
		return o.explained(a, question, err)
	}
	return o.show(a, answer)
}

// explained shows where in the question a fault lies.
func (o *queryOptions) explained(a *app, question string, err error) error {
	var fault *client.Error
	if !errors.As(err, &fault) || fault.Status != 400 && fault.Status != 422 {
		return err
	}
	if fault.Column > 0 && fault.Field == "/q" {
		fmt.Fprintf(a.stderr, "  %s\n  %s^\n", strings.NewReplacer("\n", " ", "\t", " ").Replace(question), strings.Repeat(" ", fault.Column-1))
	}
	return usageError(errors.New(strings.TrimSuffix(fault.Detail, ".")))
}

func (o *queryOptions) show(a *app, answer json.RawMessage) error {
	if o.json {
		_, err := fmt.Fprintln(a.stdout, strings.TrimSpace(string(answer)))
		return err
	}
	d := display{out: a.stdout, width: o.width, fancy: isTerminal(a.stdout) && os.Getenv("NO_COLOR") == ""}
	if d.width <= 0 {
		d.width = 100
		if file, ok := a.stdout.(*os.File); ok {
			if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
				d.width = width
			}
		}
	}
	if o.explain {
		return d.preview(answer)
	}
	shown, err := readAnswer(answer)
	if err != nil {
		return err
	}
	if o.csv {
		return shown.writeCSV(a.stdout)
	}
	return d.answer(shown)
}
