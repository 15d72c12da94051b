-- {"from":"2026-03-01","to":"2026-03-15","kind":"video","video_id":"it's"}

SET param_p1 = '[0,5,10,15,20,25,30,35,40,45,50,55,60,65,70,75,80,85,90,95,100]';
SET param_p2 = '[\'video_play\',\'video_progress\',\'video_complete\']';
SET param_p3 = 'it\'s';
SET param_p4 = '2026-03-01 00:00:00.000';
SET param_p5 = '2026-03-15 00:00:00.000';
SET param_p6 = 'video_play';
SET param_p7 = 'video_progress';
SET param_p8 = 'video_complete';
SET param_p9 = 'watched_seconds';
SET param_p10 = 'percent';
SET param_p11 = 'position_seconds';
SET param_p12 = 'duration_seconds';
SELECT toInt64(0) AS slot, sum(plays) AS play_count, count() AS users, sum(completions) AS completion_count, sumKahan(seconds) AS watch_seconds,
    sumForEach(arrayMap(place -> toUInt64(furthest >= place), {p1:Array(Int64)})) AS reached, sum(unwatched) AS without_seconds, sum(nowhere) AS without_place
FROM
(
    SELECT user_id, countIf(type = {p6:String}) AS plays, countIf(type = {p8:String}) AS completions,
        sumKahan(greatest(watched, 0)) AS seconds, max(ifNull(place, 0)) AS furthest,
        countIf(watched < 0 AND NOT (type = {p6:String})) AS unwatched, countIf(place IS NULL AND type = {p7:String}) AS nowhere
    FROM
    (
        SELECT *, ifNull(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p9:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p9:String})), JSONExtractRaw(properties, {p9:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p9:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p9:String})), JSONExtractRaw(properties, {p9:String}))), NULL), -1) AS watched, if(type = {p8:String}, 100., least(greatest(ifNull(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p10:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p10:String})), JSONExtractRaw(properties, {p10:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p10:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p10:String})), JSONExtractRaw(properties, {p10:String}))), NULL), if(if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p12:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p12:String})), JSONExtractRaw(properties, {p12:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p12:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p12:String})), JSONExtractRaw(properties, {p12:String}))), NULL) > 0, 100 * if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p11:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p11:String})), JSONExtractRaw(properties, {p11:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p11:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p11:String})), JSONExtractRaw(properties, {p11:String}))), NULL) / if(isFinite(toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p12:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p12:String})), JSONExtractRaw(properties, {p12:String})))), toFloat64OrNull(if(startsWith(JSONExtractRaw(properties, {p12:String}), '"'), JSONExtractString(JSONExtractRaw(properties, {p12:String})), JSONExtractRaw(properties, {p12:String}))), NULL), NULL)), 0), 100)) AS place
        FROM events
        WHERE timestamp >= {p4:DateTime64(3, 'UTC')} AND timestamp < {p5:DateTime64(3, 'UTC')} AND video_id = {p3:String} AND (type IN {p2:Array(String)})
    )
    GROUP BY user_id
);
