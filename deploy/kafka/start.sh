#!/usr/bin/env bash
# Starts Apache Kafka, one node of KRaft, on 127.0.0.1 in the foreground.
#
#   start.sh DIR PORT CONTROLLER_PORT      `make kafka` calls it; SIGTERM stops it cleanly
#
# Its settings are those of the delivery tests: short sessions are allowed, and a
# group's first member does not wait for others.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 port=$2 controller=$3
command -v java >/dev/null || { echo "Apache Kafka needs a Java runtime, 17 or newer (Debian: apt-get install default-jre-headless)" >&2; exit 1; }
[ -d "$here/target/lib" ] || { echo "Apache Kafka is not fetched yet: run make kafka" >&2; exit 1; }

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/log
num.partitions=4
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.min.session.timeout.ms=500
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.retention.ms=-1
PROPERTIES

run=(java -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$here/target/lib/*")
if [ ! -f "$dir/log/meta.properties" ]; then
	"${run[@]}" kafka.tools.StorageTool format --config "$dir/server.properties" --cluster-id bWlsbHJhY2UtZmF1bHRzMQ >/dev/null
fi
exec "${run[@]}" kafka.Kafka "$dir/server.properties"
