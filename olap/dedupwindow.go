package olap

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DedupNeed says for how long the store has to remember the tokens of blocks.
type DedupNeed struct {
	// Partitions is how many partitions write, each a block after the other.
	Partitions int
	// MaxAge and MaxRows close a block.
	MaxAge  time.Duration
	MaxRows int
	// Deadline is how long after its seal a block may still be sent without asking
	// the group.
	Deadline time.Duration
}

const (
	// dedupFactor is how many deadlines a token is remembered for: a block that is
	// taken over waits for the session of its dead owner to end, and a block that
	// touches several months counts once in each.
	dedupFactor = 10
	// dedupEvents is the rate, in events per second, that the blocks closed by
	// MaxRows are counted at: what two cores have been seen to store.
	dedupEvents = 400_000
)

// Blocks is the number of blocks that a table has to remember: those written
// per second, by age in every partition and by rows on top, over ten deadlines.
func (n DedupNeed) Blocks() uint64 {
	perSecond := float64(n.Partitions)/n.MaxAge.Seconds() + dedupEvents/float64(n.MaxRows)
	return uint64(math.Ceil(perSecond * n.Remember().Seconds()))
}

// Remember is how long a token has to be known.
func (n DedupNeed) Remember() time.Duration { return dedupFactor * n.Deadline }

// shippedWindow is what the migrations set. A table of theirs that has less was
// altered by somebody who may have had a reason.
const shippedWindow = 10_000

// EnsureDeduplication sees to it that every table that the ingest writes to
// remembers the tokens of enough blocks. Tables of the migrations grow where
// what they came with is not enough; everything else that is too small is
// reported as by [Store.CheckDeduplication].
func (s *Store) EnsureDeduplication(ctx context.Context, need DedupNeed) error {
	tables, _, err := s.schemaTables(ctx)
	if err != nil {
		return fmt.Errorf("size the deduplication windows: %w", err)
	}
	own, err := migratedTables()
	if err != nil {
		return err
	}
	for _, name := range own {
		table, found := tables[s.database+"."+name]
		window, _ := table.setting(windowSetting)
		if !found || window < shippedWindow || window >= need.Blocks() {
			continue
		}
		if err := s.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s MODIFY SETTING %s = %d", table.name, windowSetting, need.Blocks())); err != nil {
			return fmt.Errorf("let table %s remember %d blocks: %w", table.name, need.Blocks(), err)
		}
	}
	return s.CheckDeduplication(ctx, need)
}

// migratedTables are the tables that the migrations make, and do not drop again.
func migratedTables() ([]string, error) {
	migrations, err := Migrations()
	if err != nil {
		return nil, err
	}
	change := regexp.MustCompile(`(CREATE|DROP) TABLE IF (?:NOT )?EXISTS (\w+)`)
	var names []string
	for _, m := range migrations {
		for _, found := range change.FindAllStringSubmatch(m.sql, -1) {
			if found[1] == "CREATE" {
				names = append(names, found[2])
			} else {
				names = slices.DeleteFunc(names, func(name string) bool { return name == found[2] })
			}
		}
	}
	return names, nil
}

// CheckDeduplication reports every table that forgets the tokens of blocks too
// early: one that the ingest writes to, or the target of a materialized view
// that depends on it, whoever made that view. A block that is sent again after
// it was forgotten would be stored twice there.
func (s *Store) CheckDeduplication(ctx context.Context, need DedupNeed) error {
	tables, views, err := s.schemaTables(ctx)
	if err != nil {
		return fmt.Errorf("check the deduplication windows: %w", err)
	}
	defaults, err := s.mergeTreeDefaults(ctx)
	if err != nil {
		return fmt.Errorf("check the deduplication windows: %w", err)
	}
	var faults []error
	for _, name := range writtenTables(s.database, views) {
		if table, found := tables[name]; found {
			faults = append(faults, table.check(need, defaults))
		}
	}
	return errors.Join(faults...)
}

// schemaTable is a table as the server knows it.
type schemaTable struct {
	name   string // database.table, quoted where needed
	engine string
	full   string // engine with its settings
}

// schemaView is a materialized view and where it stands.
type schemaView struct{ source, target string }

// targetOf finds the table that a view fills in the view's definition.
var targetOf = regexp.MustCompile(`(?s)^CREATE MATERIALIZED VIEW \S+(?: UUID '[^']*')? (?:REFRESH .*? )?TO (\S+)`)

