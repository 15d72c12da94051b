-- {"kind":"revenue","from":"2026-03-01T10:05:00Z","to":"2026-03-02T00:03:00Z","currency":"it's","top":0}

SET param_p1 = 'purchase';
SET param_p2 = 'refund';
SET param_p3 = '[\'purchase\',\'refund\']';
SET param_p4 = 'it\'s';
SET param_p5 = '2026-03-01 10:10:00.000';
SET param_p6 = '2026-03-02 00:00:00.000';
SET param_p7 = '600000';
SET param_p8 = '2026-03-01 10:05:00.000';
SET param_p9 = '2026-03-02 00:03:00.000';
SET param_p10 = '1772323200000';
SET param_p11 = '86400000';
SELECT currency, slot, cell.1 AS bucket, cell.2 AS whole, toString(cell.3) AS gross, toString(cell.4) AS refunds, cell.5 AS orders, cell.6 AS priced, cell.7 AS unpriced, cell.8 AS customers
FROM
(
SELECT currency, slot, arrayPushBack(groupArray((bucket, toUInt8(0), gross, refunds, orders, priced, unpriced, toUInt64(length(buyers)))),
    (toInt64(0), toUInt8(1), sum(gross), sum(refunds), sum(orders), sum(priced), sum(unpriced), toUInt64(length(arrayCompact(arraySort(groupArrayArray(buyers))))))) AS cells
FROM
(
SELECT currency, toInt64(0) AS slot, intDiv(at - {p10:Int64}, {p11:Int64}) AS bucket,
    sumIf(revenue, type = {p1:String}) AS gross, sumIf(revenue, type = {p2:String}) AS refunds,
    sumIf(events, type = {p1:String}) AS orders, sumIf(amounts, type = {p1:String}) AS priced, toUInt64(sumIf(events - amounts, type = {p2:String})) AS unpriced,
    arrayCompact(arraySort(groupArrayArray(if(type = {p1:String}, users, [])))) AS buyers
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE NOT by_country AND window_start >= {p5:DateTime64(3, 'UTC')} AND window_start < {p6:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)} AND currency = {p4:String}
    UNION ALL
    SELECT intDiv(toUnixTimestamp64Milli(timestamp), {p7:Int64}) * {p7:Int64} AS at, type, country, currency, count() AS events,
        groupUniqArray(sipHash64(user_id)) AS users, count(amount) AS amounts, sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
    FROM events
    WHERE ((timestamp >= {p8:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')}) OR (timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p9:DateTime64(3, 'UTC')})) AND type IN {p3:Array(String)} AND currency = {p4:String}
    GROUP BY at, type, country, currency
)
GROUP BY currency, slot, bucket
)
GROUP BY currency, slot
)
ARRAY JOIN cells AS cell;
