-- Events {from} to {from} + {rows} of a history of {total}, the same every time.
--
-- People visit in sessions of twelve events, 0 to 40 seconds apart. There is a
-- user for every hundred events, some far more active than others; a user has
-- one country and one device. The shares of types are those of a shop.
INSERT INTO {table} (event_id, type, user_id, session_id, timestamp, received_at, sealed_at, amount, currency, product_id, category, video_id,
    properties, ip, country, page, platform, app_version, device, os, browser, locale, kafka_topic, kafka_partition, kafka_offset)
WITH
    intDiv(n, 12) AS session,
    cityHash64(session) AS hs,
    cityHash64(n, 1) AS h,
    toUInt32(({total} / 100) * pow((hs % 1000003) / 1000003, 1.6)) AS u,
    cityHash64(u, 2) AS hu,
    h % 1000 AS dice,
    intDiv(h, 1000) AS h2,
    product_id != '' AS of_product
SELECT
    lower(hex(h)) || '-' || lower(hex(hs)) AS event_id,
    multiIf(dice < 300, 'page_view', dice < 520, 'view', dice < 660, 'click', dice < 790, 'video_progress', dice < 860, 'search',
        dice < 910, 'add_to_cart', dice < 940, 'login', dice < 965, 'remove_from_cart', dice < 980, 'purchase', dice < 981, 'refund', 'error') AS type,
    concat('user-', toString(u)) AS user_id,
    concat('s-', toString(session)) AS session_id,
    toDateTime64('2026-01-01', 3, 'UTC') + toIntervalMillisecond(toInt64(session * (7775000000. / ({total} / 12))) + (n % 12) * 20000 + h2 % 20000) AS timestamp,
    timestamp AS received_at,
    timestamp AS sealed_at,
    if(type IN ('purchase', 'refund'), toDecimal64((500 + intDiv(h2, 20000) % 20000) / 100, 6), NULL) AS amount,
    if(amount IS NULL, '', ['USD', 'EUR', 'INR'][1 + hu % 3]) AS currency,
    if(type IN ('view', 'add_to_cart', 'remove_from_cart', 'purchase', 'refund'), concat('p-', toString(toUInt32(20000 * pow((intDiv(h2, 7) % 10007) / 10007, 2)))), '') AS product_id,
    if(of_product, concat('category-', toString(cityHash64(product_id) % 20)), '') AS category,
    if(type = 'video_progress', concat('v-', toString(intDiv(h2, 11) % 500)), '') AS video_id,
    multiIf(of_product, concat('{"price":', toString(intDiv(h2, 13) % 500), ',"position":', toString(intDiv(h2, 17) % 50), ',"list":"search results"}'),
        type = 'video_progress', concat('{"duration_seconds":600,"position_seconds":', toString(60 * (1 + intDiv(h2, 13) % 10)), ',"percent":', toString(10 * (1 + intDiv(h2, 13) % 10)), ',"watched_seconds":60}'),
        concat('{"title":"Page ', toString(intDiv(h2, 13) % 2000), '","experiment":"', ['a', 'b', 'c', 'd'][1 + hu % 4], '"}')) AS properties,
    concat('203.0.113.', toString(hu % 256)) AS ip,
    ['IN', 'US', 'DE', 'BR', 'GB', 'FR', 'JP', 'NG', 'IT', 'ES', 'MX', 'CA'][1 + toUInt32(11.99 * pow((hu % 65536) / 65536, 2))] AS country,
    concat('/p/', toString(intDiv(h2, 19) % 5000)) AS page,
    ['web', 'ios', 'android'][1 + intDiv(hu, 65536) % 3] AS platform,
    '3.2.1' AS app_version,
    if(platform = 'web', 'desktop', 'phone') AS device,
    ['Windows', 'iOS', 'Android'][1 + intDiv(hu, 65536) % 3] AS os,
    ['Chrome', 'Safari', 'Chrome'][1 + intDiv(hu, 65536) % 3] AS browser,
    'en' AS locale,
    'events' AS kafka_topic,
    toInt32(hu % 4) AS kafka_partition,
    toInt64(n) AS kafka_offset
FROM (SELECT number AS n FROM numbers({from}, {rows}))
