INSERT INTO models (name, version, trained_from, trained_until, code_version, parameters, metrics)
SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6
FROM models
WHERE name = $1
RETURNING version, created_at
