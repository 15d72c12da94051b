//go:build linux

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// broker is a Kafka that can be killed and comes back by itself.
type broker interface {
	address() string
	pid() int // 0 while it is away
	stop()
}

// apacheKafka keeps a real one, started by deploy/kafka/start.sh.
type apacheKafka struct {
	script, dir      string
	port, controller int
	process          atomic.Int64
	cancel           context.CancelFunc
	ended            chan struct{}
}

// startApacheKafka starts it with data in dir and returns when it serves.
func startApacheKafka(ctx context.Context, script, dir string, port, controller int) (*apacheKafka, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k := &apacheKafka{script: script, dir: dir, port: port, controller: controller, cancel: cancel, ended: make(chan struct{})}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	go k.keep(life)
	if err := awaitBroker(ctx, k.address()); err != nil {
		k.stop()
		text, _ := os.ReadFile(k.logFile()) // for the message only
		return nil, fmt.Errorf("start Apache Kafka: %w\n%s", err, text)
	}
	return k, nil
}

func (k *apacheKafka) logFile() string { return filepath.Join(k.dir, "kafka.log") }
func (k *apacheKafka) address() string { return "127.0.0.1:" + strconv.Itoa(k.port) }
func (k *apacheKafka) pid() int        { return int(k.process.Load()) }

// keep starts it again whenever it ends.
func (k *apacheKafka) keep(ctx context.Context) {
	runtime.LockOSThread() // the death signal belongs to the thread
	defer runtime.UnlockOSThread()
	defer close(k.ended)
	for ctx.Err() == nil {
		k.runOnce(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (k *apacheKafka) runOnce(ctx context.Context) {
	out, err := os.OpenFile(k.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, k.script, k.dir, strconv.Itoa(k.port), strconv.Itoa(k.controller))
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(out, err)
		return
	}
	k.process.Store(int64(cmd.Process.Pid))
	_ = cmd.Wait() // it is killed on purpose
	k.process.Store(0)
}

func (k *apacheKafka) stop() {
	k.cancel()
	<-k.ended
}

// awaitBroker returns when the broker answers.
func awaitBroker(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RetryBackoffFn(func(int) time.Duration { return 200 * time.Millisecond }))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		_, err := kadm.NewClient(client).ListBrokers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}
