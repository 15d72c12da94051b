package enginetest

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/embedded"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func TestPostgresIsFreshForEachTest(t *testing.T) {
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			conn, err := pgx.Connect(t.Context(), Postgres(t))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.WithoutCancel(t.Context()))
			if _, err := conn.Exec(t.Context(), "CREATE TABLE t (x int)"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestKafkaIsFreshForEachTest(t *testing.T) {
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			client, err := kgo.NewClient(kgo.SeedBrokers(Kafka(t)), kgo.AllowAutoTopicCreation())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			records, err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("x")}).First()
			if err != nil {
				t.Fatal(err)
			}
			if records.Offset != 0 {
				t.Errorf("first offset: got %d, want 0", records.Offset)
			}
		})
	}
}

func TestClickHouseIsFreshForEachTest(t *testing.T) {
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			httpURL, nativeAddr, database := ClickHouse(t)
			askClickHouse(t, httpURL, "CREATE TABLE "+database+".t (x Int32) ENGINE = Memory")
			conn, err := net.Dial("tcp", nativeAddr)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		})
	}
}

// TestStartedEnginesAreTheTestsOwn kills an engine, which no other test may notice.
func TestStartedEnginesAreTheTestsOwn(t *testing.T) {
	shared := Postgres(t)
	stack := Start(t, nil, embedded.Postgres)
	if err := syscall.Kill(stack.PID(embedded.Postgres), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	askPostgres(t, shared, "SELECT 1")
}

func TestNameIsUniqueAndPlain(t *testing.T) {
	t.Run("With UPPER & strange/characters, and quite a long tail of them", func(t *testing.T) {
		one, two := Name(t), Name(t)
		if one == two {
			t.Errorf("two calls gave the same name %s", one)
		}
		if len(one) > 50 || one[0] < 'a' || one[0] > 'z' {
			t.Errorf("not a plain name: %s", one)
		}
	})
}
