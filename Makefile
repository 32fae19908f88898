# What there is to do, most used first:
#
#   make demo         a real cluster with an example shop in it, and qd opened on it
#   make test         build everything and run every test; needs nothing but Go, git and make
#   make build        bin/qd and bin/qd-playground
#
#   make unit         the app's tests without a cluster
#   make e2e          the real programs in a terminal against a playground
#   make lint         golangci-lint over both modules
#   make bench        benchmarks of the parts
#   make bench-scale  the budgets, measured on 50,000 and on 2,000 pods
#   make bench-logs   the budgets of logs, measured in a flood of ten minutes
#   make bench-rollout  what it costs to follow a rollout of 500 replicas
#   make churn        ten minutes of rollouts, jobs and new nodes: Triage must stay silent
#   make fuzz         every fuzz target for FUZZTIME (10s)
#   make goldens      write the tests' expected screens anew; read the diff
#   make docs         the generated pages of docs/
#   make release-check, make clean
#
# The first build compiles Kubernetes for the playground, which takes minutes;
# it says how far it is. Everything after that starts at once.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO ?= go

# The race detector needs cgo and so a C compiler; nothing else does. Without
# one the tests run without it and say so. All other commands compile with the
# same flags, so that they share what the build cache holds.
export CGO_ENABLED := 0
ifneq ($(shell command -v $${CC:-cc} || command -v gcc || command -v clang),)
  RACE_TEST = CGO_ENABLED=1 $(GO) test -race
  E2E_QD := bin/qd-race
else
  RACE_TEST = $(info no C compiler: the tests run without the race detector)$(GO) test
  E2E_QD := bin/qd
endif

LDFLAGS := -s -w -X main.version=$(VERSION)
TOOLS := bin/tools
GOLANGCI_LINT := $(TOOLS)/golangci-lint-v2.15.0
GORELEASER := $(TOOLS)/goreleaser-v2.16.0
FUZZTIME ?= 10s

# Packages whose tests need a playground have a file e2e_test.go.
E2E_PACKAGES := ./e2e/... $(patsubst %/e2e_test.go,./%,$(wildcard kube/*/e2e_test.go kube/*/*/e2e_test.go))
# Those of the playground that can be compiled without all of Kubernetes.
PLAYGROUND_PACKAGES = $$($(GO) list ./... | grep -vE '^quarterdeck/playground(/parts)?$$|/e2e$$')

.PHONY: build
build: bin/qd bin/qd-playground

# Go knows better than make what is up to date, so these always ask it.
.PHONY: bin/qd
bin/qd:
	$(GO) build -ldflags '$(LDFLAGS)' -o $@ .

.PHONY: bin/qd-race
bin/qd-race:
	CGO_ENABLED=1 $(GO) build -race -ldflags '$(LDFLAGS)' -o $@ .

.PHONY: bin/qd-playground
bin/qd-playground:
	@scripts/build-playground $@

.PHONY: demo
demo: build
	@scripts/demo

.PHONY: test
test: build unit test-playground e2e

.PHONY: unit
unit:
	$(RACE_TEST) ./...

.PHONY: test-playground
test-playground:
	cd playground && $(RACE_TEST) $(PLAYGROUND_PACKAGES)

# Two packages at a time: each brings up control planes of its own. The program
# that they run has the race detector too. Tests wait more than they work: eight
# at a time where they say so.
E2E_TEST = $(RACE_TEST) -tags e2e -p 2 -parallel 8 -count 1 -timeout 30m

.PHONY: e2e
e2e: export QD := $(CURDIR)/$(E2E_QD)
e2e: export QD_PLAYGROUND := $(CURDIR)/bin/qd-playground
e2e: bin/qd-playground $(E2E_QD)
	$(E2E_TEST) $(E2E_PACKAGES)
	cd playground && $(E2E_TEST) $$($(GO) list ./... | grep '/e2e$$')

.PHONY: lint
lint: $(GOLANGCI_LINT)
	$(GOLANGCI_LINT) run --allow-parallel-runners --build-tags e2e ./...
	cd playground && $(CURDIR)/$(GOLANGCI_LINT) run --allow-parallel-runners --build-tags e2e --config ../.golangci.yml ./...

.PHONY: bench
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-scale
bench-scale: build
	$(GO) run ./e2e/benchscale

.PHONY: bench-logs
bench-logs: build
	$(GO) run ./e2e/benchscale -logs

.PHONY: bench-rollout
bench-rollout: build
	$(GO) run ./e2e/benchscale -rollout

.PHONY: churn
churn: export QD_PLAYGROUND := $(CURDIR)/bin/qd-playground
churn: export QD_CHURN ?= 10m
churn: bin/qd-playground
	$(E2E_TEST) -v -run 'TestAgainstControllers/healthy' ./kube/triage

# go test fuzzes one target of one package at a time.
.PHONY: fuzz
fuzz:
	@grep -rl --include '*_test.go' '^func Fuzz' . | while read -r file; do \
	  dir=$${file%/*}; \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file"); do \
	    echo "$$dir $$target"; \
	    (cd "$$dir" && $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .); \
	  done; \
	done

# -update is the flag of the package that the goldens are compared by.
.PHONY: goldens
goldens:
	$(GO) test $$($(GO) list -test -f '{{if .ForTest}}{{.ForTest}} {{join .Deps " "}}{{end}}' ./... \
	  | awk '/charmbracelet\/x\/exp\/golden/ {print $$1}' | sort -u) -update
	git --no-pager diff --stat -- '*.golden'

.PHONY: docs
docs:
	$(GO) run ./keymap/sheet > docs/keys.md
	$(GO) run ./config/reference > docs/config.md
	$(GO) run ./kube/triage/reference > docs/triage-rules.md

.PHONY: release-check
release-check: $(GORELEASER)
	$(GORELEASER) check

# Tools are compiled from their modules when they are first asked for.
$(GOLANGCI_LINT):
	@echo "compiling golangci-lint: this takes a minute or more, once"
	scripts/install-tool $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

$(GORELEASER):
	@echo "compiling goreleaser: this takes some minutes, once"
	scripts/install-tool $@ github.com/goreleaser/goreleaser/v2@v2.16.0

.PHONY: clean
clean:
	rm -rf bin dist
