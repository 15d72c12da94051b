package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// kafkaChild is what the process that serves Kafka needs to know.
type kafkaChild struct {
	DataDir string `json:"data_dir"`
	Port    int    `json:"port"`
}

// Partitions of a topic that is made without saying how many.
const defaultPartitions = 4

// forever is the longest time that the broker takes for a retention, in its unit.
const forever = "2147483647"

// open starts the broker. It serves when open returns.
func (k *kafkaChild) open(log *slog.Logger) (*kfake.Cluster, error) {
	if err := recoverSequences(k.DataDir); err != nil {
		return nil, fmt.Errorf("recover the producers' sequence numbers: %w", err)
	}
	broker, err := kfake.NewCluster(
		kfake.Ports(k.Port),
		kfake.ClusterID("millrace"),
		kfake.DataDir(k.DataDir),
		// Acknowledged means on disk, as the engines' users may pull the plug.
		kfake.SyncWrites(),
		kfake.DefaultNumPartitions(defaultPartitions),
		kfake.AllowAutoTopicCreation(),
		kfake.WithLogger(kafkaLog{log}),
		kfake.BrokerConfigs(map[string]string{
			// Otherwise a laptop that was shut for a week has forgotten what was ingested.
			"offsets.retention.minutes": forever,
			// Topics choose their own retention; without a choice nothing is deleted.
			"log.retention.ms": "-1",
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("start Kafka on port %d with data in %s: %w", k.Port, k.DataDir, err)
	}
	return broker, nil
}

// garbagePercent lets the broker's heap, which is small, grow to so much before
// it is collected: what it allocates are mostly answers that live for a moment.
const garbagePercent = 400

func (k *kafkaChild) serve(ctx context.Context, log *slog.Logger, ready func()) error {
	debug.SetGCPercent(garbagePercent)
	broker, err := k.open(log)
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // opening has read the whole log
	ready()
	<-ctx.Done()
	broker.Close() // saves the state that is not in the log
	return nil
}

// kafkaLog passes the broker's warnings and errors on. Its other lines are one per request.
type kafkaLog struct{ log *slog.Logger }

func (l kafkaLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error(fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn(fmt.Sprintf(format, args...))
	}
}

// A killed broker has to read its log again; a hundred gigabytes take a while.
const kafkaStartWithin = 5 * time.Minute

func kafkaProcess(k kafkaChild) process {
	p := selfProcess(Kafka, child{Kafka: &k}, k.DataDir)
	p.startWithin = kafkaStartWithin
	return p
}
