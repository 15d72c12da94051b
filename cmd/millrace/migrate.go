package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"millrace/ingest"
	"millrace/olap"
	"millrace/oltp"
)

// newMigrateCmd brings the stores of a cluster up to date; `up` does the same
// for the stores it uses.
func newMigrateCmd(a *app) *cobra.Command {
	olapCfg, oltpCfg, kafka := olap.DefaultConfig(), oltp.DefaultConfig(), ingest.DefaultConfig()
	var partitions int32
	var asJSON bool
	var cluster string
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring ClickHouse, Postgres and the Kafka topics up to date",
		Long: `Apply the migrations that ClickHouse and Postgres do not have yet, and create
the Kafka topics where they do not exist. "millrace up" does this by itself.

With --render-cluster it only prints what a ClickHouse cluster of that name has
to run: the same schema, replicated, and tables that read all shards.`,
		Example: `  millrace migrate --clickhouse ch:9000 --postgres postgres://pg/millrace --kafka kafka:9092
  millrace migrate --render-cluster main | clickhouse-client --multiquery`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cluster != "" {
				script, err := olap.RenderCluster(cluster, "millrace")
				fmt.Fprint(a.stdout, script)
				return err
			}
			if oltpCfg.Address == "" {
				return usageError(errors.New("--postgres: give the address, such as postgres://user@host:5432/database"))
			}
			ctx := cmd.Context()
			events, err := olap.Open(ctx, olapCfg)
			if err != nil {
				return err
			}
			defer events.Close()
			users, err := oltp.Open(ctx, oltpCfg)
			if err != nil {
				return err
			}
			defer users.Close()
			applied, err := applyMigrations(ctx, events, users)
			if err != nil {
				return err
			}
			for _, topic := range []string{kafka.Topic, kafka.Backfill} {
				if topic == "" { // no backfill
					continue
				}
				if err := ingest.EnsureTopic(ctx, kafka.Brokers, topic, partitions); err != nil {
					return err
				}
			}
			return printMigrations(a, applied, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&olapCfg.Address, "clickhouse", olapCfg.Address, "ClickHouse, host:port (native) or clickhouse://user:password@host:port/database")
	flags.StringVar(&oltpCfg.Address, "postgres", oltpCfg.Address, "Postgres, postgres://user:password@host:port/database")
	flags.StringSliceVar(&kafka.Brokers, "kafka", kafka.Brokers, "Kafka, host:port,…")
	flags.StringVar(&kafka.Topic, "topic", kafka.Topic, "Kafka topic that holds events")
	flags.StringVar(&kafka.Backfill, "backfill-topic", ingest.BackfillTopic, "Kafka topic that holds history, which is stored behind live events; empty for none")
	flags.Int32Var(&partitions, "partitions", 4, "partitions of each topic, where it does not exist yet")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	flags.StringVar(&cluster, "render-cluster", "", "print the ClickHouse schema for the cluster of this name, and do nothing")
	return cmd
}

// applied is one migration that has just been applied.
type applied struct {
	Store   string `json:"store"`
	Version int    `json:"version"`
	Name    string `json:"name"`
}

// applyMigrations brings both stores up to date.
func applyMigrations(ctx context.Context, events *olap.Store, users *oltp.Store) ([]applied, error) {
	done := []applied{}
	inClickHouse, err := events.Migrate(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range inClickHouse {
		done = append(done, applied{"clickhouse", int(m.Version), m.Name})
	}
	inPostgres, err := users.Migrate(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range inPostgres {
		done = append(done, applied{"postgres", m.Version, m.Name})
	}
	return done, nil
}

// migrate applies what is missing and logs it.
func migrate(ctx context.Context, a *app, events *olap.Store, users *oltp.Store) error {
	done, err := applyMigrations(ctx, events, users)
	if err != nil {
		return err
	}
	for _, m := range done {
		a.log.Info("migration applied", "store", m.Store, "version", m.Version, "name", m.Name)
	}
	return nil
}

// printMigrations tells what `millrace migrate` has done.
func printMigrations(a *app, done []applied, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(done)
	}
	for _, m := range done {
		fmt.Fprintf(a.stdout, "%s: applied %d %s\n", m.Store, m.Version, m.Name)
	}
	if len(done) == 0 {
		fmt.Fprintln(a.stdout, "everything is up to date")
	}
	return nil
}
