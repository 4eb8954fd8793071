# `make demo` and `make test` set up all that they need. `make help` lists the rest.

.DEFAULT_GOAL := help
.NOTPARALLEL:

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
BIN := $(TARGET)/release
VENV := $(TARGET)/venv
PYTHON := $(VENV)/bin/python3

PREFIX ?= /usr/local
DESTDIR ?=
# The profile that `make install` installs; `make install PROFILE=dist` builds once more with LTO and stripped.
PROFILE ?= release
CORPUS ?= ../shared/corpus
# Files of each kind that `make test` takes from the corpus, if there is one.
SAMPLE ?= 14

PLUGINS := avif bmp gif heic jpeg png tiff webp
# nextest runs tests side by side and those that measure time alone; without it they all run one after the other.
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: deps-build ## Optimize a copy of fixtures/images through a private daemon and print what was saved
	@$(MAKE) --no-print-directory PROFILE=release shipped
	@CARGO_TARGET_DIR=$(abspath $(TARGET)) python3 scripts/demo.py

.PHONY: build
build: deps-build ## Build everything in release mode
	$(CARGO) build --release --locked --workspace

.PHONY: test
test: deps lint build test-rust policy wire sample ## Everything that CI runs

.PHONY: deps
deps: aom ## Install what building and testing need and is missing
	@sh scripts/deps.sh test

.PHONY: deps-build
deps-build: aom

.PHONY: deps-tools
deps-tools:
	@sh scripts/deps.sh build

# The encoder of plugins/avif, where the system's is too old: into the target folder, once.
.PHONY: aom
aom: deps-tools
	@sh scripts/aom.sh $(TARGET)/aom

.PHONY: lint
lint: deps-build ## Format, clippy, licences, bans, sources, dependency rules
	$(CARGO) fmt --all --check
	python3 scripts/policy.py
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

.PHONY: test-rust
test-rust: build ## The Rust tests alone
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --release --locked --workspace
else
	@echo "cargo-nextest is not installed: the tests run one after the other, which takes longer"
	$(CARGO) test --release --locked --workspace --lib --bins --tests --examples -- --test-threads=1
endif
	$(CARGO) test --release --locked --doc -p squeezed-plugin-api -p squeezed-protocol -p squeezed-client

# The licence fields of the built plugins against their dependency trees.
.PHONY: policy
policy: build
	python3 scripts/policy.py --plugins $(BIN)

# The golden frames by another language, and those that are wrong against the built daemon.
.PHONY: wire
wire: build
	CARGO_TARGET_DIR=$(abspath $(TARGET)) python3 tests/python/wire_vectors.py

.PHONY: sample
sample: build $(VENV)/done ## Check the fixtures, and a fixed sample of the corpus if there is one
	$(PYTHON) tests/python/test_checker.py
	$(PYTHON) tests/peers/test_curves.py
	CARGO_TARGET_DIR=$(abspath $(TARGET)) $(PYTHON) tests/python/corpus_walk.py fixtures/images
	@if [ -d "$(CORPUS)" ]; then \
		set -x; CARGO_TARGET_DIR=$(abspath $(TARGET)) $(PYTHON) tests/python/corpus_walk.py "$(CORPUS)" --sample $(SAMPLE); \
	else echo "no corpus at $(CORPUS): only the fixtures were checked"; fi

.PHONY: corpus
corpus: deps build $(VENV)/done ## Check every file of CORPUS=DIR (default ../shared/corpus)
	CARGO_TARGET_DIR=$(abspath $(TARGET)) $(PYTHON) tests/python/corpus_walk.py "$(CORPUS)"

$(VENV)/done: tests/python/requirements.txt
	@mkdir -p $(TARGET)
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r tests/python/requirements.txt
	@touch $@

# Pictures to compare on: a folder and, where not all of it counts, a list of some of its files. The tables of the default
# go to docs/peers.md, those of others into the target folder.
PICTURES ?= $(or $(wildcard $(CORPUS)),fixtures/images)
SUBSET ?= $(if $(filter $(CORPUS),$(PICTURES)),tests/peers/subset.txt)
EFFORT ?= balanced
PEERS := $(TARGET)/peers
PEERS_PAGE := $(if $(FORMATS),,$(if $(filter tests/peers/subset.txt,$(SUBSET)),docs/peers.md))

.PHONY: deps-peers
deps-peers: deps-build
	@sh scripts/deps.sh peers

.PHONY: peers
peers: deps-peers $(PEERS)/venv/done ## Compare with sharp, caesium, oxipng, ... (PICTURES=DIR, SUBSET=LIST, EFFORT=best, FORMATS=png,...)
	@$(MAKE) --no-print-directory PROFILE=release shipped
	$(CARGO) build --release --locked -p squeezed-tests --features peers --bin score
	python3 tests/peers/install.py $(PEERS)
	CARGO_TARGET_DIR=$(abspath $(TARGET)) $(PEERS)/venv/bin/python3 tests/peers/main.py "$(PICTURES)" \
		$(if $(SUBSET),--subset "$(SUBSET)") $(if $(FORMATS),--formats $(FORMATS)) --efforts $(EFFORT) \
		--page $(or $(PEERS_PAGE),$(PEERS)/report.md)

$(PEERS)/venv/done: tests/peers/requirements.txt tests/python/requirements.txt
	@mkdir -p $(PEERS)
	python3 -m venv $(PEERS)/venv
	$(PEERS)/venv/bin/python3 -m pip install --quiet --disable-pip-version-check -r tests/peers/requirements.txt
	@touch $@

.PHONY: bench
bench: build ## Through the daemon against a direct call of the library
	$(CARGO) bench --locked -p squeezed-tests

.PHONY: install
install: ## Install under DESTDIR/PREFIX what `make build` built (and build it if nothing was)
	@test -x "$(TARGET)/$(PROFILE)/squeezed" -a -x "$(TARGET)/$(PROFILE)/squeeze" || $(MAKE) --no-print-directory shipped
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/lib/squeezed/plugins" "$(DESTDIR)$(PREFIX)/include"
	install -m 644 plugin-api/include/squeezed_plugin.h "$(DESTDIR)$(PREFIX)/include/"
# By rename: a program that runs cannot be overwritten, and a mapped library that shrinks kills the daemon.
	@put() { echo "install $$2"; install -m "$$3" "$$1" "$$2.new" && mv -f "$$2.new" "$$2"; }; \
	for b in squeeze squeezed; do \
		put "$(TARGET)/$(PROFILE)/$$b" "$(DESTDIR)$(PREFIX)/bin/$$b" 755 || exit 1; \
	done; \
	for p in $(PLUGINS); do l="libsqueezed_$$p.so"; \
		put "$(TARGET)/$(PROFILE)/$$l" "$(DESTDIR)$(PREFIX)/lib/squeezed/plugins/$$l" 644 || exit 1; \
	done

.PHONY: shipped
shipped: deps-build
	$(CARGO) build --profile $(PROFILE) --locked -p squeezed -p squeeze $(PLUGINS:%=-p squeezed-%)

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
