package chdb

import (
	"fmt"
	"testing"
)

func TestProbeSecurity(t *testing.T) {
	s := startServer(t)
	s.sql(t, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
	for _, q := range []string{
		"SELECT file('/etc/passwd')", "SELECT file('/etc/hostname', 'x')",
		"CREATE DATABASE fs ENGINE = Filesystem('/etc')", "SELECT * FROM fs.`passwd`", "SHOW DATABASES",
		"CREATE DATABASE sq ENGINE = SQLite('/tmp/x.db')", "CREATE DATABASE my ENGINE = MySQL('127.0.0.1:1', 'a', 'b', 'c')",
		"CREATE DATABASE s3d ENGINE = S3('http://127.0.0.1:1/x')", "CREATE DATABASE bk ENGINE = Backup('default', File('/tmp/x'))","CREATE DATABASE ov ENGINE = Overlay('default')",
		"CREATE DATABASE dl ENGINE = DataLakeCatalog('http://127.0.0.1:1/x')",
		"CREATE DATABASE pg ENGINE = PostgreSQL('127.0.0.1:1', 'a', 'b', 'c')", "CREATE DATABASE mpg ENGINE = MaterializedPostgreSQL('127.0.0.1:1', 'a', 'b', 'c')",
		"CREATE DICTIONARY d (a UInt64, b String) PRIMARY KEY a SOURCE(FILE(path '/etc/passwd' format 'LineAsString')) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT dictGet('d', 'b', 1)",
		"CREATE DICTIONARY d2 (a UInt64, b String) PRIMARY KEY a SOURCE(HTTP(url 'http://127.0.0.1:1/' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT dictGet('d2', 'b', 1)",
		"CREATE DICTIONARY d3 (a UInt64, b String) PRIMARY KEY a SOURCE(EXECUTABLE(command 'cat /etc/passwd' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT dictGet('d3', 'b', 1)",
		"CREATE DICTIONARY d4 (n UInt64) PRIMARY KEY n SOURCE(CLICKHOUSE(TABLE 't')) LAYOUT(HASHED()) LIFETIME(0)", "SELECT dictHas('d4', 1)",
		"CREATE TABLE ld (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/tmp/chdbwork/evil/')",
		"CREATE TABLE lo (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = object_storage, object_storage_type = local_blob_storage, path = '/tmp/chdbwork/evil2/')",
		"CREATE TABLE lw (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = web, endpoint = 'http://127.0.0.1:1/')",
		"CREATE TABLE lc (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = s3, endpoint = 'http://127.0.0.1:1/x/', access_key_id='a', secret_access_key='b')",
		"ATTACH TABLE at FROM '/tmp/chdbwork/' (a UInt8) ENGINE = MergeTree ORDER BY a",
		"RESTORE TABLE t AS t2 FROM File('/tmp/x')", "BACKUP TABLE t TO Disk('default', 'x')",
		"CREATE TABLE fe (a String) ENGINE = File(TSV, '/etc/passwd')", "CREATE TABLE ue (a String) ENGINE = URL('http://127.0.0.1:1/', TSV)",
		"CREATE TABLE ee (a String) ENGINE = Executable('x.sh', TSV)", "CREATE TABLE ro (a String) ENGINE = EmbeddedRocksDB(0, '/tmp/rdb') PRIMARY KEY a", "CREATE TABLE fl (a String) ENGINE = FileLog('/etc', 'TSV')",
		"CREATE TABLE sq (a String) ENGINE = SQLite('/tmp/x.db', 't')", "CREATE TABLE dis AS t ENGINE = Distributed('default', default, t)", "CREATE TABLE arr (a String) ENGINE = ArrowStream('1')",
		"SELECT * FROM arrowstream('x')", "SELECT * FROM arrowStream('139698796263752')", "SELECT * FROM python('x')", "SELECT * FROM sqlite('/tmp/x.db', 't')",
		"SELECT * FROM executable('cat', 'TSV', 'x String', (SELECT 1))", "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')", "SELECT * FROM s3('http://127.0.0.1:1/x', 'TSV')",
		"SELECT * FROM redis('127.0.0.1:1', 'k', 'k String')", "SELECT * FROM icebergLocal('/etc')", "SELECT * FROM deltaLakeLocal('/etc')", "SELECT * FROM fileCluster('default', '/etc/passwd', 'LineAsString')", "SELECT * FROM remote('127.0.0.1:1', system.one)",
		"SELECT * FROM merge('system', 'one')", "SELECT * FROM loop(t) LIMIT 1", "SELECT * FROM fuzzJSON('{}', 1) LIMIT 1", "SELECT * FROM zeros(2)", "SELECT * FROM values('a UInt8', 1)", "SELECT * FROM url('http://127.0.0.1:1/', TSV)",
		"SELECT hasColumnInTable('127.0.0.1:1', 'system', 'one', 'dummy')", "SELECT catboostEvaluate('/etc/passwd', 1)",
		"CREATE FUNCTION lf AS (x) -> x + 1", "SELECT lf(1)", "DROP FUNCTION lf",
		"CREATE USER u", "GRANT ALL ON *.* TO default", "CREATE NAMED COLLECTION nc AS a = 1", "SET allow_ddl = 1",
		"SELECT demangle('x')", "SYSTEM STOP MERGES", "SYSTEM START MERGES","SYSTEM FLUSH LOGS", "SYSTEM RELOAD CONFIG", "SYSTEM DROP MARK CACHE", "SYSTEM SYNC FILE CACHE", "SYSTEM ENABLE FAILPOINT x",
		"SYSTEM INSTRUMENT ADD `x` LOG ENTRY 'x'", "SYSTEM STOP LISTEN HTTP", "SYSTEM JEMALLOC PURGE", "SYSTEM RELOAD DICTIONARIES",
		"SELECT 1 INTO OUTFILE '/tmp/chdbwork/evil.txt'", "SELECT 1 INTO/**/OUTFILE '/tmp/chdbwork/evil.txt'", "INSERT INTO t FROM INFILE '/etc/hostname' FORMAT LineAsString", "EXPLAIN SELECT 1 INTO OUTFILE '/tmp/chdbwork/evil.txt'",
		"INSERT INTO FUNCTION file('/tmp/chdbwork/evil.csv', 'CSV', 'a UInt8') VALUES (1)", "INSERT INTO FUNCTION null('a UInt8') VALUES (1)",
		"SELECT * FROM generateSeries(1, 3)", "SHOW CREATE TABLE t", "CHECK TABLE t", "OPTIMIZE TABLE t FINAL", "ALTER TABLE t FREEZE", "DESCRIBE TABLE t", "CREATE VIEW v AS SELECT * FROM t", "CREATE TABLE b AS t ENGINE = Buffer(default, t, 1, 1, 1, 1, 1, 1, 1)", "CREATE TABLE j (a UInt8) ENGINE = Join(ANY, LEFT, a)", "CREATE TABLE kk (a UInt8) ENGINE = Kafka('127.0.0.1:1', 't', 'g', 'CSV')", "CREATE TABLE nn (a UInt8) ENGINE = Null", "CREATE TABLE mm (a UInt8) ENGINE = Memory", "DELETE FROM t WHERE n = 1", "ALTER TABLE t DELETE WHERE n = 2 SETTINGS mutations_sync=1", "ALTER TABLE t ADD COLUMN z UInt8", "UPDATE t SET z = 1 WHERE n = 1",
		"SELECT * FROM format(Protobuf, 'x') SETTINGS format_schema = '/etc/passwd:x'",
		"SELECT * FROM system.users", "SELECT * FROM system.server_settings LIMIT 1", "SELECT value FROM system.build_options LIMIT 1", "SHOW GRANTS",
		"CREATE FUNCTION wf LANGUAGE WASM FROM 'x' ARGUMENTS (a UInt32) RETURNS UInt32", "CREATE WORKLOAD all", "SELECT getenv('HOME')", "SYSTEM SHUTDOWN",
	} {
		status, head, body := s.post(t, nil, q)
		fmt.Printf("%3d %-4s %-60.120s => %.200s\n", status, head.Get("X-ClickHouse-Exception-Code"), q, body)
	}
}
