-- {"kind":"windows","from":"2026-03-02T00:05:00Z","event":"it's"}

SET param_p1 = '[\'it\\\'s\',\'view\',\'add_to_cart\',\'purchase\']';
SET param_p2 = '1772409600000';
SET param_p3 = '600000';
SET param_p4 = '2026-03-02 00:10:00.000';
SET param_p5 = '2026-03-20 12:00:00.000';
SET param_p6 = '2026-03-02 00:05:00.000';
SELECT intDiv(at - {p2:Int64}, {p3:Int64}) AS index, type, sum(events) AS events,
    toUInt64(if(count() = 1, sum(size), arrayUniq(groupArrayArray(users)))) AS different, different = 0 AS again,
    groupArrayIf(toString(currency), amounts > 0) AS currencies, groupArrayIf(toString(revenue), amounts > 0) AS revenues
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, emptyArrayUInt64() AS users, length(windows_by_type.users) AS size, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 0 AND window_start >= {p4:DateTime64(3, 'UTC')} AND window_start < {p5:DateTime64(3, 'UTC')} AND (type IN {p1:Array(String)})
    UNION ALL
    SELECT intDiv(toUnixTimestamp64Milli(timestamp), {p3:Int64}) * {p3:Int64} AS at, type, country, currency, count() AS events,
        groupUniqArray(sipHash64(user_id)) AS users, length(users) AS size, count(amount) AS amounts, sum(ifNull(amount, toDecimal64(0, 6))) AS revenue
    FROM events
    WHERE timestamp >= {p6:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND (type IN {p1:Array(String)})
    GROUP BY at, type, country, currency
)
GROUP BY at, type
ORDER BY at, type;
