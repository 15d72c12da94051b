-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"breakdown":{"property":"country"},"count_by":"session"}

SET param_p1 = '10';
SET param_p2 = '1209600000';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SET param_p5 = '[\'purchase\',\'view\']';
SET param_p6 = 'view';
SET param_p7 = 'purchase';
SET param_p8 = '1772323200000';
SET param_p9 = '1800000';
SELECT multiIf(value = '', '(none)', place <= {p1:Int64}, value, '(other)') AS label, toUInt8(grouping(label)) AS whole,
    [sum(n[1]), sum(n[2])] AS counts,
    [toString(quantileExactInclusiveIfMerge(0.5)(m2) / 1000)] AS medians,
    [toString(avgIfMerge(a2) / 1000)] AS averages,
    sum(opened) AS open
FROM
(
    SELECT *, row_number() OVER (ORDER BY value = '', n[1] DESC, value) AS place
    FROM
    (
    SELECT value, [countIf(depth >= 1), countIf(depth >= 2)] AS n, quantileExactInclusiveIfState(0.5)(c2 - c1, depth >= 2) AS m2, avgIfState(c2 - c1, depth >= 2) AS a2, toUInt64(0) AS opened
    FROM
    (
    SELECT *, arrayFirst(v -> v != '', [if(depth >= 1, arraySort(arrayFilter((v, x) -> v != '' AND toInt64(bitShiftRight(x, 5)) = c1 AND bitAnd(x, 31) = 1, val, e))[1], ''), if(depth >= 2, arraySort(arrayFilter((v, x) -> v != '' AND toInt64(bitShiftRight(x, 5)) = c2 AND bitAnd(x, 31) = 2, val, e))[1], '')]) AS value FROM (
    SELECT *, if(depth >= 2, at[indexOf(f2, c1)], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, arrayFirst(f -> f >= 0, f2), depth = 1, toInt64(bitShiftRight(arrayFirst(x -> bitAnd(x, 31) = 1, e), 5)), -1) AS c1 FROM (
    SELECT *, multiIf(f2[-1] >= 0, 2, f1[-1] >= 0, 1, 0) AS depth, f1[-1] AS last_entry FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayFill((f, t, s) -> s = 2 AND t - f <= {p2:Int64}, f1, at, step) AS f2 FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 5)), turns), -1 - {p2:Int64}) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 31)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns FROM (
    SELECT *, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS steps FROM (
        SELECT user_id, arraySort(groupArray((bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p8:Int64}), 5) + toUInt64(multiIf(type = {p6:String}, 1, type = {p7:String}, 2, 0)), if(country != '', '=' || toString(country), '')))) AS pairs, pairs.1 AS e, pairs.2 AS val
        FROM (
    SELECT *, session_id AS session FROM events WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND session_id != ''
    UNION ALL
    SELECT * EXCEPT (opens), '\n' || toString(sum(opens) OVER (PARTITION BY user_id ORDER BY timestamp)) AS session FROM
    (
        SELECT *, toUnixTimestamp64Milli(timestamp) - lagInFrame(toUnixTimestamp64Milli(timestamp)) OVER
            (PARTITION BY user_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > {p9:Int64} AS opens
        FROM events WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND session_id = ''
    )
)
        WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND type IN {p5:Array(String)}
        GROUP BY user_id, session
    ))))))))
    )
    WHERE depth >= 1
    GROUP BY value
    )
)
GROUP BY label WITH ROLLUP
ORDER BY whole DESC, label = '(none)', label = '(other)', counts[1] DESC, label;
