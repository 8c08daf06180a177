# Copyright The Fathom Authors
# SPDX-License-Identifier: Apache-2.0
#
# `make` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# The same flags for every build and test: what one compiles, the other finds in Go's cache.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -tags=grpcnotrace -buildvcs=false
# A few modules have no entry in the checksum database; go.sum holds them.
export GONOSUMDB := github.com/open-telemetry/*,go.opentelemetry.io/*

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# The commit is stamped where there is one: `go version -m bin/fathom` shows it.
STAMP := -buildvcs=$(shell git rev-parse -q --verify HEAD >/dev/null 2>&1 && echo true || echo false)
BPF_PACKAGES := clang-19 llvm-19 libbpf-dev linux-libc-dev
C_SOURCES = $(shell find bpf -name '*.[ch]' -not -name 'vmlinux*')
GO_SOURCES = $(shell git ls-files -co --exclude-standard -- '*.go')
FUZZTIME ?= 30s
TRIALS ?= 200
CYCLES ?= 1000
REFEREE_SCALE ?= 4
KERNELS ?= 5.10 6.1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: run
run: stop preflight-run build ## Run the demo and print why its slowest requests were slow (KEEP=1 leaves it running)
	@exec bin/fathom-demo $(if $(KEEP),-keep)

.PHONY: stop
stop: ## Stop what make run KEEP=1 left running
	@[[ ! -x bin/fathom-demo ]] || bin/fathom-demo stop

.PHONY: build
build: go ## Build the agent, the ClickHouse engine and the demo shop into ./bin
	@echo "building (minutes from an empty cache, seconds after that)"
	@mkdir -p bin
	@go build -C distributions/fathom -v $(STAMP) -ldflags '-s -w' -o $(CURDIR)/bin/ . 2>&1 | tools/progress
	@go build -v -ldflags '-s -w' -o bin/ ./cmd/... 2>&1 | tools/progress
	@go build -v -o bin/ ./tests/apps/... 2>&1 | tools/progress

.PHONY: fetch
fetch: ## Fetch libchdb, the ClickHouse engine's library (needs a build, and npm)
	@bin/clickhouse-engine fetch

.PHONY: preflight-run preflight-test
preflight-run preflight-test: preflight-%: go
	@go run ./cmd/fathom-preflight $*

.PHONY: go
go:
	@command -v go >/dev/null || { echo "missing: Go. Install Go 1.26 or later from https://go.dev/dl and put it on PATH"; exit 1; }

.PHONY: test
test: preflight-test build fetch ## Run all tests, those with real eBPF and the end-to-end test included
	@go run ./tools/gotest -log .run/test.log -show '/tests/(referee|e2e|fault)' -- \
		-race -timeout 25m ./internal/... ./processor/... ./exporter/... ./extension/... ./cmd/... ./tools/... -- \
		-race -count=1 -p 1 -timeout 40m ./receiver/... -- \
		-count=1 -p 1 -timeout 25m ./tests/... -- \
		-C tests/compat -count=1 -timeout 15m .

.PHONY: test-kernels
test-kernels: go ## Run the tests of the BPF programs on Debian's kernels, in virtual machines (KERNELS="5.10 6.1")
	@tools/packages qemu-system-x86
	@go run ./tools/kerneltest $(KERNELS)

.PHONY: lint
lint: ## Check formatting and run go vet, golangci-lint and clang-format
	@tools/packages clang-format-19
	@unformatted=$$(gofmt -l $(GO_SOURCES)); [[ -z $$unformatted ]] || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	@clang-format-19 --dry-run --Werror $(C_SOURCES)
	@go vet ./...
	@go vet -C tests/compat .
	@go run $(GOLANGCI_LINT) run ./...

.PHONY: generate
generate: ## Generate the BPF objects (clang-19) and the agent's sources (builder-config.yaml) again
	@tools/packages $(BPF_PACKAGES)
	@go generate ./receiver/ebpfreceiver/internal/probe
	@tools/generate-distribution

.PHONY: offsets
offsets: ## Add Go and library releases to the table of struct offsets (downloads each Go release)
	@go generate ./receiver/ebpfreceiver/internal/goexec

.PHONY: check-generated
check-generated: ## Show that generating again changes nothing
	@tools/check-generated

.PHONY: bench
bench: preflight-test build fetch bench-overhead bench-clickhouse ## Run the benchmarks: what the agent costs a target under load, then functions
	@go test -p 1 -run '^$$' -bench . -benchmem ./internal/... ./processor/... ./exporter/... ./receiver/...

.PHONY: bench-overhead
bench-overhead: preflight-test ## Measure what each way to observe costs a server and the agent, and a large executable
	@go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./tests/overhead

.PHONY: bench-sdk-spans
bench-sdk-spans: preflight-test ## Measure what sdk_spans costs a program beside its SDK's own exporter (90 s)
	@go test -run '^$$' -bench SDKSpans -benchtime 1x -timeout 10m ./tests/overhead

.PHONY: bench-clickhouse
bench-clickhouse: build fetch ## Measure the ClickHouse exporter beside that of opentelemetry-collector-contrib
	@go test -C tests/compat -run '^$$' -bench . -benchtime 1x -timeout 30m .

.PHONY: referee
referee: preflight-test ## Judge the ledgers of many programs by Go's execution tracer and print the differences
	@FATHOM_REFEREE_SCALE=$(REFEREE_SCALE) go test -C tests/referee -count=1 -timeout 20m -run AgreeWithTheTracer

.PHONY: soak
soak: go ## Attach to a process and detach from it CYCLES (1000) times: nothing may stay behind
	@FATHOM_TEST_CYCLES=$(CYCLES) go test -count=1 -v -run '^TestCyclesOfAttaching$$' -timeout 1h ./receiver/ebpfreceiver/internal/probe

.PHONY: fault
fault: go ## Kill the agent TRIALS (200) times, break its connections: rows that were accepted are stored once
	@FATHOM_FAULT_TRIALS=$(TRIALS) go test -count=1 -v -timeout 1h ./tests/fault

.PHONY: fuzz
fuzz: go ## Run every fuzz test for FUZZTIME (30s)
	@tools/fuzz $(FUZZTIME)

.PHONY: clean
clean: stop ## Remove what was built and the demo's data (Go's caches and libchdb stay)
	@rm -rf bin .run
