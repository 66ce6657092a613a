# make demo, make test: the two commands. Both set up what is missing, say what they do, and do nothing twice.
.DEFAULT_GOAL := help
.PHONY: help setup setup-demo setup-test build plugins foreign demo test record lint bench clean
# The set-up comes before the build, whatever -j says; cargo uses all cores by itself.
.NOTPARALLEL:
SHELL := /bin/bash

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: setup-test ## all that this machine lacks for the two commands; tries again what could not be had lately
setup: retry =

setup-demo: # a C compiler, PostgreSQL 15, a compiler for the wasm target
	@tests/setup/packages.sh
	@tests/setup/postgres.sh --required
	@tests/setup/wasm-target.sh

retry = --no-retry
setup-test: setup-demo # PostgreSQL 14, 16, 17 and 18, client programs, other servers, cargo-nextest
	@tests/setup/postgres.sh $(retry)
	@tests/setup/postgres-clients.sh $(retry)
	@tests/setup/backup-tools.sh
	@tests/setup/redis.sh
	@tests/setup/cargo-tools.sh nextest
	@tests/setup/s3.sh $(retry)

build: ## the agent and the in-tree plugins
	@echo "build: the agent and the test programs (about ten minutes the first time)"
	@cargo build --workspace --bins
	@$(MAKE) --no-print-directory plugins

plugins: ## the in-tree plugins and the guests of the tests, by the command that all authors use
	@target/debug/pgreeve plugin build $(patsubst %/Cargo.toml,%,$(filter-out plugins/sdk/%,$(wildcard plugins/*/Cargo.toml tests/guests/*/Cargo.toml))) --out target/plugins

foreign: # plugins that are not made with the SDK, which the tests alone need
	@tests/setup/foreign-guests.sh $(retry)

demo: setup-demo build ## a primary, a standby and the agent; something breaks, is found, and a fix is allowed
	@target/debug/pgreeve-demo

test: setup-test build foreign ## all tests
	@cargo nextest run --workspace --no-fail-fast --retries 1
	@cargo test --quiet --workspace --doc
	@for why in target/plugins/*.skipped; do if [ -e "$$why" ]; then echo "test: skipped plugins of the kind $$(basename "$$why" .skipped): $$(sed 1d "$$why")"; fi; done

record: setup-test build ## plugins/*/recorded anew, on every major; for a plugin that asks something new
	@target/debug/pgreeve-record

lint: ## formatting, clippy, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@tests/setup/cargo-tools.sh deny
	cargo deny check licenses bans sources
	@tests/setup/advisories.sh

bench: setup-demo build ## the figures of the README
	@cargo build --quiet --release -p pgreeve
	@cargo bench --quiet -p pgreeve-tests

clean:
	cargo clean
