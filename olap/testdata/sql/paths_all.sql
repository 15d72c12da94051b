-- {"from":"2026-03-01","to":"2026-03-15","kind":"paths","start":"it's","end":"purchase","by":"user","items":"page","exclude":["100%_*"],"group":["/product/*"],"where":"properties.plan = \"x\""}

SET param_p1 = 'plan';
SET param_p2 = 'x';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SET param_p5 = '100\\\\%\\\\_%';
SET param_p6 = '1800000';
SET param_p7 = '6';
SET param_p8 = 'it\'s';
SET param_p9 = 'purchase';
SET param_p10 = '/product/%';
SET param_p11 = '/product/*';
SET param_p12 = '51';
SELECT edge.1 AS step, edge.2 AS from_item, edge.3 AS to_item, count() AS n, countIf(nth = 1) AS users, toString(avg(edge.4) / 1000) AS seconds,
    count() OVER () AS all_rows, sum(n) OVER () AS taken
FROM
(
    SELECT edges, arrayEnumerateUniq(edges.1, edges.2, edges.3) AS nths FROM (
    SELECT *, arrayFlatten(arrayMap(p -> arrayConcat([(toUInt8(0), '', '', toInt64(0))],
        arrayMap((a, b, step) -> (toUInt8(step), a.2, b.2, b.1 - a.1), arrayPopBack(p), arrayPopFront(p), range(1, length(p)))), paths)) AS edges FROM (
    SELECT *, arrayMap(p -> arraySlice(p, 1, {p7:Int64}), ended) AS paths FROM (
    SELECT *, arrayMap(p -> arraySlice(p, 1, indexOf(p.2, {p9:String})), arrayFilter(p -> has(p.2, {p9:String}), started)) AS ended FROM (
    SELECT *, arrayMap(p -> arraySlice(p, indexOf(p.2, {p8:String})), arrayFilter(p -> has(p.2, {p8:String}), whole)) AS started FROM (
    SELECT *, arraySplit((x, c) -> c, arrayFilter((x, o) -> o, arrayZip(at, item), opens), arrayFilter((c, o) -> o, cut, opens)) AS whole FROM (
    SELECT *, arrayMap((i, before, c) -> c OR i != before, item, arrayPushFront(arrayPopBack(item), ''), cut) AS opens FROM (
    SELECT *, e.2 AS at, e.4 AS item, arrayMap((t, before, s, last) -> t - before > {p6:Int64} OR s != last,
        e.2, arrayPushFront(arrayPopBack(e.2), e[1].2), e.1, arrayPushFront(arrayPopBack(e.1), e[1].1)) AS cut FROM (
        SELECT user_id, arraySort(groupArray((toUInt64(0), toUnixTimestamp64Milli(timestamp), kafka_offset, multiIf(page LIKE {p10:String}, {p11:String}, page)))) AS e
        FROM events
        WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND ((JSONExtractRaw(properties, {p1:String}) NOT IN ('', 'null') AND if(startsWith(JSONExtractRaw(properties, {p1:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p1:String})), JSONExtractRaw(properties, {p1:String})) = {p2:String})) AND page != '' AND page NOT LIKE {p5:String}
        GROUP BY user_id
    )))))))
    )
)
ARRAY JOIN edges AS edge, nths AS nth
GROUP BY step, from_item, to_item
ORDER BY step > 0, n DESC, step, from_item, to_item
LIMIT {p12:Int64};
