-- The last user of each page of the users touched, but for the last page.
SELECT user_id
FROM
(
    SELECT user_id, row_number() OVER (ORDER BY user_id) AS n
    FROM
    (
        SELECT DISTINCT user_id FROM events
        WHERE stored_at >= {from:DateTime64(3, 'UTC')} AND stored_at < {to:DateTime64(3, 'UTC')}
    )
)
WHERE n % {size:UInt64} = 0
ORDER BY user_id
