# vitalsign. `make help` lists what there is.

GO      ?= go
BIN     := bin
# Both programs carry the same stamp, and refuse a partner with another one.
COMMIT  := $(shell git describe --always --abbrev=40 --exclude='*' 2>/dev/null || echo unknown)
CHANGES := $(shell git diff HEAD 2>/dev/null | cksum | cut -d' ' -f1)
STAMP   := $(COMMIT)$(if $(filter-out 4294967295,$(CHANGES)),-dirty.$(CHANGES))
LDFLAGS := -s -w -X github.com/vitalsign-dev/vitalsign/internal/version.stamped=$(STAMP)

# The Dagger tests run where the engine was built (make dagger-engine).
ENGINE  := $(CURDIR)/$(BIN)/dagger-engine
export VITALSIGN_DAGGER ?= $(if $(wildcard $(ENGINE)/engine),$(ENGINE))

.PHONY: help build man demo test dagger-engine test-tools evidence-servers github-openapi hapi bench bench-peers bench-scale pictures lint fuzz cross clean report-schemas

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/vitalsign and bin/vitalsign-check
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

man: build ## write the manual pages into bin/man, and completions into bin/completions
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) $(BIN)/vitalsign man --dir $(BIN)/man
	@mkdir -p $(BIN)/completions
	@for s in bash zsh fish powershell; do $(BIN)/vitalsign completion $$s > $(BIN)/completions/vitalsign.$$s || exit 1; done

demo: build ## build, scan examples/clinic, and hold the result to EXPECTED.md
	@GO='$(GO)' examples/demo.sh

test: ## run all tests, with the race detector
	$(GO) test -race -timeout 40m ./...
	CGO_ENABLED=0 $(GO) test -timeout 20m ./checks/iac
	CGO_ENABLED=0 $(GO) test -timeout 20m -run Thousand ./checks/dast

dagger-engine: ## build a real Dagger engine for the tests, into bin/dagger-engine
	GO='$(GO)' tools/dagger-engine/engine.sh build $(ENGINE)

TOOLS ?= $(CURDIR)/.tools
test-tools: ## install external tools into .tools (all, or SCANNERS="semgrep bandit") and run their tests
	tools/scanners.sh '$(TOOLS)' $(SCANNERS)
	VITALSIGN_TOOLS='$(TOOLS)' $(GO) test -count=1 -run 'TestRealTools' -v ./checks/external

lint: ## gofmt, go vet and staticcheck (pinned in tools/go.mod)
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted by gofmt:" $$files; exit 1; fi
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) tool -modfile=tools/go.mod staticcheck ./...

evidence-servers: ## build cosign and an S3 server for the tests of evidence, into .tools
	tools/evidence-servers.sh '$(TOOLS)'

github-openapi: ## bring GitHub's API description for the tests of internal/forge, into .tools
	tools/github-openapi.sh '$(TOOLS)'

report-schemas: ## bring schemas of report formats for the tests of internal/report, into .tools
	tools/report-schemas.sh '$(TOOLS)'

hapi: ## build a FHIR server with HAPI (Maven, JDK 17) for a test of the check dast, into .tools
	tools/hapi.sh '$(TOOLS)'

bench: ## time whole scans and verifications (docs/benchmarks.md)
	CGO_ENABLED=0 $(GO) test -run '^$$' -bench . -benchtime 7x -timeout 30m ./cmd/vitalsign ./tui

OSV ?=
PEERS = $(GO) run -C tools ./peers -bin '$(CURDIR)/$(BIN)' -tools '$(TOOLS)' $(if $(OSV),-osv '$(abspath $(OSV))')
bench-peers: build ## time scans beside gitleaks, trivy, gosec and osv-scanner (docs/benchmarks.md); OSV=DIR for dependencies
	tools/scanners.sh '$(TOOLS)' gitleaks trivy gosec osv-scanner
	$(PEERS) $(ARGS)

bench-scale: build ## time trees of up to 100,000 files and histories of 20,000 commits beside gitleaks and trivy
	tools/scanners.sh '$(TOOLS)' gitleaks trivy
	$(PEERS) -n 1 -files 100000 $(ARGS)

pictures: build ## draw the pictures of the documentation anew
	GO='$(GO)' docs/pictures.sh

FUZZTIME ?= 30s
fuzz: ## run every fuzz target for FUZZTIME (default 30s)
	@for p in $$(grep -rl --include=*_test.go '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho --include=*_test.go '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | cut -c6-); do \
	    $(GO) test -run='^$$' -fuzz="^$$f\$$" -fuzztime=$(FUZZTIME) $$p || exit 1; done; done

cross: ## build vitalsign for every system it is promised for
	@for t in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
	  echo $$t; CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/vitalsign || exit 1; done

clean: ## remove bin/
	rm -rf $(BIN)
