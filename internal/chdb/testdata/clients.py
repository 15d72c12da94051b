"""Basic operations of two Python clients against a running server.

Usage: clients.py HTTP_ADDR NATIVE_ADDR USER PASSWORD
Each check prints its name; the first that fails ends the program.
"""

import datetime
import decimal
import io
import ipaddress
import sys
import uuid

import clickhouse_connect
import clickhouse_driver
import pyarrow
import pyarrow.parquet
from clickhouse_connect.driver.exceptions import DatabaseError

HTTP, NATIVE, USER, PASSWORD = sys.argv[1:5]
COLUMNS = """
    id UInt64, name String, tag LowCardinality(String), maybe Nullable(Int32), list Array(String),
    pairs Map(String, UInt32), both Tuple(UInt8, String), at DateTime('UTC'), at_ms DateTime64(3, 'UTC'),
    day Date, price Decimal(18, 6), key UUID, v4 IPv4, v6 IPv6, flag Bool, kind Enum8('a' = 1, 'b' = 2), ratio Float64
"""
NAMES = ["id", "name", "tag", "maybe", "list", "pairs", "both", "at", "at_ms", "day", "price", "key", "v4", "v6", "flag", "kind", "ratio"]


def row(i):
    at = datetime.datetime(2024, 2, 29, 12, 0, i % 60, tzinfo=datetime.timezone.utc)
    return [
        i, f"it's näh {i}", f"tag{i % 3}", None if i % 2 else -i, ["x", str(i)], {"a": i, "b": 2}, (i % 256, "t"),
        at, at + datetime.timedelta(milliseconds=i % 1000), datetime.date(2024, 2, 29), decimal.Decimal("12.345678"),
        uuid.UUID(int=i), ipaddress.IPv4Address("10.0.0.1"), ipaddress.IPv6Address("2001:db8::1"), i % 2 == 0, "b" if i % 2 else "a", i / 4,
    ]


def check(name, got, want):
    if got != want:
        sys.exit(f"{name}: got {got!r}, want {want!r}")
    print("ok", name)


def same(got, want):
    """Rows compare without regard to the zone's class and to list or tuple."""
    def plain(v):
        if isinstance(v, datetime.datetime):
            return (v if v.tzinfo else v.replace(tzinfo=datetime.timezone.utc)).timestamp()
        if isinstance(v, (list, tuple)):
            return [plain(x) for x in v]
        return v
    return plain(got) == plain(want)


def expect_error(name, code, run):
    try:
        run()
    except (DatabaseError, clickhouse_driver.errors.Error) as e:
        check(name, code in str(e) or code == str(getattr(e, "code", "")), True)
        return
    sys.exit(f"{name}: no error")


def connect(**settings):
    host, port = HTTP.rsplit(":", 1)
    return clickhouse_connect.get_client(host=host, port=int(port), username=USER, password=PASSWORD, **settings)


def http():
    c = connect()
    check("connect: ping", c.ping(), True)
    check("connect: command", c.command("SELECT 1 + 1"), 2)
    c.command("DROP TABLE IF EXISTS py")
    c.command(f"CREATE TABLE py ({COLUMNS}) ENGINE = MergeTree ORDER BY id")
    rows = [row(i) for i in range(1000)]
    c.insert("py", rows, column_names=NAMES)
    check("connect: count", c.command("SELECT count() FROM py"), 1000)
    got = c.query("SELECT * FROM py ORDER BY id")
    check("connect: columns", list(got.column_names), NAMES)
    check("connect: rows", all(same(g, w) for g, w in zip(got.result_rows, rows)) and len(got.result_rows), 1000)
    check("connect: parameters", c.query("SELECT {x:String}, {n:UInt8}", parameters={"x": "it's \\ \t", "n": 7}).result_rows, [("it's \\ \t", 7)])
    check("connect: settings", c.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 99}).result_rows, [(99,)])
    check("connect: empty", list(c.query("SELECT id, name FROM py WHERE id > 5000").result_rows), [])
    expect_error("connect: exception", "60", lambda: c.query("SELECT * FROM nowhere"))
    with c.query_row_block_stream("SELECT number FROM numbers(1000000)") as stream:
        check("connect: stream", sum(len(block) for block in stream), 1000000)
    check("connect: raw", c.raw_query("SELECT 1 AS x FORMAT JSONEachRow"), b'{"x":1}\n')
    c.raw_insert("py", ["id", "name"], b'{"id": 5000, "name": "raw"}', fmt="JSONEachRow")
    check("connect: raw insert", c.command("SELECT name FROM py WHERE id = 5000"), "raw")
    for compress in ("lz4", "zstd", "gzip", False):
        packed = connect(compress=compress)
        check(f"connect: compress {compress}", packed.query("SELECT sum(number) FROM numbers(100000)").result_rows, [(4999950000,)])
        packed.insert("py", [[6000, "packed"]], column_names=["id", "name"])
    check("connect: compressed inserts", c.command("SELECT count() FROM py WHERE id = 6000"), 4)
    table = c.query_arrow("SELECT number, toString(number) AS s FROM numbers(200000)")
    check("connect: arrow", (table.num_rows, table.column_names, table["number"][199999].as_py()), (200000, ["number", "s"], 199999))
    parquet = pyarrow.parquet.read_table(io.BytesIO(c.raw_query("SELECT number FROM numbers(200000)", fmt="Parquet")))
    check("connect: parquet", parquet.num_rows, 200000)
    c.insert_arrow("py", pyarrow.table({"id": pyarrow.array([8000, 8001], pyarrow.uint64()), "name": ["arrow", "arrow"]}))
    check("connect: insert arrow", c.command("SELECT count() FROM py WHERE name = 'arrow'"), 2)
    session = connect(session_id="python")
    session.command("CREATE TEMPORARY TABLE mine (x UInt8)")
    session.insert("mine", [[1], [2]], column_names=["x"])
    check("connect: session", session.command("SELECT count() FROM mine"), 2)


