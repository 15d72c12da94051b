-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"order":"unordered","breakdown":{"property":"country"}}

SET param_p1 = '10';
SET param_p2 = '1209600000';
SET param_p3 = '[1,2]';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '[\'purchase\',\'view\']';
SET param_p7 = 'view';
SET param_p8 = 'purchase';
SET param_p9 = '1772323200000';
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
    SELECT *, arraySort(served)[1].2 AS value FROM (
    SELECT *, arrayFilter((z, x) -> z.2 != '' AND depth >= 1 AND toInt64(bitShiftRight(x, 20)) >= begins AND toInt64(bitShiftRight(x, 20)) <= ends AND arrayFirst(u -> arrayCount(y -> bitAnd(y, 3 - u) = 0, arrayPushBack(arrayFilter(z -> toInt64(bitShiftRight(z, 20)) < toInt64(bitShiftRight(x, 20)), kept), x)) > bitCount(u), {p3:Array(Int64)}) = 0, arrayMap((v, x) -> (toInt64(bitShiftRight(x, 20)), v), val, e), e) AS served FROM (
    SELECT *, if(depth >= 1, toInt64(bitShiftRight(kept[1], 20)), -1) AS c1, if(depth >= 2, toInt64(bitShiftRight(kept[2], 20)), -1) AS c2 FROM (
    SELECT *, arrayFold((kept, x) -> if(arrayFirst(u -> arrayCount(y -> bitAnd(y, 3 - u) = 0, arrayPushBack(kept, x)) > bitCount(u), {p3:Array(Int64)}) = 0, arrayPushBack(kept, x), kept), arrayFilter(x -> toInt64(bitShiftRight(x, 20)) >= begins AND toInt64(bitShiftRight(x, 20)) <= ends, e), emptyArrayUInt64()) AS kept FROM (
    SELECT *, best.1 AS depth, -best.2 AS ends, best.3 AS begins, latest AS last_entry FROM (
    SELECT *, arrayFold((s, x) -> arrayMap(b -> (b, if((toInt64(arrayCount(y -> toInt64(bitShiftRight(y, 20)) >= toInt64(bitShiftRight(x, 20)) - {p2:Int64}, b)), -toInt64(bitShiftRight(x, 20)), least(toInt64(bitShiftRight(arrayFirst(y -> toInt64(bitShiftRight(y, 20)) >= toInt64(bitShiftRight(x, 20)) - {p2:Int64}, b), 20)), latest)) > s.2, (toInt64(arrayCount(y -> toInt64(bitShiftRight(y, 20)) >= toInt64(bitShiftRight(x, 20)) - {p2:Int64}, b)), -toInt64(bitShiftRight(x, 20)), least(toInt64(bitShiftRight(arrayFirst(y -> toInt64(bitShiftRight(y, 20)) >= toInt64(bitShiftRight(x, 20)) - {p2:Int64}, b), 20)), latest)), s.2)), [arrayMap(b -> arrayMap(u -> arrayFilter((y, place) -> place != if(u = 0, 0, arrayFirstIndex(z -> bitAnd(z, 3 - u) = 0, b)), b, arrayEnumerate(b)), [arrayFirst(u -> arrayCount(y -> bitAnd(y, 3 - u) = 0, b) > bitCount(u), {p3:Array(Int64)})])[1], [arrayPushBack(s.1, x)])[1]])[1], e, (emptyArrayUInt64(), (toInt64(0), toInt64(0), toInt64(0)))).2 AS best FROM (
    SELECT *, ifNull(arrayLastOrNull(t -> t < {p2:Int64}, arrayMap(x -> toInt64(bitShiftRight(x, 20)), e)), -1 - {p2:Int64}) AS latest FROM (
        SELECT person, arraySort(groupArray((bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p9:Int64}), 20) + toUInt64((if(type = {p7:String}, 1, 0) + if(type = {p8:String}, 2, 0))), if(country != '', '=' || toString(country), '')))) AS pairs, pairs.1 AS e, pairs.2 AS val
        FROM events
        WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND type IN {p6:Array(String)}
        GROUP BY person
    )))))))
    )
    WHERE depth >= 1
    GROUP BY value
    )
)
GROUP BY label WITH ROLLUP
ORDER BY whole DESC, label = '(none)', label = '(other)', counts[1] DESC, label;
