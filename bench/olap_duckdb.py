"""Answers statements with DuckDB: one JSON text per line in, one object per line out.

Arguments: the database's file, and a pattern of Parquet files to fill it from.
"""
import json
import resource
import sys
import time

import duckdb


def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000


connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE events AS SELECT * FROM read_parquet(?)", [sys.argv[2]])
print(duckdb.__version__, flush=True)
for line in sys.stdin:
    began, used = time.perf_counter(), processor()
    try:
        rows = connection.execute(json.loads(line)).fetchall()
        answer = {
            "values": [int(row[0]) for row in rows],
            "ms": (time.perf_counter() - began) * 1000,
            "processor": processor() - used,
        }
    except Exception as error:  # whatever it is, the other side wants to know
        answer = {"error": str(error)[:200]}
    print(json.dumps(answer), flush=True)
