package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"millrace/api"
	"millrace/internal/client"
)

// letterOptions choose dead letters of a running Millrace.
type letterOptions struct {
	client    client.Config
	selection api.LetterSelection
	partition int32
	ids       []string
	limit     int
	asJSON    bool
}

func (o *letterOptions) register(flags *pflag.FlagSet, replayed string) {
	o.client = client.DefaultConfig()
	flags.StringVar(&o.client.URL, "api", o.client.URL, "URL of the API")
	flags.StringVar(&o.client.Key, "api-key", "", "key for the API")
	flags.StringSliceVar(&o.ids, "id", nil, "only these letters, such as events/0/17")
	flags.StringVar(&o.selection.From, "from", "", "received at or after: a time, a date, or relative such as -7d")
	flags.StringVar(&o.selection.To, "to", "", "received before")
	flags.StringSliceVar(&o.selection.Reason, "reason", nil, "only these reasons")
	flags.Int32Var(&o.partition, "partition", -1, "only this partition, -1 for all")
	flags.StringVar(&o.selection.Field, "field", "", "only this JSON pointer, and what is below it")
	flags.StringVar(&o.selection.Replayed, "replayed", replayed, "yes, no or all: whether the letter was replayed")
	flags.IntVar(&o.limit, "limit", 50, "letters that are shown")
	flags.BoolVar(&o.asJSON, "json", false, "print JSON")
}

// parameters are the choice as GET /v1/dead-letters takes it.
func (o *letterOptions) parameters() url.Values {
	v := url.Values{"limit": {strconv.Itoa(o.limit)}}
	for name, text := range map[string]string{"from": o.selection.From, "to": o.selection.To, "field": o.selection.Field, "replayed": o.selection.Replayed} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if o.partition >= 0 {
		v.Set("partition", strconv.Itoa(int(o.partition)))
	}
	v["reason"], v["id"] = o.selection.Reason, o.ids
	return v
}

// newDeadLettersCmd lists dead letters.
func newDeadLettersCmd(a *app) *cobra.Command {
	var o letterOptions
	cmd := &cobra.Command{
		Use:   "dead-letters",
		Short: "List records that could not become events, or replay them",
		Example: `  millrace dead-letters --from -1d --reason missing_user
  millrace dead-letters replay --reason unknown_field --patch fix.json --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := client.New(o.client)
			if err != nil {
				return usageError(err)
			}
			body, err := c.DeadLetters(cmd.Context(), o.parameters())
			if err != nil {
				return err
			}
			if o.asJSON {
				_, err = fmt.Fprintf(a.stdout, "%s", body)
				return err
			}
			var page api.DeadLetterPage
			if err := json.Unmarshal(body, &page); err != nil {
				return fmt.Errorf("read the dead letters: %w", err)
			}
			return printLetters(a.stdout, &page)
		},
	}
	o.register(cmd.Flags(), "all")
	cmd.AddCommand(newReplayLettersCmd(a))
	return cmd
}

// printLetters writes the counts and the letters as tables.
func printLetters(w io.Writer, page *api.DeadLetterPage) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range page.Reasons {
		fmt.Fprintf(table, "%s\t%d\n", r.Reason, r.Count)
	}
	fmt.Fprintf(table, "total\t%d\n\nID\tRECEIVED\tREASON\tREPLAYED\tDETAIL\n", page.Total)
	for _, l := range page.DeadLetters {
		replayed := "no"
		if l.ReplayedAt != nil {
			replayed = l.ReplayedAt.Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.ID, l.ReceivedAt.Format("2006-01-02 15:04:05"), l.Reason, replayed, l.Detail)
	}
	return table.Flush()
}

// newReplayLettersCmd corrects dead letters and sends them again.
func newReplayLettersCmd(a *app) *cobra.Command {
	var o letterOptions
	var patchFile string
	request := api.ReplayRequest{}
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Correct dead letters and send them again",
		Long: `Correct dead letters with a JSON Patch (RFC 6902) and send them again. Without
--patch they are sent as they are. Exit code 3 where some were refused.`,
		Example: `  millrace dead-letters replay --reason unknown_field --field /userId --patch fix.json --dry-run
  echo '[{"op":"move","from":"/userId","path":"/user_id"}]' | millrace dead-letters replay --field /userId --patch -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.fill(&request, patchFile, cmd.InOrStdin()); err != nil {
				return usageError(err)
			}
			return a.replayLetters(cmd, &o, request)
		},
	}
	flags := cmd.Flags()
	o.register(flags, "no")
	flags.StringVar(&patchFile, "patch", "", "file with a JSON Patch, - for standard input")
	flags.BoolVar(&request.DryRun, "dry-run", false, "change nothing; show --limit letters before and after")
	flags.BoolVar(&request.Again, "again", false, "replay letters that were replayed already, too")
	return cmd
}

