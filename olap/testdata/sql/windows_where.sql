-- {"from":"2026-03-01","to":"2026-03-15","kind":"windows","where":"country = \"it's\""}

SET param_p1 = 'it\'s';
SET param_p2 = '1772323200000';
SET param_p3 = '600000';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SELECT intDiv(at - {p2:Int64}, {p3:Int64}) AS index, type, sum(events) AS events,
    toUInt64(if(count() = 1, sum(size), arrayUniq(groupArrayArray(users)))) AS different, different = 0 AS again,
    groupArrayIf(toString(currency), amounts > 0) AS currencies, groupArrayIf(toString(revenue), amounts > 0) AS revenues
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, emptyArrayUInt64() AS users, length(windows_by_type.users) AS size, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 1 AND window_start >= {p4:DateTime64(3, 'UTC')} AND window_start < {p5:DateTime64(3, 'UTC')} AND ((country != '' AND country = {p1:String}))
)
GROUP BY at, type
ORDER BY at, type;
