-- {"kind":"revenue","from":"2026-03-01T10:05:00Z","to":"2026-03-02T00:03:00Z","currency":"it's","top":0}

SET param_p1 = 'purchase';
SET param_p2 = 'refund';
SET param_p3 = '[\'purchase\',\'refund\']';
SET param_p4 = 'it\'s';
SET param_p5 = '2026-03-01 10:30:00.000';
SET param_p6 = '2026-03-02 00:00:00.000';
SET param_p7 = '2026-03-01 10:10:00.000';
SET param_p8 = '600000';
SET param_p9 = '2026-03-01 10:05:00.000';
SET param_p10 = '2026-03-02 00:03:00.000';
SET param_p11 = '1772323200000';
SET param_p12 = '86400000';
SELECT currency, toInt64(0) AS slot, intDiv(at - {p11:Int64}, {p12:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    toString(sumIf(revenue, type = {p1:String})) AS gross, toString(sumIf(revenue, type = {p2:String})) AS refunds,
    sumIf(events, type = {p1:String}) AS orders, sumIf(amounts, type = {p1:String}) AS priced, toUInt64(sumIf(events - amounts, type = {p2:String})) AS unpriced,
    toUInt64(arrayUniq(groupArrayArrayIf(users, type = {p1:String}))) AS customers
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 2 AND window_start >= {p5:DateTime64(3, 'UTC')} AND window_start < {p6:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)} AND currency = {p4:String}
    UNION ALL
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 0 AND window_start >= {p7:DateTime64(3, 'UTC')} AND window_start < {p5:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)} AND currency = {p4:String}
    UNION ALL
    SELECT intDiv(toUnixTimestamp64Milli(timestamp), {p8:Int64}) * {p8:Int64} AS at, type, country, currency, count() AS events,
        groupUniqArray(sipHash64(user_id)) AS users, count(amount) AS amounts, sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
    FROM events
    WHERE ((timestamp >= {p9:DateTime64(3, 'UTC')} AND timestamp < {p7:DateTime64(3, 'UTC')}) OR (timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p10:DateTime64(3, 'UTC')})) AND type IN {p3:Array(String)} AND currency = {p4:String}
    GROUP BY at, type, country, currency
)
GROUP BY GROUPING SETS ((currency, slot, bucket), (currency, slot));
