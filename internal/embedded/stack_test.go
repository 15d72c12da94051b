package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// victimEnv makes the test binary a Millrace of its own that starts a stack and waits to be killed.
const victimEnv = "MILLRACE_TEST_VICTIM"

func TestMain(m *testing.M) {
	Main()
	if text, ok := os.LookupEnv(victimEnv); ok {
		os.Exit(beVictim(text))
	}
	os.Exit(m.Run())
}

// victim is what a victim tells about itself.
type victim struct {
	DataDir string
	Ports   Ports
	PIDs    []int
}

func beVictim(text string) int {
	var v victim
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err)
	}
	cfg := DefaultConfig()
	cfg.DataDir, cfg.Ports = v.DataDir, v.Ports
	s, err := Start(context.Background(), cfg)
	if err != nil {
		panic(err)
	}
	v.Ports = s.cfg.Ports
	for _, e := range Engines() {
		v.PIDs = append(v.PIDs, s.PID(e))
	}
	json.NewEncoder(os.Stdout).Encode(v)
	<-s.Done()
	return 1
}

// startVictim runs a Millrace with all engines on dir and returns it when it is ready.
func startVictim(t *testing.T, dir string) (*exec.Cmd, victim) {
	t.Helper()
	text, err := json.Marshal(victim{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	cmd.Stderr = t.Output()
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	var v victim
	if err := json.NewDecoder(output).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return cmd, v
}

// TestKilledMillraceLeavesNothingInTheWay kills a whole Millrace the hard way. Its engines end with it, and
// the next one starts at once on the same data and the same ports.
func TestKilledMillraceLeavesNothingInTheWay(t *testing.T) {
	requireEngines(t, Engines()...)
	dir := t.TempDir()
	cmd, v := startVictim(t, dir)

	_, err := Start(t.Context(), testConfig(t, dir, Kafka))
	wantError(t, err, "data directory "+dir+" is in use by process "+fmt.Sprint(cmd.Process.Pid), "--data")
	if inUse := new(InUseError); !errors.As(err, &inUse) || inUse.PID != cmd.Process.Pid {
		t.Errorf("got %#v, want an InUseError with the process", err)
	}

	kill(t, cmd.Process.Pid)
	cmd.Wait()
	cfg := testConfig(t, dir, Engines()...)
	cfg.Ports = v.Ports
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopStack(t, s) })
	for _, pid := range v.PIDs {
		if syscall.Kill(pid, 0) == nil && !isZombie(pid) {
			t.Errorf("process %d of the killed Millrace is still there", pid)
		}
	}
	if got := mustAsk(t, s, "SELECT 1"); got != "1" {
		t.Errorf("got %s", got)
	}
}

// isZombie: an ended process whose new parent (in a container often one that does not care) has not yet
// taken note.
func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(text), ") ")
	return err == nil && strings.HasPrefix(state, "Z")
}

// requireEngines skips the test where packages are missing, and fails it in CI.
func requireEngines(t *testing.T, engines ...Engine) {
	t.Helper()
	_, err := Locate("", engines...)
	if err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func TestStackStartsAllAndStops(t *testing.T) {
	requireEngines(t, Engines()...)
	cfg := testConfig(t, t.TempDir(), Engines()...)
	var progress []string
	cfg.Progress = func(line string) { progress = append(progress, strings.Fields(line)[0]) }
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(progress)
	if want := []string{"ClickHouse", "Kafka", "Postgres"}; !slices.Equal(progress, want) {
		t.Errorf("progress: got %v, want %v", progress, want)
	}
	checkAddresses(t, s)
	started := time.Now()
	stopStack(t, s)
	stopStack(t, s) // harmless
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("stopping took %v, want less than 10 s", took)
	}
	if s.Err() != nil {
		t.Errorf("a stop is no loss, got %v", s.Err())
	}
}

func checkAddresses(t *testing.T, s *Stack) {
	t.Helper()
	text, err := json.Marshal(s.Addresses())
	if err != nil {
		t.Fatal(err)
	}
	p := s.cfg.Ports
	want := fmt.Sprintf(`{"clickhouse_http":"http://127.0.0.1:%d","clickhouse_native":"127.0.0.1:%d","kafka":"127.0.0.1:%d",`+
		`"postgres":"postgres://millrace@127.0.0.1:%d/millrace?sslmode=disable"}`, p.ClickHouseHTTP, p.ClickHouseNative, p.Kafka, p.Postgres)
	if string(text) != want {
		t.Errorf("addresses:\ngot  %s\nwant %s", text, want)
	}
}

