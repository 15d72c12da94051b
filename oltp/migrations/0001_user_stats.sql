-- One row per user, absolute values copied from ClickHouse.
-- Money is text in JSON, so that no decimal is ever rounded on its way.
CREATE TABLE user_stats (
    user_id             text PRIMARY KEY,
    first_seen          timestamptz NOT NULL,
    last_seen           timestamptz NOT NULL,
    events              bigint NOT NULL,
    events_by_type      jsonb NOT NULL,
    sessions            bigint NOT NULL,
    active_days         bigint NOT NULL,
    orders              bigint NOT NULL,
    revenue_by_currency jsonb NOT NULL,
    largest_order       jsonb NOT NULL,
    favourite_category  text NOT NULL,
    country             text NOT NULL,
    device              text NOT NULL,
    platform            text NOT NULL,
    updated_at          timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

COMMENT ON TABLE user_stats IS 'Statistics per user, kept by millrace; written only by its sync.';
COMMENT ON COLUMN user_stats.updated_at IS 'When a value of this row last changed.';
