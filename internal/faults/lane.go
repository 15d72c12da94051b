//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/embedded"
)

// LaneConfig says on which engines runs take place.
type LaneConfig struct {
	// Dir keeps data and logs.
	Dir string
	// KafkaScript starts an Apache Kafka in place of the embedded broker; empty
	// for the embedded one.
	KafkaScript string
}

// Lane is a store and a broker of its own on which one run after the other
// takes place. It is used by one goroutine.
type Lane struct {
	cfg    LaneConfig
	log    *os.File
	stack  *embedded.Stack
	broker broker
	disk   string // mount point of the store's small disk, "" where there is none
	conn   driver.Conn
	client *kgo.Client
	admin  *kadm.Client
}

// diskSize of the store's own file system, in bytes.
const diskSize = 384 << 20

// NewLane starts the engines. Root gets a small disk for the store, which can
// be filled; for others [Lane.Kinds] leaves these faults out.
func NewLane(ctx context.Context, cfg LaneConfig) (*Lane, error) {
	l := &Lane{cfg: cfg}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lane) open(ctx context.Context) (err error) {
	data := l.dataDir()
	if l.log, err = os.Create(filepath.Join(l.cfg.Dir, "engines.log")); err != nil {
		return err
	}
	if err := l.mount(l.storeDir()); err != nil {
		return err
	}
	if err := l.startEngines(ctx, data); err != nil {
		return err
	}
	l.conn, err = clickhouse.Open(&clickhouse.Options{Addr: []string{l.storeAddress()}, DialTimeout: 2 * time.Second, ReadTimeout: 30 * time.Second})
	if err != nil {
		return err
	}
	l.client, err = kgo.NewClient(kgo.SeedBrokers(l.broker.address()), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return err
	}
	l.admin = kadm.NewClient(l.client)
	return l.allowShortSessions(ctx)
}

// dataDir holds the embedded engines' data, storeDir the store's.
func (l *Lane) dataDir() string  { return filepath.Join(l.cfg.Dir, "data") }
func (l *Lane) storeDir() string { return filepath.Join(l.dataDir(), "clickhouse") }

// mount gives the store a small file system of its own, where the system lets
// us: an ordinary one in a file.
func (l *Lane) mount(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	image := filepath.Join(l.cfg.Dir, "disk.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(image, diskSize); err != nil {
		return err
	}
	if exec.Command("mkfs.ext4", "-q", "-m", "0", image).Run() == nil && exec.Command("mount", "-o", "loop", image, dir).Run() == nil {
		l.disk = dir
	}
	return nil
}

func (l *Lane) startEngines(ctx context.Context, data string) (err error) {
	cfg := embedded.DefaultConfig()
	cfg.DataDir = data
	cfg.Engines = []embedded.Engine{embedded.ClickHouse, embedded.Kafka}
	cfg.Ports = embedded.AutoPorts()
	cfg.Logger = slog.New(slog.NewTextHandler(l.log, nil))
	if l.cfg.KafkaScript != "" {
		cfg.Engines = []embedded.Engine{embedded.ClickHouse}
		if l.broker, err = startApacheKafka(ctx, l.cfg.KafkaScript, filepath.Join(l.cfg.Dir, "kafka"), freePort(), freePort()); err != nil {
			return err
		}
	}
	if l.stack, err = embedded.Start(ctx, cfg); err != nil {
		return err
	}
	if l.broker == nil {
		l.broker = embeddedKafka{l.stack}
	}
	return nil
}

// embeddedKafka is the broker of the embedded stack.
type embeddedKafka struct{ stack *embedded.Stack }

func (k embeddedKafka) address() string { return k.stack.Addresses().Kafka }
func (k embeddedKafka) pid() int        { return k.stack.PID(embedded.Kafka) }
func (k embeddedKafka) stop()           {} // ends with the stack

// freePort lies below the range of outgoing connections, so that it stays free
// while a broker is away.
func freePort() int {
	for {
		port := 15_000 + rand.IntN(15_000)
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			listener.Close()
			return port
		}
	}
}

// allowShortSessions lets members be declared dead within seconds.
func (l *Lane) allowShortSessions(ctx context.Context) error {
	value := "500"
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "group.min.session.timeout.ms", Value: &value}}
	if l.cfg.KafkaScript != "" {
		return nil // in its properties
	}
	answers, err := l.admin.AlterBrokerConfigs(ctx, change)
	for _, a := range answers {
		err = errors.Join(err, a.Err)
	}
	return err
}

// storeAddress is that of the store itself, without a proxy.
func (l *Lane) storeAddress() string { return l.stack.Addresses().ClickHouseNative }

// Kinds lists the faults that can be made here.
func (l *Lane) Kinds() []Kind {
	var kinds []Kind
	for _, k := range Kinds() {
		if l.disk != "" || k != DiskFull && k != DiskGone {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// fill takes what is left of the store's disk; the result gives it back. What
// goes suddenly is gone within a write of the store; otherwise the last two
// megabytes go bit by bit, as when the store itself or a log fills the disk.
func (l *Lane) fill(suddenly bool) (free func(), err error) {
	ballast, err := os.Create(filepath.Join(l.disk, "ballast"))
	if err != nil {
		return nil, err
	}
	const slowly, step, pause = 2 << 20, 64 << 10, 10 * time.Millisecond
	left := int64(0)
	if !suddenly {
		left = slowly
	}
	size := l.grow(ballast, 0, left)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for !suddenly { // the store frees some, too: its merges give space back
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
			if syscall.Fallocate(int(ballast.Fd()), 0, size, step) == nil {
				size += step
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
		ballast.Close()
		os.Remove(ballast.Name())
	}, nil
}

// grow lets the file grow until so much is left of the disk.
func (l *Lane) grow(f *os.File, size, left int64) int64 {
	for step := int64(diskSize / 2); step >= 4096; {
		var disk syscall.Statfs_t
		if syscall.Statfs(l.disk, &disk) != nil {
			return size
		}
		free := int64(disk.Bavail)*disk.Bsize - left
		if free < step || syscall.Fallocate(int(f.Fd()), 0, size, step) != nil {
			step /= 2
			continue
		}
		size += step
	}
	return size
}

// Close ends the engines.
func (l *Lane) Close() error {
	if l.client != nil {
		l.client.Close()
	}
	var faults []error
	if l.conn != nil {
		faults = append(faults, l.conn.Close())
	}
	if l.broker != nil {
		l.broker.stop()
	}
	if l.stack != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		faults = append(faults, l.stack.Stop(ctx))
	}
	if l.disk != "" {
		faults = append(faults, syscall.Unmount(l.disk, syscall.MNT_DETACH))
	}
	if l.log != nil {
		faults = append(faults, l.log.Close())
	}
	return errors.Join(faults...)
}

// journal is what happened, with the time since the start.
type journal struct {
	out   io.Writer
	start time.Time
}

func (j journal) note(format string, args ...any) {
	fmt.Fprintf(j.out, "%8.3f %s\n", time.Since(j.start).Seconds(), fmt.Sprintf(format, args...))
}
