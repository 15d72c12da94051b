-- What is known of each user at p1: one row per user, from events before p1
-- only. The one thing that lies after it is churned: no event in [p1, p2).
--   p3  users whose latest event is older are left out
--   p4  one user in so many is taken
--   p5  currencies, and p6 what an average purchase is worth in each: amounts of
--       different currencies cannot be added
-- Days are counted back from p1 in steps of 24 hours, so that every user has
-- seen the same number of hours of each.
WITH
    86400000 AS day,
    mapFromArrays({p5:Array(String)}, {p6:Array(Float64)}) AS average_purchase
SELECT
    user_id,
    user_id NOT IN (
        SELECT user_id FROM events
        WHERE timestamp >= {p1:DateTime64(3, 'UTC')} AND timestamp < {p2:DateTime64(3, 'UTC')}
            AND cityHash64(user_id) % {p4:Int64} = 0
    ) AS churned,

    min(age) / day AS days_since_last_event,
    max(age) / day AS days_since_first_event,
    toFloat64(uniqExact(days_ago)) AS active_days,
    toFloat64(uniqExactIf(days_ago, in_7d)) AS active_days_7d,
    toFloat64(uniqExactIf(days_ago, in_14d)) AS active_days_14d,
    toFloat64(uniqExactIf(days_ago, in_30d)) AS active_days_30d,
    greatest(days_since_first_event, 1) / active_days AS days_per_active_day,
    days_since_last_event / days_per_active_day AS silence_in_usual_gaps,
    log((1 + events_7d) / (1 + countIf(in_14d AND NOT in_7d))) AS activity_trend,

    -- As in user_stats: different session ids, and for events without one, visits
    -- more than 30 minutes apart.
    toFloat64(uniqExactIf(session_id, session_id != '')
        + length(arraySort(groupArrayIf(age, session_id = '')) AS ages)
        - arrayCount(gap -> gap <= 1800000, arrayPopFront(arrayDifference(ages)))) AS sessions,
    toFloat64(uniqExactIf(session_id, session_id != '' AND in_30d)
        + length(arrayFilter(a -> a <= 30 * day, ages) AS ages_30d)
        - arrayCount(gap -> gap <= 1800000, arrayPopFront(arrayDifference(ages_30d)))) AS sessions_30d,

    toFloat64(count()) AS events,
    toFloat64(countIf(in_7d)) AS events_7d,
    toFloat64(countIf(in_30d)) AS events_30d,
    toFloat64(countIf(is_view)) AS views,
    toFloat64(countIf(is_view AND in_7d)) AS views_7d,
    toFloat64(countIf(is_view AND in_30d)) AS views_30d,
    toFloat64(countIf(is_cart)) AS carts,
    toFloat64(countIf(is_cart AND in_7d)) AS carts_7d,
    toFloat64(countIf(is_cart AND in_30d)) AS carts_30d,
    toFloat64(countIf(is_purchase)) AS purchases,
    toFloat64(countIf(is_purchase AND in_7d)) AS purchases_7d,
    toFloat64(countIf(is_purchase AND in_30d)) AS purchases_30d,
    toFloat64(countIf(is_login)) AS logins,
    toFloat64(countIf(is_login AND in_7d)) AS logins_7d,
    toFloat64(countIf(is_login AND in_30d)) AS logins_30d,
    toFloat64(countIf(is_video)) AS videos,
    toFloat64(countIf(is_video AND in_7d)) AS videos_7d,
    toFloat64(countIf(is_video AND in_30d)) AS videos_30d,
    sumIf(spent, is_purchase) AS revenue,
    sumIf(spent, is_purchase AND in_30d) AS revenue_30d
FROM
(
    SELECT
        user_id,
        session_id,
        toUnixTimestamp64Milli({p1:DateTime64(3, 'UTC')}) - toUnixTimestamp64Milli(timestamp) AS age,
        intDiv(age - 1, day) AS days_ago,
        age <= 7 * day AS in_7d,
        age <= 14 * day AS in_14d,
        age <= 30 * day AS in_30d,
        type IN ('view', 'page_view') AS is_view,
        type = 'add_to_cart' AS is_cart,
        type = 'purchase' AS is_purchase,
        type = 'login' AS is_login,
        type IN ('video_play', 'video_progress', 'video_complete') AS is_video,
        average_purchase[toString(currency)] AS average,
        if(average > 0, toFloat64(ifNull(amount, toDecimal64(0, 6))) / average, 0) AS spent
    FROM events
    WHERE timestamp < {p1:DateTime64(3, 'UTC')}
        AND cityHash64(user_id) % {p4:Int64} = 0
)
GROUP BY user_id
HAVING min(age) <= toUnixTimestamp64Milli({p1:DateTime64(3, 'UTC')}) - toUnixTimestamp64Milli({p3:DateTime64(3, 'UTC')})
