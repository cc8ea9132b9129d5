# One list of checks, for people and for CI alike: `make check` is what every change must pass, `make ci` adds what takes longer or needs other tools.
GO        ?= go
NICE      ?= nice
FUZZTIME  ?= 5s
COUNT     ?= 100
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS   := -s -w -X main.version=$(VERSION)
BUILD     := CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)"
MAXBINARY := 20971520

.PHONY: help all check ci fmt vet lint test race fuzz-smoke build build-arm64 build-armv7 interop bench crash clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

all: check build

check: fmt vet lint test ## what every change must pass

ci: check race fuzz-smoke build build-arm64 build-armv7 interop crash ## all of it

fmt: ## gofmt
	@out=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$out" ]; then echo "not gofmt-clean:"; echo "$$out"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

lint: ## staticcheck (go install honnef.co/go/tools/cmd/staticcheck@v0.8.2)
	@command -v staticcheck >/dev/null || { echo "staticcheck is missing: go install honnef.co/go/tools/cmd/staticcheck@v0.8.2"; exit 1; }
	staticcheck ./...

test: ## every test, offline
	$(GO) test ./...

race: ## every test under the race detector
	$(GO) test -race ./...

fuzz-smoke: ## every fuzz target for FUZZTIME
	FUZZTIME=$(FUZZTIME) .ci/fuzz

build: ## the programs for this machine, in bin/
	$(BUILD) -o bin/ ./cmd/...

build-arm64: ## … for 64-bit ARM, without cgo, each at most 20 MB
	GOOS=linux GOARCH=arm64 $(BUILD) -o bin/arm64/ ./cmd/...
	@$(MAKE) -s size DIR=bin/arm64

build-armv7: ## … for 32-bit ARM, without cgo, each at most 20 MB
	GOOS=linux GOARCH=arm GOARM=7 $(BUILD) -o bin/armv7/ ./cmd/...
	@$(MAKE) -s size DIR=bin/armv7

size:
	@for f in $(DIR)/*; do s=$$(stat -c %s $$f); echo "$$f: $$s bytes"; [ $$s -le $(MAXBINARY) ] || { echo "$$f is larger than 20 MB"; exit 1; }; done

interop: ## other people's software against ours (needs node, npm, prometheus, zbar-tools)
	.ci/interop

bench: ## numbers, side by side where there is a peer
	.ci/bench

crash: ## kill -9 at every stage boundary, COUNT times each
	.ci/crash $(COUNT)

clean:
	rm -rf bin dist
