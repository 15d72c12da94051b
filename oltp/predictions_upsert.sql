INSERT INTO predictions AS p (model, user_id, version, as_of, score, details)
SELECT $1, user_id, version, as_of, score, details::jsonb
FROM unnest($2::text[], $3::integer[], $4::timestamptz[], $5::double precision[], $6::text[]) AS t (user_id, version, as_of, score, details)
ON CONFLICT (model, user_id) DO UPDATE SET
    version = excluded.version,
    as_of   = excluded.as_of,
    score   = excluded.score,
    details = excluded.details