// fill turns the flags into a request.
func (o *letterOptions) fill(request *api.ReplayRequest, patchFile string, stdin io.Reader) error {
	request.IDs = o.ids
	if len(o.ids) == 0 {
		request.Filter = &o.selection
		if o.partition >= 0 {
			request.Filter.Partition = &o.partition
		}
	}
	if request.DryRun {
		request.Limit = o.limit
	}
	var text []byte
	var err error
	switch patchFile {
	case "":
		return nil
	case "-":
		text, err = io.ReadAll(stdin)
	default:
		text, err = os.ReadFile(patchFile)
	}
	if err == nil {
		err = json.Unmarshal(text, &request.Patch)
	}
	if err != nil {
		return fmt.Errorf("--patch: %w", err)
	}
	return nil
}

// replayLetters goes on until no letter is left, and tells what became of them.
func (a *app) replayLetters(cmd *cobra.Command, o *letterOptions, request api.ReplayRequest) error {
	c, err := client.New(o.client)
	if err != nil {
		return usageError(err)
	}
	var total api.ReplayReceipt
	for {
		text, err := json.Marshal(request)
		if err != nil {
			return err
		}
		body, err := c.ReplayDeadLetters(cmd.Context(), text)
		if err != nil {
			return err
		}
		var receipt api.ReplayReceipt
		if err := json.Unmarshal(body, &receipt); err != nil {
			return fmt.Errorf("read the receipt: %w", err)
		}
		total.DryRun = receipt.DryRun
		total.Selected += receipt.Selected
		total.Accepted += receipt.Accepted
		total.Repeated += receipt.Repeated
		total.Rejected = append(total.Rejected, receipt.Rejected...)
		total.Letters = append(total.Letters, receipt.Letters...)
		if receipt.NextCursor == nil || request.DryRun {
			break
		}
		request.Cursor = *receipt.NextCursor
	}
	if err := printReceipt(a.stdout, &total, o.asJSON); err != nil {
		return err
	}
	if len(total.Rejected) > 0 && !total.DryRun {
		return &exitError{code: exitRejected, err: errors.New("some letters were refused")}
	}
	return nil
}

func printReceipt(w io.Writer, r *api.ReplayReceipt, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	for _, l := range r.Letters {
		if l.Rejected == nil {
			fmt.Fprintf(w, "%s\n  - %s\n  + %s\n", l.ID, l.Before, l.After)
		} else {
			fmt.Fprintf(w, "%s\n  - %s\n", l.ID, l.Before)
		}
	}
	for _, refused := range r.Rejected {
		fmt.Fprintf(w, "%s refused: %s: %s\n", refused.ID, refused.Code, refused.Detail)
	}
	verb := "replayed"
	if r.DryRun {
		verb = "would be replayed"
	}
	_, err := fmt.Fprintf(w, "%d letters: %d %s, %d refused\n", r.Selected, r.Accepted, verb, len(r.Rejected))
	return err
}
