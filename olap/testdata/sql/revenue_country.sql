-- {"kind":"revenue","from":"2026-04-01","to":"2026-04-08T00:20:00Z","top":0,"breakdown":{"property":"country","limit":1}}

SET param_p1 = 'purchase';
SET param_p2 = 'refund';
SET param_p3 = '[\'purchase\',\'refund\']';
SET param_p4 = '2026-04-01 00:00:00.000';
SET param_p5 = '2026-04-08 00:00:00.000';
SET param_p6 = '2026-04-08 00:20:00.000';
SET param_p7 = '1775001600000';
SET param_p8 = '86400000';
SET param_p9 = '20001';
SELECT currency, country AS slot, intDiv(at - {p7:Int64}, {p8:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    toString(sumIf(revenue, type = {p1:String})) AS gross, toString(sumIf(revenue, type = {p2:String})) AS refunds,
    sumIf(events, type = {p1:String}) AS orders, sumIf(amounts, type = {p1:String}) AS priced, toUInt64(sumIf(events - amounts, type = {p2:String})) AS unpriced,
    toUInt64(arrayUniq(groupArrayArrayIf(users, type = {p1:String}))) AS customers
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 3 AND window_start >= {p4:DateTime64(3, 'UTC')} AND window_start < {p5:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)}
    UNION ALL
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 1 AND window_start >= {p5:DateTime64(3, 'UTC')} AND window_start < {p6:DateTime64(3, 'UTC')} AND type IN {p3:Array(String)}
)
GROUP BY GROUPING SETS ((currency, slot, bucket), (currency, slot))
LIMIT {p9:Int64};

SET param_p1 = '[\'3:EURIN\',\'3:INRIN\']';
SET param_p2 = '[1,2]';
SET param_p3 = 'purchase';
SET param_p4 = 'refund';
SET param_p5 = '[\'purchase\',\'refund\']';
SET param_p6 = '2026-04-01 00:00:00.000';
SET param_p7 = '2026-04-08 00:00:00.000';
SET param_p8 = '2026-04-08 00:20:00.000';
SET param_p9 = '1775001600000';
SET param_p10 = '86400000';
SELECT currency, if(country != '', transform(concat(toString(length(currency)), ':', currency, toString(country)), {p1:Array(String)}, {p2:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, intDiv(at - {p9:Int64}, {p10:Int64}) AS bucket, toUInt8(grouping(bucket)) AS whole,
    toString(sumIf(revenue, type = {p3:String})) AS gross, toString(sumIf(revenue, type = {p4:String})) AS refunds,
    sumIf(events, type = {p3:String}) AS orders, sumIf(amounts, type = {p3:String}) AS priced, toUInt64(sumIf(events - amounts, type = {p4:String})) AS unpriced,
    toUInt64(arrayUniq(groupArrayArrayIf(users, type = {p3:String}))) AS customers
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 3 AND window_start >= {p6:DateTime64(3, 'UTC')} AND window_start < {p7:DateTime64(3, 'UTC')} AND type IN {p5:Array(String)}
    UNION ALL
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 1 AND window_start >= {p7:DateTime64(3, 'UTC')} AND window_start < {p8:DateTime64(3, 'UTC')} AND type IN {p5:Array(String)}
)
WHERE slot = 0
GROUP BY GROUPING SETS ((currency, slot, bucket), (currency, slot));
