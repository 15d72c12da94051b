SELECT
    user_id,
    min(timestamp) AS first_seen,
    max(timestamp) AS last_seen,
    count() AS events,
    sumMap(map(toString(type), toUInt64(1))) AS events_by_type,
    toUInt64(uniqExactIf(session_id, session_id != '')
        + length(groupArrayIf(toUnixTimestamp64Milli(timestamp), session_id = '') AS times)
        - arrayCount(gap -> gap <= 1800000, arrayPopFront(arrayDifference(arraySort(times))))) AS sessions,
    uniqExact(toDate(timestamp, 'UTC')) AS active_days,
    countIf(type = 'purchase') AS orders,
    mapApply((k, v) -> (k, toString(v)),
        sumMapIf(map(toString(currency), assumeNotNull(amount)), type = 'purchase' AND amount IS NOT NULL)) AS revenue,
    mapApply((k, v) -> (k, toString(v)),
        maxMapIf(map(toString(currency), assumeNotNull(amount)), type = 'purchase' AND amount IS NOT NULL)) AS largest_order,
    mapKeys(sumMapIf(map(toString(category), toUInt64(1)), category != '') AS categories)[
        indexOf(mapValues(categories), arrayMax(mapValues(categories)))] AS favourite_category,
    argMaxIf(toString(country), timestamp, country != '') AS country_seen,
    argMaxIf(toString(device), timestamp, device != '') AS device_seen,
    argMaxIf(toString(platform), timestamp, platform != '') AS platform_seen
FROM events
WHERE user_id IN (
    SELECT user_id FROM events WHERE stored_at >= {p1:DateTime64(3, 'UTC')} AND stored_at < {p2:DateTime64(3, 'UTC')})
GROUP BY user_id
