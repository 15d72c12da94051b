// Package enginetest gives tests real engines: ClickHouse, Kafka, Postgres.
//
//	func TestMain(m *testing.M) { os.Exit(enginetest.Run(m)) }
//
//	func TestWrite(t *testing.T) {
//		httpURL, nativeAddr, database := enginetest.ClickHouse(t)
//		…
//	}
//
// ClickHouse and Postgres start once per test binary, when the first test asks, and each test gets an
// empty database of its own. A broker takes milliseconds, so each test gets a whole one. [Start] gives
// a test engines that nobody else uses, to kill and to start again.
//
// Every engine listens on 127.0.0.1, on ports that were free. All of them end with the test binary, even
// when it is killed.
//
// Where the engine packages are missing the test is skipped with the command to run. With CI or
// MILLRACE_TEST_ENGINES set it fails, because there a skipped test would hide a broken installation.
// MILLRACE_TEST_CLICKHOUSE_HTTP, MILLRACE_TEST_CLICKHOUSE_NATIVE, MILLRACE_TEST_KAFKA and
// MILLRACE_TEST_POSTGRES name servers to use instead.
package enginetest
