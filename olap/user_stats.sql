SELECT user_id, first_seen, last_seen, events, events_by_type, sessions, active_days, orders, revenue, largest_order,
    average_order, refunds, net, favourite_category, country_seen, device_seen, platform_seen
FROM
(
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
        -- What was paid and given back, as (currency, amount, sign): few of a user's
        -- events, so the maps are made of those and not event by event.
        groupArrayIf((toString(currency), assumeNotNull(amount), if(type = 'refund', -1, 1)),
            type IN ('purchase', 'refund') AND amount IS NOT NULL) AS paid,
        arrayReduce('sumMap', arrayMap(p -> map(p.1, p.2), arrayFilter(p -> p.3 > 0, paid) AS sold)) AS sums,
        arrayReduce('sumMap', arrayMap(p -> map(p.1, toUInt64(1)), sold)) AS numbers,
        mapApply((k, v) -> (k, toString(v)), sums) AS revenue,
        mapApply((k, v) -> (k, toString(v)), arrayReduce('maxMap', arrayMap(p -> map(p.1, p.2), sold))) AS largest_order,
        mapApply((k, v) -> (k, toString(v / numbers[k])), sums) AS average_order,
        mapApply((k, v) -> (k, toString(v)), arrayReduce('sumMap', arrayMap(p -> map(p.1, p.2), arrayFilter(p -> p.3 < 0, paid)))) AS refunds,
        mapApply((k, v) -> (k, toString(v)), arrayReduce('sumMap', arrayMap(p -> map(p.1, p.3 * p.2), paid))) AS net,
        mapKeys(sumMapIf(map(toString(category), toUInt64(1)), category != '') AS categories)[
            indexOf(mapValues(categories), arrayMax(mapValues(categories)))] AS favourite_category,
        argMaxIf(toString(country), timestamp, country != '') AS country_seen,
        argMaxIf(toString(device), timestamp, device != '') AS device_seen,
        argMaxIf(toString(platform), timestamp, platform != '') AS platform_seen
    FROM events
    WHERE user_id > {after:String} AND user_id <= {last:String} AND user_id IN (
        SELECT user_id FROM events
        WHERE stored_at >= {from:DateTime64(3, 'UTC')} AND stored_at < {to:DateTime64(3, 'UTC')}
            AND user_id > {after:String} AND user_id <= {last:String})
    GROUP BY user_id
)
