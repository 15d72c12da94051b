-- When the ingest fixed the block that a row came in: one instant for the
-- block, the same at every try to store it, whoever tries. stored_at is the
-- store's clock at the try that wrote the raw row, and differs from what a view
-- sees where a later try completes that view.
ALTER TABLE events{{.OnCluster}} ADD COLUMN IF NOT EXISTS
    sealed_at DateTime64(3, 'UTC') DEFAULT stored_at CODEC(Delta(8), ZSTD(1)) AFTER stored_at;

-- A view's rows have to be the same at every try. From here on stored_seconds
-- counts by sealed_at; rows from before have it equal to their stored_at. Not
-- MODIFY QUERY: after that, a view forgets its tokens, and again at the next
-- start of the store (26.7). A view that is replaced knows them.
CREATE OR REPLACE MATERIALIZED VIEW stored_seconds_view{{.OnCluster}} TO stored_seconds AS
SELECT toDateTime(intDiv(toUnixTimestamp64Milli(sealed_at), 1000), 'UTC') AS second, count() AS events
FROM events
GROUP BY second;
