-- $1 name, '' for all; $2 version, 0 for all; $3 only those in use; $4 with parameters
WITH latest AS (
    SELECT DISTINCT ON (name, version) name, version, id, promoted_at
    FROM model_promotions
    WHERE $1 = '' OR name = $1
    ORDER BY name, version, id DESC
), current AS (
    SELECT name, max(id) AS id FROM latest GROUP BY name
)
SELECT m.name, m.version, m.created_at, m.trained_from, m.trained_until, m.code_version,
    CASE WHEN $4 THEN m.parameters END, m.metrics, l.promoted_at, c.id IS NOT NULL
FROM models m
LEFT JOIN latest l ON l.name = m.name AND l.version = m.version
LEFT JOIN current c ON c.id = l.id
WHERE ($1 = '' OR m.name = $1) AND ($2::integer = 0 OR m.version = $2::integer) AND (NOT $3 OR c.id IS NOT NULL)
ORDER BY m.name, m.version DESC
