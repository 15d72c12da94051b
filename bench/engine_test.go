package bench

import (
	"fmt"
	"testing"
)

// engine is ClickHouse's own Kafka engine: a table that reads the topic, and a
// view that moves its rows into the table of events. The properties with
// columns of their own are read with one function, which parses them once.
func (a *arena) engine() lane {
	return lane{name: "engine", open: func(t *testing.T, r trial) running {
		return running{
			begin: func(t *testing.T) {
				r.must(t, fmt.Sprintf(engineTable, a.broker, r.topic, r.group, a.otherRows()))
				r.must(t, engineView)
			},
			end: func(t *testing.T) memberUsage {
				r.must(t, "DROP TABLE queue_view SYNC")
				r.must(t, "DROP TABLE queue SYNC")
				return memberUsage{}
			},
		}
	}}
}

// engineTable reads with as many consumers as there are processors. A block is
// closed by as many rows as in the other lanes, or after a second.
const engineTable = `CREATE TABLE queue
(
    event_id String, type LowCardinality(String), user_id String, anonymous_id String, session_id String, timestamp String, properties String,
    context Tuple(ip String, user_agent String, country LowCardinality(String), page String, referrer String, platform LowCardinality(String),
        app_version LowCardinality(String), device LowCardinality(String), os LowCardinality(String), browser LowCardinality(String), locale LowCardinality(String))
)
ENGINE = Kafka
SETTINGS kafka_broker_list = '%s', kafka_topic_list = '%s', kafka_group_name = '%s', kafka_format = 'JSONEachRow',
    kafka_num_consumers = 2, kafka_thread_per_consumer = 1, kafka_max_block_size = %d, kafka_flush_interval_ms = 1000,
    kafka_poll_max_batch_size = 65536`

const engineView = `CREATE MATERIALIZED VIEW queue_view TO events AS
SELECT
    event_id, type, if(user_id = '', anonymous_id, user_id) AS user_id, anonymous_id, session_id,
    parseDateTime64BestEffort(timestamp, 3, 'UTC') AS timestamp, assumeNotNull(_timestamp_ms) AS received_at, now64(3) AS sealed_at,
    hot.amount AS amount, hot.currency AS currency, hot.product_id AS product_id, hot.category AS category, hot.video_id AS video_id,
    properties,
    context.ip AS ip, context.user_agent AS user_agent, context.country AS country, context.page AS page, context.referrer AS referrer,
    context.platform AS platform, context.app_version AS app_version, context.device AS device, context.os AS os,
    context.browser AS browser, context.locale AS locale,
    _topic AS kafka_topic, toInt32(_partition) AS kafka_partition, toInt64(_offset) AS kafka_offset
FROM
(
    SELECT *, _topic, _partition, _offset, _timestamp_ms,
        JSONExtract(properties, 'Tuple(amount Nullable(Decimal(18, 6)), currency LowCardinality(String), product_id String, category LowCardinality(String), video_id String)') AS hot
    FROM queue
)`
