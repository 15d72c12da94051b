-- {"kind":"windows","from":"2026-04-02","to":"2026-04-03"}

SET param_p1 = '1775088000000';
SET param_p2 = '600000';
SET param_p3 = '2026-04-02 00:00:00.000';
SET param_p4 = '2026-04-03 00:00:00.000';
SELECT intDiv(at - {p1:Int64}, {p2:Int64}) AS index, type, sum(events) AS events,
    toUInt64(if(count() = 1, sum(size), arrayUniq(groupArrayArray(users)))) AS different, different = 0 AS again,
    groupArrayIf(toString(currency), amounts > 0) AS currencies, groupArrayIf(toString(revenue), amounts > 0) AS revenues
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, emptyArrayUInt64() AS users, length(windows_by_type.users) AS size, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 0 AND window_start >= {p3:DateTime64(3, 'UTC')} AND window_start < {p4:DateTime64(3, 'UTC')}
)
GROUP BY at, type
ORDER BY at, type;

SET param_p1 = 'purchase';
SET param_p2 = '2026-04-02 10:00:00.000';
SET param_p3 = '2026-04-02 10:10:00.000';
SET param_p4 = '1775088000000';
SET param_p5 = '600000';
SET param_p6 = '2026-04-02 00:00:00.000';
SET param_p7 = '2026-04-03 00:00:00.000';
SELECT intDiv(at - {p4:Int64}, {p5:Int64}) AS index, type, toUInt64(arrayUniq(groupArrayArray(users))) AS different
FROM (
    SELECT toInt64(toUnixTimestamp(window_start)) * 1000 AS at, type, country, currency, events, users, amounts, revenue
    FROM windows_by_type
    WHERE by_country = 0 AND window_start >= {p6:DateTime64(3, 'UTC')} AND window_start < {p7:DateTime64(3, 'UTC')} AND (type = {p1:String} AND window_start >= {p2:DateTime64(3, 'UTC')} AND window_start < {p3:DateTime64(3, 'UTC')})
)
GROUP BY at, type;
