INSERT INTO user_stats AS s (
    user_id, first_seen, last_seen, events, events_by_type, sessions, active_days,
    orders, revenue_by_currency, largest_order, average_order, refunds_by_currency, value_by_currency, favourite_category, country, device, platform
)
SELECT
    user_id, first_seen, last_seen, events, events_by_type::jsonb, sessions, active_days,
    orders, revenue_by_currency::jsonb, largest_order::jsonb,
    average_order::jsonb, refunds_by_currency::jsonb, value_by_currency::jsonb, favourite_category, country, device, platform
FROM unnest(
    $1::text[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[]
) AS t (
    user_id, first_seen, last_seen, events, events_by_type, sessions, active_days,
    orders, revenue_by_currency, largest_order, average_order, refunds_by_currency, value_by_currency, favourite_category, country, device, platform
)
ON CONFLICT (user_id) DO UPDATE SET
    first_seen          = excluded.first_seen,
    last_seen           = excluded.last_seen,
    events              = excluded.events,
    events_by_type      = excluded.events_by_type,
    sessions            = excluded.sessions,
    active_days         = excluded.active_days,
    orders              = excluded.orders,
    revenue_by_currency = excluded.revenue_by_currency,
    largest_order       = excluded.largest_order,
    average_order       = excluded.average_order,
    refunds_by_currency = excluded.refunds_by_currency,
    value_by_currency   = excluded.value_by_currency,
    favourite_category  = excluded.favourite_category,
    country             = excluded.country,
    device              = excluded.device,
    platform            = excluded.platform,
    updated_at          = now()
-- The overlap reads most users again unchanged: no new row version for those.
WHERE (s.first_seen, s.last_seen, s.events, s.events_by_type, s.sessions, s.active_days,
       s.orders, s.revenue_by_currency, s.largest_order, s.average_order, s.refunds_by_currency, s.value_by_currency, s.favourite_category, s.country, s.device, s.platform)
    IS DISTINCT FROM
      (excluded.first_seen, excluded.last_seen, excluded.events, excluded.events_by_type, excluded.sessions, excluded.active_days,
       excluded.orders, excluded.revenue_by_currency, excluded.largest_order, excluded.average_order, excluded.refunds_by_currency, excluded.value_by_currency, excluded.favourite_category, excluded.country, excluded.device, excluded.platform)
