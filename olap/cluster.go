package olap

import (
	"fmt"
	"regexp"
	"strings"
)

// A cluster has the tables of one node on every shard, replicated, in one
// database, and in a second database tables of the same names that read all
// shards. So migrations and questions have one text: what writes, or looks after
// parts, uses the first database, what asks the second.
//
// A user lives on one shard: events are keyed by user in Kafka, and a partition
// belongs to one shard. Reading may rely on it: what is grouped by user is final
// on its shard, and tables are joined there. The shard cannot be told from the
// id, though, so no shard may be skipped for it.

// clusterTopology is what the migrations' templates say in a cluster.
func clusterTopology(cluster string) topology {
	replicated := func(engine string) string {
		return "Replicated" + engine + "('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')"
	}
	return topology{
		OnCluster:            " ON CLUSTER " + quoteIfNeeded(cluster),
		MergeTree:            replicated("MergeTree"),
		AggregatingMergeTree: replicated("AggregatingMergeTree"),
		SummingMergeTree:     replicated("SummingMergeTree"),
	}
}

// replicatedWindow is how many blocks a replicated table remembers, and how long:
// a week, far longer than a block is in doubt.
const replicatedWindow = "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800"

// sharded names the tables whose rows belong to a user: what is grouped by that
// is final on a shard.
func sharded() map[string]bool { return map[string]bool{"events": true, "user_traits": true} }

// RenderCluster is the whole schema for a cluster, as a script for
// clickhouse-client on any of its nodes; running it again does no harm. The
// cluster is one of the server's remote_servers, and every node has the macros
// shard and replica. Tables lie in database, those that read all shards in
// database_all.
func RenderCluster(cluster, database string) (string, error) {
	migrations, err := Migrations()
	if err != nil {
		return "", err
	}
	c := clusterScript{cluster: quoteIfNeeded(cluster), local: quoteIfNeeded(database), all: quoteIfNeeded(database + "_all")}
	c.add("-- Tables of each shard.")
	c.statement("CREATE DATABASE IF NOT EXISTS %s ON CLUSTER %s", c.local, c.cluster)
	c.statement("USE %s", c.local)
	c.statement("%s", inCluster(schemaMigrations, c.cluster))
	var fills []string
	for _, m := range migrations {
		text, err := renderMigration(m.sql, clusterTopology(cluster))
		if err != nil {
			return "", fmt.Errorf("migration %s: %w", m, err)
		}
		c.add("-- " + m.String())
		for _, statement := range splitStatements(text) {
			if strings.HasPrefix(statement, "INSERT") {
				fills = append(fills, statement)
				continue
			}
			c.statement("%s", strings.ReplaceAll(statement, "non_replicated_deduplication_window = 10000", replicatedWindow))
		}
	}
	if err := c.readingAll(); err != nil {
		return "", err
	}
	c.add("-- Each shard fills its own tables from its own rows.")
	c.statement("USE %s", c.all)
	for _, fill := range fills {
		c.statement("%s\nSETTINGS parallel_distributed_insert_select = 2", fill)
	}
	c.add("-- What is done.")
	for _, m := range migrations {
		c.statement("INSERT INTO %s.schema_migrations (version, name, checksum) VALUES (%d, %s, %s)", c.local, m.Version, quoteText(m.Name), quoteText(m.Checksum))
	}
	return c.String(), nil
}

type clusterScript struct {
	strings.Builder
	cluster, local, all string
}

func (c *clusterScript) add(line string) { c.WriteString(line + "\n\n") }

func (c *clusterScript) statement(format string, args ...any) {
	c.add(fmt.Sprintf(format, args...) + ";")
}

// readingAll adds the tables that read all shards. They hold nothing, so they
// are made anew: with the columns of now.
func (c *clusterScript) readingAll() error {
	tables, err := migratedTables()
	if err != nil {
		return err
	}
	c.add("-- Tables that read all shards. Nothing is inserted through them: a block goes to its shard as a whole.")
	c.statement("CREATE DATABASE IF NOT EXISTS %s ON CLUSTER %s", c.all, c.cluster)
	for _, table := range tables {
		key := ""
		if sharded()[table] {
			key = ", sipHash64(user_id)"
		}
		c.statement("CREATE OR REPLACE TABLE %[1]s.%[2]s ON CLUSTER %[3]s AS %[4]s.%[2]s\nENGINE = Distributed(%[5]s, %[6]s, %[2]s%[7]s)",
			c.all, table, c.cluster, c.local, quoteText(strings.Trim(c.cluster, "`")), quoteText(strings.Trim(c.local, "`")), key)
	}
	c.add("-- For the user that questions are asked as. A shard that does not answer is an error, never a smaller number.")
	c.statement("CREATE SETTINGS PROFILE OR REPLACE millrace_questions ON CLUSTER %s SETTINGS\n"+
		"    distributed_product_mode = 'local',               -- join on the shard: users do not span shards\n"+
		"    optimize_distributed_group_by_sharding_key = 1,   -- groups by user are final on the shard\n"+
		"    optimize_skip_unused_shards = 0,                  -- the id does not tell the shard\n"+
		"    skip_unavailable_shards = 0", c.cluster)
	return nil
}

var engineOf = regexp.MustCompile(`ENGINE = (\w+)\((\w+)\)`)

// inCluster writes schema_migrations for a cluster: one table that all nodes of
// all shards have whole.
func inCluster(create, cluster string) string {
	create = strings.Replace(create, "schema_migrations", "schema_migrations ON CLUSTER "+cluster, 1)
	return engineOf.ReplaceAllString(create, "ENGINE = Replicated$1('/clickhouse/tables/{database}/{table}', '{shard}-{replica}', $2)")
}
