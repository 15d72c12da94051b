-- {"from":"2026-03-01","to":"2026-03-15","kind":"paths"}

SET param_p1 = '2026-03-01 00:00:00.000';
SET param_p2 = '2026-03-15 00:00:00.000';
SET param_p3 = '1800000';
SET param_p4 = '6';
SET param_p5 = '51';
SELECT edge.1 AS step, edge.2 AS from_item, edge.3 AS to_item, count() AS n, countIf(nth = 1) AS users, toString(avg(edge.4) / 1000) AS seconds,
    count() OVER () AS all_rows, sum(n) OVER () AS taken
FROM
(
    SELECT edges, arrayEnumerateUniq(edges.1, edges.2, edges.3) AS nths FROM (
    SELECT *, arrayFlatten(arrayMap(p -> arrayConcat([(toUInt8(0), '', '', toInt64(0))],
        arrayMap((a, b, step) -> (toUInt8(step), a.2, b.2, b.1 - a.1), arrayPopBack(p), arrayPopFront(p), range(1, length(p)))), paths)) AS edges FROM (
    SELECT *, arrayMap(p -> arraySlice(p, 1, {p4:Int64}), whole) AS paths FROM (
    SELECT *, arraySplit((x, c) -> c, arrayFilter((x, o) -> o, arrayZip(at, item), opens), arrayFilter((c, o) -> o, cut, opens)) AS whole FROM (
    SELECT *, arrayMap((i, before, c) -> c OR i != before, item, arrayPushFront(arrayPopBack(item), ''), cut) AS opens FROM (
    SELECT *, e.2 AS at, e.4 AS item, arrayMap((t, before, s, last) -> t - before > {p3:Int64} OR s != last,
        e.2, arrayPushFront(arrayPopBack(e.2), e[1].2), e.1, arrayPushFront(arrayPopBack(e.1), e[1].1)) AS cut FROM (
        SELECT user_id, arraySort(groupArray((sipHash64(session_id), toUnixTimestamp64Milli(timestamp), kafka_offset, if(type IN ('page_view', 'screen_view') AND page != '', page, toString(type))))) AS e
        FROM events
        WHERE timestamp >= {p1:DateTime64(3, 'UTC')} AND timestamp < {p2:DateTime64(3, 'UTC')}
        GROUP BY user_id
    )))))
    )
)
ARRAY JOIN edges AS edge, nths AS nth
GROUP BY step, from_item, to_item
ORDER BY step > 0, n DESC, step, from_item, to_item
LIMIT {p5:Int64};
