-- {"from":"2026-03-01","to":"2026-03-15","kind":"video","breakdown":{"property":"video_id","limit":3}}

SET param_p1 = '[0,5,10,15,20,25,30,35,40,45,50,55,60,65,70,75,80,85,90,95,100]';
SET param_p2 = '[\'video_play\',\'video_progress\',\'video_complete\']';
SET param_p3 = '2026-03-01 00:00:00.000';
SET param_p4 = '2026-03-15 00:00:00.000';
SET param_p5 = 'video_play';
SET param_p6 = 'video_progress';
SET param_p7 = 'video_complete';
SET param_p8 = 'watched_seconds';
SET param_p9 = 'percent';
SET param_p10 = 'position_seconds';
SET param_p11 = 'duration_seconds';
SELECT toInt64(0) AS slot, sum(plays) AS play_count, count() AS users, sum(completions) AS completion_count, sumKahan(seconds) AS watch_seconds,
    sumForEach(arrayMap(place -> toUInt64(furthest >= place), {p1:Array(Int64)})) AS reached, sum(unwatched) AS without_seconds, sum(nowhere) AS without_place
FROM
(
    SELECT user_id, countIf(type = {p5:String}) AS plays, countIf(type = {p7:String}) AS completions,
        sumKahan(greatest(watched, 0)) AS seconds, max(ifNull(place, 0)) AS furthest,
        countIf(watched < 0 AND NOT (type = {p5:String})) AS unwatched, countIf(place IS NULL AND type = {p6:String}) AS nowhere
    FROM
    (
        SELECT *, ifNull(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p8:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p8:String})), JSONExtractRaw(properties, {p8:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p8:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p8:String})), JSONExtractRaw(properties, {p8:String}))), NULL), -1) AS watched, if(type = {p7:String}, 100., least(greatest(ifNull(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p9:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p9:String})), JSONExtractRaw(properties, {p9:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p9:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p9:String})), JSONExtractRaw(properties, {p9:String}))), NULL), if(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p11:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p11:String})), JSONExtractRaw(properties, {p11:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p11:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p11:String})), JSONExtractRaw(properties, {p11:String}))), NULL) > 0, 100 * if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p10:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p10:String})), JSONExtractRaw(properties, {p10:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p10:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p10:String})), JSONExtractRaw(properties, {p10:String}))), NULL) / if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p11:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p11:String})), JSONExtractRaw(properties, {p11:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p11:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p11:String})), JSONExtractRaw(properties, {p11:String}))), NULL), NULL)), 0), 100)) AS place
        FROM events
        WHERE timestamp >= {p3:DateTime64(3, 'UTC')} AND timestamp < {p4:DateTime64(3, 'UTC')} AND (type IN {p2:Array(String)})
    )
    GROUP BY user_id
);

SET param_p1 = '[\'video_play\',\'video_progress\',\'video_complete\']';
SET param_p2 = '2026-03-01 00:00:00.000';
SET param_p3 = '2026-03-15 00:00:00.000';
SET param_p4 = 'video_play';
SET param_p5 = '3';
SELECT toString(video_id) AS value
FROM events
WHERE timestamp >= {p2:DateTime64(3, 'UTC')} AND timestamp < {p3:DateTime64(3, 'UTC')} AND (type IN {p1:Array(String)}) AND video_id != ''
GROUP BY value
ORDER BY countIf(type = {p4:String}) DESC, uniqExact(user_id) DESC, value
LIMIT {p5:Int64};

SET param_p1 = '[0,5,10,15,20,25,30,35,40,45,50,55,60,65,70,75,80,85,90,95,100]';
SET param_p2 = '[\'it\\\'s\']';
SET param_p3 = '[1]';
SET param_p4 = '[\'video_play\',\'video_progress\',\'video_complete\']';
SET param_p5 = '2026-03-01 00:00:00.000';
SET param_p6 = '2026-03-15 00:00:00.000';
SET param_p7 = 'video_play';
SET param_p8 = 'video_progress';
SET param_p9 = 'video_complete';
SET param_p10 = 'watched_seconds';
SET param_p11 = 'percent';
SET param_p12 = 'position_seconds';
SET param_p13 = 'duration_seconds';
SELECT slot, sum(plays) AS play_count, count() AS users, sum(completions) AS completion_count, sumKahan(seconds) AS watch_seconds,
    sumForEach(arrayMap(place -> toUInt64(furthest >= place), {p1:Array(Int64)})) AS reached, sum(unwatched) AS without_seconds, sum(nowhere) AS without_place
FROM
(
    SELECT if(video_id != '', transform(toString(video_id), {p2:Array(String)}, {p3:Array(Int64)}, toInt64(0)), toInt64(-1)) AS slot, user_id, countIf(type = {p7:String}) AS plays, countIf(type = {p9:String}) AS completions,
        sumKahan(greatest(watched, 0)) AS seconds, max(ifNull(place, 0)) AS furthest,
        countIf(watched < 0 AND NOT (type = {p7:String})) AS unwatched, countIf(place IS NULL AND type = {p8:String}) AS nowhere
    FROM
    (
        SELECT *, ifNull(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p10:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p10:String})), JSONExtractRaw(properties, {p10:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p10:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p10:String})), JSONExtractRaw(properties, {p10:String}))), NULL), -1) AS watched, if(type = {p9:String}, 100., least(greatest(ifNull(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p11:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p11:String})), JSONExtractRaw(properties, {p11:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p11:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p11:String})), JSONExtractRaw(properties, {p11:String}))), NULL), if(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p13:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p13:String})), JSONExtractRaw(properties, {p13:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p13:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p13:String})), JSONExtractRaw(properties, {p13:String}))), NULL) > 0, 100 * if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p12:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p12:String})), JSONExtractRaw(properties, {p12:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p12:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p12:String})), JSONExtractRaw(properties, {p12:String}))), NULL) / if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p13:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p13:String})), JSONExtractRaw(properties, {p13:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p13:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p13:String})), JSONExtractRaw(properties, {p13:String}))), NULL), NULL)), 0), 100)) AS place
        FROM events
        WHERE timestamp >= {p5:DateTime64(3, 'UTC')} AND timestamp < {p6:DateTime64(3, 'UTC')} AND (type IN {p4:Array(String)})
    )
    GROUP BY user_id, slot
)
GROUP BY slot
ORDER BY slot < 1, slot < 0, slot;
