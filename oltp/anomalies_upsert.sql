INSERT INTO anomalies AS old (id, started_at, first_seen, ended_at, detected_at, ongoing, severity, measure, measures, kind,
    expected, low, high, seen, evidence, property, value, part, step, grid, stays)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
ON CONFLICT (id) DO UPDATE SET
    started_at = excluded.started_at, first_seen = excluded.first_seen, ended_at = excluded.ended_at,
    detected_at = excluded.detected_at, ongoing = excluded.ongoing, severity = excluded.severity,
    measure = excluded.measure, measures = excluded.measures, kind = excluded.kind,
    expected = excluded.expected, low = excluded.low, high = excluded.high, seen = excluded.seen,
    evidence = excluded.evidence, property = excluded.property, value = excluded.value,
    part = excluded.part, step = excluded.step, grid = excluded.grid, stays = excluded.stays, withdrawn = false, updated_at = now()
WHERE (old.started_at, old.first_seen, old.ended_at, old.detected_at, old.ongoing, old.severity, old.measure, old.measures, old.kind,
        old.expected, old.low, old.high, old.seen, old.evidence, old.property, old.value, old.part, old.step, old.grid, old.stays, old.withdrawn)
    IS DISTINCT FROM (excluded.started_at, excluded.first_seen, excluded.ended_at, excluded.detected_at, excluded.ongoing,
        excluded.severity, excluded.measure, excluded.measures, excluded.kind, excluded.expected, excluded.low, excluded.high,
        excluded.seen, excluded.evidence, excluded.property, excluded.value, excluded.part, excluded.step, excluded.grid, excluded.stays, false)
