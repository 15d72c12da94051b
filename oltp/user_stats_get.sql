SELECT user_id, first_seen, last_seen, events, events_by_type, sessions, active_days,
       orders, revenue_by_currency, largest_order, favourite_category, country, device, platform
FROM user_stats
WHERE user_id = $1
