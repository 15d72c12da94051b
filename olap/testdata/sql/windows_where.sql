-- {"from":"2026-03-01","to":"2026-03-15","kind":"windows","where":"country = \"it's\""}

SET param_p1 = 'it\'s';
SET param_p2 = '1772323200000';
SET param_p3 = '600000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SELECT intDiv(at - {p2:Int64}, {p3:Int64}) AS index, type, sum(events) AS events, uniqExactMerge(users) AS users,
    groupArrayIf(toString(currency), amounts > 0) AS currencies, groupArrayIf(toString(revenue), amounts > 0) AS revenues
FROM
(
SELECT at, type, currency, sum(events) AS events, uniqExactMergeState(users) AS users, sum(amounts) AS amounts, sum(revenue) AS revenue
FROM (
    SELECT intDiv(toUnixTimestamp64Milli(timestamp), {p3:Int64}) * {p3:Int64} AS at, type, currency, count() AS events,
        uniqExactState(sipHash64(user_id)) AS users, count(amount) AS amounts, sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
    FROM events
    WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND ((country != '' AND country = {p1:String}))
    GROUP BY at, type, currency
)
GROUP BY at, type, currency
)
GROUP BY at, type
ORDER BY at, type;