def native():
    host, port = NATIVE.rsplit(":", 1)
    for compression in (False, "lz4", "zstd"):
        name = f"driver {compression or 'plain'}"
        c = clickhouse_driver.Client(host=host, port=int(port), user=USER, password=PASSWORD, compression=compression)
        check(f"{name}: select", c.execute("SELECT 1 + 1"), [(2,)])
        c.execute("DROP TABLE IF EXISTS pn")
        c.execute(f"CREATE TABLE pn ({COLUMNS}) ENGINE = MergeTree ORDER BY id")
        rows = [row(i) for i in range(1000)]
        check(f"{name}: insert", c.execute(f"INSERT INTO pn ({', '.join(NAMES)}) VALUES", rows), 1000)
        got = c.execute("SELECT * FROM pn ORDER BY id")
        check(f"{name}: rows", all(same(g, w) for g, w in zip(got, rows)) and len(got), 1000)
        c.execute("INSERT INTO pn (id, name) VALUES (5000, 'inline')")
        check(f"{name}: inline", c.execute("SELECT name FROM pn WHERE id = 5000"), [("inline",)])
        check(f"{name}: substitution", c.execute("SELECT %(x)s", {"x": "it's \\"}), [("it's \\",)])
        check(f"{name}: settings", c.execute("SELECT getSetting('max_block_size')", settings={"max_block_size": 99}), [(99,)])
        check(f"{name}: empty", c.execute("SELECT id, name FROM pn WHERE id > 9000", with_column_types=True), ([], [("id", "UInt64"), ("name", "String")]))
        expect_error(f"{name}: exception", "60", lambda: c.execute("SELECT * FROM nowhere"))
        check(f"{name}: after an exception", c.execute("SELECT 1"), [(1,)])
        check(f"{name}: stream", sum(1 for _ in c.execute_iter("SELECT number FROM numbers(300000)")), 300000)
        progress = c.execute_with_progress("SELECT sum(number) FROM numbers(1000000)")
        check(f"{name}: progress", progress.get_result(), [(499999500000,)])
        columns = c.execute("SELECT number, toString(number) FROM numbers(3)", columnar=True)
        check(f"{name}: columns", [list(x) for x in columns], [[0, 1, 2], ["0", "1", "2"]])
        c.execute("INSERT INTO pn (id, name) VALUES", [[7000, 7001], ["a", "b"]], columnar=True)
        check(f"{name}: columnar insert", c.execute("SELECT count() FROM pn WHERE id >= 7000"), [(2,)])
        tables = [{"name": "wanted", "structure": [("x", "UInt64"), ("label", "String")], "data": [{"x": 1, "label": "a"}, {"x": 2, "label": "b"}]}]
        check(f"{name}: external table", c.execute("SELECT count() FROM pn WHERE id IN (SELECT x FROM wanted)", external_tables=tables), [(2,)])
        endless = c.execute_iter("SELECT number FROM system.numbers")
        check(f"{name}: endless", next(endless), (0,))
        c.cancel()
        check(f"{name}: after a cancel", c.execute("SELECT 1"), [(1,)])
        c.disconnect()
    server = clickhouse_driver.Client(host=host, port=int(port), user=USER, password=PASSWORD, settings={"server_side_params": True})
    check("driver: server-side parameters", server.execute("SELECT {x:String}", {"x": "it's"}), [("it's",)])


http()
native()
