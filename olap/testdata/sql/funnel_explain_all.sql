-- {"kind":"funnel","from":"2026-03-01","to":"2026-03-15","steps":[{"event":"view"},{"event":"purchase"}],"explain":true}

SET param_p1 = '2026-03-01 00:00:00.000';
SET param_p2 = '2026-03-15 00:00:00.000';
SET param_p3 = '[\'purchase\',\'view\']';
SET param_p4 = 'view';
SET param_p5 = 'purchase';
SET param_p6 = '1772323200000';
SET param_p7 = '1209600000';
SELECT '' AS label, toUInt8(1) AS whole,
    [countIf(depth >= 1), countIf(depth >= 2)] AS counts,
    [toString(quantileExactInclusiveIf(0.5)(c2 - c1, depth >= 2) / 1000)] AS medians,
    [toString(avgIf(c2 - c1, depth >= 2) / 1000)] AS averages,
    toUInt64(0) AS open
FROM
(
    SELECT *, multiIf(depth = 2, times[i], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, b1[i], depth = 1, -1, -1) AS c1 FROM (
    SELECT *, e.3 AS b1, e.1 AS times, e.2 AS levels, arrayMax(levels) AS depth, indexOf(levels, depth) AS i, bitAnd(e.3[-1], 4294967295) AS last_entry FROM (
    SELECT *, arrayJoin(arraySplit((z, first) -> first, kept, arrayMap((t, before) -> bitShiftRight(t, 32) != bitShiftRight(before, 32), kept.1, arrayShiftRight(kept.1, 1, -4611686018427387904)))) AS e FROM (
    SELECT *, arrayFilter(z -> z.2 > 0, arrayZip(at, level, f1)) AS kept FROM (
    SELECT *, arrayMap((t, s, last, f1) -> multiIf(s = 2 AND t - f1 <= {p7:Int64}, 2, last AND s > 0 AND bitShiftRight(t, 32) = bitShiftRight(f1, 32), 1, 0), at, step, ends, f1) AS level FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayMap((t, next) -> bitShiftRight(t, 32) != bitShiftRight(next, 32), at, arrayShiftLeft(at, 1, -4611686018427387904)) AS ends FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 2)), turns), -4611686018427387904) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 3)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, next) -> bitAnd(x, 3) != 1 OR bitAnd(bitXor(x, next), 18446744056529682435) != 0, events, arrayShiftLeft(events, 1)) AS turns FROM (
    SELECT bitShiftRight(person, 54) AS slice, uniqExact(person) AS people, arraySort(groupArray(bitShiftLeft(person, 34) + bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p6:Int64}), 2) + toUInt64(multiIf(type = {p4:String}, 1, type = {p5:String}, 2, 0)))) AS events
    FROM events
    WHERE timestamp >= {p1:DateTime64(3, 'UTC')} AND timestamp < {p2:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)}
    GROUP BY slice
    SETTINGS group_by_two_level_threshold_bytes = 4000000)))))
    WHERE throwIf(people != arrayCount(ends) - 1, 'twins in a slice') = 0))))
);

