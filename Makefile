# Everything the project needs is built, run and checked from here; `make help` lists it.
# A clean machine needs Go, Python 3 and, for the test against another client of the
# chain, Node 18 with npm; the rest is installed, pinned, into .tools/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GOLANGCI_VERSION := v2.12.0

TOOLS := $(CURDIR)/.tools
GOLANGCI := $(TOOLS)/bin/golangci-lint-$(GOLANGCI_VERSION)
EMULATORS := $(TOOLS)/venv/.installed
POLKADOTJS := $(TOOLS)/polkadotjs/.installed
WITH_EMULATORS := $(CURDIR)/scripts/with-emulators

# The golden vectors and recorded data, which the project does not contain. Tests
# that need them skip without the setting, and fail without it when CI=true.
AFFINE_SHARED ?= $(if $(wildcard ../shared/vectors),$(abspath ../shared))
export AFFINE_SHARED

# Recorded programs and answers for af dev, when the folder is there.
AFFINE_CRUXEVAL ?= $(if $(AFFINE_SHARED),$(wildcard $(AFFINE_SHARED)/data/cruxeval))

ARCH ?= arm64
ARGS ?=
PKG ?= ./...
# Wall-clock seconds for all fuzz targets together (make fuzz) or in make test.
FUZZ_SECONDS ?= 600
FUZZ_SMOKE_SECONDS ?= 45

##@ Use

.PHONY: help
help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@printf '\nVariables: ARGS="--serve" (run), ARCH=amd64 (functions), PKG=./shared/chain (race, bench, fuzz)\n'

.PHONY: run
run: build ## Build and run the whole validator on this machine, from chain to leaderboard
	AFFINE_CRUXEVAL="$(AFFINE_CRUXEVAL)" ./bin/af dev $(ARGS)

.PHONY: build
build: ## Build the command line tool, bin/af
	go build -trimpath -o bin/af ./cmd/af

.PHONY: functions
functions: ## Build each Lambda function's bootstrap and zip into dist/$(ARCH)
	scripts/build-functions $(ARCH)

.PHONY: envrunner
envrunner: ## Build the Fargate worker into dist/$(ARCH)
	CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) go build -trimpath -ldflags "-s -w" -o dist/$(ARCH)/envrunner ./envrunner

##@ Check

.PHONY: check
check: fmt vet ## The inner loop: format, vet, short tests, no emulators
	go test -short $(PKG)

.PHONY: test
test: ## Everything CI checks, in order of what fails soonest
	@scripts/stages fmt vet build tools lint unit race fuzz-smoke deployables

.PHONY: fmt
fmt: ## Fail on files that gofmt, and modules that go mod tidy would change
	@changed="$$(gofmt -l .)"; \
	if [ -n "$$changed" ]; then printf 'gofmt -w these:\n%s\n' "$$changed"; exit 1; fi
	go mod tidy -diff

.PHONY: vet
vet: ## go vet
	go vet ./...

.PHONY: lint
lint: $(GOLANGCI) ## golangci-lint, as .golangci.yml sets it
	@# A cache of this checkout's own: results of another one carry its paths, which the exceptions then miss.
	GOLANGCI_LINT_CACHE=$(TOOLS)/lint-cache $(GOLANGCI) run

.PHONY: unit
unit: $(EMULATORS) $(POLKADOTJS) ## All tests, with the emulators of AWS up
	$(WITH_EMULATORS) go test -timeout 8m $(PKG)

.PHONY: race
race: ## Short tests under the race detector, without emulators
	go test -race -short -timeout 8m $(PKG)

.PHONY: fuzz
fuzz: ## Fuzz every target; FUZZ_SECONDS is shared out among them
	scripts/fuzz $(FUZZ_SECONDS) $(PKG)

.PHONY: fuzz-smoke
fuzz-smoke:
	scripts/fuzz $(FUZZ_SMOKE_SECONDS) $(PKG)

.PHONY: deployables
deployables:
	$(MAKE) --no-print-directory functions envrunner ARCH=arm64

.PHONY: bench
bench: ## Benchmarks, with allocations
	go test -run '^$$' -bench . -benchmem $(PKG)

##@ Keep house

.PHONY: tools
tools: $(GOLANGCI) $(EMULATORS) $(POLKADOTJS) ## Install the pinned linter, emulators and @polkadot/api into .tools/

$(GOLANGCI):
	mkdir -p $(TOOLS)/bin
	GOFLAGS= GOBIN=$(TOOLS)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/bin/golangci-lint $@

$(EMULATORS): scripts/requirements.txt
	python3 -m venv $(TOOLS)/venv
	$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

# Without npm the test that needs this is skipped, loudly; on CI nothing is skipped.
$(POLKADOTJS): scripts/polkadotjs/package.json scripts/polkadotjs/package-lock.json
	@if ! command -v npm >/dev/null; then \
	  echo 'NOT INSTALLED: @polkadot/api: it needs Node 18 or newer, with npm'; \
	  [ "$${CI:-}" != true ]; exit; \
	fi; \
	mkdir -p $(@D) && cp $^ $(@D) && cd $(@D) && \
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@

.PHONY: clean
clean: ## Remove what was built and installed here, never data
	rm -rf bin dist .tools
