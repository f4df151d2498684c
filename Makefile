# listenq: build, test, measure. `make help` lists the targets.

GO      ?= go
VERSION ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null)
export CGO_ENABLED = 0

.PHONY: pictures demo build test test-kernels unit race lint tools kernels kernel-table bench soak agreement corpus mutants fuzz golden man install clean help

demo: build ## build the binary and run the first experiment
	./listenq lab run b1-late

build: ## build the static binary ./listenq
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o listenq ./cmd/listenq

test: tools ## install what tests need and run all tests
	$(GO) mod verify
	$(MAKE) lint
	test/run

test-kernels: ## run the tests that need a kernel in guests, on each kernel of make kernels
	test/run guests

unit: ## run the tests that need no rights and no other programs
	$(GO) test -short $$($(GO) list ./... | grep -vE '/(cmd/listenq|internal/kernel|internal/lab|internal/vm|test)(/|$$)') ./internal/lab/script ./internal/lab/scenarios

race: ## run what several goroutines share under the race detector, which needs a C compiler
	CGO_ENABLED=1 $(GO) test -race ./internal/watch

lint: ## format, vet and staticcheck, without a single warning
	@test -z "$$(gofmt -l cmd internal test)" || { gofmt -l cmd internal test; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

tools: ## install the programs that tests compare with
	test/tools

kernels: ## fetch Debian's newest kernels, of four suites, into a cache outside the tree
	test/kernels

kernel-table: build kernels ## run every experiment on each kernel of make kernels, and write docs/kernels.md
	test/kernel-table

bench: build ## print the figures: benchmarks and whole runs beside their peers
	test/bench

soak: build ## run every experiment 20 times with a core kept busy
	test/soak

agreement: build ## compare what packets alone tell with what the lab knows, experiment by experiment
	test/agree

corpus: build ## explain every capture below DIR, and check what is said of it against the packets
	$(GO) run ./test/corpus $(DIR)

mutants: ## change the heart of the tool in small ways, and count what its own tests notice
	$(GO) run ./test/mutants internal/evidence internal/judge internal/story

FUZZTIME ?= 30s
fuzz: ## fuzz every parser of foreign bytes for FUZZTIME each
	test/fuzz $(FUZZTIME)

golden: ## write the golden files anew; read the difference before you commit it
	$(GO) test $$(grep -rl 'flag.Bool("update"' --include=*_test.go . | xargs -n1 dirname | sort -u) -run 'Golden|Script|Reference|Errors' -args -update

pictures: build ## draw the pictures of the documentation anew, from real screens; needs root
	test/pictures

man: ## write the manual pages anew, from the help texts
	$(GO) test ./internal/cli -run TestManual -args -update

PREFIX ?= /usr/local
install: build ## install the binary and its manual pages below PREFIX
	install -D -m 0755 listenq $(DESTDIR)$(PREFIX)/bin/listenq
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 0644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1

clean: ## remove what was built
	rm -f listenq

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