SET param_p1 = 'country';
SET param_p2 = 'page';
SET param_p3 = 'referrer';
SET param_p4 = 'platform';
SET param_p5 = 'app_version';
SET param_p6 = 'device';
SET param_p7 = 'os';
SET param_p8 = 'browser';
SET param_p9 = 'locale';
SET param_p10 = 'currency';
SET param_p11 = 'product_id';
SET param_p12 = 'category';
SET param_p13 = 'video_id';
SET param_p14 = '[\'currency\',\'product_id\',\'category\',\'video_id\',\'amount\']';
SET param_p15 = '1772323200000';
SET param_p16 = '1209600000';
SET param_p17 = '2026-03-01 00:00:00.000';
SET param_p18 = '2026-03-15 00:00:00.000';
SET param_p19 = '[\'purchase\',\'view\']';
SET param_p20 = 'view';
SET param_p21 = 'purchase';
SELECT property, value, users, converted, carried, carried_converted
FROM
(
SELECT *, sum(users) OVER (PARTITION BY property) AS carried, sum(converted) OVER (PARTITION BY property) AS carried_converted
FROM
(
SELECT property, value, count() AS users, countIf(went_on) AS converted
FROM
(
SELECT reached_user, pair.1 AS property, min(pair.2) AS value, any(went_on) AS went_on
FROM
(
SELECT reached_user, went_on, arrayJoin(arrayConcat(arrayFilter(pair -> pair.2 != '', [({p1:String}, if(country != '', toString(country), '')), ({p2:String}, if(page != '', toString(page), '')), ({p3:String}, if(referrer != '', toString(referrer), '')), ({p4:String}, if(platform != '', toString(platform), '')), ({p5:String}, if(app_version != '', toString(app_version), '')), ({p6:String}, if(device != '', toString(device), '')), ({p7:String}, if(os != '', toString(os), '')), ({p8:String}, if(browser != '', toString(browser), '')), ({p9:String}, if(locale != '', toString(locale), '')), ({p10:String}, if(currency != '', toString(currency), '')), ({p11:String}, if(product_id != '', toString(product_id), '')), ({p12:String}, if(category != '', toString(category), '')), ({p13:String}, if(video_id != '', toString(video_id), ''))]), arrayMap(pair -> ('properties.' || pair.1, if(startsWith(pair.2, '"'), JSONExtractString(pair.2), pair.2)),
    arrayFilter(pair -> pair.2 NOT IN ('null', '""') AND substring(pair.2, 1, 1) NOT IN ('{', '[') AND NOT has({p14:Array(String)}, pair.1), JSONExtractKeysAndValuesRaw(properties))))) AS pair
FROM events
INNER JOIN
(
SELECT user_id AS reached_user, c1 + {p15:Int64} AS reached_at, depth >= 2 AS went_on
FROM
(
    SELECT *, if(depth >= 2, at[indexOf(f2, c1)], -1) AS c2 FROM (
    SELECT *, multiIf(depth = 2, arrayFirst(f -> f >= 0, f2), depth = 1, toInt64(bitShiftRight(arrayFirst(x -> bitAnd(x, 31) = 1, e), 5)), -1) AS c1 FROM (
    SELECT *, multiIf(f2[-1] >= 0, 2, f1[-1] >= 0, 1, 0) AS depth, f1[-1] AS last_entry FROM (
    SELECT *, arrayFill((t, s) -> s = 1, at, step) AS f1, arrayFill((f, t, s) -> s = 2 AND t - f <= {p16:Int64}, f1, at, step) AS f2 FROM (
    SELECT *, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 5)), turns), -1 - {p16:Int64}) AS at, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 31)), turns), 0) AS step FROM (
    SELECT *, arrayFilter((x, s, next) -> s != 1 OR next != 1, e, steps, arrayPushBack(arrayPopFront(steps), 0)) AS turns FROM (
    SELECT *, arrayMap(x -> toUInt8(bitAnd(x, 31)), e) AS steps FROM (
        SELECT user_id, arraySort(groupArray(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(timestamp) - {p15:Int64}), 5) + toUInt64(multiIf(type = {p20:String}, 1, type = {p21:String}, 2, 0)))) AS e
        FROM events
        WHERE timestamp >= {p17:DateTime64(3, 'UTC')} AND timestamp < {p18:DateTime64(3, 'UTC')} AND type IN {p19:Array(String)}
        GROUP BY user_id
    )))))))
)
WHERE depth >= 1
) AS reached ON events.user_id = reached_user AND toUnixTimestamp64Milli(events.timestamp) = reached_at
WHERE timestamp >= {p17:DateTime64(3, 'UTC')} AND timestamp < {p18:DateTime64(3, 'UTC')} AND ((type = {p20:String}))
)
GROUP BY reached_user, property
)
GROUP BY property, value
)
)
ORDER BY users DESC, property, value
LIMIT 50 BY property
LIMIT 5000;
