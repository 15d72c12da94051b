-- What each customer bought until a day, and how often after it: one row per
-- customer, days in UTC. Purchases of one day count as one; the first day makes
-- the customer, and neither counts as a repeat nor into what was spent.
SELECT
    user_id,
    toInt64(countIf(day <= {until:Date})) - 1 AS repeats,
    toInt64(maxIf(day, day <= {until:Date}) - minIf(day, day <= {until:Date})) AS recency_days,
    toInt64({until:Date} - minIf(day, day <= {until:Date})) AS age_days,
    toInt64(countIf(day > {until:Date})) AS later,
    toInt64(countIf(priced AND day <= {until:Date})) - toInt64(argMin(priced, day)) AS priced_days,
    toFloat64(sumIf(spent, day <= {until:Date}) - argMin(spent, day)) AS spent_total
FROM
(
    SELECT
        user_id,
        toDate(timestamp, 'UTC') AS day,
        countIf(amount IS NOT NULL AND currency = {currency:String}) > 0 AS priced,
        sumIf(assumeNotNull(amount), amount IS NOT NULL AND currency = {currency:String}) AS spent
    FROM events
    WHERE type = 'purchase' AND timestamp < {end:DateTime64(3, 'UTC')}
    GROUP BY user_id, day
)
GROUP BY user_id
HAVING repeats >= 0
