package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script is a process that runs a line of shell and is ready when it says so.
func script(line string) process {
	return process{
		engine:      "Script",
		prepare:     func(context.Context) error { return nil },
		command:     func() (*exec.Cmd, error) { return exec.Command("sh", "-c", line), nil },
		isReady:     func(line string) bool { return line == "ready" },
		forward:     func(log *slog.Logger, line string) { log.Info(line) },
		startWithin: 10 * time.Second,
		stopSignal:  syscall.SIGTERM,
		stopWithin:  5 * time.Second,
	}
}

func runKeeper(t *testing.T, p process) (k *keeper, log *bytes.Buffer, ended <-chan error, stop context.CancelFunc) {
	t.Helper()
	log = &bytes.Buffer{} // slog's handler locks writes; it is read once Run has ended
	policy := newRestarts()
	policy.firstPause, policy.longestPause = time.Millisecond, time.Millisecond
	k = newKeeper(p, slog.New(slog.NewTextHandler(log, nil)), policy)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	result := make(chan error, 1)
	go func() { result <- k.Run(ctx) }()
	return k, log, result, stop
}

func TestKeeperGivesUpOnWhatNeverStarts(t *testing.T) {
	k, log, ended, _ := runKeeper(t, script("echo the disk is on fire >&2; exit 3"))
	err := <-ended
	for _, want := range []string{"Script does not start (exit status 3)", "its last lines:\n  the disk is on fire"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if got := strings.Count(log.String(), "engine died"); got != k.restarts.toleratedFalseStarts-1 {
		t.Errorf("deaths in the log: got %d, want %d (the last one is the error)", got, k.restarts.toleratedFalseStarts-1)
	}
}

func TestKeeperGivesUpOnWhatDiesAgainAndAgain(t *testing.T) {
	k, log, ended, _ := runKeeper(t, script("echo ready >&2; echo too much >&2; kill -9 $$"))
	err := <-ended
	if want := "Script died 10 times in a row (signal: killed); its last lines:\n  ready\n  too much"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	if got := strings.Count(log.String(), "engine is back"); got != 9 {
		t.Errorf("returns in the log: got %d, want 9", got)
	}
	select {
	case <-k.ready:
	default:
		t.Error("it never counted as ready")
	}
}

func TestKeeperStopsGently(t *testing.T) {
	k, log, ended, stop := runKeeper(t, script("trap 'echo bye >&2; exit 0' TERM; echo ready >&2; while :; do sleep 0.01; done"))
	<-k.ready
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "bye") {
		t.Errorf("the process had no chance to end well; log: %s", log)
	}
}

func TestKeeperKillsWhatDoesNotStop(t *testing.T) {
	p := script("trap '' TERM; echo ready >&2; while :; do sleep 0.01; done")
	p.stopWithin = 50 * time.Millisecond
	k, log, ended, stop := runKeeper(t, p)
	<-k.ready
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "did not stop in time") {
		t.Errorf("log: %s", log)
	}
}

func TestKeeperGivesUpOnWhatIsNeverReady(t *testing.T) {
	p := script("while :; do sleep 0.01; done")
	p.startWithin = 20 * time.Millisecond
	_, _, ended, _ := runKeeper(t, p)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "not ready within 20ms") {
		t.Errorf("got %v", err)
	}
}
