package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"millrace/olap"
	"millrace/oltp"
)

// trainStores says where a training reads events and keeps its model.
type trainStores struct {
	data       string
	clickhouse string
	postgres   string
}

func (o *trainStores) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.data, "data", "millrace-data", "data directory of a running \"millrace up\", whose stores are used")
	flags.StringVar(&o.clickhouse, "clickhouse", "", "use this ClickHouse instead, host:port (native) or clickhouse://user:password@host:port/database")
	flags.StringVar(&o.postgres, "postgres", "", "use this Postgres instead, postgres://user:password@host:port/database")
}

// open connects to the stores and brings their tables up to date. The caller
// closes them.
func (o *trainStores) open(ctx context.Context, a *app) (events *olap.Store, users *oltp.Store, err error) {
	if err := o.find(); err != nil {
		return nil, nil, err
	}
	eventsCfg, usersCfg := olap.DefaultConfig(), oltp.DefaultConfig()
	eventsCfg.Address, usersCfg.Address = o.clickhouse, o.postgres
	if events, err = olap.Open(ctx, eventsCfg); err != nil {
		return nil, nil, err
	}
	if users, err = oltp.Open(ctx, usersCfg); err != nil {
		return nil, nil, errors.Join(err, events.Close())
	}
	if err = migrate(ctx, a, events, users); err != nil {
		return nil, nil, errors.Join(err, users.Close(), events.Close())
	}
	return events, users, nil
}

// find takes the addresses that were not given from the running `millrace up`.
func (o *trainStores) find() error {
	if o.clickhouse != "" && o.postgres != "" {
		return nil
	}
	text, err := os.ReadFile(addressesFile(o.data))
	if err != nil {
		return fmt.Errorf("--data %s: no running millrace is found there; start \"millrace up\" with the same --data, or give --clickhouse and --postgres: %w", o.data, err)
	}
	var at addresses
	if err := json.Unmarshal(text, &at); err != nil {
		return fmt.Errorf("read %s: %w", addressesFile(o.data), err)
	}
	if o.clickhouse == "" {
		o.clickhouse = at.ClickHouseNative
	}
	if o.postgres == "" {
		o.postgres = at.Postgres
	}
	return nil
}
