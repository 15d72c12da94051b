-- {"from":"2026-03-01","to":"2026-03-15","kind":"revenue"}

SET param_p1 = 'purchase';
SET param_p2 = 'refund';
SET param_p3 = '[\'purchase\',\'refund\']';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = '1772323200000';
SET param_p7 = '86400000';
SELECT currency, slot, cell.1 AS bucket, cell.2 AS whole, toString(cell.3) AS gross, toString(cell.4) AS refunds, cell.5 AS orders, cell.6 AS priced, cell.7 AS unpriced, cell.8 AS customers
FROM
(
SELECT currency, slot, arrayPushBack(groupArray((bucket, toUInt8(0), gross, refunds, orders, priced, unpriced, toUInt64(length(buyers)))),
    (toInt64(0), toUInt8(1), sum(gross), sum(refunds), sum(orders), sum(priced), sum(unpriced), toUInt64(length(arrayCompact(arraySort(groupArrayArray(buyers))))))) AS cells
FROM
(
SELECT currency, toInt64(0) AS slot, intDiv(at - {p6:Int64}, {p7:Int64}) AS bucket,
    sumIf(revenue, type = {p1:String}) AS gross, sumIf(revenue, type = {p2:String}) AS refunds,
    sumIf(events, type = {p1:String}) AS orders, sumIf(amounts, type = {p1:String}) AS priced, toUInt64(sumIf(events - amounts, type = {p2:String})) AS unpriced,
    arrayCompact(arraySort(groupArrayArray(if(type = {p1:String}, users, [])))) AS buyers
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE NOT by_country AND window_start >= {p4:DateTime64(3, 'UTC')} AND window_start < {p5:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)}
)
GROUP BY currency, slot, bucket
)
GROUP BY currency, slot
)
ARRAY JOIN cells AS cell;

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
LIMIT {p6:Int64} BY currency;
