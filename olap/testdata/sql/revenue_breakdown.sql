-- {"from":"2026-03-01","to":"2026-03-15","kind":"revenue","breakdown":{"property":"category"},"timezone":"America/New_York"}

SET param_p1 = 'purchase';
SET param_p2 = '2026-03-01 05:00:00.000';
SET param_p3 = '2026-03-15 04:00:00.000';
SET param_p4 = '[\'purchase\',\'refund\']';
SET param_p5 = '10';
SET param_p6 = '5001';
SELECT currency, toString(category) AS value
FROM events
WHERE timestamp >= {p2:DateTime64(3, 'UTC')} AND timestamp < {p3:DateTime64(3, 'UTC')} AND type IN {p4:Array(String)} AND category != ''
GROUP BY currency, value
ORDER BY currency, ifNull(sumIf(amount, type = {p1:String}), 0) DESC, countIf(type = {p1:String}) DESC, value
LIMIT {p5:Int64} BY currency
LIMIT {p6:Int64};

SET param_p1 = 'purchase';
SET param_p2 = 'refund';
SET param_p3 = '2026-03-01 05:00:00.000';
SET param_p4 = '2026-03-15 04:00:00.000';
SET param_p5 = '[\'purchase\',\'refund\']';
SET param_p6 = '[\'3:USDbooks\']';
SET param_p7 = '[1]';
SET param_p8 = '[1772341200000,1772427600000,1772514000000,1772600400000,1772686800000,1772773200000,1772859600000,1772946000000,1773028800000,1773115200000,1773201600000,1773288000000,1773374400000,1773460800000]';
SET param_p9 = '[0,1,2,3,4,5,6,7,8,9,10,11,12,13]';
SELECT currency, if(category != '', transform(concat(toString(length(currency)), ':', currency, toString(category)), {p6:Array(String)}, {p7:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, transform(roundDown(toUnixTimestamp64Milli(timestamp), {p8:Array(Int64)}), {p8:Array(Int64)}, {p9:Array(Int64)}, toInt64(0)) AS bucket, toUInt8(grouping(bucket)) AS whole,
    toString(ifNull(sumIf(amount, type = {p1:String}), 0)) AS gross, toString(ifNull(sumIf(amount, type = {p2:String}), 0)) AS refunds,
    countIf(type = {p1:String}) AS orders, countIf(type = {p1:String} AND amount IS NOT NULL) AS priced, countIf(type = {p2:String} AND amount IS NULL) AS unpriced,
    uniqExactIf(user_id, type = {p1:String}) AS customers
FROM events
WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND type IN {p5:Array(String)}
GROUP BY currency, slot, bucket WITH ROLLUP
HAVING grouping(slot) = 0;

SET param_p1 = '2026-03-01 05:00:00.000';
SET param_p2 = '2026-03-15 04:00:00.000';
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
