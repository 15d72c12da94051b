-- $4 and $5: behind this user and score; an empty user starts the list.
SELECT user_id, version, as_of, score, details
FROM predictions
WHERE model = $1 AND score >= $2 AND score <= $3
    AND ($4::text = '' OR score < $5 OR score = $5 AND user_id > $4)
ORDER BY score DESC, user_id
LIMIT $6
