-- {"from":"2026-03-01","to":"2026-03-15","kind":"revenue"}

SET param_p1 = 'purchase';
SET param_p2 = 'refund';
SET param_p3 = '[\'purchase\',\'refund\']';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '1772323200000';
SET param_p7 = '86400000';
SELECT currency, toInt64(0) AS slot, intDiv(at - {p6:Int64}, {p7:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    toString(sumIf(revenue, type = {p1:String})) AS gross, toString(sumIf(revenue, type = {p2:String})) AS refunds,
    sumIf(events, type = {p1:String}) AS orders, sumIf(amounts, type = {p1:String}) AS priced, toUInt64(sumIf(events - amounts, type = {p2:String})) AS unpriced,
    toUInt64(arrayUniq(groupArrayArrayIf(users, type = {p1:String}))) AS customers
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 2 AND window_start >= {p4:DateTime64(3, 'UTC')} AND window_start < {p5:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)}
)
GROUP BY GROUPING SETS ((currency, slot, bucket), (currency, slot));

SET param_p1 = '2026-03-01 00:00:00.000';
SET param_p2 = '2026-03-15 00:00:00.000';
SET param_p3 = '[\'purchase\',\'refund\']';
SET param_p4 = 'purchase';
SET param_p5 = 'refund';
SET param_p6 = '10';
SELECT currency, user_id, toString(gross), toString(refunds), orders
FROM
(
    SELECT currency, user_id, ifNull(sumIf(amount, type = {p4:String}), 0) AS gross, ifNull(sumIf(amount, type = {p5:String}), 0) AS refunds, countIf(type = {p4:String}) AS orders
    FROM events
    WHERE timestamp >= {p1:DateTime64(3, 'UTC')} AND timestamp < {p2:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)}
    GROUP BY currency, user_id
    HAVING orders > 0
)
ORDER BY currency, gross - refunds DESC, gross DESC, user_id
LIMIT {p6:Int64} BY currency
SETTINGS optimize_aggregation_in_order = 0;