func TestStackLeavesExternalEnginesAlone(t *testing.T) {
	cfg := testConfig(t, filepath.Join(t.TempDir(), "never-made"), Engines()...)
	cfg.External = Addresses{ClickHouseNative: "ch:9000", Kafka: "k:9092", Postgres: "postgres://pg/x"}
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer stopStack(t, s)
	if s.Addresses() != cfg.External {
		t.Errorf("got %+v, want %+v", s.Addresses(), cfg.External)
	}
	if _, err := os.Stat(cfg.DataDir); err == nil {
		t.Error("a data directory was made for nothing")
	}
}

func TestStackBusyPortSaysWhatToDo(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	cfg := testConfig(t, t.TempDir(), Kafka)
	cfg.Ports.Kafka = port
	_, err = Start(t.Context(), cfg)
	wantError(t, err, fmt.Sprintf("port %d (Kafka) is in use by another program", port), "--ports auto", "--kafka ADDRESS")
	if busy := new(BusyPortError); !errors.As(err, &busy) || busy.Port != port {
		t.Errorf("got %#v, want a BusyPortError", err)
	}
	// The failed start has given the directory back.
	cfg.Ports = AutoPorts()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	stopStack(t, s)
}

func TestStackMissingPackagesSayWhatToDo(t *testing.T) {
	cfg := testConfig(t, t.TempDir(), Postgres)
	cfg.EnginesDir = t.TempDir()
	_, err := Start(t.Context(), cfg)
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
	wantError(t, err, cfg.EnginesDir, "run `millrace engines install`")
}

func TestStackRefusesDataOfAnotherVersion(t *testing.T) {
	for name, tc := range map[string]struct {
		version string
		want    []string
	}{
		"newer layout":     {`{"format": 2}`, []string{"has layout 2", "knows up to 1", "--data"}},
		"newer ClickHouse": {`{"format": 1, "clickhouse": "27.1.4"}`, []string{"was written by ClickHouse 27.1.4", "brings ClickHouse 26.7", "--data"}},
		"not ours":         {`hello`, []string{"VERSION.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			requireEngines(t, ClickHouse)
			cfg := testConfig(t, t.TempDir(), ClickHouse)
			writeFile(t, filepath.Join(cfg.DataDir, "VERSION.json"), tc.version)
			_, err := Start(t.Context(), cfg)
			wantError(t, err, tc.want...)
		})
	}
}

func TestStackRemembersVersions(t *testing.T) {
	requireEngines(t, Postgres)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "VERSION.json"), `{"format": 1, "clickhouse": "26.7.1"}`)
	stopStack(t, startStack(t, dir, Postgres))
	text, err := os.ReadFile(filepath.Join(dir, "VERSION.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got dataVersion
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if want := (dataVersion{Format: 1, ClickHouse: "26.7.1", Postgres: "18.4"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStackFailedStartStopsTheOthers(t *testing.T) {
	requireEngines(t, Postgres)
	cfg := testConfig(t, t.TempDir(), Kafka, Postgres)
	writeFile(t, filepath.Join(cfg.DataDir, "postgres", "PG_VERSION"), "17")
	_, err := Start(t.Context(), cfg)
	wantError(t, err, "Postgres 17")
	// Were the broker still there, the directory would be locked or the log opened twice.
	stopStack(t, startStack(t, cfg.DataDir, Kafka))
}

func TestStackEndedStartSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, testConfig(t, t.TempDir(), Kafka))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestStackTellsWhenAnEngineIsLost(t *testing.T) {
	cfg := testConfig(t, t.TempDir(), Kafka)
	cfg.restarts.toleratedDeaths = 1
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopStack(t, s) })
	if s.Err() != nil {
		t.Errorf("before: got %v", s.Err())
	}
	kill(t, s.PID(Kafka))
	<-s.Done()
	wantError(t, s.Err(), "Kafka died 1 times in a row (signal: killed)")
}

func TestStackKafkaInProcess(t *testing.T) {
	cfg := testConfig(t, t.TempDir(), Kafka)
	cfg.KafkaInProcess = true
	for range 2 { // the second time on the log of the first
		s, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		client := kafkaClient(t, s.Addresses().Kafka)
		if s.PID(Kafka) != 0 {
			t.Error("a broker within this process has no process of its own")
		}
		if err := client.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		stopStack(t, s)
	}
}

func TestConfigReportsEveryFault(t *testing.T) {
	err := Config{Engines: []Engine{"Redis"}, Password: "x", Ports: Ports{Kafka: 70000}}.Validate()
	wantError(t, err, "data: ", `engines: "Redis"`, "user: ", "logger: ", "ports: 70000")
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
}
