-- Times are read by nearly every question. T64 with LZ4 takes the space of
-- Delta with ZSTD and unpacks in less than half the time. Parts that lie there
-- keep what they have until they are merged.
ALTER TABLE events{{.OnCluster}} MODIFY COLUMN timestamp DateTime64(3, 'UTC') CODEC(T64, LZ4);

-- A second order of the columns that most questions need, for months that are
-- over: Settle builds it. Inserts do not pay for it, nor do merges of parts that
-- lack it; such parts are read in the order of the table. It belongs to a part
-- like its columns do, so it can neither lag nor differ. The settings come first,
-- so that no insert in between builds it.
ALTER TABLE events{{.OnCluster}} MODIFY SETTING materialize_projections_on_insert = 0, lightweight_mutation_projection_mode = 'rebuild';

ALTER TABLE events{{.OnCluster}} ADD PROJECTION IF NOT EXISTS by_type
(
    SELECT type, sipHash64(user_id), timestamp, user_id, amount, currency, country, platform
    ORDER BY type, sipHash64(user_id), timestamp
);