// schemaTables reads all tables, and the materialized views with their sources.
func (s *Store) schemaTables(ctx context.Context) (map[string]schemaTable, []schemaView, error) {
	tables, targets := map[string]schemaTable{}, map[string]string{}
	type edge struct{ source, view string }
	var edges []edge
	q := textStatement(`SELECT database, name, toString(uuid), engine, engine_full, create_table_query, dependencies_database, dependencies_table
FROM system.tables WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema') ORDER BY database, name`)
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var database, name, uuid, engine, full, create string
		var inDatabases, views []string
		if err := scan(&database, &name, &uuid, &engine, &full, &create, &inDatabases, &views); err != nil {
			return err
		}
		key := database + "." + name
		tables[key] = schemaTable{name: quoteIfNeeded(database) + "." + quoteIfNeeded(name), engine: engine, full: full}
		for i := range views {
			edges = append(edges, edge{key, inDatabases[i] + "." + views[i]})
		}
		if engine == "MaterializedView" {
			targets[key] = innerTable(database, name, uuid)
			if found := targetOf.FindStringSubmatch(create); found != nil {
				targets[key] = strings.ReplaceAll(found[1], "`", "")
			}
		}
		return nil
	})
	var views []schemaView
	for _, e := range edges {
		if target, isView := targets[e.view]; isView {
			views = append(views, schemaView{e.source, target})
		}
	}
	return tables, views, err
}

// innerTable is where a materialized view without TO keeps its rows.
func innerTable(database, view, uuid string) string {
	if uuid == "" || uuid == "00000000-0000-0000-0000-000000000000" {
		return database + "." + ".inner." + view
	}
	return database + "." + ".inner_id." + uuid
}

// plainIdentifier needs no quotes.
var plainIdentifier = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func quoteIfNeeded(name string) string {
	if plainIdentifier.MatchString(name) {
		return name
	}
	return quoteIdentifier(name)
}

// writtenTables are the tables that the ingest writes to, and all that
// materialized views fill from them, views of views included.
func writtenTables(database string, views []schemaView) []string {
	var written []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			written = append(written, name)
		}
	}
	for _, table := range ledgerTables {
		add(database + "." + table)
	}
	for i := 0; i < len(written); i++ {
		for _, v := range views {
			if v.source == written[i] {
				add(v.target)
			}
		}
	}
	return written
}

// mergeTreeDefaults are the server's defaults of the settings that are checked.
func (s *Store) mergeTreeDefaults(ctx context.Context) (map[string]string, error) {
	defaults := map[string]string{}
	q := textStatement("SELECT name, value FROM system.merge_tree_settings WHERE name LIKE '%replicated_deduplication_window%'")
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var name, value string
		err := scan(&name, &value)
		defaults[name] = value
		return err
	})
	return defaults, err
}

// windowSetting is how many blocks a table that is not replicated remembers.
const windowSetting = "non_replicated_deduplication_window"

// setting is the value that the table itself sets, if it sets one.
func (t schemaTable) setting(name string) (value uint64, set bool) {
	found := regexp.MustCompile(`\b` + name + ` = (\d+)`).FindStringSubmatch(t.full)
	if found == nil {
		return 0, false
	}
	value, err := strconv.ParseUint(found[1], 10, 64)
	return value, err == nil
}

// check reports what the table forgets too early.
func (t schemaTable) check(need DedupNeed, defaults map[string]string) error {
	switch {
	case t.engine == "Null": // keeps nothing
		return nil
	case !strings.HasSuffix(t.engine, "MergeTree"):
		return fmt.Errorf("table %s, which a view fills from events, has the engine %s: it cannot drop a block that is sent twice, so it would count some events twice; use a MergeTree table, or drop the view", t.name, t.engine)
	case strings.HasPrefix(t.engine, "Replicated"), strings.HasPrefix(t.engine, "Shared"):
		return errors.Join(
			t.atLeast("replicated_deduplication_window", need.Blocks(), defaults),
			t.atLeast("replicated_deduplication_window_seconds", uint64(need.Remember().Seconds()), defaults))
	}
	return t.atLeast(windowSetting, need.Blocks(), defaults)
}

// atLeast reports a setting of the table that is too small.
func (t schemaTable) atLeast(setting string, needed uint64, defaults map[string]string) error {
	value, set := t.setting(setting)
	if !set {
		value, _ = strconv.ParseUint(defaults[setting], 10, 64) // what the server does not know it does not do
	}
	if value >= needed {
		return nil
	}
	return fmt.Errorf("table %s remembers too few blocks to be sure that none is stored twice: %s is %d, %d are needed; run: ALTER TABLE %s MODIFY SETTING %s = %d",
		t.name, setting, value, needed, t.name, setting, needed)
}
