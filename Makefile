# make demo, make test: the two commands. Both set up what is missing, say what they do, and do nothing twice.
.DEFAULT_GOAL := help
.PHONY: help setup build plugins demo test lint bench clean
SHELL := /bin/bash

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: ## what the machine lacks: a C compiler, PostgreSQL servers for tests, a compiler for the wasm target, cargo-nextest
	@tests/setup/packages.sh
	@tests/setup/postgres.sh
	@tests/setup/wasm-target.sh
	@tests/setup/cargo-tools.sh nextest

build: ## the agent and the in-tree plugins
	@echo "build: the agent and the test programs (about ten minutes the first time)"
	@cargo build --workspace --bins
	@$(MAKE) --no-print-directory plugins

plugins: ## the in-tree plugins and the guests of the tests, by the command that all authors use
	@target/debug/pgreeve plugin build plugins/replication tests/guests/quiet tests/guests/one-query tests/guests/misbehaves --out target/plugins

demo: setup build ## a primary, a standby and the agent; something breaks and is found
	@target/debug/pgreeve-demo

test: setup build ## all tests
	@cargo nextest run --workspace --no-fail-fast
	@cargo test --quiet --workspace --doc

lint: ## formatting, clippy, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@tests/setup/cargo-tools.sh deny
	cargo deny check licenses bans sources
	@tests/setup/advisories.sh

bench: setup build ## the figures of the README and of docs/decisions
	@cargo build --quiet --release -p pgreeve
	@cargo bench --quiet -p pgreeve-tests

clean:
	cargo clean
