SELECT user_id, first_seen, last_seen, events, events_by_type, sessions, active_days,
       orders, revenue_by_currency, largest_order, average_order,
       refunds_by_currency, value_by_currency, favourite_category, country, device, platform
FROM user_stats
WHERE user_id = $1
